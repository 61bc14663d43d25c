import pytest

from tests.client import reverts
from tests.unit.SparsePerceptron.conftest import sample

MAX, MIN = 2**15 - 1, -(2**15)


def update(model, trainer, x, y):
    """The effect, found from the state: the contract's answer to a transaction is not in its receipt."""
    effect = model.call("update", x, y, sender=trainer)
    receipt = model.send("update", x, y, sender=trainer)
    assert receipt.events == []
    return effect


def test_update__textbook_example__the_perceptron_rule(perceptron, trainer, weights_of):
    """Rosenblatt's rule by hand, with rate 1, bias rate 1 and no margin: w += t·x and b += t after each error."""
    model = perceptron([0, 0, 0])
    a, b = sample(0, 1), sample(1, 2)

    assert update(model, trainer, a, 1) == 1  # score 0 is class 0: an error, so w = (1, 1, 0), b = 1
    assert weights_of(model) == ([1, 1, 0], 1)
    assert model.call("score", a) == 1 + 1 + 1
    assert update(model, trainer, b, 0) == 2  # score 1 + 0 + 1 = 2 is class 1: an error, so w = (1, 0, -1), b = 0
    assert weights_of(model) == ([1, 0, -1], 0)
    assert update(model, trainer, b, 0) == 0  # score 0 - 1 + 0 = -1: right, nothing moves
    assert update(model, trainer, a, 1) == 0  # score 1 + 0 + 0 = 1: right
    assert weights_of(model) == ([1, 0, -1], 0)
    assert model.call("version") == 2


def test_update__rates__weights_and_bias_by_their_own(perceptron, trainer, weights_of):
    model = perceptron([10] * 20, bias=-1_000, rate=7, bias_rate=500)

    assert update(model, trainer, sample(0, 11, 12, 19), 1) == 1

    assert weights_of(model) == ([17 if i in (0, 11, 12, 19) else 10 for i in range(20)], -500)


def test_update__each_length_up_to_two_chunks__each_weight_moves_once(perceptron, trainer, weights_of):
    expected = [100] * 40
    model = perceptron(expected, bias=0, bias_rate=0)

    for count in range(1, 34):
        features = range(3, 3 + count)
        assert update(model, trainer, sample(*features), 0) == 2
        expected = [w - (i in features) for i, w in enumerate(expected)]
        assert weights_of(model) == (expected, 0)


def test_update__bias_rate_zero__bias_stays(perceptron, trainer, weights_of):
    model = perceptron([0], bias=9, bias_rate=0)

    assert update(model, trainer, sample(0), 0) == 2

    assert weights_of(model) == ([-1], 9)


@pytest.mark.parametrize(
    ("score", "y", "margin", "effect"),
    [
        # no margin: wrong or not; a score of 0 is class 0
        (0, 1, 0, 1),
        (1, 1, 0, 0),
        (1, 0, 0, 2),
        (0, 0, 0, 0),
        # margin 1 is the same for class 1, and asks of class 0 to be below 0
        (0, 1, 1, 1),
        (1, 1, 1, 0),
        (0, 0, 1, 2),
        (-1, 0, 1, 0),
        # right by the margin is enough, by one less is not
        (20, 1, 20, 0),
        (19, 1, 20, 1),
        (-20, 0, 20, 0),
        (-19, 0, 20, 2),
        (2**31 - 1, 1, 2**32 - 1, 1),
        (-(2**31), 0, 2**32 - 1, 2),
        (-(2**31), 1, 2**32 - 1, 1),
    ],
)
def test_update__score_at_the_margin__learns_below_it_only(perceptron, trainer, score, y, margin, effect):
    model = perceptron([0], bias=score, margin=margin, bias_rate=0)

    assert update(model, trainer, sample(0), y) == effect
    assert model.call("version") == int(effect > 0)
    assert model.call("score", sample(0)) == score + {0: 0, 1: 1, 2: -1}[effect]


@pytest.mark.parametrize("lane", [0, 11, 12, 27, 28, 39])
@pytest.mark.parametrize("rate", [1, 1_000, 65_535])
def test_update__weight_reaches_its_limit__exactly_and_no_further(perceptron, trainer, weights_of, lane, rate):
    weights = [5] * 40
    weights[lane] = MAX - rate
    up = perceptron(weights, bias=-(2**20), rate=rate, bias_rate=0)
    assert update(up, trainer, sample(lane), 1) == 1
    assert weights_of(up)[0][lane] == MAX
    with reverts("perceptron: weight out of range"):
        up.send("update", sample(lane), 1, sender=trainer)
    weights[lane] = MIN + rate
    down = perceptron(weights, bias=2**20, rate=rate, bias_rate=0)
    assert update(down, trainer, sample(lane), 0) == 2
    assert weights_of(down)[0][lane] == MIN
    with reverts("perceptron: weight out of range"):
        down.send("update", sample(lane), 0, sender=trainer)

    assert weights_of(down)[0] == weights[:lane] + [MIN] + weights[lane + 1 :]
    assert up.call("version") == down.call("version") == 1


def test_update__last_of_many_weights_out_of_range__nothing_changed(perceptron, trainer, weights_of):
    model = perceptron([0] * 39 + [MAX], bias=-(2**20))

    with reverts("perceptron: weight out of range"):
        model.send("update", sample(*range(40)), 1, sender=trainer)

    assert weights_of(model) == ([0] * 39 + [MAX], -(2**20))
    assert model.call("version") == 0


def test_update__bias_reaches_its_limit__exactly_and_no_further(perceptron, trainer, weights_of):
    up = perceptron([0], bias=2**31 - 1 - 65_535, bias_rate=65_535, margin=2**32 - 1)
    update(up, trainer, sample(0), 1)
    assert weights_of(up) == ([1], 2**31 - 1)
    with reverts("perceptron: bias out of range"):
        up.send("update", sample(0), 1, sender=trainer)
    down = perceptron([0], bias=-(2**31) + 65_535, bias_rate=65_535, margin=2**32 - 1)
    update(down, trainer, sample(0), 0)
    assert weights_of(down) == ([-1], -(2**31))
    with reverts("perceptron: bias out of range"):
        down.send("update", sample(0), 0, sender=trainer)


def test_update__by_another_than_the_trainer__reverts(perceptron, owner, stranger):
    model = perceptron([0])

    for sender in (owner, stranger):
        with reverts("model: not the trainer"):
            model.send("update", sample(0), 1, sender=sender)


@pytest.mark.parametrize("y", [2, 255, 256, 257, 2**255, 2**256 - 1])
def test_update__no_such_class__reverts(perceptron, trainer, y):
    with reverts("model: no such class"):
        perceptron([0]).send("update", sample(0), y, sender=trainer)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (b"", "sample: empty"),
        (b"\0", "sample: odd length"),
        (sample(1, 1), "sample: indices must increase"),
        (sample(2, 1), "sample: indices must increase"),
        (sample(3), "sample: index out of range"),
        (sample(0, 3), "sample: index out of range"),
    ],
)
def test_update__malformed__reverts_and_nothing_changed(perceptron, trainer, weights_of, x, message):
    model = perceptron([0, 0, 0])

    for y in (0, 1):
        with reverts(message):
            model.send("update", x, y, sender=trainer)
    assert weights_of(model) == ([0, 0, 0], 0)


def test_update__version_is_full__reverts(perceptron, trainer, rpc):
    """2^31 updates would take too long: the version is set in the contract's storage, found by the header's value."""
    model = perceptron([0])
    words = [int(rpc.rpc("eth_getStorageAt", model.address, hex(slot), "latest"), 16) for slot in range(8)]
    slot = words.index(1 << 255)

    almost = 1 << 255 | (2**31 - 2) << 224
    rpc.rpc("anvil_setStorageAt", model.address, hex(slot), f"0x{almost:064x}")
    update(model, trainer, sample(0), 1)

    assert model.call("version") == 2**31 - 1
    assert model.call("sealed")
    with reverts("model: version is full"):
        model.send("update", sample(0), 0, sender=trainer)
    assert update(model, trainer, sample(0), 1) == 0  # it still accepts what it does not need to learn


# ---- predict_without -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [0, 1])
@pytest.mark.parametrize("bias", range(-9, 10, 3))
def test_predict_without__right_after_the_update__the_answer_before(perceptron, trainer, y, bias):
    model = perceptron([0] * 5, bias=bias, rate=2, bias_rate=3, margin=4)
    before = model.call("predict", sample(1, 3))

    effect = update(model, trainer, sample(1, 3), y)

    assert model.call("predict_without", sample(1, 3), y, effect) == before


@pytest.mark.parametrize(
    ("bias", "y", "effect", "answer"),
    [
        # the sample's own step is 2 · 3 + 5 = 11
        (11, 1, 1, 0),
        (12, 1, 1, 1),
        (-11, 0, 2, 0),
        (-10, 0, 2, 1),
        (1, 1, 0, 1),
        (0, 1, 0, 0),
    ],
)
def test_predict_without__score_at_the_sample_s_own_step__exact(perceptron, bias, y, effect, answer):
    model = perceptron([0, 0], bias=bias, rate=3, bias_rate=5)

    assert model.call("predict_without", sample(0, 1), y, effect) == answer
