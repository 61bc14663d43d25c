"""Writes the unrolled arithmetic in the contracts: loops and internal calls cost gas, and 32 equal lines hide mistakes.

Between a line ``# unrolled: name`` and a line ``# end`` in a contract stands what `LINES` makes. ``make lint`` checks
that it does; ``python -m comodels.bench.unroll`` writes it again. Comments do not change what the compiler makes of it.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
REGION = re.compile(
    r"^(?P<begin>(?P<indent> *)# unrolled: (?P<name>\w+)\n)(?P<text>.*?)^(?P<end> *# end\n)", re.M | re.S
)


def tree(parts: list[str], last: str = ",") -> str:
    """The sum of expressions as a balanced tree of `unsafe_add`."""
    if len(parts) == 1:
        return parts[0] + last
    half = len(parts) // 2
    inside = "\n".join([tree(parts[:half]), tree(parts[half:])])
    return f"unsafe_add(\n{textwrap.indent(inside, '    ')}\n)" + last


def dot_4() -> Iterator[str]:
    """The products of four blocks of the sample with two words of weights each."""

    def product(block: int, part: int) -> str:
        def shifted(word: str, bits: int) -> str:
            return f"({word} >> {bits})" if bits else word

        x = shifted(f"x{block}", 8 * part)
        w = shifted(f"{'wv'[part % 2]}{block}", part // 2 * 16)
        return f"unsafe_mul(unsafe_sub({x} & BYTES, OFFSET_8), unsafe_sub({w} & HALVES, OFFSET_16))"

    yield tree([product(block, part) for block in range(4) for part in range(4)])


def _dots(sample: str, weight: Callable[[int], str]) -> str:
    """The dot product of 16 blocks, by four calls."""
    calls = []
    for first in range(0, 16, 4):
        arguments = [f"{sample}[{i}] ^ signs_8" for i in range(first, first + 4)]
        arguments += [weight(i) for i in range(2 * first, 2 * first + 8)]
        calls.append("lanes._dot_4(\n" + "".join(f"    {a},\n" for a in arguments) + ")")
    return tree(calls)


def dots_kept() -> Iterator[str]:
    """With the weights that were read before."""
    yield _dots("parts", lambda i: f"first[{i}]")


def dots_read() -> Iterator[str]:
    """With the weights as they are read."""
    yield _dots("x", lambda i: f"model.state[{i + 1}] ^ signs_16")


def first_words() -> Iterator[str]:
    """The words of weights of 16 blocks."""
    for i in range(32):
        yield f"model.state[{i + 1}] ^ signs,"


def all_small() -> Iterator[str]:
    """Bits that tell whether all weights of 16 blocks are small."""
    for i in range(32):
        yield f"{'& ' if i else ''}(first[{i}] ^ (first[{i}] << 1))"


def moved_words() -> Iterator[str]:
    """Those words moved by the sample."""
    for i in range(32):
        step = f"steps[{i // 2}]" if i % 2 else f"(steps[{i // 2}] >> 8)"
        moved = f"unsafe_add(first[{i}], unsafe_mul({step} & low, rate))"
        yield f"model.state[{i + 1}] = unsafe_sub({moved}, offset) ^ signs"


def sixteen_weights() -> Iterator[str]:
    """The weights of a chunk's 16 features from the table in memory, four at a time."""

    def weight(i: int) -> str:
        word = "lanes >> 244" if i == 0 else f"(lanes >> {244 - 16 * i}) & 4095"
        lane = f"lanes >> {236 - 16 * i}" if i < 15 else "lanes << 4"
        return f"(table[{word}] << (({lane}) & 240)) >> 240"

    for first in range(0, 16, 4):
        a, b, c, d = (weight(i) for i in range(first, first + 4))
        yield "total = unsafe_add("
        yield "    unsafe_add("
        yield f"        unsafe_add({a}, {b}),"
        yield f"        unsafe_add({c}, {d}),"
        yield "    ),"
        yield "    total,"
        yield ")"


def _weights(count: int) -> Iterator[str]:
    """The weights of so many features as they are read, with their signs, on top of the sum so far."""

    def weight(i: int) -> str:
        word = "lanes >> 244" if i == 0 else f"(lanes >> {244 - 16 * i}) & 4095"
        lane = f"lanes >> {236 - 16 * i}" if i < 15 else "lanes << 4"
        return f"(convert(convert(model.state[{word}], bytes32), int256) << (({lane}) & 240)) >> low"

    yield "total = unsafe_add("
    yield textwrap.indent(tree([weight(i) for i in range(count)]), "    ")
    yield "    total,"
    yield ")"


def four_read() -> Iterator[str]:
    """Of the first four features of a chunk."""
    yield from _weights(4)


def fifteen_read() -> Iterator[str]:
    """Of the first 15."""
    yield from _weights(15)


def four_moved() -> Iterator[str]:
    """The weights of the first four features of a chunk moved, each in its word."""
    for i in range(4):
        word = f"(lanes >> {244 - 16 * i}) & 4095" if i else "lanes >> 244"
        lane = f"(lanes >> {236 - 16 * i}) & 240"
        yield f"if {word} != word:"
        yield "    model.state[word] = packed ^ flip"
        yield f"    word = {word}"
        yield "    packed = model.state[word] ^ flip"
        yield f'assert packed << ({lane}) <= limit, "perceptron: weight out of range"'
        yield f"packed = unsafe_add(packed, rate >> ({lane}))"


def _lane(i: int) -> str:
    """A lane of 16 bits of `lanes`, the first in the highest bits."""
    return "lanes >> 240" if i == 0 else f"(lanes >> {240 - 16 * i}) & 65535"


def fifteen_marks() -> Iterator[str]:
    """The bit of a row in the maps of its features."""
    for i in range(15):
        yield f"maps[{_lane(i)}] |= bit"


def fifteen_maps() -> Iterator[str]:
    """In how many of 15 maps each bit is set, as 4 bits: full adders turn three bits of a kind into one and a carry."""

    def add(a: str, b: str, c: str, total: str, carry: str) -> Iterator[str]:
        yield f"{carry}: uint256 = ({a} & {b}) | (({a} ^ {b}) & {c})"
        yield f"{total} = {a} ^ {b} ^ {c}"

    yield f"ones: uint256 = maps[{_lane(0)}]"
    for i in range(7):
        new = "" if i else ": uint256"
        yield f"x{new} = maps[{_lane(2 * i + 1)}]"
        yield f"y{new} = maps[{_lane(2 * i + 2)}]"
        yield from add("ones", "x", "y", "ones", f"c{i}")
    yield "twos: uint256 = c0"
    for i in range(3):
        yield from add("twos", f"c{2 * i + 1}", f"c{2 * i + 2}", "twos", f"d{i}")
    yield "fours: uint256 = d0 ^ d1 ^ d2"
    yield "eights: uint256 = (d0 & d1) | ((d0 ^ d1) & d2)"


def fifteen_found() -> Iterator[str]:
    """The bit of a row in the maps of the numbers that the table has for its features."""
    for i in range(15):
        word = f"lanes >> {244 - 16 * i}" if i == 0 else f"(lanes >> {244 - 16 * i}) & 4095"
        yield f"maps[(table[{word}] >> ((lanes >> {236 - 16 * i}) & 240)) & MASK_16] |= bit"


LINES: dict[str, Callable[[], Iterator[str]]] = {
    make.__name__: make
    for make in (
        dot_4,
        dots_kept,
        dots_read,
        first_words,
        all_small,
        moved_words,
        sixteen_weights,
        four_read,
        fifteen_read,
        four_moved,
        fifteen_marks,
        fifteen_maps,
        fifteen_found,
    )
}
"""What stands in the regions, by their names."""


def written(source: str) -> str:
    """A contract with its regions as they are to be. Raises `KeyError` for a region with an unknown name."""

    def region(found: re.Match[str]) -> str:
        lines = "\n".join(LINES[found["name"]]()) + "\n"
        return found["begin"] + textwrap.indent(lines, found["indent"]) + found["end"]

    return REGION.sub(region, source)


def main(arguments: list[str]) -> int:
    """Write the regions, or with ``--check`` only name the contracts in which one differs."""
    differing = []
    for path in sorted(CONTRACTS.rglob("*.vy")):
        source = path.read_text(encoding="utf-8")
        if written(source) != source:
            differing.append(path)
            if "--check" not in arguments:
                path.write_text(written(source), encoding="utf-8")
    for path in differing:
        print(f"{path.relative_to(CONTRACTS.parent)}: unrolled arithmetic differs: python -m comodels.bench.unroll")
    return int(bool(differing) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
