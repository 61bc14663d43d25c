"""The prediction market as agents deal with it: opened by the model's owner, the provider; settled by a keeper."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from eth_utils import keccak

from comodels.artifacts import artifact
from comodels.chain.contract import ContractAt
from comodels.incentives.blocks import Blocks
from comodels.incentives.commitment import Commitment
from comodels.incentives.prediction_market import (
    MAX_ROWS,
    REVEALING,
    SCORING,
    SETTLING,
    Plan,
    PredictionMarket,
    Terms,
    market_id,
)
from comodels.incentives.scorers import SparseScorer, fitting
from comodels.revert import Revert
from comodels.rows import iterate_rows, pack_rows
from comodels.simulation.agents import Agent
from comodels.simulation.compare import Mismatch, same
from comodels.simulation.desk import Desk
from comodels.simulation.models import MODELS
from comodels.simulation.problem import TestRows
from comodels.simulation.scenario import IncentiveSettings, ScenarioError, read_fields
from comodels.simulation.world import MODEL, OWNER, START, Entry, World, address_of
from comodels.units import ETHER

CHAIN_ID = 31_337
CLOSED = 1 << 255  # a price that nobody pays
WORDS = 500  # words of the model that are copied in one transaction
STEP = 100  # contributions that are scored or settled in one transaction
TRIES = 5_000  # block hashes that are tried for the draw


@dataclass(frozen=True)
class MarketPlan:
    """What a scenario says of a market: as `Plan`, but rows and the time of participation follow from the scenario."""

    stake: int = ETHER // 100
    rounds: int = 100
    bond: int = ETHER
    fee: int = 0
    portions: int = 10
    drawn: int = 2
    min_contributions: int = 1
    max_contributions: int = 4_096


class MarketDesk(Desk):
    """A single market, from commitment to withdrawal, on a model of the provider's own.

    Its test set are the data's rows for the provider. Which portions are drawn follows from the seed; on a chain, where
    the hash of a block decides, the same draw is brought about by trying blocks until one has such a hash, which is
    possible on a local chain.
    """

    KIND = "PredictionMarket"
    TERMS = MarketPlan

    def __init__(self, world: World, terms: MarketPlan):
        self.world = world
        self.terms = terms
        rows = len(world.problem.bounty_test) // terms.portions
        if rows == 0:
            raise ScenarioError(
                f"data.bounty_test: {len(world.problem.bounty_test)} rows are too few for {terms.portions} portions"
            )
        names = {f.name for f in fields(Plan)} & {f.name for f in fields(MarketPlan)}
        try:
            self.plan = Plan(
                rows=rows,
                participation_time=world.end - START,
                **{name: getattr(terms, name) for name in names},
            )
        except Revert as error:
            raise ScenarioError(f"incentive.terms: {error}") from error
        test = world.problem.bounty_test
        self.portions = [pack_rows(test[i * rows : (i + 1) * rows]) for i in range(terms.portions)]
        seed = world.scenario.seed
        self.salts = [keccak(text=f"salt {seed} {i}") for i in range(terms.portions)]
        self.twin = PredictionMarket(address_of("market"), CHAIN_ID, world.balances)
        self.market = market_id(MODEL, 1)
        self.provider = ""
        # calls after the rest was revealed, without the market
        self._steps: list[tuple[str, tuple]] = []

    @classmethod
    def make_terms(cls, settings: IncentiveSettings) -> MarketPlan:
        return MarketPlan(**read_fields(MarketPlan, settings.terms, "incentive.terms", {}))

    def pack_terms(self) -> bytes:
        return Terms().pack()

    # ---- the twin ----------------------------------------------------------------------------------------------------

    def begin(self, agents: list[Agent]) -> None:
        """Commit, draw, reveal, prepare: all in the first second."""
        providers = [agent for agent in agents if agent.settings.kind == "provider"]
        if len(providers) != 1:
            raise ScenarioError("agents: a market needs one agent of kind provider")
        self.provider = self.owner = providers[0].account
        twin, market = self.twin, self.market
        if self.world.balances[self.provider] < self.plan.total:
            raise ScenarioError(
                f"agents.{providers[0].settings.name}.balance: bounty, bond and fees take "
                f"{self.plan.total / ETHER:g} ether, all on the first account"
            )
        twin.open(MODEL, self.world.model, self.owner, Terms())
        commitment = self._commitment(MODEL, twin.address)
        try:
            twin.commit(self.provider, market, commitment.tree.root, self.plan, self.plan.total, block=0)
            block_hash = keccak(text=f"draw {self.world.scenario.seed}")
            twin.draw(market, twin.markets[market].draw_block + 1, block_hash, START)
            self._reveal(commitment, True, START)
            twin.prepare(market, START)
            self._hasten(twin.markets[market].replica)
        except Revert as error:
            raise ScenarioError(f"incentive.terms: {error}") from error

    def finish(self, agents: list[Agent], time: int) -> None:
        """Close, reveal the rest, score, settle, and pay everybody; a keeper does it and gets the fees."""
        twin, market, steps = self.twin, self.market, self._steps
        state = twin.markets[market]
        twin.close(market, time)
        if len(state.contributions) >= self.plan.min_contributions:
            self._reveal(self._commitment(MODEL, twin.address), False, time)
            while state.phase == REVEALING:
                # by their numbers: what is shown beside the rows is another thing on a chain
                steps.append(("check", (twin.portions_to_check(market, MAX_ROWS), MAX_ROWS)))
                twin.check(OWNER, market, MAX_ROWS, time)
            blocks = Blocks([self.portions[i] for i in state.hidden], self.plan.rows)
            while state.phase == SCORING:
                first = state.scored + 1
                some = state.contributions[state.scored : state.scored + STEP]
                claims, packed = fitting([c.given for c in some])
                last, rows = first + len(claims) - 1, MAX_ROWS
                if isinstance(state.scorer, SparseScorer):
                    blocks.done = list(state.scorer.done)
                    rows = blocks.rows_that_fit(last)
                twin.score_many(OWNER, market, first, claims, rows)
                # the last of them in place of the blocks, of which only the chain tells
                steps.append(("score_many", (first, packed, rows, *twin.around(market, first, last), last)))
            while state.phase == SETTLING:
                entries = twin.entries(market)
                twin.settle(OWNER, market, entries)
                steps.append(("settle", (entries,)))
        for index in range(1, len(state.contributions) + 1):
            function, arguments = twin.claim(market, index)
            getattr(twin, function)(OWNER, *arguments)
            steps.append((function, arguments[1:]))
        twin.withdraw_rest(OWNER, market)
        steps.append(("withdraw_rest", ()))

    def _hasten(self, replica: Any) -> None:
        """Have the replica's `evaluate` answer the same faster: the rows are unpacked once."""
        kind, problem = MODELS[self.world.scenario.model.kind], self.world.problem
        unpacked: dict[bytes, TestRows] = {}

        def evaluate(rows: bytes) -> int:
            if rows not in unpacked:
                unpacked[rows] = TestRows(list(iterate_rows(rows)), problem.sparse, problem.n_features)
            return kind.errors(replica, unpacked[rows])

        replica.evaluate = evaluate

    def _commitment(self, model: str, contract: str) -> Commitment:
        return Commitment(
            chain_id=CHAIN_ID,
            contract=contract,
            market=market_id(model, 1),
            portions=self.portions,
            salts=self.salts,
        )

    def _reveal(self, commitment: Commitment, drawn: bool, time: int) -> None:
        for i in range(len(self.portions)):
            if (i in self.twin.markets[self.market].drawn) == drawn:
                self.twin.reveal(*commitment.reveal_arguments(i), time)

    # ---- for agents --------------------------------------------------------------------------------------------------

    def call(self, function: str, sender: str, arguments: tuple, value: int, time: int) -> Any:
        return self.twin.add_data(sender, MODEL, *arguments, value, time)

    def judge(self, entry: Entry, model: Any = None) -> int:
        return (model or self.world.model).predict(entry.x)

    def price(self, time: int) -> int:
        state = self.twin.markets[self.market]
        full = len(state.contributions) >= self.plan.max_contributions
        return CLOSED if full or time >= state.deadline else self.plan.stake

    def add(self, agent: Agent, account: str, x: bytes, y: int, true_label: int, time: int) -> Entry | None:
        effect = self.world.act(time, account, "add_data", (x, y), self.plan.stake)
        if effect is None:
            return None
        # without an effect nothing was staked, and nothing is recorded
        record = self.twin.markets[self.market].contributions[-1] if effect else None
        stake, number = self.plan.stake if effect else 0, len(self.world.entries)
        return Entry(number, agent.index, account, x, y, true_label, time, stake, effect, record)

    def first_look(self, own: bool) -> int:
        return 1 << 60  # nothing can be claimed before the end

    def claim_own(self, agent: Agent, entry: Entry, time: int) -> int:
        return 0

    def claim_other(self, agent: Agent, entry: Entry, time: int) -> int:
        return 0

    # ---- for the record ----------------------------------------------------------------------------------------------

    @property
    def held(self) -> int:
        return self.twin.balance

    def measures(self, result: Any) -> dict[str, float]:
        state = self.twin.markets[self.market]
        hidden = self.plan.hidden_rows
        last = state.contributions[-1].errors if state.contributions else state.initial_errors
        return {"loss_start": state.initial_errors / hidden, "loss_end": last / hidden}

    # ---- on a chain --------------------------------------------------------------------------------------------------

    def begin_on_chain(self, replay: Any) -> None:
        """The same with the contract; tries blocks until the draw is the twin's."""
        from comodels.incentives.prediction_market import DRAW_DELAY, draw_portions

        chain, contract = replay.chain, replay.incentive
        same("chain id", chain.chain_id, CHAIN_ID)
        market, commitment = (
            market_id(replay.model.address, 1),
            self._commitment(replay.model.address, contract.address),
        )
        arguments = market, commitment.tree.root, self.plan.astuple()
        replay.act(contract, self.provider, "commit", *arguments, time=START, value=self.plan.total)
        replay.ask([("evm_mine", [{"timestamp": START}])] * (DRAW_DELAY - 1))
        wanted = self.twin.markets[self.market].drawn
        for number in range(TRIES):
            snapshot, *_ = replay.ask(
                [
                    ("evm_snapshot", []),
                    ("anvil_setCoinbase", [f"0x{number + 1:040x}"]),
                    ("evm_mine", [{"timestamp": START}]),
                ]
            )
            block_hash = bytes.fromhex(chain.rpc("eth_getBlockByNumber", "latest", False)["hash"][2:])
            if draw_portions(block_hash, market, self.plan.portions, self.plan.drawn) == wanted:
                break
            replay.ask([("evm_revert", [snapshot])])
        else:
            raise Mismatch(f"none of {TRIES} blocks had a hash that draws the portions {sorted(wanted)}")
        replay.act(contract, OWNER, "draw", market, time=START)
        self._reveal_on_chain(replay, commitment, True, START)
        for _ in range(0, len(replay.result.published), WORDS):
            replay.act(contract, OWNER, "prepare", market, WORDS, bytes(32), time=START)

    def finish_on_chain(self, replay: Any, time: int) -> None:
        """Close, reveal the rest, and what the twin did then, with the contract."""
        contract, model = replay.incentive, replay.model.address
        market = market_id(model, 1)
        replay.act(contract, OWNER, "close", market, time=time)
        steps = list(self._steps)
        if steps[0][0] == "check":
            commitment = self._commitment(model, contract.address)
            self._reveal_on_chain(replay, commitment, False, time)
            steps = [
                (
                    function,
                    (*commitment.check_arguments(arguments[0]), arguments[1]) if function == "check" else arguments,
                )
                for function, arguments in steps
            ]
        self._steps_on_chain(replay, market, steps, time)

    def _steps_on_chain(self, replay: Any, market: int, steps: list[tuple[str, tuple]], time: int) -> None:
        """What the twin did; blocks of hidden rows are shown as the chain told them in the steps before."""
        contract, state = replay.incentive, self.twin.markets[self.market]
        blocks = Blocks([self.portions[i] for i in state.hidden], self.plan.rows)
        scorer = ContractAt(replay.chain, contract.call("market", market)[5], artifact("SparseScorer").abi)
        waiting: list[tuple[str, tuple]] = []
        for function, arguments in steps:
            if function not in ("check", "score_many"):
                waiting.append((function, (market, *arguments)))
                continue
            if function == "score_many":
                *given, last = arguments
                arguments = (*given, blocks.carried(last, given[2]) if any(blocks.states) else [])
            receipt = replay.transact(OWNER, contract.address, contract.data(function, market, *arguments), time)
            for _, told in scorer.events(receipt):
                blocks.tell(told)
        replay.act_many(OWNER, waiting, time)

    def _reveal_on_chain(self, replay: Any, commitment: Commitment, drawn: bool, time: int) -> None:
        for i in range(len(self.portions)):
            if (i in self.twin.markets[self.market].drawn) == drawn:
                replay.act(replay.incentive, OWNER, "reveal", *commitment.reveal_arguments(i), time=time)

    def check_chain(self, replay: Any) -> None:
        same("wei that the market holds at the end", replay.chain.balance(replay.incentive.address), self.twin.balance)
