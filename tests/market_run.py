"""One market on the test's EVM, step by step, and on its twin."""

from comodels.incentives.blocks import Blocks
from comodels.incentives.prediction_market import PARTICIPATING, REVEALING, SCORING, Plan, PredictionMarket
from comodels.incentives.scorers import fitting
from comodels.market_secret import Secret


def unpacked(words, count):
    """The numbers of wrong rows that `score_many` of a scorer returns."""
    return [words[i // 16] >> 16 * (i % 16) & 0xFFFF for i in range(count)]


class MarketRun:
    """A market from the commitment to the last payment; what a step does on chain it does to the twin.

    Parameters
    ----------
    evm : Evm
    contract : Contract
        The PredictionMarket.
    twin : PredictionMarket
        Which the model was opened with.
    model, provider : str
    plan : Plan
    portions : sequence of bytes
    """

    def __init__(self, evm, contract, twin: PredictionMarket, model, provider, plan: Plan, portions):
        self.evm, self.contract, self.twin, self.model, self.plan = evm, contract, twin, model, plan
        self.secret = Secret.new(
            portions,
            chain_id=1,
            contract=contract.address,
            model=model,
            market=contract.call("next_market", model),
            provider=provider,
            plan=plan,
        )
        self.market, self.provider = self.secret.market, provider
        self.blocks: Blocks | None = None  # where the scorer is shown them

    @property
    def state(self):
        """What the twin knows of the market."""
        return self.twin.markets[self.market]

    def do(self, function, *arguments, sender=None, value=0):
        """On chain; it must succeed."""
        sender = sender or self.provider
        outcome = self.evm.send(sender, self.contract.address, self.contract.data(function, *arguments), value)
        assert outcome.ok, f"{function}: {outcome.reason}"
        for log in outcome.logs:
            if log.name == "Block":
                if self.blocks is None:
                    portions = self.secret.portions
                    self.blocks = Blocks([portions[i] for i in self.state.hidden], self.plan.rows)
                self.blocks.tell(log.arguments)
        return outcome

    def begin(self):
        """Commit, draw, reveal, prepare: anybody can contribute."""
        root, plan, block = self.secret.tree.root, self.plan, self.evm.number
        self.do("commit", self.market, root, plan.astuple(), value=plan.total)
        self.twin.commit(self.provider, self.market, root, plan, plan.total, block)
        self.evm.mine(5)
        self.do("draw", self.market)
        seed = self.evm.hash_of(self.state.draw_block)
        self.twin.draw(self.market, self.evm.number, seed, self.evm.time)
        self.reveal()
        self.do("prepare", self.market, 600, bytes(32))
        self.twin.prepare(self.market, self.evm.time)
        return self

    def reveal(self):
        """All that can be revealed now."""
        for index in range(self.plan.portions):
            if (index in self.state.drawn) == (self.state.phase != REVEALING):
                arguments = self.secret.reveal_arguments(index)
                self.do("reveal", *arguments)
                self.twin.reveal(*arguments, self.evm.time)

    def close(self):
        if self.state.phase == PARTICIPATING and len(self.state.contributions) < self.plan.max_contributions:
            self.evm.wait(max(1, self.state.deadline - self.evm.time))
        self.do("close", self.market)
        self.twin.close(self.market, self.evm.time)

    def score(self, count=None):
        """Reveal the rest, check, and score so many contributions, by default all."""
        self.reveal()
        while self.state.phase == REVEALING:
            shown = self.twin.to_check(self.market, 65_535)
            self.do("check", self.market, *shown, 65_535)
            self.twin.check(self.provider, self.market, 65_535, self.evm.time, shown)
        while self.state.phase == SCORING and (count is None or self.state.scored < count):
            given = [c.given for c in self.state.contributions[self.state.scored : count]]
            some, packed = fitting(given[:20])
            first = self.state.scored + 1
            beside = self.twin.around(self.market, first, first + len(some) - 1)
            carried = self.carried(first + len(some) - 1)
            self.do("score_many", self.market, first, packed, 65_535, *beside, carried)
            self.twin.score_many(self.provider, self.market, first, some, 65_535)

    def carried(self, last, limit=65_535):
        """What `score_many` is shown for contributions up to the last."""
        return self.blocks.carried(last, limit) if self.blocks else []

    def settle(self):
        entries = self.twin.entries(self.market)
        self.do("settle", self.market, entries)
        self.twin.settle(self.provider, self.market, entries)

    def expire(self):
        self.evm.wait(max(1, self.state.deadline - self.evm.time))
        self.do("expire", self.market)
        self.twin.expire(self.provider, self.market, self.evm.time, self.evm.number)

    def withdraw_all(self, sender):
        """All that contributions are owed, by somebody's transactions."""
        for index in range(1, len(self.state.contributions) + 1):
            function, arguments = self.twin.claim(self.market, index)
            self.do(function, *arguments, sender=sender)
            getattr(self.twin, function)(sender, *arguments)
        self.do("withdraw_rest", self.market, sender=sender)
        self.twin.withdraw_rest(sender, self.market)
        assert self.contract.call("held", self.market) == (0, 0)
