"""The module `dense` alone: what follows from a score, and the score of a sample, on words without a model."""

import numpy as np
import pytest

from comodels.models.dense_perceptron import DensePerceptron, DensePerceptronParameters
from comodels.testing.client import reverts

ZERO = 2**60  # that scores have too much
SIGNS = (2**256 - 1) // (2**16 - 1) * 2**15


@pytest.fixture(scope="module")
def harness(client, project, owner):
    return client.deploy(project.DenseHarness, owner)


def squares(norm: int) -> int:
    """The squared norm as it is handed over: in the highest lane of 32 bits, and half of its unit."""
    return (norm << 224) + 2**223


@pytest.mark.parametrize("doublings", [0, 5])
@pytest.mark.parametrize(
    ("score", "y", "expected"),
    [
        # margin 50: what is right by less is learnt, with the effect 1 + the class that lost
        (50, 1, (1, 0)),
        (49, 1, (1, 1)),
        (1, 1, (1, 1)),
        (0, 1, (0, 1)),
        (-50, 0, (0, 0)),
        (-49, 0, (0, 2)),
        (0, 0, (0, 2)),
        (1, 0, (1, 2)),
    ],
)
def test_judge__around_the_margin__answer_and_effect(harness, score, y, expected, doublings):
    identity = DensePerceptronParameters(10, 100, margin=50 >> doublings).pack() << 160
    if doublings:  # 32
        score = score - 18 if score > 1 else score + 18 if score < -1 else score

    assert harness.call("judge", ZERO + score, squares(100**2), y, identity, doublings) == expected


@pytest.mark.parametrize(("score", "expected"), [(1, (1, 0)), (0, (0, 1))])
def test_judge__margin_0__a_tie_is_wrong_for_class_1(harness, score, expected):
    identity = DensePerceptronParameters(10, 100, margin=0).pack() << 160

    assert harness.call("judge", ZERO + score, squares(100**2), 1, identity, 0) == expected


def test_judge__norm__within_two_per_cent(harness):
    identity = DensePerceptronParameters(10, 100).pack() << 160

    for norm in (98**2, 102**2):
        harness.call("judge", ZERO, squares(norm), 0, identity, 0)
    for norm in (98**2 - 1, 102**2 + 1):
        with reverts("sample: norm out of bounds"):
            harness.call("judge", ZERO, squares(norm), 0, identity, 0)


@pytest.mark.parametrize("fall", [0, 3])
@pytest.mark.parametrize("n", [1, 7, 8, 9, 10, 16, 17, 23, 24, 25, 31, 32, 41, 511, 512, 519, 521, 1_000])
def test_total__every_form_of_the_last_block__score_of_the_twin(harness, owner, n, fall):
    rng = np.random.default_rng(n)
    parameters, count = DensePerceptronParameters(n, 100, fall=fall), 1_023 if fall else 0
    twin = DensePerceptron(parameters, rng.integers(-(2**15), 2**15, n), -7, count=count)
    harness.send("set_words", twin.words(), sender=owner)
    x = rng.integers(-128, 128, n).astype(np.int8).tobytes()

    assert harness.call("total", x, twin.parameters.pack() << 160) - ZERO == twin.score(x)
    with reverts("sample: wrong dimension"):
        harness.call("total", x + b"\0", twin.parameters.pack() << 160)


def test_moved__to_the_end_of_the_range__and_no_further(harness):
    step = 128 + 100  # in offset binary, in the lowest lane; the others stay
    step += sum(128 << 16 * lane for lane in range(1, 16))
    weight = 32_767 - 300

    moved = harness.call("moved", weight ^ SIGNS, step, 3)
    assert moved == 32_767
    with reverts("perceptron: weight out of range"):
        harness.call("moved", (weight + 1) ^ SIGNS, step, 3)
