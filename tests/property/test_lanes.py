"""The arithmetic on packed lanes, against the same on lists of integers, with values at the limits of their ranges."""

import numpy as np
import pytest

CASES = 150


@pytest.fixture
def harness(project, owner, raw):
    return raw(owner.deploy(project.LanesHarness))


def integers(rng, bits, count):
    """Two's complement values of so many bits: anything, or limits only."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    if rng.random() < 0.3:
        return [int(v) for v in rng.choice([low, high, 0, -1], count)]
    return [int(v) for v in rng.integers(low, high + 1, count)]


def pack(values, bits):
    """Values in lanes from the lowest bits on, two's complement."""
    return sum((v & (2**bits - 1)) << (bits * i) for i, v in enumerate(values))


def offset(values, bits):
    """The same in offset binary."""
    return pack([v + 2 ** (bits - 1) for v in values], bits)


def unpack_offset(word, bits, count):
    return [(word >> (bits * i) & (2**bits - 1)) - 2 ** (bits - 1) for i in range(count)]


def block(x):
    """Values of 8 bits as they stand in a sample, in offset binary."""
    return offset(x[::-1], 8) << (256 - 8 * len(x))


def weight_words(w):
    """32 weights in two words, in offset binary."""
    words = []
    for first in (0, 1):
        lanes = [w[4 * i + first + (0 if odd else 2)] for i in range(8) for odd in (0, 1)]
        words.append(offset(lanes, 16))
    return words


def test_dot__random_and_extreme_values__is_exact(harness):
    rng = np.random.default_rng(0)
    cases = [(integers(rng, 8, 32), integers(rng, 16, 32)) for _ in range(CASES)]
    answers = harness.call_many("dot", [(block(x), *weight_words(w)) for x, w in cases])
    assert answers == [sum(a * b for a, b in zip(x, w, strict=True)) + 2**31 for x, w in cases]


def test_dot_4__random_and_extreme_values__is_exact(harness):
    rng = np.random.default_rng(1)
    cases = [(integers(rng, 8, 128), integers(rng, 16, 128)) for _ in range(CASES)]
    arguments = []
    for x, w in cases:
        parts = range(0, 128, 32)
        words = [word for i in parts for word in weight_words(w[i : i + 32])]
        arguments.append(([block(x[i : i + 32]) for i in parts], words))
    answers = harness.call_many("dot_4", arguments)
    assert answers == [sum(a * b for a, b in zip(x, w, strict=True)) + 2**31 for x, w in cases]


def test_dot_half__spread_values__is_exact(harness):
    rng = np.random.default_rng(2)
    cases = [(integers(rng, 8, 16), integers(rng, 16, 16)) for _ in range(CASES)]
    spread = harness.call_many("spread_half", [(pack(x[::-1], 8) << 128,) for x, _ in cases])
    signs = pack([128] * 32, 8)
    arguments = []
    for (_, w), s in zip(cases, spread, strict=True):
        lanes = [w[4 * i + k] for i in range(4) for k in (2, 0)] + [w[4 * i + k] for i in range(4) for k in (3, 1)]
        arguments.append((s ^ signs, offset(lanes, 16)))
    answers = harness.call_many("dot_half", arguments)
    assert answers == [sum(a * b for a, b in zip(x, w, strict=True)) + 2**31 for x, w in cases]


def test_reversed__random_word__has_its_lanes_in_reverse_order(harness):
    rng = np.random.default_rng(3)
    cases = [integers(rng, 32, 8) for _ in range(CASES)]
    assert harness.call_many("reversed", [(pack(v, 32),) for v in cases]) == [pack(v[::-1], 32) for v in cases]


def test_squares__random_and_extreme_values__is_exact(harness):
    rng = np.random.default_rng(4)
    cases = [integers(rng, 8, 32) for _ in range(CASES)]
    assert harness.call_many("squares", [(block(x),) for x in cases]) == [sum(v * v for v in x) for x in cases]


def test_moved__random_and_extreme_values__is_exact_or_says_so(harness):
    rng = np.random.default_rng(5)
    cases = []
    for _ in range(CASES):
        rate = int(rng.choice([1, 2, 127, 128, 4_000, 65_535])) * int(rng.choice([-1, 1]))
        small = rng.random() < 0.7
        x = [v // abs(rate) if small else v for v in integers(rng, 8, 16)]
        w = [int(v) >> 1 if small else int(v) for v in integers(rng, 16, 16)]
        cases.append((w, x, rate))
    answers = harness.call_many(
        "moved", [(offset(w, 16), pack([v + 128 for v in x], 16), rate % 2**256) for w, x, rate in cases]
    )
    for (w, x, rate), (word, spilt) in zip(cases, answers, strict=True):
        right = [a + rate * b for a, b in zip(w, x, strict=True)]
        assert spilt == any(not -(2**15) <= v < 2**15 for v in right)
        if not spilt:
            assert unpack_offset(word, 16, 16) == right
    assert {spilt for _, spilt in answers} == {False, True}


ORDER = [0, 3, 6, 9, 1, 4, 7, 2, 5, 8]


@pytest.mark.parametrize(("order", "second", "third"), [(ORDER, 120, 184), ([0, 3, 1, 4, 2, 5], 72, 112)])
def test_spread_10__ten_or_six_values__stand_in_the_documented_order(order, second, third, harness):
    rng = np.random.default_rng(6)
    count = len(order)
    cases = [integers(rng, 8, count) for _ in range(CASES)]
    words = harness.call_many("spread_10", [(pack(x[::-1], 8) << (256 - 8 * count), second, third) for x in cases])
    for x, word in zip(cases, words, strict=True):
        lanes = [(word >> (24 * (9 - i)) & (2**24 - 1)) - 128 for i in range(10)]
        assert lanes == [x[f] for f in order] + [0] * (10 - count)
        assert word < 2**240


def test_dot_10__random_and_extreme_values__is_exact_whatever_stands_above(harness):
    rng = np.random.default_rng(7)
    cases = [(integers(rng, 8, 10), integers(rng, 24, 10)) for _ in range(CASES)]
    answers = harness.call_many(
        "dot_10",
        [(pack([v + 128 for v in x[::-1]], 24), pack(s, 24) | int(rng.integers(2**16)) << 240) for x, s in cases],
    )
    assert answers == [sum(a * b for a, b in zip(x, s, strict=True)) + 2**47 for x, s in cases]


def test_added_10__random_and_extreme_values__is_exact_or_says_so(harness):
    rng = np.random.default_rng(8)
    cases = [(integers(rng, 8, 10), integers(rng, 24, 10), int(rng.integers(2**16)) << 240) for _ in range(CASES)]
    answers = harness.call_many(
        "added_10", [(pack([v + 128 for v in x[::-1]], 24), pack(s, 24) | top) for x, s, top in cases]
    )
    for (x, s, top), (word, spilt) in zip(cases, answers, strict=True):
        right = [a + b for a, b in zip(s, x, strict=True)]
        assert spilt == any(not -(2**23) <= v < 2**23 for v in right)
        if not spilt:
            assert word == pack(right, 24) | top
    assert {spilt for _, spilt in answers} == {False, True}


def test_squares_10__random_and_extreme_values__is_exact(harness):
    rng = np.random.default_rng(9)
    cases = [integers(rng, 24, 10) for _ in range(CASES)]
    assert harness.call_many("squares_10", [(pack(s, 24),) for s in cases]) == [sum(v * v for v in s) for s in cases]
