"""What the steps of a market cost, against their ceilings.

A sparse perceptron with 1,000 weights; rows and samples of 15 words, drawn without replacement with probabilities
1 / rank; 13 portions of 25 rows, of which 3 are drawn: 250 hidden rows. Figures differ a little from run to run,
because addresses and block hashes do, so they are no part of the snapshot.
"""

from statistics import mean

import numpy as np
import pytest
from eth_utils import keccak

from scripts._gas import zipf_words
from scripts._market import Secret
from scripts._market_demo import deploy, local_chain
from simulation.chain import ContractAt
from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from simulation.prediction_market import Plan
from simulation.rows import pack_rows
from tests.mirror import create_raw

CEILINGS = {
    "commit": 260_000,
    "draw": 90_000,
    "add, the model agrees": 100_000,
    "add, the model disagrees": 140_000,
    "reveal a drawn portion": 450_000,
    "reveal a hidden portion": 450_000,
    "score a change, a row": 4_000,
    "score no change": 120_000,
    "settle, a contribution": 45_000,
    "withdraw": 60_000,
}


@pytest.fixture(scope="module")
def gas(project):
    rng = np.random.default_rng(0)
    plan = Plan(10**15, 20, 10**15, 10**13, 13, 3, 25, 1, 48)
    twin = SparsePerceptron(SparsePerceptronParameters(1_000), np.random.default_rng(1).integers(-500, 500, 1_000))
    with local_chain() as chain:
        owner, provider, contributor, keeper = chain.accounts[:4]
        contract = deploy(chain, owner, project.PredictionMarket)
        implementation = deploy(chain, owner, project.SparsePerceptron)
        model = create_raw(chain, implementation, contract.address, owner, twin)
        live = ContractAt(chain, model, [])
        live._functions = implementation._functions

        def send(function, *arguments, sender=keeper, value=0):
            (receipt,) = chain.send([contract.transaction(function, *arguments, sender=sender, value=value)])
            assert receipt["status"] == "0x1", function
            return int(receipt["gasUsed"], 16)

        secret = Secret.new(
            [
                pack_rows([(int(rng.integers(2)), zipf_words(rng, 1_000, 15)) for _ in range(plan.rows)])
                for _ in range(plan.portions)
            ],
            chain_id=int(chain.rpc("eth_chainId"), 16),
            contract=contract.address,
            model=model,
            market=contract.call("next_market", model),
            provider=provider,
            plan=plan,
        )
        market, found = secret.market, {}
        found["commit"] = send(
            "commit", model, secret.tree.root, plan.astuple(), sender=provider, value=plan.total + 10**15
        )
        chain.rpc("anvil_mine", "0x6")
        found["draw"] = send("draw", market)
        drawn = contract.call("market", market)[4]
        shown = [i for i in range(plan.portions) if drawn >> i & 1]
        hidden = [i for i in range(plan.portions) if not drawn >> i & 1]
        found["reveal a drawn portion"] = mean(send("reveal", *secret.reveal_arguments(i)) for i in shown)
        send("prepare", market, 600, bytes(32))
        added, samples = ([], []), []
        for _ in range(plan.max_contributions // 2):
            x = zipf_words(rng, 1_000, 15)
            answer = live.call("predict", x)
            for y, effect in ((answer, 0), (1 - answer, 1 + answer)):
                added[effect > 0].append(
                    send("add_data", model, x, y, sender=contributor, value=plan.stake + (effect == 0))
                )
                samples.append((x, y, effect))
        found["add, the model agrees"], found["add, the model disagrees"] = mean(added[0][1:]), mean(added[1])
        send("close", market)
        found["reveal a hidden portion"] = mean(send("reveal", *secret.reveal_arguments(i)) for i in hidden)
        send("check", market, 256)
        scored = ([], [])
        for x, y, effect in samples:
            scored[effect > 0].append(send("score", market, contributor, x, y, effect, 256))
        found["score no change"] = mean(scored[0])
        found["score a change, a row"] = mean(scored[1]) / plan.hidden_rows
        found["settle, a contribution"] = send("settle", market, 4_096) / len(samples)
        found["withdraw"] = mean(
            send("withdraw", market, i, contributor, keccak(x), y, e) for i, (x, y, e) in enumerate(samples, 1)
        )
        yield found


@pytest.mark.parametrize("action", CEILINGS)
def test_market__each_step__costs_no_more_than_its_ceiling(action, gas):
    assert gas[action] <= CEILINGS[action]
