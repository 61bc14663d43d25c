"""Naive Bayes on the example of a textbook."""

from fractions import Fraction

import pytest

from comodels.models.naive_bayes import NaiveBayes, NaiveBayesParameters
from tests.conftest import pack_card
from tests.unit.table_models.conftest import x

CHINESE, BEIJING, SHANGHAI, MACAO, TOKYO, JAPAN = range(6)


@pytest.fixture
def twin():
    """Manning, Raghavan, Schütze: Introduction to Information Retrieval, table 13.1, class 1 is China.

    Two of the documents say "Chinese" twice. The model counts presence, so the counts of the book are loaded.
    """
    china = [5, 1, 1, 1, 0, 0]
    other = [1, 0, 0, 0, 1, 1]
    return NaiveBayes(NaiveBayesParameters(6), [other, china], [1, 3])


def test_predict__chinese_tokyo_japan__is_china_by_presence(twin, create_model, raw, trainer):
    # P(Chinese|China) = (5 + 1) / (8 + 6), P(Tokyo|China) = P(Japan|China) = (0 + 1) / (8 + 6),
    # P(·|other) = (1 + 1) / (3 + 6); the document has "Chinese" once here, three times in the book
    china = 3 * Fraction(5 + 1, 8 + 6) * Fraction(0 + 1, 8 + 6) * Fraction(0 + 1, 8 + 6)
    other = 1 * Fraction(1 + 1, 3 + 6) ** 3
    assert china < other
    model = raw(create_model(twin, trainer, card=pack_card(classes=("other", "China"))))
    sample = x(CHINESE, TOKYO, JAPAN)
    assert model.call("predict", sample) == twin.predict(sample) == 0
    for score, value in zip(model.call("scores", sample), (other, china), strict=True):
        whole, rest = divmod(score, 2**63)
        assert abs(Fraction(2) ** whole * (1 + Fraction(rest, 2**63)) / value - 1) < Fraction(1, 2**63)


def test_predict__chinese_tokyo__is_china(twin, create_model, raw, trainer):
    china = 3 * Fraction(5 + 1, 8 + 6) * Fraction(0 + 1, 8 + 6)
    other = 1 * Fraction(1 + 1, 3 + 6) * Fraction(1 + 1, 3 + 6)
    assert china > other
    model = raw(create_model(twin, trainer, card=pack_card(classes=("other", "China"))))
    assert model.call("predict", x(CHINESE, TOKYO)) == 1


def test_predict__likelihood_is_a_power_of_2__score_is_the_logarithm(create_model, raw, trainer):
    # (3 + 1) / (14 + 2) = 1/4 and (11 + 1) / 16 = 3/4 with 4 documents: log2(4 · 1/4) = 0
    twin = NaiveBayes(NaiveBayesParameters(2, room=1), [[3, 11]], [4])
    model = raw(create_model(twin, trainer, card=pack_card(classes=("one",))))
    assert model.call("scores", x(0)) == (0,)
    # log2(4 · 3/4) is between 1 and 2, by interpolation 1 + 1/2
    assert model.call("scores", x(1)) == (3 * 2**62,)


def test_predict__1024_words_never_seen__does_not_underflow(create_model, raw, trainer):
    # the pitfall: with plain fixed-point ratios all classes reach 0 after some words, and class 0 wins
    twin = NaiveBayes(NaiveBayesParameters(1_024, alpha=1), [[0] * 1_024, [0] * 1_024], [1, 2])
    model = raw(create_model(twin, trainer))
    sample = x(*range(1_024))
    assert model.call("predict", sample) == 1
    assert model.call("scores", sample) == tuple(twin.scores(sample))
