# pragma version 0.4.3
"""
@title DenseHarness
@notice Shows the module `dense` to tests, with words of their own instead of a model's.
"""
from ..modules import dense
from ..modules import limits
from ..modules import model
from ..modules import ownership
from ..modules import sample

initializes: ownership
initializes: model[ownership := ownership]
initializes: dense[model := model]


@deploy
def __init__():
    model.__init__()


@external
def set_words(words: DynArray[uint256, limits.MAX_WORDS]):
    position: uint256 = 0
    for word: uint256 in words:
        model.state[position] = word
        position += 1


@view
@external
def total(x: Bytes[limits.MAX_SAMPLE], identity: uint256) -> uint256:
    return dense._total(identity, model.state[model.HEADER], sample._position(), len(x))


@pure
@external
def judge(
    total: uint256, squares: uint256, y: uint256, identity: uint256, doublings: uint256
) -> (uint256, uint256):
    return dense._judge(total, squares, y, identity, doublings)


@pure
@external
def moved(packed: uint256, step: uint256, rate: uint256) -> uint256:
    return dense._moved(packed, step, rate)
