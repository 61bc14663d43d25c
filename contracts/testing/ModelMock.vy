# pragma version 0.4.3
"""
@title ModelMock
@notice A model for tests that answers what it is told to, fails when told to, and calls back from `update`.
@dev It has what an incentive contract asks of a model, and no more of IModel.
"""
from ..interfaces import IIncentive

MAX_SAMPLE: constant(uint256) = 2_048
MAX_TERMS: constant(uint256) = 512
MAX_CALL: constant(uint256) = 4_096

# what `predict`, `predict_without` and `update` return, byte for byte
answer: public(Bytes[96])
answer_without: public(Bytes[96])
effect: public(Bytes[96])
# whether these three, and whether `owner`, fail
broken: public(bool)
broken_owner: public(bool)
# who the owner is
holder: address
# what `update` calls first; nothing if the address is zero
target: address
payload: Bytes[MAX_CALL]
# the number of samples that `update` got, and the hash of the latest and its label
updates: public(uint256)
latest: public(bytes32)


@external
def open(trainer: address, terms: Bytes[MAX_TERMS]):
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


@view
@external
def owner() -> address:
    assert not self.broken_owner, "mock: no owner"
    return self.holder


@view
@external
@raw_return
def predict(x: Bytes[MAX_SAMPLE]) -> Bytes[96]:
    assert not self.broken, "mock: broken"
    assert len(x) > 0, "mock: empty"
    return self.answer


@view
@external
@raw_return
def predict_without(x: Bytes[MAX_SAMPLE], y: uint256, effect: uint256) -> Bytes[96]:
    assert not self.broken, "mock: broken"
    assert keccak256(abi_encode(x, y)) == self.latest, "mock: another sample"
    assert effect == convert(slice(self.effect, 0, 32), uint256), "mock: another effect"
    return self.answer_without


@external
@raw_return
def update(x: Bytes[MAX_SAMPLE], y: uint256) -> Bytes[96]:
    assert not self.broken, "mock: broken"
    self.updates += 1
    self.latest = keccak256(abi_encode(x, y))
    if self.target != empty(address):
        raw_call(self.target, self.payload)
    return self.effect
