import pytest

from tests.unit.DensePerceptron.conftest import x


def test_update__textbook_example__the_perceptron_rule(create, learn):
    """Rosenblatt's rule by hand, unit 5, rate 1, bias rate 5: the bias is the weight of a feature that is always 5."""
    twin, model = create([0, 0], unit=5, bias_rate=5)
    a, b = x(3, 4), x(4, 3)

    def state():
        word = model.call("words", 0, 1)
        return list(twin.from_words(twin.parameters, word).weights), model.call("bias")

    assert learn(model, a, 1) == 1  # score 0 is class 0: an error, so w = (3, 4), b = 5
    assert state() == ([3, 4], 5)
    assert model.call("score", a) == 3 * 3 + 4 * 4 + 5 * 5
    assert learn(model, b, 0) == 2  # score 12 + 12 + 25 = 49 is class 1: an error, so w = (-1, 1), b = 0
    assert state() == ([-1, 1], 0)
    assert learn(model, b, 0) == 0  # score -4 + 3 = -1: right, nothing moves
    assert learn(model, a, 1) == 0  # score -3 + 4 = 1: right
    assert state() == ([-1, 1], 0)
    assert model.call("version") == 2


@pytest.mark.parametrize(
    ("weight", "y", "margin", "effect"),
    [
        # score = weight · 10
        (0, 1, 0, 1),
        (1, 1, 0, 0),
        (0, 0, 0, 0),
        (1, 0, 0, 2),
        (2, 1, 21, 1),
        (2, 1, 20, 0),
        (-2, 0, 21, 2),
        (-2, 0, 20, 0),
        (0, 0, 1, 2),
    ],
)
def test_update__margin__learns_what_is_wrong_or_right_by_less(weight, y, margin, effect, create, learn):
    twin, model = create([weight], margin=margin)
    assert learn(model, x(10), y) == twin.update(x(10), y) == effect
    assert model.call("version") == (effect > 0)


def test_update__sum_of_squares_at_the_bounds__is_learnt_and_beyond_them_reverts(create, why):
    # unit 50: 10,000 · Σ x² from 9,604 · 2,500 to 10,404 · 2,500, so Σ x² from 2,401 = 49² to 2,601 = 51²
    _, model = create([0, 0], unit=50)
    for values, message in [
        ((49, 0), ""),
        ((51, 0), ""),
        ((0, -49), ""),
        ((48, 9), "sample: norm out of bounds"),
        ((51, 1), "sample: norm out of bounds"),
        ((0, 0), "sample: norm out of bounds"),
        ((-128, -128), "sample: norm out of bounds"),
    ]:
        assert why(model, "update", x(*values), 1) == message


@pytest.mark.parametrize("n_features", [1, 16, 17, 33])
@pytest.mark.parametrize(("weight", "y"), [(2**15 - 1, 1), (-(2**15), 0)])
def test_update__weight_at_its_limit__reverts_and_stays(n_features, weight, y, create, why, rpc, trainer):
    weights = [0] * (n_features - 1) + [weight]
    twin, model = create(weights, margin=2**32 - 1)
    sample = x(*[0] * (n_features - 1), 10)
    assert why(model, "update", sample, y) == "perceptron: weight out of range"
    (receipt,) = rpc.send([model.transaction("update", sample, y, sender=str(trainer.address))])
    assert receipt["status"] == "0x0"
    assert model.call("words", 0, model.call("word_count")) == tuple(twin.words())
    assert why(model, "update", sample, 1 - y) == ""


@pytest.mark.parametrize(("bias", "y"), [(2**31 - 1, 1), (-(2**31), 0)])
def test_update__bias_at_its_limit__reverts(bias, y, create, why):
    _, model = create([0], bias=bias, bias_rate=1, margin=2**32 - 1, unit=1)
    # the score is the bias: a margin above it is needed
    assert why(model, "update", x(1), y) == "perceptron: bias out of range"


def test_update__refused_callers_labels_and_samples__revert(create, why, stranger):
    _, model = create([0])
    assert why(model, "update", x(10), 1, sender=stranger) == "model: not the trainer"
    assert why(model, "update", x(10), 2) == "model: no such class"
    assert why(model, "update", x(10), 257) == "model: no such class"
    assert why(model, "update", x(10, 0), 1) == "sample: wrong dimension"
    assert why(model, "update", b"", 1) == "sample: wrong dimension"


def test_update__not_sealed__reverts(create, why):
    _, model = create([0], sealed=False)
    assert why(model, "update", x(10), 1) == "model: not sealed"


def test_update__version_is_full__reverts(create, why, learn, rpc):
    """2^31 updates would take too long: the version is set in the contract's storage, found by the header's value."""
    _, model = create([0])
    words = [int(rpc.rpc("eth_getStorageAt", model.address, hex(slot), "latest"), 16) for slot in range(8)]
    slot = next(slot for slot, word in enumerate(words) if word >> 224 == 1 << 31)
    almost = words[slot] | (2**31 - 2) << 224
    rpc.rpc("anvil_setStorageAt", model.address, hex(slot), f"0x{almost:064x}")
    learn(model, x(10), 1)
    assert model.call("version") == 2**31 - 1
    assert why(model, "update", x(10), 0) == "model: version is full"


def test_vacant__two_classes_that_are_always_there__is_nothing(create):
    twin, model = create([1, 2, 3])
    assert [model.call("vacant", twin.parameters.pack(), 2, position) for position in range(2)] == [0, 0]


@pytest.mark.parametrize(
    ("fall", "count", "doublings"),
    [
        *[(5, 0, 5), (5, 3, 5), (5, 4, 4), (5, 15, 4), (5, 16, 3), (5, 63, 3), (5, 64, 2), (5, 255, 2), (5, 256, 1)],
        *[(5, 1_023, 1), (5, 1_024, 0), (2, 0, 2), (2, 255, 2), (2, 256, 1), (1, 0, 1), (1, 1_024, 0), (5, 65_535, 0)],
        (0, 0, 0),
    ],
)
@pytest.mark.parametrize(("y", "sign"), [(1, 1), (0, -1)])
def test_update__fall__the_rates_are_doubled_as_the_count_says(fall, count, doublings, y, sign, create, learn):
    """By hand, rate 3, bias rate 2: a sample of 10 moves the weight by 30, doubled, and the bias by 2, doubled."""
    twin, model = create([0], rate=3, bias_rate=2, margin=1, fall=fall, count=count)

    assert learn(model, x(10), y) == twin.update(x(10), y) == 2 - y + 256 * doublings

    found = type(twin).from_words(twin.parameters, model.call("words", 0, model.call("word_count")))
    assert (found.weights.tolist(), found.bias) == ([sign * 30 * 2**doublings], sign * 2 * 2**doublings)
    assert found.count == twin.count == count + (doublings > 0)
    assert model.call("version") == 1


def test_update__fall_and_nothing_to_learn__does_not_count(create, learn):
    twin, model = create([1], fall=5, count=7)

    assert learn(model, x(10), 1) == 0

    assert model.call("words", 0, 1) == tuple(twin.words())


def test_update__no_fall__what_stands_where_the_count_would_stays(create, learn):
    """Eight features share the header's word, and the last has the lane in which a count would be."""
    twin, model = create([0] * 7 + [-1_234], margin=1)

    assert learn(model, x(10, *[0] * 7), 1) == twin.update(x(10, *[0] * 7), 1) == 1

    assert model.call("words", 0, 1) == tuple(twin.words())
    assert twin.weights.tolist() == [10, 0, 0, 0, 0, 0, 0, -1_234]
