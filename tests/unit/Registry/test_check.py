"""`Registry.check`: what does not answer as a model does, one answer after the other."""

import pytest
from eth_abi import encode
from eth_utils import keccak

from comodels.wire import clone_code
from tests.conftest import pack_card

NOBODY = "0x" + "00" * 20
OWNER, TRAINER = "0x" + "11" * 20, "0x" + "22" * 20
ANSWERS = {
    "kind()": encode(["string"], ["Strange"]),
    "class_count()": encode(["uint256"], [2]),
    "owner()": encode(["address"], [OWNER]),
    "trainer()": encode(["address"], [TRAINER]),
    "name()": encode(["string"], ["a model"]),
}


def program(answers: dict[str, bytes]) -> bytes:
    """Code that gives each function's answer, whatever its arguments; it reverts where it has none."""
    code = bytes.fromhex("5f3560e01c")  # the selector
    for signature, answer in answers.items():
        words = [answer[i : i + 32] for i in range(0, len(answer), 32)]
        store = b"".join(b"\x7f" + word + b"\x60" + bytes([32 * i]) + b"\x52" for i, word in enumerate(words))
        give = store + b"\x60" + bytes([len(answer)]) + b"\x5f\xf3"
        after = len(code) + 11 + len(give)
        code += b"\x80\x63" + keccak(text=signature)[:4] + b"\x18\x61" + after.to_bytes(2, "big") + b"\x57" + give
        code += b"\x5b"
    return code + b"\x5f\x5f\xfd"


@pytest.fixture
def check(registry, raw, rpc):
    """What `check` says of a clone that gives these answers: owner and name, or why it is refused."""

    def check(**other):
        answers = {f"{name}()": answer for name, answer in other.items()}
        model, implementation = "0x" + "14" * 20, "0x" + "15" * 20
        rpc.rpc("anvil_setCode", implementation, "0x" + program(ANSWERS | answers).hex())
        rpc.rpc("anvil_setCode", model, "0x" + clone_code(implementation, TRAINER, 7, pack_card()).hex())
        transaction = raw(registry).transaction("check", model, sender=OWNER)
        return rpc.why(transaction) or tuple(raw(registry).call("check", model))

    return check


def test_check__what_answers_as_a_model__has_an_owner_and_a_name(check):
    assert check() == (OWNER, "a model")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"kind": encode(["string"], [""])}, "registry: no kind"),
        ({"class_count": encode(["uint256"], [0])}, "registry: no classes"),
        ({"class_count": encode(["uint256"], [256])}, "registry: no classes"),
        ({"owner": encode(["address"], [NOBODY])}, "registry: no owner"),
        ({"trainer": encode(["address"], [OWNER])}, "registry: not the trainer in the code"),
    ],
    ids=["no kind", "no class", "256 classes", "no owner", "another trainer"],
)
def test_check__one_answer_that_no_model_gives__is_refused(check, answer, reason):
    assert check(**answer) == reason
