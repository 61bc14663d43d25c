"""A provider who plays against the contributors of their own market, as badly as a market allows.

The model starts at the border of its classes: on every hidden row it is right by nothing, so a right sample of the
other class, whose words no hidden row has, moves the bias and turns all of them. Its author loses the stake; the
provider answers with the reverse of the sample from another account, which brings the model back, and earns what was
lost. The next one meets the same model. Beside that the provider can stay silent, or leave the scoring to others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from eth_utils import keccak

from comodels.incentives.commitment import Commitment
from comodels.incentives.prediction_market import (
    SCORING,
    SETTLING,
    Plan,
    PredictionMarket,
    Terms,
    draw_portions,
    market_id,
)
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.rows import pack_rows
from comodels.simulation.world import address_of

CHAIN_ID = 31_337
MODEL, CONTRACT = address_of("model at the border"), address_of("market at the border")
PROVIDER, ACCOMPLICE, HONEST, KEEPER = (address_of(name) for name in ("provider", "accomplice", "honest", "keeper"))
WORDS = 40  # the first half are those of the hidden rows, the second those of the contributors
PLAN = Plan(
    stake=10**16, rounds=100, bond=10**17, fee=0, portions=10, drawn=3, rows=10, max_contributions=200
)  # as `ape run market` proposes: 3 of 10 portions are shown


@dataclass(frozen=True)
class Outcome:
    """What came of a market, in stakes.

    Attributes
    ----------
    offered, staked : int
        Samples that honest people had, and those that they staked on and that had an effect.
    lost : float
        Stakes that honest people have less than before, below 0 if they gained.
    gained : float
        Stakes that provider and accomplice have more.
    """

    offered: int
    staked: int
    lost: float
    gained: float


def sample(words: np.ndarray) -> bytes:
    return b"".join(int(i).to_bytes(2, "big") for i in sorted(words))


def play(
    seed: int,
    honest: int = 60,
    labels: tuple[int, ...] = (1,),
    way: str = "settle",
    wary: bool = False,
    bad: int | None = None,
    plan: Plan = PLAN,
) -> Outcome:
    """Play one market on the twins.

    Parameters
    ----------
    honest : int
        Right samples that honest people have.
    labels : tuple of int
        Classes from which these come.
    way : {"settle", "silent", "abandon"}
        How it ends: as it should, unrevealed, or with the first half of the contributions scored.
    wary : bool
        Whether honest people first try their sample on the portions shown, and keep it if the model gets worse.
    bad : int, optional
        Portions with rows at the border; the other rows have words of which the model is sure. By default all.
    """
    rng = np.random.default_rng(seed)
    bad = plan.portions if bad is None else bad
    weights = [0] * WORDS
    weights[0] = -100  # a word of which the model is sure
    twin = SparsePerceptron(SparsePerceptronParameters(WORDS), weights)

    def row(at_border: bool) -> tuple[int, bytes]:
        words = rng.choice(np.arange(1, WORDS // 2), 3, replace=False)
        return 0, sample(words if at_border else np.append(words, 0))

    portions = [pack_rows([row(i < bad) for _ in range(plan.rows)]) for i in range(plan.portions)]
    order = rng.permutation(plan.portions)
    portions = [portions[i] for i in order]
    salts = [keccak(text=f"{seed} {i}") for i in range(plan.portions)]
    market = PredictionMarket(CONTRACT, CHAIN_ID)
    id_ = market_id(MODEL, 1)
    commitment = Commitment(chain_id=CHAIN_ID, contract=CONTRACT, market=id_, portions=portions, salts=salts)
    market.open(MODEL, twin, PROVIDER, Terms())
    market.commit(PROVIDER, id_, commitment.tree.root, plan, plan.total, 0)
    seed_hash = keccak(text=f"draw {seed}")
    drawn = draw_portions(seed_hash, id_, plan.portions, plan.drawn)
    market.draw(id_, 10, seed_hash, 0)
    for i in sorted(drawn):
        market.reveal(*commitment.reveal_arguments(i), 1)
    market.prepare(id_, 2)
    shown = b"".join(portions[i] for i in sorted(drawn))

    staked = 0
    for _ in range(honest):
        x, y = sample(rng.choice(np.arange(WORDS // 2, WORDS), 3, replace=False)), int(rng.choice(labels))
        if wary:
            trial = twin.copy()
            trial.update(x, y)
            if trial.evaluate(shown) > twin.evaluate(shown):
                continue
        if len(market.markets[id_].contributions) + 2 > plan.max_contributions:
            break
        if market.add_data(HONEST, MODEL, x, y, plan.stake, 3):
            staked += 1
            market.add_data(ACCOMPLICE, MODEL, x, 1 - y, plan.stake, 3)

    _end(market, id_, way, commitment)
    for index in range(1, len(market.markets[id_].contributions) + 1):
        function, arguments = market.claim(id_, index)
        getattr(market, function)(KEEPER, *arguments)
    if market.markets[id_].provider_part:
        market.withdraw_rest(KEEPER, id_)
    balances = {who: market.balances[who] / plan.stake for who in (PROVIDER, ACCOMPLICE, HONEST)}
    return Outcome(honest, staked, -balances[HONEST], balances[PROVIDER] + balances[ACCOMPLICE])


def _end(market: PredictionMarket, id_: int, way: str, commitment: Commitment) -> None:
    """Bring the market to its end, in the provider's way."""
    state = market.markets[id_]
    time = 3 + state.plan.participation_time
    market.close(id_, time)
    if state.phase >= SETTLING:
        return
    if way == "silent":
        market.expire(KEEPER, id_, time + state.plan.rest_time, 100)
        return
    for i in sorted(set(range(len(commitment.portions))) - state.drawn):
        market.reveal(*commitment.reveal_arguments(i), time)
    while state.phase != SCORING:
        market.check(KEEPER, id_, 65_535, time)
    count = len(state.contributions)
    for c in state.contributions[: count // 2 if way == "abandon" else count]:
        market.score(KEEPER, id_, c.contributor, c.x, c.y, c.effect)
    if state.phase == SCORING:
        market.expire(KEEPER, id_, time + state.plan.score_time, 100)
    while state.phase == SETTLING:
        market.settle(KEEPER, id_, market.entries(id_))


def average(seeds: int, **options) -> Outcome:
    """The mean over seeds."""
    outcomes = [play(seed, **options) for seed in range(seeds)]
    fields = {name: sum(getattr(o, name) for o in outcomes) / seeds for name in Outcome.__dataclass_fields__}
    return replace(outcomes[0], **fields)
