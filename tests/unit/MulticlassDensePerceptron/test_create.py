import pytest

from comodels.models.multiclass_dense_perceptron import MulticlassDensePerceptronParameters
from comodels.revert import Revert
from tests.conftest import pack_card


def pack(n_features=5, unit=10, room=2, rate=1, fall=0) -> int:
    return rate | room << 8 | n_features << 64 | fall << 76 | unit << 80


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        (pack(rate=0), "model: learning rate of 1 to 128"),
        (pack(rate=129), "model: learning rate of 1 to 128"),
        (pack(room=0), "model: room for 1 to 255 classes"),
        (pack(n_features=0), "model: 1 to 2,048 features"),
        (pack(n_features=2_049), "model: 1 to 2,048 features"),
        (pack(unit=0), "model: unit of 1 to 5,792"),
        (pack(unit=5_793), "model: unit of 1 to 5,792"),
        (pack(n_features=2_048, room=32), "model: too many classes"),
        (pack(n_features=2_048, room=31), ""),
        (pack(n_features=250, room=255), "model: too many classes"),
        (pack(n_features=249, room=255), ""),
        (pack(rate=128), ""),
        (pack(rate=4, fall=5), ""),
        (pack(rate=5, fall=5), "model: learning rate of 1 to 128"),
        (pack(fall=6), "model: fall of 0 to 5"),
        (pack(fall=15), "model: fall of 0 to 5"),
    ],
)
def test_create__parameters_in_and_out_of_range__as_the_twin(
    implementations, raw, rpc, owner, trainer, parameters, problem
):
    implementation = raw(implementations("MulticlassDensePerceptron"))
    arguments = (owner.address, trainer.address, b"", parameters, pack_card(), [2 << 192], True, bytes(32))
    assert rpc.why(implementation.transaction("create", *arguments, sender=str(owner.address))) == problem
    if problem:
        with pytest.raises(Revert, match=problem):
            MulticlassDensePerceptronParameters.unpack(parameters)
    else:
        assert MulticlassDensePerceptronParameters.unpack(parameters).pack() == parameters


def test_create__sealed_with_too_many_classes_or_names__reverts(implementations, raw, rpc, owner, trainer):
    implementation = raw(implementations("MulticlassDensePerceptron"))
    for classes, names, problem in (
        (0, 0, "model: word 0 lacks classes"),
        (3, 3, "classes: too many"),
        (2, 3, "classes: more names than classes"),
        (2, 2, ""),
    ):
        card = pack_card(classes=[f"class {y}" for y in range(names)])
        arguments = (owner.address, trainer.address, b"", pack(), card, [classes << 192], True, bytes(32))
        assert rpc.why(implementation.transaction("create", *arguments, sender=str(owner.address))) == problem
