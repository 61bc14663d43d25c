"""The example of a contract that decides by a published model's prediction."""

import ape
import pytest

import encoders
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.conftest import pack_card, pack_terms


@pytest.fixture
def encoder():
    return encoders.BagOfWords(["prize", "win", "dinner", "see", "you"])


@pytest.fixture
def model(create_model, self_assessment, encoder):
    """Knows that prizes to win are spam and dinners are not."""
    twin = SparsePerceptron(SparsePerceptronParameters(encoder.n_features, rate=3), weights=[2, 2, -2, -1, 0])
    card = pack_card("spam filter", "", encoder.spec, ("ham", "spam"))
    return create_model(twin, self_assessment, pack_terms(), card=card)


@pytest.fixture
def board(project, owner, model):
    return owner.deploy(project.MessageBoard, model, 1)


def test_post__ham__is_visible(board, encoder, contributor):
    text = "see you at dinner"
    receipt = board.post(text, encoder.encode(text), sender=contributor)
    assert [(e.author, e.number, e.hidden) for e in receipt.events] == [(contributor, 0, False)]
    assert board.visible(0) == text


def test_post__spam__is_hidden_until_the_owner_shows_it(board, encoder, contributor, owner):
    text = "win a prize"
    board.post(text, encoder.encode(text), sender=contributor)
    assert board.visible(0) == ""
    assert board.messages(0).text == text
    board.overrule(0, False, sender=owner)
    assert board.visible(0) == text


def test_post__after_the_model_learnt__decides_anew(board, model, self_assessment, encoder, contributor):
    text = "you win"
    x = encoder.encode(text)
    board.post(text, x, sender=contributor)
    self_assessment.add_data(model, x, 0, value="1 ether", sender=contributor)
    board.post(text, x, sender=contributor)
    assert [board.messages(n).hidden for n in range(2)] == [True, False]


def test_deploy__a_board__says_what_it_is_and_counts(board, model, encoder, owner, contributor):
    assert (board.MODEL(), board.OWNER(), board.SPAM(), board.count()) == (model, owner, 1, 0)
    board.post("dinner", encoder.encode("dinner"), sender=contributor)
    assert board.count() == 1


def test_post__malformed_sample__is_refused(board, contributor, raw, rpc):
    transaction = raw(board).transaction("post", "hello", b"\x00\x01\x00", sender=str(contributor.address))
    assert rpc.why(transaction) == "sample: odd length"


def test_overrule__not_the_owner__is_refused(board, encoder, contributor, raw, rpc):
    board.post("win", encoder.encode("win"), sender=contributor)
    transaction = raw(board).transaction("overrule", 0, False, sender=str(contributor.address))
    assert rpc.why(transaction) == "board: not the owner"


def test_deploy__class_that_the_model_has_not__is_refused(project, owner, model):
    with ape.reverts("board: no such class"):
        owner.deploy(project.MessageBoard, model, 2)


def test_deploy__model_that_is_not_complete__is_refused(project, owner, create_model, self_assessment, encoder):
    twin = SparsePerceptron(SparsePerceptronParameters(encoder.n_features))
    model = create_model(twin, self_assessment, pack_terms(), sealed=False)
    with ape.reverts("board: the model is not complete"):
        owner.deploy(project.MessageBoard, model, 1)


def test_overrule__message_that_is_not_there__is_refused(board, owner, raw, rpc):
    transaction = raw(board).transaction("overrule", 0, False, sender=str(owner.address))
    assert rpc.why(transaction) == "board: no such message"
