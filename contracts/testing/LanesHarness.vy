# pragma version 0.4.3
"""
@title LanesHarness
@notice Shows the module `lanes` to tests.
"""
from ..modules import lanes


@view
@external
def dot(x: uint256, first: uint256, second: uint256) -> uint256:
    return lanes._dot(x, first, second)


@view
@external
def dot_4(x: uint256[4], w: uint256[8]) -> uint256:
    return lanes._dot_4(x[0], x[1], x[2], x[3], w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7])


@view
@external
def dot_half(x: uint256, weights: uint256) -> uint256:
    return lanes._dot_half(x, weights)


@view
@external
def spread_half(x: uint256) -> uint256:
    return lanes._spread_half(x)


@view
@external
def reversed(x: uint256) -> uint256:
    return lanes._reversed(x)


@view
@external
def squares(x: uint256) -> uint256:
    return lanes._squares(x, lanes._reversed(x))


@view
@external
def moved(packed: uint256, x: uint256, rate: uint256) -> (uint256, bool):
    return lanes._moved(packed, x, rate)


@view
@external
def spread_10(x: uint256, second: uint256, third: uint256) -> uint256:
    return lanes._spread_10(x, second, third)


@view
@external
def dot_10(x: uint256, sums: uint256) -> uint256:
    return lanes._dot_of(lanes._product_10(x, sums))


@view
@external
def added_10(x: uint256, sums: uint256) -> (uint256, bool):
    return lanes._added_10(x, sums)


@view
@external
def squares_10(sums: uint256) -> uint256:
    return lanes._squares_10(sums)
