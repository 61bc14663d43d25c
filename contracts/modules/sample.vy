# pragma version 0.4.3
"""
@title Sample
@notice Reads samples and rows of samples where they stand in the calldata, and checks their form.
@dev A sparse sample is 1 to 1,024 feature indices, each a big-endian `uint16`, strictly increasing: there is one way to
     write it. It is read in chunks of 16 indices, of which the first may be shorter: so every chunk ends on a chunk's
     border and no read passes the end of the sample.

     A dense sample is one two's complement `int8` for each feature of the model. It is read in blocks of 32; the last one, where
     it is shorter, is filled up with zeros.
"""
from . import lanes
from . import limits

ROW_HEAD: constant(uint256) = 3  # bytes of a row before its sample: label (1), length of the sample (2)

ALL: constant(uint256) = max_value(uint256)
MASK_16: constant(uint256) = 2**16 - 1
# every other of 16 lanes, its lowest bit, and the bit above it that no 16-bit value reaches
EVEN: constant(uint256) = max_value(uint256) // (2**32 - 1) * MASK_16
LOW: constant(uint256) = max_value(uint256) // (2**32 - 1)
HIGH: constant(uint256) = LOW * 2**31


@internal
@view
def _position() -> uint256:
    """
    @dev Where the bytes of the first argument of the external call begin in the calldata. Safe: Vyper has checked that they
         lie inside it.
    """
    return unsafe_add(convert(slice(msg.data, 4, 32), uint256), 36)


@internal
@view
def _row(position: uint256, end: uint256) -> (uint256, uint256):
    """
    @dev The label and the length of the sample of the row at `position`; the sample itself follows the row's head.
    """
    assert position + ROW_HEAD <= end, "sample: row is cut off"
    head: uint256 = convert(slice(msg.data, position - (32 - ROW_HEAD), 32), uint256)  # ends with the row's head
    length: uint256 = head & MASK_16
    assert length <= limits.MAX_SAMPLE, "sample: longer than 2,048 bytes"
    assert position + ROW_HEAD + length <= end, "sample: row is cut off"
    return (head >> 16) & 255, length


@internal
@view
def _chunk(end: uint256, count: uint256, least: uint256) -> uint256:
    """
    @dev The `count` indices that end before `end`: 16-bit lanes, the first in the highest bits, 0 behind the last.
         Checks that they increase strictly, from at least `least` on.
         Safe to read: the calldata begins with more than 32 bytes that belong to no sample.
         In lanes of 32 bits: first, third, ... index and second, fourth, ... index. `a | HIGH` less `b` and 1 keeps the
         high bit where a > b and borrows from no other lane; only the lanes of two indices that are there count.
    """
    unused: uint256 = unsafe_sub(256, count << 4)
    chunk: uint256 = convert(slice(msg.data, unsafe_sub(end, 32), 32), uint256) << unused
    first: uint256 = (chunk >> 16) & EVEN
    second: uint256 = chunk & EVEN
    assert (
        (~unsafe_sub(unsafe_sub(second | HIGH, first), LOW) & (ALL << unsafe_add(unused, 16)))
        | (~unsafe_sub(unsafe_sub((first << 32) | HIGH, second), LOW) & (ALL << unsafe_add(unused, 32)))
    ) & HIGH == 0, "sample: indices must increase"
    assert chunk >> 240 >= least, "sample: indices must increase"
    return chunk


@internal
@pure
def _increase(chunk: uint256, unused: uint256) -> bool:
    """
    @dev Whether the indices in 16 lanes of 16 bits, the first in the highest bits, increase strictly.
         As `_chunk` has it, for words that do not stand in the calldata.
    @param unused The bits at the low end in which there are none.
    """
    first: uint256 = (chunk >> 16) & EVEN
    second: uint256 = chunk & EVEN
    return (
        (~unsafe_sub(unsafe_sub(second | HIGH, first), LOW) & (ALL << unsafe_add(unused, 16)))
        | (~unsafe_sub(unsafe_sub((first << 32) | HIGH, second), LOW) & (ALL << unsafe_add(unused, 32)))
    ) & HIGH == 0


# ---- dense ----------------------------------------------------------------------------------------------------------

@internal
@view
def _block(position: uint256) -> uint256:
    """
    @dev The 32 values from `position` on, the first in the highest bits.
    """
    return convert(slice(msg.data, position, 32), uint256)


@internal
@view
def _last_block(end: uint256, count: uint256) -> uint256:
    """
    @dev The `count` values, 1 to 31, that end before `end`, the first in the highest bits, and zeros behind them.
         Safe to read: the calldata begins with more than 32 bytes that belong to no sample.
    """
    return convert(slice(msg.data, unsafe_sub(end, 32), 32), uint256) << unsafe_sub(256, count << 3)


@internal
@view
def _squared_norm(position: uint256, size: uint256) -> uint256:
    """
    @dev Σ x_f² of the dense sample of `size` values, at most 2,048, at `position`. Safe: at most 2^11 · 2^14.
    """
    squares: uint256 = 0
    end: uint256 = unsafe_add(position, size)
    at: uint256 = position
    for i: uint256 in range(limits.MAX_SAMPLE // 32):
        if unsafe_add(at, 32) > end:
            break
        squares = unsafe_add(squares, self._squares(self._block(at)))
        at = unsafe_add(at, 32)
    if at < end:
        squares = unsafe_add(squares, self._squares(self._last_block(end, unsafe_sub(end, at))))
    return squares


@internal
@pure
def _squares(part: uint256) -> uint256:
    return lanes._squares(part ^ lanes.SIGNS_8, lanes._reversed(part ^ lanes.SIGNS_8))


@internal
@pure
def _check_norm(squares: uint256, unit: uint256):
    """
    @dev The norm of a sample, √squares, must be `unit`, which stands for 1.0, or differ from it by 2% at most.
         Safe: the unit has 16 bits, and the squares 25.
    """
    square: uint256 = unsafe_mul(unit, unit)
    assert unsafe_mul(squares, 10_000) >= unsafe_mul(square, 9_604), "sample: norm out of bounds"
    assert unsafe_mul(squares, 10_000) <= unsafe_mul(square, 10_404), "sample: norm out of bounds"
