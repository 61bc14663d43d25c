"""Attack "a class that always wins", by what stands beside the number of classes in the first word."""

import pytest

from comodels.models.multiclass_sparse_perceptron import (
    MulticlassSparsePerceptron,
    MulticlassSparsePerceptronParameters,
)
from tests.client import Reverted

CLASSES = 192  # where the number of classes stands in word 0; 8 bits further the number before the first was added


@pytest.mark.parametrize("founders", [1, 2, 3, 5, 128, 255])
def test_class_that_always_wins__number_of_founders_loaded__changes_no_answer(new_model, trainer, owner, founders):
    """Said to be a founder, an added class would count, with the bias -32,768: where others score less it would win."""
    twin = MulticlassSparsePerceptron(
        MulticlassSparsePerceptronParameters(40, 5), [[0, *[-20_000] * 40], [0, *[-19_999] * 40]]
    )
    words = twin.words()
    words[0] |= founders << CLASSES + 8
    samples = [bytes.fromhex("000100020003"), bytes.fromhex("0000"), bytes.fromhex("00040005000600070008")]
    try:
        model = new_model(twin, trainer, words=words)
    except Reverted:
        return  # refused: nothing to attack
    before = [model.call("predict", x) for x in samples]

    model.send("add_class", "another", sender=owner)

    assert [model.call("predict", x) for x in samples] == before
