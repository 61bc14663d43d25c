"""Every incentive contract does what `check_incentive` asks. A new incentive is one entry in `INCENTIVES`."""

from dataclasses import replace

import numpy as np
import pytest

from comodels.claims import CONTRACTS
from comodels.incentives.points import Terms as PointsTerms
from comodels.incentives.prediction_market import Terms as MarketTerms
from comodels.testing.incentives import CHECKS, Setting, Terms
from tests.conftest import pack_terms
from tests.mirror import Mirror, random_portions

MARKET = MarketTerms(min_bounty=1, min_bond=1)

INCENTIVES = {
    "SelfAssessment": Terms(
        pack_terms(),
        10**18,
        opened_twice="self-assessment: open already",
        not_open="self-assessment: not open for this model",
        too_little="self-assessment: deposit above the value sent",
    ),
    "Points": Terms(
        PointsTerms(1, 2, 10, 5, 20, 7, 3).encode(),
        opened_twice="points: open already",
        not_open="points: not open for this model",
    ),
    "PredictionMarket": Terms(
        MARKET.pack(),
        10**18,
        opened_twice="prediction-market: open already",
        not_open="prediction-market: nobody can take part now",
        too_little="prediction-market: stake above the value sent",
    ),
}


@pytest.fixture
def ready(request, raw, rpc, implementations, provider, contributor, reporter, keeper, stranger, owner):
    """What an incentive needs before anyone can contribute: a market has to begin."""

    def start(incentive, model, twin):
        people = [provider, contributor, reporter, keeper, stranger, owner]
        mirror = Mirror(rpc, raw(implementations("PredictionMarket")), people)
        mirror.adopt(model.address, twin, owner.address, MARKET)
        secret = mirror.secret(model.address, owner, random_portions(np.random.default_rng(3)))
        mirror.start(secret, keeper)

    return {"PredictionMarket": start}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", INCENTIVES)
def test_incentive(name, check, ready, client, implementations, contract_of, artifact_of, owner, contributor, stranger):
    terms = INCENTIVES[name]
    if name in ready:
        terms = replace(terms, ready=ready[name])
    contract = artifact_of(name)
    incentive = client.at(contract, implementations(name).address)
    accounts = [owner.address, contributor.address, stranger.address]
    CHECKS[check](Setting(terms, client, contract, incentive, contract_of("SparsePerceptron"), accounts))


def test_incentives__all__are_tried():
    assert set(INCENTIVES) == set(CONTRACTS)
