"""Twin of `Points`: points and badges in the same integers, with the same errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from comodels.batch import Signed
from comodels.incentives.terms import TermsBase, term
from comodels.incentives.twins import IsSigned, Model, add_each, agrees
from comodels.revert import Revert, attempt, require
from comodels.units import DAY

MAX_LABEL = 254
LAST_LABEL_BADGE = 251  # the labels above it share its badge
MILESTONES = (1, 10, 100, 1_000)
FIRST_MILESTONE = 252

# reasons of an award, as in the contract's event
VALIDATED, NEW_LABEL, RARE_LABEL, STREAK, REPORT = 1, 2, 4, 8, 16


def _points(default: int, label: str, help: str) -> Any:
    return term(default, "uint16", "points", label, help)


@dataclass(frozen=True)
class Terms(TermsBase):
    """The terms of one model, as `Points.Terms` in the contract."""

    validation_wait: int = term(
        DAY,
        "uint32",
        "seconds",
        "A contribution can be validated from",
        "From then on a contributor may have a contribution validated.",
    )
    report_wait: int = term(
        2 * DAY,
        "uint32",
        "seconds",
        "Others may report it, or have it validated, from",
        "From then on others may report a contribution, or have it validated for its contributor.",
    )
    streak_window: int = term(
        DAY,
        "uint32",
        "seconds",
        "A streak goes on if one contributes again within",
        "A contribution so soon after the last validated one is a streak.",
    )
    rarity_factor: int = term(
        2,
        "uint8",
        "number",
        "A label is rare below this part of an even share (2: half of it)",
        "A label is rare while its share is less than the even share divided by this.",
    )
    validated_points: int = _points(
        10, "Points for a contribution that the model agrees with", "For a contribution that the model agrees with."
    )
    report_points: int = _points(5, "Points for a report", "For a report.")
    new_label_points: int = _points(
        20,
        "Extra points for a label that one uses for the first time",
        "Extra, for a label that the contributor has not used before.",
    )
    rare_label_points: int = _points(10, "Extra points for a rare label", "Extra, for a rare label.")
    streak_points: int = _points(3, "Extra points for a streak", "Extra, for a streak.")
    without_own_effect: bool = term(
        False,
        "bool",
        "choice",
        "Judge a sample as if it had never been added",
        "Judge a sample as if it had never been added.",
    )

    def __post_init__(self) -> None:
        require(self.validation_wait > 0, "points: no validation wait")
        require(self.validation_wait <= self.report_wait, "points: waits out of order")
        require(self.validated_points > 0, "points: a validated contribution earns nothing")
        require(self.rarity_factor > 0, "points: rarity factor of 0")


@dataclass(frozen=True)
class Award:
    """What a validated contribution or a report earns.

    Attributes
    ----------
    points : int
    reasons : int
        The sum of the reasons that apply: `VALIDATED`, `NEW_LABEL`, `RARE_LABEL`, `STREAK`, `REPORT`.
    badges : tuple of int
        The bits of the badges that come with it, in the order of their events.
    """

    points: int
    reasons: int
    badges: tuple[int, ...] = ()


@dataclass
class Account:
    """What one account has earned and done on a model."""

    points: int = 0
    validated: int = 0  # contributions
    reports: int = 0
    latest: int = 0  # when the latest of the validated contributions was added, in seconds
    badges: int = 0  # one bit each


class Ledger:
    """Points and badges by the rules: all that follows from which contributions were validated and reported.

    Parameters
    ----------
    terms : Terms
    """

    def __init__(self, terms: Terms):
        self.terms = terms
        self.validated = 0
        self.label_counts: dict[int, int] = defaultdict(int)
        self.accounts: dict[str, Account] = defaultdict(Account)

    def is_rare(self, y: int) -> bool:
        """Whether a contribution with label `y` would earn the extra points for a rare label now."""
        labels = sum(n > 0 for n in self.label_counts.values())
        return self.label_counts[y] * labels * self.terms.rarity_factor < self.validated

    def validate(self, name: str, y: int, time: int) -> Award:
        """Count a validated contribution with label `y` that the account `name` added at `time`."""
        t, account = self.terms, self.accounts[name]
        points, reasons, badges = t.validated_points, VALIDATED, []
        badge = min(y, LAST_LABEL_BADGE)
        if not account.badges >> badge & 1:
            badges.append(badge)
            points += t.new_label_points
            reasons |= NEW_LABEL
        if self.is_rare(y):
            points += t.rare_label_points
            reasons |= RARE_LABEL
        self.validated += 1
        self.label_counts[y] += 1
        if account.latest and 0 < time - account.latest <= t.streak_window:
            points += t.streak_points
            reasons |= STREAK
        account.latest = max(account.latest, time)
        account.points += points
        account.validated += 1
        if account.validated in MILESTONES:
            badges.append(FIRST_MILESTONE + MILESTONES.index(account.validated))
        for badge in badges:
            account.badges |= 1 << badge
        return Award(points, reasons, tuple(badges))

    def report(self, name: str) -> Award:
        """Count a report by the account `name`."""
        account = self.accounts[name]
        account.points += self.terms.report_points
        account.reports += 1
        return Award(self.terms.report_points, REPORT)


@dataclass
class Contribution:
    """The record of a sample and label."""

    contributor: str
    time: int  # seconds
    effect: int
    pending: bool = True
    validated: bool = False
    reported: bool = False


class Points:
    """The contract's state for one model.

    Parameters
    ----------
    model : Model
    terms : Terms

    Notes
    -----
    Source: Harris and Waggoner, "Decentralized & Collaborative AI on Blockchain", slides "Gamified (non-financial)".

    Examples
    --------
    >>> from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
    >>> points = Points(SparsePerceptron(SparsePerceptronParameters(10)), Terms(validation_wait=60, report_wait=120))
    >>> points.add_data("ann", bytes([0, 3, 0, 5]), 1, time=1_000)
    1
    >>> points.validate("ann", bytes([0, 3, 0, 5]), 1, time=1_060)
    30
    >>> list(badge_names(points.ledger.accounts["ann"].badges))
    ['label 1', 'milestone 1']
    """

    def __init__(self, model: Model, terms: Terms):
        self.model = model
        self.terms = terms
        self.ledger = Ledger(terms)
        self.submitted = 0
        self.contributions: dict[tuple[bytes, int], Contribution] = {}
        self.earned: set[bytes] = set()  # samples
        # by contributor, sponsor, sample and label: signatures that were cancelled
        self.rounds: dict[tuple[str, str, bytes, int], int] = defaultdict(int)

    @property
    def validated(self) -> int:
        return self.ledger.validated

    def add_data(self, sender: str, x: bytes, y: int, time: int) -> int:
        """Contribute. Returns the effect. Raises `Revert` and changes nothing."""
        require(0 <= y <= MAX_LABEL, "points: label above 254")
        require(x not in self.earned, "points: this sample has earned already")
        require((x, y) not in self.contributions, "points: a copy of an earlier contribution")
        effect = self.model.update(x, y)
        self.contributions[x, y] = Contribution(sender, time, effect)
        self.submitted += 1
        return effect

    def add_many(self, sender: str, rows: Sequence[tuple[bytes, int]], time: int) -> list[int | str]:
        """Contribute (sample, label) pairs. Returns for each its effect, or why it was skipped."""
        return [attempt(self.add_data, sender, x, y, time) for x, y in rows]

    def add_signed(self, sender: str, items: Sequence[Signed], time: int, signed: IsSigned) -> list[int | str]:
        """As `add_many`, with what others signed."""
        return add_each(
            items,
            sender,
            time,
            signed,
            lambda item: self.round_of(item.contributor, sender, item.x, item.y),
            lambda item: self.add_data(item.contributor, item.x, item.y, time),
        )

    def round_of(self, contributor: str, sponsor: str, x: bytes, y: int) -> int:
        """The round that a signature for a contribution by a sponsor must name now."""
        return self.rounds.get((contributor, sponsor, x, y), 0)

    def cancel(self, sender: str, sponsor: str, x: bytes, y: int, time: int = 0) -> None:
        """Take back the sender's signature of the present round."""
        self.rounds[sender, sponsor, x, y] += 1

    def claim_many(self, function: str, sender: str, rows: Sequence[tuple[bytes, int]], time: int) -> list[int | str]:
        """Validate or report several (sample, label) pairs. Returns for each the points, or why it was skipped."""
        claim = getattr(self, function)
        return [attempt(claim, sender, x, y, time) for x, y in rows]

    def validate(self, sender: str, x: bytes, y: int, time: int) -> int:
        """The points that a contribution which the model agrees with earns its contributor, whoever asks for it."""
        record = self._pending_record(x, y, time, self.terms.validation_wait)
        if sender != record.contributor:
            require(time >= record.time + self.terms.report_wait, "points: too early for anyone else")
        require(x not in self.earned, "points: this sample has earned already")
        require(agrees(self.model, self.terms, x, y, record.effect), "points: the model disagrees")
        record.pending, record.validated = False, True
        self.earned.add(x)
        return self.ledger.validate(record.contributor, y, record.time).points

    def report(self, sender: str, x: bytes, y: int, time: int) -> int:
        """The points for another's contribution that the model disagrees with."""
        record = self._pending_record(x, y, time, self.terms.report_wait)
        require(not record.reported, "points: reported already")
        require(record.contributor != sender, "points: one's own contribution")
        require(self.ledger.accounts[sender].validated > 0, "points: no validated contribution of one's own")
        require(not agrees(self.model, self.terms, x, y, record.effect), "points: the model agrees")
        record.reported = True
        return self.ledger.report(sender).points

    def _pending_record(self, x: bytes, y: int, time: int, wait: int) -> Contribution:
        require(0 <= y <= MAX_LABEL, "points: label above 254")
        record = self.contributions.get((x, y))
        if record is None or not record.pending:
            raise Revert("points: no such contribution, or validated already")
        require(time >= record.time + wait, "points: too early")
        return record


def badge_name(badge: int) -> str:
    """The name of the badge at a bit: ``label 3`` or ``milestone 100``."""
    return f"milestone {MILESTONES[badge - FIRST_MILESTONE]}" if badge >= FIRST_MILESTONE else f"label {badge}"


def badge_names(badges: int) -> Iterator[str]:
    """The names of the badges in a packed word, from its lowest bit on."""
    return (badge_name(badge) for badge in range(256) if badges >> badge & 1)
