"""What all incentives have in common: rows, terms, transactions, and an incentive that this page does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from comodels.audit import FIRST, beliefs
from comodels.batch import MAX_BYTES
from comodels.chain.abi import Call, calldata
from comodels.chain.logs import Contribution
from comodels.chain.node import all_of
from comodels.claims import CONTRACTS
from comodels.dashboard.reader import History, Model, Reader
from comodels.dashboard.reading import StillReading, Task
from comodels.dashboard.say import ether, number, percent, say
from comodels.rows import in_parts

SCAN = 100  # open contributions of others that one page asks the model about, at most
STEP = 25  # of these in one batch, until there are enough
MOST_ROWS = 25
OPEN_ROWS = 200  # contributions of one account that are looked at for what is due
MOST_CLAIMS = 50  # in one transaction: more save hardly any gas, and a model may need much of it to answer
CLAIM_HEAD = 23  # bytes of a claim in a batch, before its sample


@dataclass(frozen=True)
class Transaction:
    """What an account would send.

    Attributes
    ----------
    value : int
        Wei.
    what : str
        In a person's words.
    count : int
        Of what is done by it: each item of a batch is done or skipped by itself.
    """

    to: str
    data: bytes
    value: int
    what: str
    count: int = 1


@dataclass(frozen=True)
class Date:
    """A moment that matters to a contribution.

    Attributes
    ----------
    time : int
        Seconds.
    text : str
        In a person's words: what can be had from then on, or what is lost.
    loss : bool
        Whether something is lost from then on.
    """

    time: int
    text: str
    loss: bool = False


@dataclass
class Row:
    """A contribution, as a claim sees it.

    Attributes
    ----------
    left : str
        What of the deposit can still be claimed.
    state : str
        In a person's words: what can be done and when, or what was done.
    actions : list of (str, str)
        What can be done now: function and the button's text.
    pays : int
        Wei that the first of the actions brings.
    dates : list of Date
        What comes next, the earliest first.
    lost : bool
        Whether its contributor lost something by it.
    """

    contribution: Contribution
    deposit: str = ""
    left: str = ""
    state: str = ""
    actions: list[tuple[str, str]] = field(default_factory=list)
    pays: int = 0
    dates: list[Date] = field(default_factory=list)
    lost: bool = False

    @property
    def is_claim(self) -> bool:
        """Whether its first action only brings something; to have a mistake forgiven uses up what is scarce."""
        return bool(self.actions) and self.actions[0][0] != "forgive"


@dataclass
class Rows:
    """A page of rows.

    Attributes
    ----------
    following : int or None
        Where the next page begins.
    """

    rows: list[Row]
    total: int
    checked: int = 0
    following: int | None = None


@dataclass(frozen=True)
class Due:
    """What an account can do about a model as a whole.

    Attributes
    ----------
    text : str
        What it is about.
    action, button : str
        The action, and the button's text.
    pays : int
        Wei that it brings.
    """

    text: str
    action: str
    button: str
    pays: int = 0


@dataclass(frozen=True)
class Entry:
    """A line of the history of somebody's money.

    Attributes
    ----------
    what : str
        The key of its text, below ``money``.
    wei : int
        What came in, or below 0 what went out.
    points : int
        Points that came in.
    """

    time: int
    what: str
    contribution: int
    transaction: str
    wei: int = 0
    points: int = 0


@dataclass
class Terms:
    """What a person needs to know before contributing.

    Attributes
    ----------
    lines : list of (str, str)
        Names and values.
    required : int
        The deposit required now, in wei; 0 where there is none.
    maximum : int
        The most that it can be when somebody else comes first, in wei.
    curve : list of (int, int)
        Seconds from now, and the deposit required then if nobody contributes before.
    closed : str
        Why nobody can contribute now; empty if one can.
    """

    lines: list[tuple[str, str]]
    submitted: int = 0
    validated: int | None = None
    required: int = 0
    maximum: int = 0
    curve: list[tuple[int, int]] = field(default_factory=list)
    closed: str = ""


@dataclass(frozen=True)
class Sent:
    """What is about to be contributed.

    Attributes
    ----------
    value : int
        Wei that go with it.
    agrees : bool or None
        Whether the model gives the sample this label now; None if it gives no answer.
    """

    x: bytes
    y: int
    value: int
    agrees: bool | None


class Incentive:
    """A trainer that this page knows nothing about: models can be looked at, but not trained here."""

    name: ClassVar[str] = ""
    key: ClassVar[str] = "unknown"  # where its texts stand
    texts: ClassVar[Mapping[str, str]] = {}  # by what they are asked for, of one that has no place there
    can_train: ClassVar[bool] = False
    has_deposit: ClassVar[bool] = False
    statistics: ClassVar[str] = ""
    began: ClassVar[str] = ""  # topic of the event, besides `AddData`, that tells (model, something, account)
    has_market: ClassVar[bool] = False
    moments: ClassVar[tuple[int, ...]] = ()  # seconds from now for which the deposit is written out

    def text(self, what: str, **values: object) -> str:
        """One of its own texts."""
        return self.texts[what].format(**values) if what in self.texts else say(f"{self.key}.{what}", **values)

    @property
    def title(self) -> str:
        """What it is called."""
        return self.text("title")

    def __init__(self, address: str, folder: Path | None = None):
        """`folder` is where this machine's provider keeps the test sets of markets; None where there is none."""
        self.address = address
        self.folder = folder
        self._believed: dict[str, tuple[int, dict[int, float]]] = {}  # by model: of how many contributions, and what

    @classmethod
    def probe(cls, model: str, trainer: str) -> Call | None:
        """A view call that only this incentive answers for the model."""
        return None

    def terms(self, reader: Reader, model: Model) -> Terms:
        return Terms([])

    def agreed(self, reader: Reader, model: Model) -> Any:
        """The terms of a model, as the library's adapter has them."""
        return self._agreed_and(reader, model)[0]

    def agreed_and_counts(self, reader: Reader, model: Model) -> tuple[Any, tuple[int, int]]:
        """The same, and how many contributions there are, and how many of them turned out valid."""
        agreed, counts = self._agreed_and(reader, model, self.statistics_call(model))
        return agreed, counts

    def _agreed_and(self, reader: Reader, model: Model, *calls: Call) -> list[Any]:
        kind = type(CONTRACTS[self.name]().terms)
        terms = Call(self.address, f"terms(address)(({','.join(kind.abi_types())}))", [model.address])
        values, *others = all_of(reader.node.views([terms, *calls]))
        return [kind(*values), *others]

    def statistics_call(self, model: Model) -> Call:
        return Call(self.address, self.statistics, [model.address])

    def add_data(self, model: Model, x: bytes, y: int, value: int) -> Transaction:
        data = calldata("add_data(address,bytes,uint256)", [model.address, x, y])
        what = self.text("contribute", label=model.class_name(y), model=model.name)
        return Transaction(self.address, data, value, what)

    def own(self, contributions: Sequence[Contribution], account: str) -> list[Contribution]:
        """Those that an account gave, or paid for."""
        if self.has_deposit:
            return [c for c in contributions if account in (c.contributor, c.sponsor)]
        return [c for c in contributions if c.contributor == account]

    def mine(self, reader: Reader, model: Model, account: str, begin: int, count: int) -> Rows:
        """The account's contributions, the newest first."""
        own = self.own(reader.history(model).contributions, account)[::-1]
        rows = self.own_rows(reader, model, account, own[begin : begin + count])
        return Rows(rows, len(own), following=begin + count if begin + count < len(own) else None)

    def own_rows(self, reader: Reader, model: Model, account: str, page: Sequence[Contribution]) -> list[Row]:
        """What there is to tell an account about its contributions."""
        return [Row(c) for c in page]

    def derive(self, model: Model, history: History) -> Any:
        """Work out of events that were just read what would take long when a page needs it."""

    def _situation(self, reader: Reader, model: Model) -> tuple[History, Any, Any, int]:
        """The history of a model, what was derived of it, its terms, and the time now."""
        history = reader.history(model)
        return history, self.derive(model, history), self.agreed(reader, model), reader.now()

    def market(self, reader: Reader, model: Model, account: str = "") -> Any:
        """Where the model's latest market stands (`comodels.dashboard.markets.Market`); None where there are none."""
        return None

    def steps(self, market: Any) -> list[Due]:
        """What anyone, or its provider, can do now to move a market on."""
        return []

    def leaderboard(self, reader: Reader, model: Model) -> Sequence[tuple[Any, Sequence[tuple[str, str]]]]:
        """Accounts with their points, and the names and meanings of their badges, the most points first."""
        return ()

    def others(self, reader: Reader, model: Model, account: str, begin: int) -> Rows:
        """Others' contributions from which the account could get something."""
        return Rows([], 0)

    def _suspects_first(
        self,
        reader: Reader,
        model: Model,
        contributions: Sequence[Contribution],
        candidates: Sequence[Contribution],
    ) -> list[Contribution]:
        """The order in which to look at more candidates than one page asks about: by what is probably to be had.

        All contributions are judged (`comodels.audit`), anew where there are a tenth more of them than before. That
        takes a second for 20,000: only who comes first waits for it, others have what was believed before.

        Raises
        ------
        StillReading
            If nothing is believed yet, and it takes longer than a page waits.
        """
        if len(candidates) <= SCAN:
            return list(candidates)
        count, right = self._believed.get(model.address, (0, {}))
        if len(contributions) > 1.1 * count:
            given = list(contributions)

            def judge(task: Task) -> None:
                task.share = 1.0  # of what is read
                if len(given) > 1.1 * self._believed.get(model.address, (0, {}))[0]:
                    self._believed[model.address] = len(given), beliefs(model.kind, model.parameters, given)

            with suppress(StillReading) if count else nullcontext():
                reader.readings.wait((self.address, model.address), judge, 0 if count else None)
            _, right = self._believed[model.address]
        return sorted(candidates, key=lambda c: -(c.deposit or 1) * (1 - right.get(c.id, FIRST)))

    @staticmethod
    def _scan(
        reader: Reader,
        model: Model,
        candidates: Sequence[Contribution],
        begin: int,
        without_own_effect: bool,
        offer: Callable[[Contribution, int | None], Row | None],
    ) -> Rows:
        """A page of what others' contributions offer: the model is asked about no more of them than the page needs."""
        rows: list[Row] = []
        at, last = begin, min(begin + SCAN, len(candidates))
        while at < last and len(rows) < MOST_ROWS:
            part = candidates[at : min(at + STEP, last)]
            for c, answer in zip(part, reader.judgements(model, part, without_own_effect), strict=True):
                at += 1
                row = offer(c, answer)
                if row is not None:
                    rows.append(row)
                if len(rows) == MOST_ROWS:
                    break
        return Rows(rows, len(candidates), at, at if at < len(candidates) else None)

    def action(self, reader: Reader, model: Model, contribution: Contribution, name: str) -> Transaction:
        """The transaction of one of a row's actions."""
        raise KeyError(name)

    def actions(
        self, reader: Reader, model: Model, contributions: Sequence[Contribution], name: str
    ) -> list[Transaction]:
        """The transactions of one action on several contributions: as few as the contract allows."""
        return [self.action(reader, model, contribution, name) for contribution in contributions]

    def open_rows(self, reader: Reader, model: Model, account: str) -> list[Row]:
        """The account's contributions from which something may still come, the latest of them."""
        return self.mine(reader, model, account, 0, OPEN_ROWS).rows

    def due(self, reader: Reader, model: Model, account: str) -> list[Due]:
        """What the account can do now, apart from its contributions: where there is money, what waits for it."""
        if not self.has_deposit:
            return []
        credit = reader.node.view(self.address, "credit_of(address)(uint256)", account)
        text = say("credit.text", amount=ether(credit))
        return [Due(text, "fetch", say("credit.button"), credit)] if credit else []

    def model_action(
        self, reader: Reader, model: Model, account: str, name: str, form: Mapping[str, str]
    ) -> Transaction:
        """The transaction of what is due. Raises `KeyError` for what never is."""
        if name != "fetch" or not self.has_deposit:
            raise KeyError(name)
        return Transaction(self.address, calldata("fetch()", []), 0, say("credit.what"))

    def consent(self, reader: Reader, model: Model, sent: Sent) -> list[str]:
        """What who contributes must know before signing: what is risked, and from when to when it can be claimed."""
        return []

    def prices(self, reader: Reader, models: Sequence[str]) -> list[int | None]:
        """The deposits that contributions to models need now, in wei; None where there is none."""
        return [None] * len(models)

    def score(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        """How the account stands with this model, and what counts here: names and values."""
        return []

    def _valid_share(self, sent: int, settled: int, valid: int) -> tuple[str, str]:
        """The line of a score that tells how many of an account's contributions turned out valid."""
        waiting = self.text("score.waiting", n=sent - settled)
        if not settled:
            return self.text("score.name"), waiting
        value = self.text("score.value", share=percent(valid / settled), valid=valid, n=settled)
        return self.text("score.name"), f"{value}, {waiting}"

    def money(self, reader: Reader, model: Model, account: str) -> list[Entry]:
        """What the account paid and got here, in order."""
        history = reader.history(model)
        return [
            Entry(c.time, "deposit", c.id + 1, history.hashes[c.id], -c.deposit)
            for c in history.contributions
            if c.sponsor == account
        ]

    def account_lines(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        """What the account has on this model."""
        own = [c for c in reader.history(model).contributions if c.contributor == account]
        return [(say("statistics.contributions"), number(len(own)))]


def parts(contributions: Sequence[Contribution]) -> Iterator[list[Contribution]]:
    """Contributions in parts that one transaction takes claims on."""
    return in_parts(contributions, lambda c: CLAIM_HEAD + len(c.x), MAX_BYTES, MOST_CLAIMS)
