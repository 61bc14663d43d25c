"""`create`, `load` and `seal` of the models that count."""

import pytest

from tests.conftest import pack_card


@pytest.fixture
def why_create(kind, implementations, raw, rpc, owner, trainer):
    """The reason with which `create` would revert with these parameters, words and names."""

    def ask(parameters, words=(1 << 192,), names=("one",), sealed=True):
        implementation = raw(implementations(kind.KIND))
        card = pack_card(classes=names)
        arguments = (owner.address, trainer.address, b"", parameters, card, list(words), sealed, b"salt".ljust(32))
        return rpc.why(implementation.transaction("create", *arguments, sender=str(owner.address)))

    return ask


def test_create__counts__are_the_state(create):
    twin, model = create(counts=[range(20), range(20, 40)], samples=[100, 200])
    assert model.call("words", 0, model.call("word_count")) == tuple(twin.words())
    assert model.call("parameters") == twin.parameters.pack()
    assert [model.call("statistics", y) for y in (0, 1)] == list(zip(twin.samples, twin.figures, strict=True))
    assert model.call("sealed")


@pytest.mark.parametrize(
    ("room", "n_features", "problem"),
    [
        (0, 1, "model: room for 1 to 255 classes"),
        (256, 1, "model: room for 1 to 255 classes"),
        (2, 0, "model: 1 to 65,536 features"),
        (2, 65_537, "model: 1 to 65,536 features"),
        (2, 65_536, ""),
        (255, 1, ""),
    ],
)
def test_create__room_or_features_out_of_range__is_refused(why_create, room, n_features, problem, kind):
    own = 1 if kind.KIND == "NaiveBayes" else 0
    assert why_create(own | room << 32 | n_features << 64) == problem


def test_create__implementations_own_parameter_wrong__is_refused(why_create, kind):
    if kind.KIND == "NaiveBayes":
        assert why_create(2 << 32 | 5 << 64) == "naive bayes: smoothing of 0"
    else:
        assert why_create(1 | 2 << 32 | 5 << 64) == "model: unknown parameters"
        assert why_create(2 << 32 | 1 << 48 | 5 << 64) == "model: unknown parameters"


@pytest.mark.parametrize(
    ("classes", "names", "problem"),
    [
        (0, (), "model: word 0 lacks classes"),
        (3, ("a", "b", "c"), "classes: too many"),
        (2, ("a",), "classes: empty name"),
        (2, ("a", ""), "classes: empty name"),
        (2, ("same", "same"), "classes: name is taken"),
        (1, ("a", "b"), "classes: more names than classes"),
        (2, ("a" * 255, "a" * 254), ""),
        (2, ("a" * 255, "a" * 255), "classes: name is taken"),
    ],
)
def test_create__names_do_not_fit_the_classes__is_refused(why_create, parameters, classes, names, problem):
    assert why_create(parameters(5, 2).pack(), [classes << 192], names) == problem


def test_create__more_words_than_the_model_has__is_refused(why_create, parameters):
    words = [1 << 192] + [0] * parameters(5, 2).word_count
    assert why_create(parameters(5, 2).pack(), words) == "model: more words than the model has"


def test_seal__loaded_later__checks_the_names_then(create, why, do, stranger):
    twin, model = create(counts=[range(20), range(20)], samples=[20, 20], words=[], sealed=False)
    assert why(model, "seal") == "classes: none"
    assert why(model, "seal", sender=stranger) == "ownership: not the owner"
    do(model, "load", 0, [1 << 192])
    assert why(model, "seal") == "classes: more names than classes"
    do(model, "load", 0, twin.words())
    assert why(model, "load", 0, [1 << 192]) == "model: word 0 lacks classes"
    do(model, "seal")
    assert why(model, "seal") == "model: sealed"
    assert model.call("words", 0, model.call("word_count")) == tuple(twin.words())


def test_create_replica__same_words__answers_the_same_with_an_empty_card(create, raw, kind, project, rpc, do, stranger):
    twin, model = create(counts=[range(20), range(20, 40)], samples=[100, 200])
    transaction = model.transaction("create_replica", b"1".ljust(32), sender=str(stranger.address))
    address = (
        "0x"
        + rpc.rpc(
            "eth_call",
            {"from": str(stranger.address), "to": model.address, "data": "0x" + transaction.data.hex()},
            "latest",
        )[-40:]
    )
    rpc.send([transaction])
    replica = raw(getattr(project, kind.KIND).at(address))
    do(replica, "load", 0, twin.words(), sender=stranger)
    do(replica, "seal", sender=stranger)
    assert replica.call("class_count") == 2
    assert replica.call("class_name", 1) == ""
    sample = bytes([0, 1, 0, 9])
    assert replica.call("scores", sample) == model.call("scores", sample) == tuple(twin.scores(sample))
