"""Twin of `PredictionMarket`: the same phases, the same integers, the same errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import islice
from math import comb

from eth_abi import encode
from eth_utils import keccak

from comodels.batch import Signed
from comodels.incentives.chains import GROUP, Given, around
from comodels.incentives.commitment import beside_portion, portion_leaf
from comodels.incentives.scorers import (
    SCORERS,
    EvaluatingScorer,
    Replica,
    Scorer,
    portions_for_check,
    scorer_for,
)
from comodels.incentives.settlement import GROUP as DUES_GROUP
from comodels.incentives.settlement import OwedTree, owed_leaf, owed_root, owed_way, settle, shares
from comodels.incentives.terms import Term, TermsBase, term
from comodels.incentives.twins import IsSigned, add_each
from comodels.merkle import root_of
from comodels.revert import Revert, attempt, require
from comodels.units import DAY, ETHER
from comodels.wire import iterate_withdrawals, pack_entries, pack_withdrawal

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
ENDINGS = {
    SETTLED: "settled: each contribution is paid what it earned",
    VOID: "void: the draw or the drawn portions were missed in time, so the provider loses the bond",
    CANCELLED: "cancelled: there were too few contributions, so everybody gets back what they paid in",
    SILENT: "silent: the rest was not revealed in time, so contributors get their stakes, and share bounty and bond",
    ABANDONED: "abandoned: not all was scored in time; what was is paid what it earned, the others get their stakes",
}

DRAW_DELAY = 4  # blocks
BLOCKHASH_WINDOW = 256  # blocks
MAX_PORTIONS = 256
MAX_ROWS = 65_535
MAX_CONTRIBUTIONS = 4_096
MAX_DEPTH = 8
SETTLING_PARTS = 4  # of a contribution's fee; each hidden row is one
MIN_SCORE_TIME = 86_400  # seconds
ROWS_A_SECOND = 1_000  # that there may be to evaluate, which lengthen it


@dataclass(frozen=True)
class Terms(TermsBase):
    """On what terms a model's markets are held, as `PredictionMarket.Terms` in the contract.

    Where not only the owner may commit, the least bond is also what others pay the owner for each market.
    """

    min_bounty: int = term(10**16, "uint96", "wei", "The least bounty of a market", "The least bounty of a market.")
    min_bond: int = term(
        10**16,
        "uint96",
        "wei",
        "The least that a silent provider loses; others than you pay it to you too",
        "The least that a silent provider loses; others than the owner pay it to the owner too.",
    )
    max_length: int = term(
        90 * DAY, "uint32", "seconds", "The longest that a market may take", "The longest that a market may take."
    )
    owner_only: bool = term(
        True,
        "bool",
        "choice",
        "Only the owner of the model may start markets",
        "Only the owner of the model may start markets.",
    )

    def __post_init__(self) -> None:
        require(self.owner_only or self.min_bond > 0, "prediction-market: a market of anyone needs a least bond")

    def pack(self) -> bytes:
        """As the contract's `open` takes them."""
        return self.encode()


def _asked(name: str, unit: str, default: int, help: str, most: int = 2**96 - 1) -> Term:
    return Term(name, "", unit, "", help, default, most)


PLANNED = (
    _asked("portions", "number", 10, "Parts of the test set, of equal size.", 256),
    _asked("drawn", "number", 3, "Portions that are drawn and shown before the participation.", 255),
    _asked("stake", "wei", ETHER // 1_000, "What each contribution stakes."),
    _asked("rounds", "number", 50, "The bounty, in stakes.", 2**24 - 1),
    _asked("bond", "wei", ETHER // 20, "What the provider loses if the test set is not revealed in time."),
    _asked("fee", "wei", ETHER // 10_000, "What the provider pays for scoring one contribution."),
    _asked("min_contributions", "number", 1, "With fewer contributions it is cancelled.", MAX_CONTRIBUTIONS),
    _asked("max_contributions", "number", 200, "With so many the participation ends.", MAX_CONTRIBUTIONS),
    _asked("reveal_time", "seconds", DAY, "For revealing the drawn portions."),
    _asked("participation_time", "seconds", 7 * DAY, "For the participation."),
    _asked("rest_time", "seconds", 2 * DAY, "For revealing the other portions, and checking them."),
    _asked("score_time", "seconds", 7 * DAY, "For scoring the contributions."),
)
"""What a provider is asked for, the fields of a `Plan`, with what is usual. Rows follow from the test set."""


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
    score_time: int = 7 * 86_400

    @property
    def bounty(self) -> int:
        return self.stake * self.rounds

    @property
    def total(self) -> int:
        """Wei that the provider sends with the commitment."""
        return self.bounty + self.bond + self.fee * (self.max_contributions + 1)

    @property
    def hidden(self) -> int:
        """Portions that stay hidden until the end."""
        return self.portions - self.drawn

    @property
    def hidden_rows(self) -> int:
        return self.hidden * self.rows

    @property
    def least_score_time(self) -> int:
        """Seconds that the time for scoring must have at least."""
        return MIN_SCORE_TIME + self.max_contributions * self.hidden_rows // ROWS_A_SECOND

    def check(self, terms: Terms) -> None:
        """Raise `Revert` where the contract would refuse to commit to this under an incentive's terms."""
        require(self.stake > 0 and self.rounds > 0, "prediction-market: no stake or no bounty")
        require(self.bounty >= terms.min_bounty, "prediction-market: bounty below the terms")
        require(self.bond >= terms.min_bond, "prediction-market: bond below the terms")
        require(
            self.portions <= MAX_PORTIONS and 0 < self.drawn < self.portions,
            "prediction-market: 1 to n - 1 of at most 256 portions are drawn",
        )
        require(self.rows > 0 and self.hidden_rows <= MAX_ROWS, "prediction-market: 1 to 65,535 hidden rows")
        require(
            0 < self.min_contributions <= self.max_contributions <= MAX_CONTRIBUTIONS,
            "prediction-market: 1 to 4,096 contributions",
        )
        times = self.reveal_time, self.participation_time, self.rest_time, self.score_time
        require(min(times) > 0, "prediction-market: no time for a phase")
        require(sum(times) <= terms.max_length, "prediction-market: longer than the terms allow")
        require(self.score_time >= self.least_score_time, "prediction-market: too little time to score")
        require(self.total + self.stake < 2**96, "prediction-market: more money than there is")

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
        i = int.from_bytes(keccak(encode(["bytes32", "uint256", "uint256"], [seed, market, last])), "big") % (last + 1)
        chosen.add(last if i in chosen else i)
    return chosen


def market_id(model: str, number: int) -> int:
    """The id of a model's market; the first has number 1."""
    return int(model, 16) << 32 | number


def place_of(model: str, more: int) -> tuple[int, int]:
    """The market of a contribution, and its index there, from what its event adds to the facts."""
    return market_id(model, more >> 16), more & 0xFFFF


@dataclass
class Contribution:
    """One stake on one sample that changed the model."""

    contributor: str
    sponsor: str  # who paid the stake: the contributor, or who sent it for them
    x: bytes
    y: int
    effect: int
    errors: int = 0  # on the hidden rows after it
    rounds: int = 0  # in which it took part
    balance: int = 0  # stakes times hidden rows
    paid: bool = False

    @property
    def given(self) -> Given:
        """As it is shown: contributor, sample, label, effect, and the sponsor where that is another."""
        given = self.contributor, self.x, self.y, self.effect
        return given if self.sponsor == self.contributor else (*given, self.sponsor)


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
    rows: dict[int, bytes] = field(default_factory=dict)  # portions that were revealed
    beside: dict[int, list[bytes]] = field(default_factory=dict)  # what is shown of each of them to `check`
    handed: int = 0  # hidden portions that the scorer has
    weight: int = 0
    scorer: Scorer | None = None
    contributions: list[Contribution] = field(default_factory=list)
    initial_errors: int = 0
    errors: int = 0
    scored: int = 0
    settled: int = 0
    calls: list[int] = field(default_factory=list)  # how many contributions each call that scored some has finished
    owed: OwedTree | None = None  # over what the contributions that were settled are owed

    @property
    def order(self) -> list[int]:
        """The portions in the order in which they are revealed: those that were drawn, and all others."""
        return sorted(range(self.plan.portions), key=lambda i: (i not in self.drawn, i))

    @property
    def next(self) -> int:
        """Behind the latest portion that was revealed in this phase or, when all are, handed to the scorer."""
        count = len(self.rows)
        if count == self.plan.portions:
            return self.hidden[self.handed - 1] + 1 if self.handed else 0
        if count == 0 or (count == self.plan.drawn and self.phase in (REVEALING, SILENT)):
            return 0
        return self.order[count - 1] + 1

    @property
    def hidden(self) -> list[int]:
        """The portions that were not drawn."""
        return self.order[self.plan.drawn :]

    @property
    def replica(self) -> Replica:
        """The copy of the model, once there is one."""
        assert self.scorer is not None
        return self.scorer.replica

    @property
    def cursor(self) -> int:
        """Whether the contribution that is scored next has been begun with, where they are replayed one by one."""
        assert self.scorer is not None
        return self.scorer.cursor


class PredictionMarket:
    """The contract's state for all its models.

    Parameters
    ----------
    address : str
        Of the contract; leaves contain it.
    chain_id : int
    balances : dict of int, optional
        Wei of each account; changed by stakes and payments.
    scorers : dict, optional
        Who counts errors, by kind of models; by default all that there are.

    Attributes
    ----------
    refusing : set of str
        Accounts that do not take what others have paid to them: it is credited.
    credits : dict of int
        Wei that each of them can fetch.

    Notes
    -----
    Source: Harris and Waggoner, "Decentralized & Collaborative AI on Blockchain", slides "Based on Prediction Markets";
    J. Abernethy and R. Frongillo, "A Collaborative Mechanism for Crowdsourcing Prediction Problems", NeurIPS 2011;
    B. Waggoner, R. Frongillo and J. Abernethy, "A Market Framework for Eliciting Private Data", NeurIPS 2015.
    """

    def __init__(self, address: str, chain_id: int, balances: dict[str, int] | None = None, scorers=None):
        self.address = address
        self.scorers = SCORERS if scorers is None else scorers
        self.chain_id = chain_id
        self.balances = defaultdict(int) if balances is None else balances
        self.balance = 0  # wei held
        self.refusing: set[str] = set()
        self.credits: dict[str, int] = defaultdict(int)
        self.models: dict[str, tuple[Replica, str, Terms]] = {}
        self._addresses: dict[int, str] = {}  # of the models, by what stands in a market's id
        self.markets: dict[int, Market] = {}
        self.numbers: dict[str, int] = defaultdict(int)
        # by model, contributor, sponsor, sample and label: signatures that were used up or cancelled
        self.rounds: dict[tuple[str, str, str, bytes, int], int] = defaultdict(int)

    def open(self, model: str, twin: Replica, owner: str, terms: Terms) -> None:
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
        """Start a market. `block` is the number of the block of this transaction.

        Who is not the model's owner pays the owner the least bond of the terms, for good.
        """
        model = self._addresses.get(market >> 32, "")
        require(model in self.models, "prediction-market: not open for this model")
        _, owner, terms = self.models[model]
        running = self.markets.get(self.latest_market(model))
        require(running is None or running.phase >= SETTLED, "prediction-market: another market is running")
        require(market == self.next_market(model), "prediction-market: not the model's next market")
        require(not terms.owner_only or sender == owner, "prediction-market: only the model's owner may commit")
        p = plan
        p.check(terms)
        price = 0 if sender == owner else terms.min_bond
        require(value >= p.total + price, "prediction-market: bounty, bond, fees and price above the value sent")
        self.numbers[model] += 1
        self.markets[market] = Market(model, sender, root, plan, block + DRAW_DELAY, p.total)
        self._take(sender, p.total + price)
        self._pay(sender, owner, price)

    # ---- 2 draw ------------------------------------------------------------------------------------------------------

    def draw(self, market: int, block: int, block_hash: bytes | None, time: int) -> None:
        """Draw the portions to reveal. `block_hash` is that of the draw block, None if it can not be had any more."""
        m = self._market(market)
        require(m.phase == COMMITTED, "prediction-market: not waiting for the draw")
        require(block > m.draw_block, "prediction-market: the block of the draw is not there yet")
        if block_hash is None:
            raise Revert("prediction-market: the draw was missed")
        m.drawn = draw_portions(block_hash, market, m.plan.portions, m.plan.drawn)
        m.phase = DRAWN
        m.deadline = time + m.plan.reveal_time

    # ---- 3 and 6 reveal ----------------------------------------------------------------------------------------------

    def reveal(self, market: int, index: int, salt: bytes, rows: bytes, proof: Sequence[bytes], time: int) -> None:
        """Reveal a portion."""
        m = self._market(market)
        left = m.phase == DRAWN or (m.phase == REVEALING and len(m.rows) < m.plan.portions)
        require(left, "prediction-market: nothing to reveal now")
        require(time < m.deadline, "prediction-market: too late")
        require(
            len(m.rows) < len(m.drawn if m.phase == DRAWN else m.order) and index == m.order[len(m.rows)],
            "prediction-market: not the portion to reveal next",
        )
        leaf = self.leaf(market, index, salt, rows)
        require(root_of(leaf, proof) == m.root, "prediction-market: not what was committed")
        weight = m.weight + (2**MAX_DEPTH >> len(proof))
        require(
            len(m.rows) + 1 < m.plan.portions or weight == 2**MAX_DEPTH,
            "prediction-market: the tree has other leaves",
        )
        m.weight = weight
        m.rows[index] = rows
        m.beside[index] = beside_portion(salt, rows, proof)

    def to_check(self, market: int, limit: int) -> tuple[bytes, list[bytes]]:
        """What `check` is to be shown for so many rows: the portions that come next, and what stands beside them."""
        m = self._market(market)
        some = self.portions_to_check(market, limit)
        return b"".join(m.rows[i] for i in some), [word for i in some for word in m.beside[i]]

    def portions_to_check(self, market: int, limit: int) -> list[int]:
        """Which portions `check` is to be shown for so many rows."""
        m = self._market(market)
        left = m.hidden[m.handed :]
        in_blocks = not isinstance(m.scorer, EvaluatingScorer)
        return left[: portions_for_check([len(m.rows[i]) for i in left], m.plan.rows, limit, in_blocks)]

    def check(self, sender: str, market: int, rows: int, time: int, shown=None) -> None:
        """Count the errors before the first contribution, on the next `rows` hidden rows at most.

        Without `shown`, the rows and what stands beside them, the right ones are shown.
        """
        m = self._market(market)
        require(m.phase == REVEALING and len(m.rows) == m.plan.portions, "prediction-market: nothing to check now")
        require(time < m.deadline, "prediction-market: too late")
        assert m.scorer is not None
        packed, beside = self.to_check(market, rows) if shown is None else shown
        portions, at, words = [], 0, list(beside)
        for index in m.hidden[m.handed :]:
            if not words:
                break
            _, size, length, *_ = words
            count = 3 + int.from_bytes(length, "big")
            portions.append(packed[at : at + int.from_bytes(size, "big")])
            at += len(portions[-1])
            right = portions[-1] == m.rows[index] and words[:count] == m.beside[index]
            require(right, "prediction-market: not what was revealed")
            words = words[count:]
        require(at == len(packed) and not words, "prediction-market: not what was revealed")
        more = m.handed + len(portions) < m.plan.hidden
        errors, count, taken, done = m.scorer.check(portions, m.plan.rows, more, rows)
        m.handed += taken
        m.initial_errors += errors
        if done:
            m.phase = SCORING
            m.deadline = time + m.plan.score_time
            m.errors = m.initial_errors
        self._pay_fee(m, sender, count)

    # ---- 4 prepare ---------------------------------------------------------------------------------------------------

    def prepare(self, market: int, time: int) -> None:
        """Copy the model, which begins the participation. The contract may need several steps."""
        m = self._market(market)
        require(
            m.phase == DRAWN and len(m.rows) == m.plan.drawn,
            "prediction-market: not all drawn portions are revealed",
        )
        require(time < m.deadline, "prediction-market: too late")
        m.scorer = scorer_for(deepcopy(self.models[m.model][0]), self.scorers)
        m.phase = PARTICIPATING
        m.deadline = time + m.plan.participation_time

    # ---- 5 participate -----------------------------------------------------------------------------------------------

    def add_data(self, sender: str, model: str, x: bytes, y: int, value: int, time: int) -> int:
        """Stake on a sample; returns its effect. One that leaves the model as it was stakes nothing and is not kept."""
        return self._add(self._open_market(model, 1, value, time), sender, sender, x, y)

    def add_many(
        self, sender: str, model: str, rows: Sequence[tuple[bytes, int]], value: int, time: int
    ) -> list[int | str]:
        """Stake on (sample, label) pairs. Returns for each its effect, or why it was skipped."""
        m = self._open_market(model, len(rows), value, time)
        return [attempt(self._add, m, sender, sender, x, y) for x, y in rows]

    def add_signed(
        self,
        sender: str,
        model: str,
        items: Sequence[Signed],
        value: int,
        time: int,
        signed: IsSigned,
    ) -> list[int | str]:
        """As `add_many`, with what others signed."""
        m = self._open_market(model, len(items), value, time)

        def key(item: Signed) -> tuple[str, str, str, bytes, int]:
            return model, item.contributor, sender, item.x, item.y

        def add(item: Signed) -> int:
            effect = self._add(m, item.contributor, sender, item.x, item.y)
            self.rounds[key(item)] += 1
            return effect

        return add_each(items, sender, time, signed, lambda item: self.rounds[key(item)], add)

    def round_of(self, model: str, contributor: str, sponsor: str, x: bytes, y: int) -> int:
        """The round that a signature for a contribution by a sponsor must name now."""
        return self.rounds[model, contributor, sponsor, x, y]

    def cancel(self, sender: str, model: str, sponsor: str, x: bytes, y: int) -> None:
        """Take back the sender's signature of the present round."""
        self.rounds[model, sender, sponsor, x, y] += 1

    def _open_market(self, model: str, count: int, value: int, time: int) -> Market:
        """The market to which so many can be contributed now with so many wei."""
        m = self.markets.get(self.latest_market(model))
        if m is None or m.phase != PARTICIPATING or time >= m.deadline:
            raise Revert("prediction-market: nobody can take part now")
        require(value >= count * m.plan.stake, "prediction-market: stake above the value sent")
        return m

    def _add(self, m: Market, contributor: str, sponsor: str, x: bytes, y: int) -> int:
        require(len(m.contributions) < m.plan.max_contributions, "prediction-market: full")
        effect = self.models[m.model][0].update(x, y)
        require(effect < 2**16, "prediction-market: unknown label or effect")
        if effect:
            m.contributions.append(Contribution(contributor, sponsor, x, y, effect))
            self._take(sponsor, m.plan.stake)
            m.contributors_part += m.plan.stake
        return effect

    def close(self, market: int, time: int) -> None:
        """End the participation."""
        m = self._market(market)
        require(m.phase == PARTICIPATING, "prediction-market: nobody takes part")
        count = len(m.contributions)
        require(time >= m.deadline or count == m.plan.max_contributions, "prediction-market: neither over nor full")
        if count < m.plan.min_contributions:
            self._end(m, CANCELLED)
        else:
            m.phase = REVEALING
            m.deadline = time + m.plan.rest_time

    # ---- 7 score -----------------------------------------------------------------------------------------------------

    def score(
        self, sender: str, market: int, contributor: str, x: bytes, y: int, effect: int, rows: int = MAX_ROWS
    ) -> None:
        """Score the next contribution alone: `score_many` with one."""
        first = self._market(market).scored + 1
        self.score_many(sender, market, first, [(contributor, x, y, effect)], rows)

    def around(self, market: int, first: int, last: int) -> tuple[bytes, list[bytes]]:
        """What must be shown beside the contributions from `first` to `last`."""
        contributions = self._market(market).contributions
        return around([c.given for c in contributions], first, last)

    def score_many(
        self,
        sender: str,
        market: int,
        first: int,
        contributions: Sequence[tuple],
        rows: int,
        before: bytes | None = None,
        after: Sequence[bytes] | None = None,
    ) -> None:
        """Count the errors after contributions (see `Contribution.given`), the first of which is `first`.

        On the next hidden rows, `rows` of them at most.

        Without `before` and `after` the right ones are shown beside them.
        """
        m = self._market(market)
        require(m.phase == SCORING, "prediction-market: nothing to score now")
        said = m.contributions[first - 1 : first - 1 + len(contributions)]
        require(
            contributions == [c.given for c in said],
            "prediction-market: not what was contributed",
        )
        beside = self.around(market, first, first + len(said) - 1)
        self._check_chain(first, beside, beside[0] if before is None else before, beside[1] if after is None else after)
        assert m.scorer is not None
        errors, count, scored = m.scorer.score(first, [(c.x, c.y) for c in said], rows)
        for index, (c, more) in enumerate(zip(said, errors, strict=False), first):
            c.errors += more
            if m.scored < index <= scored:
                m.errors = c.errors
        if scored > m.scored:
            m.calls.append(scored - m.scored)
            m.scored = scored
        if m.scored == len(m.contributions):
            m.phase = SETTLING
        self._pay_fee(m, sender, count)

    # ---- 8 settle ----------------------------------------------------------------------------------------------------

    def entries(self, market: int) -> bytes:
        """What `settle` is to be shown."""
        m = self._market(market)
        scored = iter([(c.contributor, c.errors, c.sponsor) for c in m.contributions[: m.scored]])
        return pack_entries(list(islice(scored, count)) for count in m.calls)

    def settle(self, sender: str, market: int, entries: bytes) -> None:
        """Work out what the contributions that were scored earned."""
        m = self._market(market)
        require(m.phase == SETTLING, "prediction-market: nothing to settle now")
        require(entries == self.entries(market), "prediction-market: not what was scored")
        scored = m.contributions[: m.scored]
        results = settle([m.initial_errors] + [c.errors for c in scored], m.plan.hidden_rows, m.plan.rounds)
        for c, (balance, rounds) in zip(scored, results, strict=True):
            c.balance, c.rounds = balance, rounds
            self._shift(m, m.plan.stake * balance // m.plan.hidden_rows - m.plan.stake)
        m.settled = m.scored
        self._end(m, SETTLED if m.scored == len(m.contributions) else ABANDONED)
        m.owed = OwedTree([(c.contributor, self.owed(market, i), c.sponsor) for i, c in enumerate(scored, 1)])
        self._pay_fee(m, sender, SETTLING_PARTS * m.scored)

    # ---- 9 withdraw --------------------------------------------------------------------------------------------------

    def owed(self, market: int, index: int) -> int:
        """Wei that a contribution, counted from 1, is owed."""
        m = self._market(market)
        require(0 < index <= len(m.contributions), "prediction-market: no such contribution")
        c = m.contributions[index - 1]
        if m.phase < SETTLED or c.paid:
            return 0
        if index <= m.settled:
            return m.plan.stake * c.balance // m.plan.hidden_rows
        if m.phase == SILENT:
            return m.plan.stake + (m.plan.bounty + m.plan.bond) // len(m.contributions)
        return m.plan.stake

    def dues(self, market: int, group: int) -> int:
        """What the contract keeps of a group: a bit for each that was paid, and above them wei that are still owed."""
        m = self._market(market)
        word = 0
        for place, c in enumerate(m.contributions[DUES_GROUP * group : DUES_GROUP * (group + 1)]):
            index = DUES_GROUP * group + place + 1
            word += 1 << place if c.paid else self.owed(market, index) << 128 if index <= m.settled else 0
        return word

    def claim(self, market: int, index: int) -> tuple[str, tuple]:
        """What pays a contribution, counted from 1, when the market has ended: the function, and its arguments."""
        m = self._market(market)
        c = m.contributions[index - 1]
        if index > m.settled:
            return "withdraw_stake", (
                *(market, index, c.contributor, c.sponsor, keccak(c.x), c.y, c.effect),
                *self.around(market, index, index),
            )
        assert m.owed is not None
        amount = m.plan.stake * c.balance // m.plan.hidden_rows
        return "withdraw", (market, pack_withdrawal(c.contributor, amount, index, m.owed.proof(index - 1), c.sponsor))

    def withdraw(self, sender: str, market: int, claims: bytes) -> int:
        """Pay what contributions are owed that were settled; those that were paid are passed over."""
        m = self.markets.get(market)
        root = None if m is None or m.owed is None else m.owed.root
        known: list[bytes] = []  # from the leaf of the claim before to the top
        last = 0
        for contributor, amount, index, proof, sponsor in iterate_withdrawals(claims):
            leaf, depth = owed_leaf(contributor, amount, sponsor), len(proof)
            way = owed_way(index, leaf, proof)
            joins = known[depth : depth + 1] == way[-1:] and index - 1 >> depth == last - 1 >> depth
            right = joins or (root is not None and owed_root(index, leaf, proof) == root)
            require(right, "prediction-market: not what was settled")
            known[: depth + 1], last = way, index
        paid = 0
        for _, amount, index, _, _ in iterate_withdrawals(claims):
            assert m is not None  # there is a root
            c = m.contributions[index - 1]
            if not c.paid:
                paid += self._pay_out(sender, m, c, amount)
        return paid

    def _pay_out(self, sender: str, m: Market, c: Contribution, amount: int) -> int:
        c.paid = True
        m.contributors_part -= amount
        back, earned = shares(amount, m.plan.stake)
        return self._pay(sender, c.sponsor, back) + self._pay(sender, c.contributor, earned)

    @staticmethod
    def _check_chain(first: int, beside: tuple[bytes, list[bytes]], before: bytes, after: Sequence[bytes]) -> None:
        right = (before == beside[0] or first % GROUP == 1) and list(after) == beside[1]
        require(right, "prediction-market: not what was contributed")

    def withdraw_stake(
        self,
        sender: str,
        market: int,
        index: int,
        contributor: str,
        sponsor: str,
        x_hash: bytes,
        y: int,
        effect: int,
        before: bytes,
        after: Sequence[bytes],
    ) -> int:
        """Pay what a contribution is owed that was not settled."""
        m = self._market(market)
        require(m.phase >= SETTLED, "prediction-market: not ended")
        require(index > m.settled, "prediction-market: settled, needs a proof")
        known = index <= len(m.contributions)
        require(not known or not m.contributions[index - 1].paid, "prediction-market: paid already")
        require(known, "prediction-market: not what was contributed")
        c = m.contributions[index - 1]
        claim = contributor, sponsor, x_hash, y, effect
        require(
            claim == (c.contributor, c.sponsor, keccak(c.x), c.y, c.effect),
            "prediction-market: not what was contributed",
        )
        beside = self.around(market, index, index)
        require((before, list(after)) == beside, "prediction-market: not what was contributed")
        return self._pay_out(sender, m, c, self.owed(market, index))

    def withdraw_rest(self, sender: str, market: int) -> int:
        """Pay the provider what is left."""
        m = self._market(market)
        require(m.phase >= SETTLED, "prediction-market: not ended")
        amount = m.provider_part
        require(amount > 0, "prediction-market: nothing left")
        m.provider_part = 0
        return self._pay(sender, m.provider, amount)

    def fetch(self, sender: str) -> int:
        """Pay the caller what could not be delivered to them."""
        amount = self.credits[sender]
        require(amount > 0, "payments: nothing to fetch")
        self.credits[sender] = 0
        return self._pay(sender, sender, amount)

    # ---- ways out ----------------------------------------------------------------------------------------------------

    def expire(self, sender: str, market: int, time: int, block: int, block_hash: bytes | None = None) -> None:
        """Go on with a market that missed a deadline; `block_hash` is that of the draw block if it can still be had."""
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
            self._pay(sender, sender, m.plan.bond)
        elif m.phase == REVEALING:
            self._end(m, SILENT)
            count = len(m.contributions)
            self._shift(m, (m.plan.bounty + m.plan.bond) // count * count)
        elif m.scored:
            m.phase = SETTLING
        else:
            self._end(m, ABANDONED)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _market(self, market: int) -> Market:
        require(market in self.markets, "prediction-market: no such market")
        return self.markets[market]

    @staticmethod
    def _end(m: Market, phase: int) -> None:
        m.phase = phase

    @staticmethod
    def _shift(m: Market, amount: int) -> None:
        m.contributors_part += amount
        m.provider_part -= amount

    def _pay_fee(self, m: Market, account: str, parts: int) -> None:
        amount = m.plan.fee // (m.plan.hidden_rows + SETTLING_PARTS) * parts
        m.provider_part -= amount
        self._pay(account, account, amount)

    def _take(self, account: str, amount: int) -> None:
        self.balance += amount
        self.balances[account] -= amount

    def _pay(self, sender: str, account: str, amount: int) -> int:
        if account != sender and account in self.refusing:
            self.credits[account] += amount
        else:
            self.balance -= amount
            self.balances[account] += amount
        return amount
