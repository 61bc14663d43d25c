"""The lane-wise order check against the plain one, on sequences of every length, in order and almost."""

import numpy as np
import pytest

from comodels.chain.node import RpcError
from tests.client import reverts

MESSAGE = "sample: indices must increase"


def pack(indices) -> bytes:
    return np.asarray(indices, ">u2").tobytes()


def plain(indices) -> int | str:
    """What the module must say: one more than the last index, or the message."""
    indices = [int(i) for i in indices]
    return indices[-1] + 1 if all(a < b for a, b in zip(indices, indices[1:], strict=False)) else MESSAGE


@pytest.fixture
def harness(contract_of):
    return contract_of("SampleHarness")


def read_all(harness, sequences) -> list[int | str]:
    calls = [
        ("eth_call", [{"to": harness.address, "data": "0x" + harness.data("read", pack(s)).hex()}, "latest"])
        for s in sequences
    ]
    results = []
    for answer in harness.chain.many(calls):
        if isinstance(answer, RpcError):
            assert str(answer) == MESSAGE
            results.append(MESSAGE)
        else:
            results.append(int(answer, 16))
    return results


def near_misses(rng, length):
    """An increasing sequence, and one with a single place at which it does not increase."""
    highest = int(rng.choice([length, length + 1, 2 * length + 2, 2**15, 2**16]))
    good = np.sort(rng.choice(max(highest, length), length, replace=False))
    yield good
    if length > 1:
        bad = good.copy()
        i = int(rng.integers(1, length))
        how = rng.integers(4)
        if how == 0:
            bad[i] = bad[i - 1]  # equal
        elif how == 1:
            bad[i - 1], bad[i] = bad[i], bad[i - 1]  # swapped
        elif how == 2:
            bad[i] = rng.integers(0, bad[i - 1] + 1)  # anything below
        else:
            bad[i - 1] = rng.integers(bad[i], 2**16)  # anything above
        yield bad


def test_read__every_length__order_as_the_plain_check_says(harness):
    rng = np.random.default_rng(5)
    sequences = [s for length in range(1, 1_025) for s in near_misses(rng, length)]

    results = read_all(harness, sequences)

    assert results == [plain(s) for s in sequences]
    assert results.count(MESSAGE) == 1_023


def test_read__short_lengths__every_single_miss_found(harness):
    """Every place of every length up to three chunks, by the smallest and the largest step back."""
    sequences = []
    for length in range(2, 49):
        good = np.arange(1, length + 1) * 7
        for i in range(1, length):
            equal, zero, above = good.copy(), good.copy(), good.copy()
            equal[i], zero[i], above[i - 1] = good[i - 1], 0, 2**16 - 1
            sequences += [equal, zero, above]

    assert set(read_all(harness, sequences)) == {MESSAGE}


def test_read__random_words__as_the_plain_check_says(harness):
    rng = np.random.default_rng(6)
    sequences = [rng.integers(0, 2**16, int(rng.integers(1, 6))) for _ in range(600)]

    results = read_all(harness, sequences)

    assert results == [plain(s) for s in sequences]
    assert MESSAGE in results
    assert len(set(results)) > 100


@pytest.mark.parametrize("count", range(1, 17))
def test_chunk__any_count__lanes_from_the_highest_and_zeros_behind(harness, count):
    x = pack(range(1, 41))
    for start in (0, 3, 40 - count):
        lanes = harness.call("chunk", x, start, count, start + 1)

        expected = pack(range(start + 1, start + 1 + count)).ljust(32, b"\0")
        assert lanes.to_bytes(32, "big") == expected
        with reverts(MESSAGE):
            harness.call("chunk", x, start, count, start + 2)


@pytest.mark.parametrize("extreme", [[0, 2**16 - 1], [2**16 - 2, 2**16 - 1], [2**15 - 1, 2**15], [0], [2**16 - 1]])
def test_chunk__extreme_indices__accepted(harness, extreme):
    assert harness.call("read", pack(extreme)) == extreme[-1] + 1


# ---- rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 255, 256, 2_048])
def test_row__whole__label_and_length(harness, length):
    row = bytes([7]) + length.to_bytes(2, "big") + b"\xaa" * length

    assert harness.call("row", row, 0) == (7, length)
    assert harness.call("row", b"\xbb" * 5 + row + b"\xcc", 5) == (7, length)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (b"", "sample: row is cut off"),
        (b"\1\0", "sample: row is cut off"),
        (b"\1\0\1", "sample: row is cut off"),
        (b"\1\x08\0" + bytes(2_047), "sample: row is cut off"),
        (b"\1\x08\1" + bytes(2_049), "sample: longer than 2,048 bytes"),
        (b"\1\xff\xff", "sample: longer than 2,048 bytes"),
    ],
)
def test_row__cut_off_or_too_long__reverts(harness, rows, message):
    with reverts(message):
        harness.call("row", rows, 0)


def test_row__start_at_the_end__reverts(harness):
    with reverts("sample: row is cut off"):
        harness.call("row", b"\0\0\0", 1)
    with pytest.raises(RpcError):
        harness.call_many("row", [(b"\0\0\0", 2**256 - 1)])
