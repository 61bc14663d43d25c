# pragma version 0.4.3
"""
@title SampleHarness
@notice The module `sample` for tests.
"""
from ..modules import limits
from ..modules import sample


@view
@external
def chunk(x: Bytes[limits.MAX_SAMPLE], start: uint256, count: uint256, least: uint256) -> uint256:
    """
    @notice The `count` indices of `x` from index `start` on, as the module reads them.
    """
    assert 2 * (start + count) <= len(x), "harness: no such indices"
    return sample._chunk(sample._position() + 2 * (start + count), count, least)


@view
@external
def read(x: Bytes[limits.MAX_SAMPLE]) -> uint256:
    """
    @notice Reads a whole sample chunk by chunk, as the models do. Reverts if it is out of order.
    @return One more than its last index.
    """
    count: uint256 = ((len(x) // 2 - 1) & 15) + 1
    end: uint256 = sample._position()
    next: uint256 = 0
    for i: uint256 in range(64):
        end += 2 * count
        lanes: uint256 = sample._chunk(end, count, next)
        next = ((lanes >> (256 - 16 * count)) & (2**16 - 1)) + 1
        if end == sample._position() + len(x):
            break
        count = 16
    return next


@view
@external
def row(rows: Bytes[limits.MAX_ROWS], start: uint256) -> (uint256, uint256):
    """
    @notice Label and length of the row at byte `start`.
    """
    return sample._row(sample._position() + start, sample._position() + len(rows))
