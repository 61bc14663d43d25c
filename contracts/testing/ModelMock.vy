# pragma version 0.4.3
"""
@title ModelMock
@notice A model for tests that answers what it is told to, fails when told to, and calls back from `update` and `learn`.
@dev It has what an incentive contract asks of a model, and no more of IModel. In a market its replica is whatever it is told.
"""
from ..interfaces import IIncentive
from ..modules import limits

MAX_CALL: constant(uint256) = 4_096
MAX_STATE: constant(uint256) = 64  # words

# what `predict`, `predict_without` and `update` return, byte for byte
answer: public(Bytes[96])
answer_without: public(Bytes[96])
effect: public(Bytes[96])
# what `learn` returns, byte for byte
learnt: public(Bytes[96])
# whether these four, and whether `owner`, fail
broken: public(bool)
broken_owner: public(bool)
# who the owner is
holder: address
# what `update` and `learn` call first; nothing if the address is zero
target: address
payload: Bytes[MAX_CALL]
# what `create_replica` returns, and the state that is copied to it
replica: address
state: DynArray[uint256, MAX_STATE]
# the number of samples that `update` and `learn` got, and the hash of the latest and its label
updates: public(uint256)
latest: public(bytes32)


@external
def open(trainer: address, terms: Bytes[limits.MAX_TERMS]):
    extcall IIncentive(trainer).open(terms)


@external
def set_answer(answer: Bytes[96]):
    self.answer = answer


@external
def set_answer_without(answer: Bytes[96]):
    self.answer_without = answer


@external
def set_effect(effect: Bytes[96]):
    self.effect = effect


@external
def set_learnt(learnt: Bytes[96]):
    self.learnt = learnt


@external
def set_broken(broken: bool):
    self.broken = broken


@external
def set_broken_owner(broken: bool):
    self.broken_owner = broken


@external
def set_owner(owner: address):
    self.holder = owner


@external
def set_callback(target: address, payload: Bytes[MAX_CALL]):
    self.target = target
    self.payload = payload


@external
def set_replica(replica: address, state: DynArray[uint256, MAX_STATE]):
    self.replica = replica
    self.state = state


@external
def create_replica(salt: bytes32) -> address:
    return self.replica


@view
@external
def kind() -> String[32]:
    return "ModelMock"


@view
@external
def sealed() -> bool:
    return True


@view
@external
def word_count() -> uint256:
    return len(self.state)


@view
@external
def words(start: uint256, count: uint256) -> DynArray[uint256, MAX_STATE]:
    words: DynArray[uint256, MAX_STATE] = []
    for i: uint256 in range(count, bound=MAX_STATE):
        words.append(self.state[start + i])
    return words


@view
@external
def evaluate(rows: Bytes[limits.MAX_ROWS]) -> uint256:
    """
    @notice It is never wrong.
    """
    return 0


@view
@external
def owner() -> address:
    assert not self.broken_owner, "mock: no owner"
    return self.holder


@view
@external
@raw_return
def predict(x: Bytes[limits.MAX_SAMPLE]) -> Bytes[96]:
    assert not self.broken, "mock: broken"
    assert len(x) > 0, "mock: empty"
    return self.answer


@view
@external
@raw_return
def predict_without(x: Bytes[limits.MAX_SAMPLE], y: uint256, effect: uint256) -> Bytes[96]:
    assert not self.broken, "mock: broken"
    assert keccak256(abi_encode(x, y)) == self.latest, "mock: another sample"
    assert effect == convert(slice(self.effect, 0, 32), uint256), "mock: another effect"
    return self.answer_without


@external
@raw_return
def update(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> Bytes[96]:
    self._learn(x, y)
    return self.effect


@external
@raw_return
def learn(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> Bytes[96]:
    self._learn(x, y)
    return self.learnt


@internal
def _learn(x: Bytes[limits.MAX_SAMPLE], y: uint256):
    assert not self.broken, "mock: broken"
    self.updates += 1
    self.latest = keccak256(abi_encode(x, y))
    if self.target != empty(address):
        raw_call(self.target, self.payload)
