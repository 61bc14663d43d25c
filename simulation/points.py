"""Twin of `Points`: points and badges in the same integers, with the same errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Protocol

from simulation.revert import require

MAX_LABEL = 254
LAST_LABEL_BADGE = 251  # the labels above it share its badge
MILESTONES = (1, 10, 100, 1_000)
FIRST_MILESTONE = 252

# reasons of an award, as in the contract's event
VALIDATED, NEW_LABEL, RARE_LABEL, STREAK, REPORT = 1, 2, 4, 8, 16

# the terms' fields in the order in which the contract takes them, with their widths in bits; the last one is a bool
TERMS_TYPES = ("uint32", "uint32", "uint32", "uint8", "uint16", "uint16", "uint16", "uint16", "uint16", "bool")


class Model(Protocol):
    """What an incentive asks of a model's twin."""

    def predict(self, x: bytes) -> int: ...

    def predict_without(self, x: bytes, y: int, effect: int) -> int: ...

    def update(self, x: bytes, y: int) -> int: ...


@dataclass(frozen=True)
class Terms:
    """The terms of one model: seconds and points, as `Points.Terms` in the contract.

    Attributes
    ----------
    validation_wait, report_wait : int
        Seconds from the contribution until its author may validate it, and others may report it.
    streak_window : int
        Seconds after a validated contribution in which a further one extends the streak.
    rarity_factor : int
        A label is rare while its share is less than the even share divided by this; 1 to 255.
    validated_points, report_points, new_label_points, rare_label_points, streak_points : int
        0 to 65,535 points; at least 1 for a validated contribution.
    without_own_effect : bool
        Whether a sample is judged by the model without this sample's own effect.
    """

    validation_wait: int
    report_wait: int
    streak_window: int = 86_400
    rarity_factor: int = 2
    validated_points: int = 10
    report_points: int = 5
    new_label_points: int = 20
    rare_label_points: int = 10
    streak_points: int = 3
    without_own_effect: bool = False

    def __post_init__(self) -> None:
        require(self.validation_wait > 0, "points: no validation wait")
        require(self.validation_wait <= self.report_wait, "points: waits out of order")
        require(self.validated_points > 0, "points: a validated contribution earns nothing")
        require(self.rarity_factor > 0, "points: rarity factor of 0")

    def encode(self) -> bytes:
        """The terms as the contract's `open` takes them."""
        from eth_abi import encode

        return encode(TERMS_TYPES, [getattr(self, field.name) for field in fields(self)])

    @classmethod
    def decode(cls, data: bytes) -> Terms:
        """The terms from what `encode` returns."""
        from eth_abi import decode

        return cls(*decode(TERMS_TYPES, data))


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
    >>> from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
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

    def validate(self, sender: str, x: bytes, y: int, time: int) -> int:
        """The points for one's own contribution that the model agrees with."""
        record = self._pending_record(x, y, time, self.terms.validation_wait)
        require(record.contributor == sender, "points: another's contribution")
        require(x not in self.earned, "points: this sample has earned already")
        require(self._agrees(x, y, record), "points: the model disagrees")
        record.pending, record.validated = False, True
        self.earned.add(x)
        return self.ledger.validate(sender, y, record.time).points

    def report(self, sender: str, x: bytes, y: int, time: int) -> int:
        """The points for another's contribution that the model disagrees with."""
        record = self._pending_record(x, y, time, self.terms.report_wait)
        require(not record.reported, "points: reported already")
        require(record.contributor != sender, "points: one's own contribution")
        require(self.ledger.accounts[sender].validated > 0, "points: no validated contribution of one's own")
        require(not self._agrees(x, y, record), "points: the model agrees")
        record.reported = True
        return self.ledger.report(sender).points

    def _pending_record(self, x: bytes, y: int, time: int, wait: int) -> Contribution:
        record = self.contributions.get((x, y))
        require(record is not None and record.pending, "points: no such contribution, or validated already")
        require(time >= record.time + wait, "points: too early")
        return record

    def _agrees(self, x: bytes, y: int, record: Contribution) -> bool:
        if self.terms.without_own_effect:
            return self.model.predict_without(x, y, record.effect) == y
        return self.model.predict(x) == y


def badge_name(badge: int) -> str:
    """The name of the badge at a bit: ``label 3`` or ``milestone 100``."""
    return f"milestone {MILESTONES[badge - FIRST_MILESTONE]}" if badge >= FIRST_MILESTONE else f"label {badge}"


def badge_names(badges: int) -> Iterator[str]:
    """The names of the badges in a packed word, from its lowest bit on."""
    return (badge_name(badge) for badge in range(256) if badges >> badge & 1)
