"""What all incentives have in common: rows, terms, transactions, and an incentive that this page does not know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from dashboard.reader import Contribution, Model, Reader
from dashboard.rpc import Call, RpcError, hashed

SCAN = 100  # open contributions of others that one page asks the model about, at most
STEP = 25  # of these in one batch, until there are enough
MOST_ROWS = 25


@dataclass(frozen=True)
class Transaction:
    """What an account would send.

    Attributes
    ----------
    value : int
        Wei.
    what : str
        In a person's words.
    """

    to: str
    data: bytes
    value: int
    what: str


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
    """

    contribution: Contribution
    deposit: str = ""
    left: str = ""
    state: str = ""
    actions: list[tuple[str, str]] = field(default_factory=list)


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
    """What an account can do about a model as a whole: what it is about, the action, and the button's text."""

    text: str
    action: str
    button: str


@dataclass
class Terms:
    """What a person needs to know before contributing.

    Attributes
    ----------
    lines : list of (str, str)
        Names and values.
    required : int
        The deposit required now, in wei; 0 where there is none.
    curve : list of (int, int)
        Seconds from now, and the deposit required then if nobody contributes before.
    """

    lines: list[tuple[str, str]]
    submitted: int = 0
    validated: int | None = None
    required: int = 0
    curve: list[tuple[int, int]] = field(default_factory=list)


class Incentive:
    """A trainer that this page knows nothing about: models can be looked at, but not trained here."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = "an unknown trainer"
    about: ClassVar[str] = "This page does not know the contract that trains this model, so it cannot add data to it."
    can_train: ClassVar[bool] = False
    has_deposit: ClassVar[bool] = False
    deposit_name: ClassVar[str] = "Deposit"
    claim_tab: ClassVar[str] = "Refund"
    reward_tab: ClassVar[str] = "Reward"
    claim_help: ClassVar[str] = ""
    reward_help: ClassVar[str] = ""
    statistics: ClassVar[str] = ""

    def __init__(self, address: str):
        self.address = address

    @classmethod
    def probe(cls, model: str, trainer: str) -> Call | None:
        """A view call that only this incentive answers for the model."""
        return None

    def terms(self, reader: Reader, model: Model) -> Terms:
        return Terms([])

    def add_data(self, model: Model, x: bytes, y: int, value: int) -> Transaction:
        raise NotImplementedError

    def mine(self, reader: Reader, model: Model, account: str, begin: int, count: int) -> Rows:
        """The account's contributions, the newest first."""
        history = reader.history(model)
        own = [c for c in reversed(history.contributions) if c.contributor == account]
        return Rows([Row(c) for c in own[begin : begin + count]], len(own), following=following(begin, count, len(own)))

    def others(self, reader: Reader, model: Model, account: str, begin: int) -> Rows:
        """Others' contributions from which the account could get something."""
        return Rows([], 0)

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
        rows, at, last = [], begin, min(begin + SCAN, len(candidates))
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

    def action(self, model: Model, contribution: Contribution, name: str) -> Transaction:
        """The transaction of one of a row's actions."""
        raise KeyError(name)

    def due(self, reader: Reader, model: Model, account: str) -> list[Due]:
        """What the account can do now, apart from its contributions."""
        return []

    def model_action(self, model: Model, name: str) -> Transaction:
        """The transaction of what is due."""
        raise KeyError(name)

    def account_lines(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        """What the account has on this model."""
        own = [c for c in reader.history(model).contributions if c.contributor == account]
        return [("contributions", f"{len(own):,}")]


def following(begin: int, count: int, total: int) -> int | None:
    return begin + count if begin + count < total else None


def event_topic(signature: str) -> str:
    return "0x" + hashed(signature.encode()).hex()


def all_of(answers: list[Any]) -> list[Any]:
    """The answers. Raises the first that is an error."""
    for answer in answers:
        if isinstance(answer, RpcError):
            raise answer
    return answers
