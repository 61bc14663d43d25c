"""Twin of `PredictionMarket`: the same phases, the same integers, the same errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from math import comb

from eth_abi import encode
from eth_utils import keccak

from simulation.merkle import root_of, standard_leaf
from simulation.revert import require
from simulation.rows import iterate_rows
from simulation.settlement import settle

COMMITTED, DRAWN, PARTICIPATING, REVEALING, SCORING, SETTLING = range(1, 7)
SETTLED, VOID, CANCELLED, SILENT, ABANDONED = range(7, 12)
PHASES = (
    "none",
    "committed",
    "drawn",
    "participating",
    "revealing",
    "scoring",
    "settling",
    "settled",
    "void",
    "cancelled",
    "silent",
    "abandoned",
)

DRAW_DELAY = 4  # blocks
BLOCKHASH_WINDOW = 256  # blocks
MAX_PORTION = 16_384  # bytes of rows in a portion, and in one evaluation
MAX_BATCH = 64
MAX_PORTIONS = 256
MAX_ROWS = 65_535
MAX_CONTRIBUTIONS = 4_096
MAX_DEPTH = 8
LEAF_TYPES = ("uint256", "address", "uint256", "uint256", "bytes32", "bytes32")  # see `portion_leaf`


@dataclass(frozen=True)
class Terms:
    """On what terms a model's markets are held: wei and seconds."""

    min_bounty: int = 0
    min_bond: int = 0
    max_length: int = 2**32 - 1
    owner_only: bool = False

    def pack(self) -> bytes:
        """As the contract's `open` takes them."""
        return encode(
            ["uint96", "uint96", "uint32", "bool"], [self.min_bounty, self.min_bond, self.max_length, self.owner_only]
        )


@dataclass(frozen=True)
class Plan:
    """What a provider offers: the contract's `Plan`, field by field (wei and seconds)."""

    stake: int
    rounds: int
    bond: int
    fee: int
    portions: int
    drawn: int
    rows: int
    min_contributions: int = 1
    max_contributions: int = MAX_CONTRIBUTIONS
    reveal_time: int = 3_600
    participation_time: int = 86_400
    rest_time: int = 86_400
    score_time: int = 86_400

    @property
    def bounty(self) -> int:
        return self.stake * self.rounds

    @property
    def total(self) -> int:
        """Wei that the provider sends with the commitment."""
        return self.bounty + self.bond + self.fee * self.max_contributions

    @property
    def hidden(self) -> int:
        """Portions that stay hidden until the end."""
        return self.portions - self.drawn

    @property
    def hidden_rows(self) -> int:
        return self.hidden * self.rows

    def astuple(self) -> tuple[int, ...]:
        """In the order of the contract's struct."""
        return tuple(self.__dict__.values())


def chance_to_cheat(portions: int, drawn: int, bad: int) -> float:
    """The probability that none of `bad` portions is among the drawn: C(n - c, k) / C(n, k)."""
    return comb(portions - bad, drawn) / comb(portions, drawn)


def draw_portions(seed: bytes, market: int, portions: int, drawn: int) -> set[int]:
    """The portions that a block hash draws: Floyd's algorithm, each set of `drawn` is equally likely."""
    chosen: set[int] = set()
    for last in range(portions - drawn, portions):
        i = int.from_bytes(keccak(encode(["bytes32", "uint256", "uint256"], [seed, market, last]))) % (last + 1)
        chosen.add(last if i in chosen else i)
    return chosen


def market_id(model: str, number: int) -> int:
    """The id of a model's market; the first has number 1."""
    return int(model, 16) << 32 | number


def portion_leaf(chain_id: int, contract: str, market: int, index: int, salt: bytes, rows: bytes) -> bytes:
    """The leaf of a portion."""
    return standard_leaf(
        LEAF_TYPES,
        [chain_id, contract, market, index, salt, keccak(rows)],
    )


@dataclass
class Contribution:
    """One stake on one sample."""

    contributor: str
    x: bytes
    y: int
    effect: int
    errors: int = 0  # on the hidden rows after it
    rounds: int = 0  # in which it took part
    balance: int = 0  # stakes times hidden rows
    paid: bool = False


@dataclass
class Market:
    """The state of one market."""

    model: str
    provider: str
    root: bytes
    plan: Plan
    draw_block: int
    provider_part: int  # wei of the pot
    contributors_part: int = 0
    phase: int = COMMITTED
    deadline: int = 0
    drawn: set[int] = field(default_factory=set)
    shown: set[int] = field(default_factory=set)
    rows: dict[int, bytes] = field(default_factory=dict)  # hidden portions that were revealed
    weight: int = 0
    replica: object = None
    contributions: list[Contribution] = field(default_factory=list)
    initial_errors: int = 0
    errors: int = 0
    partial: int = 0
    cursor: int = 0
    scored: int = 0
    settled: int = 0


class PredictionMarket:
    """The contract's state for all its models.

    Parameters
    ----------
    address : str
        Of the contract; leaves contain it.
    chain_id : int
    balances : dict of int, optional
        Wei of each account; changed by stakes and payments.

    Notes
    -----
    Source: Harris and Waggoner, "Decentralized & Collaborative AI on Blockchain", slides "Based on Prediction Markets";
    J. Abernethy and R. Frongillo, "A Collaborative Mechanism for Crowdsourcing Prediction Problems", NeurIPS 2011;
    B. Waggoner, R. Frongillo and J. Abernethy, "A Market Framework for Eliciting Private Data", NeurIPS 2015.
    """

    def __init__(self, address: str, chain_id: int, balances: dict[str, int] | None = None):
        self.address = address
        self.chain_id = chain_id
        self.balances = defaultdict(int) if balances is None else balances
        self.balance = 0  # wei held
        self.models: dict[str, tuple[object, str, Terms]] = {}
        self._addresses: dict[int, str] = {}  # of the models, by what stands in a market's id
        self.markets: dict[int, Market] = {}
        self.numbers: dict[str, int] = defaultdict(int)

    def open(self, model: str, twin: object, owner: str, terms: Terms) -> None:
        """Hold markets for a model."""
        require(model not in self.models, "prediction-market: open already")
        self.models[model] = twin, owner, terms
        self._addresses[int(model, 16)] = model

    def latest_market(self, model: str) -> int:
        return market_id(model, self.numbers[model]) if self.numbers[model] else 0

    def next_market(self, model: str) -> int:
        return market_id(model, self.numbers[model] + 1)

    def leaf(self, market: int, index: int, salt: bytes, rows: bytes) -> bytes:
        return portion_leaf(self.chain_id, self.address, market, index, salt, rows)

    # ---- 1 commit ----------------------------------------------------------------------------------------------------

    def commit(self, sender: str, market: int, root: bytes, plan: Plan, value: int, block: int) -> None:
        """Start a market. `block` is the number of the block of this transaction."""
        model = self._addresses.get(market >> 32, "")
        require(model in self.models, "prediction-market: not open for this model")
        _, owner, terms = self.models[model]
        running = self.markets.get(self.latest_market(model))
        require(running is None or running.phase >= SETTLED, "prediction-market: another market is running")
        require(market == self.next_market(model), "prediction-market: not the model's next market")
        require(not terms.owner_only or sender == owner, "prediction-market: only the model's owner may commit")
        p = plan
        require(p.stake > 0 and p.rounds > 0, "prediction-market: no stake or no bounty")
        require(p.bounty >= terms.min_bounty, "prediction-market: bounty below the terms")
        require(p.bond >= terms.min_bond, "prediction-market: bond below the terms")
        require(
            p.portions <= MAX_PORTIONS and 0 < p.drawn < p.portions,
            "prediction-market: 1 to n - 1 of at most 256 portions are drawn",
        )
        require(p.rows > 0 and p.hidden_rows <= MAX_ROWS, "prediction-market: 1 to 65,535 hidden rows")
        require(
            0 < p.min_contributions <= p.max_contributions <= MAX_CONTRIBUTIONS,
            "prediction-market: 1 to 4,096 contributions",
        )
        times = p.reveal_time, p.participation_time, p.rest_time, p.score_time
        require(min(times) > 0, "prediction-market: no time for a phase")
        require(sum(times) <= terms.max_length, "prediction-market: longer than the terms allow")
        require(value >= p.total, "prediction-market: bounty, bond and fees above the value sent")
        require(p.total < 2**96, "prediction-market: more money than there is")
        self.numbers[model] += 1
        self.markets[market] = Market(model, sender, root, plan, block + DRAW_DELAY, p.total)
        self._pay(sender, -p.total)

    # ---- 2 draw ------------------------------------------------------------------------------------------------------

    def draw(self, market: int, block: int, block_hash: bytes | None, time: int) -> None:
        """Draw the portions to reveal. `block_hash` is that of the draw block, None if it can not be had any more."""
        m = self._market(market)
        require(m.phase == COMMITTED, "prediction-market: not waiting for the draw")
        require(block > m.draw_block, "prediction-market: the block of the draw is not there yet")
        require(block_hash is not None, "prediction-market: the draw was missed")
        m.drawn = draw_portions(block_hash, market, m.plan.portions, m.plan.drawn)
        m.phase = DRAWN
        m.deadline = time + m.plan.reveal_time

    # ---- 3 and 6 reveal ----------------------------------------------------------------------------------------------

    def reveal(self, market: int, index: int, salt: bytes, rows: bytes, proof: Sequence[bytes], time: int) -> None:
        """Reveal a portion."""
        m = self._market(market)
        require(m.phase in (DRAWN, REVEALING), "prediction-market: nothing to reveal now")
        require(time < m.deadline, "prediction-market: too late")
        require(index < m.plan.portions, "prediction-market: no such portion")
        hidden = index not in m.drawn
        require(hidden == (m.phase == REVEALING), "prediction-market: not the portions to reveal now")
        require(index not in m.shown and index not in m.rows, "prediction-market: revealed already")
        leaf = self.leaf(market, index, salt, rows)
        require(root_of(leaf, proof) == m.root, "prediction-market: not what was committed")
        count = sum(1 for _ in iterate_rows(rows))
        require(count >= m.plan.rows, "sample: row is cut off")
        require(count == m.plan.rows, "prediction-market: more rows than a portion has")
        if not hidden:
            self.models[m.model][0].evaluate(rows)
        weight = m.weight + (2**MAX_DEPTH >> len(proof))
        require(
            len(m.shown) + len(m.rows) + 1 < m.plan.portions or weight == 2**MAX_DEPTH,
            "prediction-market: the tree has other leaves",
        )
        m.weight = weight
        if hidden:
            m.rows[index] = rows
        else:
            m.shown.add(index)

    def check(self, market: int, portions: int, time: int) -> None:
        """Count the errors before the first contribution."""
        m = self._market(market)
        require(m.phase == REVEALING and len(m.rows) == m.plan.hidden, "prediction-market: nothing to check now")
        require(time < m.deadline, "prediction-market: too late")
        m.cursor, m.initial_errors, _ = self._count_errors(m, max(m.cursor, 1), m.initial_errors, portions)
        if m.cursor == m.plan.portions + 1:
            m.phase = SCORING
            m.deadline = time + m.plan.score_time
            m.cursor = 0
            m.errors = m.initial_errors

    # ---- 4 prepare ---------------------------------------------------------------------------------------------------

    def prepare(self, market: int, time: int) -> None:
        """Copy the model, which begins the participation. The contract may need several steps."""
        m = self._market(market)
        require(
            m.phase == DRAWN and len(m.shown) == m.plan.drawn,
            "prediction-market: not all drawn portions are revealed",
        )
        require(time < m.deadline, "prediction-market: too late")
        m.replica = deepcopy(self.models[m.model][0])
        m.phase = PARTICIPATING
        m.deadline = time + m.plan.participation_time

    # ---- 5 participate -----------------------------------------------------------------------------------------------

    def add_data(self, sender: str, model: str, x: bytes, y: int, value: int, time: int) -> int:
        """Stake on a sample; returns its effect."""
        m = self.markets.get(self.latest_market(model))
        require(
            m is not None and m.phase == PARTICIPATING and time < m.deadline,
            "prediction-market: nobody can take part now",
        )
        require(len(m.contributions) < m.plan.max_contributions, "prediction-market: full")
        require(value >= m.plan.stake, "prediction-market: stake above the value sent")
        effect = self.models[model][0].update(x, y)
        m.contributions.append(Contribution(sender, x, y, effect))
        self._pay(sender, -m.plan.stake)
        return effect

    def close(self, market: int, time: int) -> None:
        """End the participation."""
        m = self._market(market)
        require(m.phase == PARTICIPATING, "prediction-market: nobody takes part")
        count = len(m.contributions)
        require(time >= m.deadline or count == m.plan.max_contributions, "prediction-market: neither over nor full")
        m.contributors_part = count * m.plan.stake
        if count < m.plan.min_contributions:
            self._end(m, CANCELLED)
        else:
            m.phase = REVEALING
            m.deadline = time + m.plan.rest_time

    # ---- 7 score -----------------------------------------------------------------------------------------------------

    def score(
        self, sender: str, market: int, contributor: str, x: bytes, y: int, effect: int, portions: int = 256
    ) -> None:
        """Replay the next contribution and count the errors after it."""
        m = self._market(market)
        require(m.phase == SCORING, "prediction-market: nothing to score now")
        c = m.contributions[m.scored]
        require(
            (contributor, x, y, effect) == (c.contributor, c.x, c.y, c.effect),
            "prediction-market: not the contribution to be scored next",
        )
        parts, done = 0, False
        if m.cursor == 0:
            if effect and m.replica.update(x, y):
                m.cursor, m.partial = 1, 0
            else:
                parts, done = 1, True
        if m.cursor:
            m.cursor, m.partial, parts = self._count_errors(m, m.cursor, m.partial, portions)
            if m.cursor == m.plan.portions + 1:
                done = True
                m.errors, m.cursor = m.partial, 0
        if done:
            c.errors = m.errors
            m.scored += 1
            if m.scored == len(m.contributions):
                m.phase = SETTLING
        self._pay_fee(m, sender, parts)

    # ---- 8 settle ----------------------------------------------------------------------------------------------------

    def settle(self, sender: str, market: int, count: int) -> None:
        """Work out what the next contributions earned."""
        m = self._market(market)
        require(m.phase == SETTLING and count > 0, "prediction-market: nothing to settle now")
        last = min(m.settled + count, len(m.contributions))
        errors = [m.initial_errors] + [c.errors for c in m.contributions]
        results = settle(errors, m.plan.hidden_rows, m.plan.rounds)
        for t in range(m.settled, last):
            c = m.contributions[t]
            c.balance, c.rounds = results[t]
            self._shift(m, m.plan.stake * c.balance // m.plan.hidden_rows - m.plan.stake)
        steps = last - m.settled
        m.settled = last
        if last == len(m.contributions):
            self._end(m, SETTLED)
        self._pay_fee(m, sender, steps)

    # ---- 9 withdraw --------------------------------------------------------------------------------------------------

    def owed(self, market: int, index: int) -> int:
        """Wei that a contribution, counted from 1, is owed."""
        m = self._market(market)
        c = m.contributions[index - 1]
        if m.phase < SETTLED or c.paid:
            return 0
        if m.phase == CANCELLED:
            return m.plan.stake
        if m.phase == SETTLED:
            return m.plan.stake * c.balance // m.plan.hidden_rows
        return m.plan.stake + self._shared(m) // len(m.contributions)

    def withdraw(self, market: int, index: int, contributor: str, x_hash: bytes, y: int, effect: int) -> int:
        """Pay what a contribution is owed."""
        m = self._market(market)
        require(m.phase >= SETTLED, "prediction-market: not ended")
        message = "prediction-market: no such contribution, or paid already"
        require(0 < index <= len(m.contributions), message)
        c = m.contributions[index - 1]
        claim = contributor, x_hash, y, effect
        require(not c.paid and claim == (c.contributor, keccak(c.x), c.y, c.effect), message)
        amount = self.owed(market, index)
        c.paid = True
        m.contributors_part -= amount
        return self._pay(contributor, amount)

    def withdraw_rest(self, market: int) -> int:
        """Pay the provider what is left."""
        m = self._market(market)
        require(m.phase >= SETTLED, "prediction-market: not ended")
        amount = m.provider_part
        require(amount > 0, "prediction-market: nothing left")
        m.provider_part = 0
        return self._pay(m.provider, amount)

    # ---- ways out ----------------------------------------------------------------------------------------------------

    def expire(self, sender: str, market: int, time: int, block: int, block_hash: bytes | None = None) -> None:
        """End a market that missed its deadline; `block_hash` is that of the draw block if it can still be had."""
        m = self._market(market)
        require(m.phase in (COMMITTED, DRAWN, REVEALING, SCORING), "prediction-market: no deadline to miss")
        if m.phase == COMMITTED:
            late = block > m.draw_block + BLOCKHASH_WINDOW and block_hash is None
        else:
            late = time >= m.deadline
        require(late, "prediction-market: not too late")
        if m.phase in (COMMITTED, DRAWN):
            m.provider_part -= m.plan.bond
            self._end(m, VOID)
            self._pay(sender, m.plan.bond)
        else:
            self._end(m, SILENT if m.phase == REVEALING else ABANDONED)
            count = len(m.contributions)
            self._shift(m, self._shared(m) // count * count)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _market(self, market: int) -> Market:
        require(market in self.markets, "prediction-market: no such market")
        return self.markets[market]

    @staticmethod
    def _end(m: Market, phase: int) -> None:
        m.phase, m.deadline = phase, 0

    @staticmethod
    def _shared(m: Market) -> int:
        return m.plan.bounty + (m.plan.bond if m.phase == SILENT else 0)

    @staticmethod
    def _shift(m: Market, amount: int) -> None:
        m.contributors_part += amount
        m.provider_part -= amount

    @staticmethod
    def _count_errors(m: Market, cursor: int, errors: int, portions: int) -> tuple[int, int, int]:
        size = evaluated = 0
        batch = b""
        for i in range(cursor - 1, m.plan.portions):
            if i not in m.drawn:
                if evaluated == min(portions, MAX_BATCH):
                    break
                size += len(m.rows[i])
                if size > MAX_PORTION:
                    break
                batch += m.rows[i]
                evaluated += 1
            cursor = i + 2
        return cursor, errors + (m.replica.evaluate(batch) if batch else 0), evaluated

    def _pay_fee(self, m: Market, account: str, parts: int) -> None:
        amount = m.plan.fee // (m.plan.hidden + 1) * parts
        m.provider_part -= amount
        self._pay(account, amount)

    def _pay(self, account: str, amount: int) -> int:
        self.balance -= amount
        self.balances[account] += amount
        return amount
