"""Incentives behind one interface, so that the scripts work with each of them.

An adapter says what the contract is called, how terms are encoded, how to contribute, and what an account can claim.
Another incentive is one more class here with the same attributes, and an entry in `INCENTIVES`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import click

from scripts._rpc import Contribution
from simulation.training import DEFAULTS


@dataclass(frozen=True)
class Claim:
    """Something that an account can do now.

    Attributes
    ----------
    action : str
        The contract's function: refund, report, take or flag; with points, validate or report.
    amount : int
        What it pays, in the incentive's unit (wei or points); 0 for an announcement.
    arguments : tuple
        Of the contract's function.
    """

    action: str
    amount: int
    arguments: tuple
    contribution: Contribution


@dataclass(frozen=True)
class SelfAssessment:
    """Deposit, refund and take. The attributes are the terms, in wei and seconds."""

    contract: ClassVar[str] = "SelfAssessment"
    unit: ClassVar[str] = "ether"
    actions: ClassVar[tuple[str, ...]] = ("refund", "flag", "report", "take")
    refuses_copies: ClassVar[bool] = False  # whether a sample that anyone ever contributed is refused

    cost_weight: int = 10**15 // 60  # 0.001 ether one hour after the contribution before
    refund_wait: int = 86_400
    owner_wait: int = 7 * 86_400
    anyone_wait: int = 9 * 86_400
    dispute_wait: int = DEFAULTS.dispute_wait
    without_own_effect: bool = DEFAULTS.without_own_effect

    def terms(self) -> bytes:
        """The terms as the contract's `open` takes them."""
        from eth_abi import encode

        return encode(
            ["uint96", "uint32", "uint32", "uint32", "uint32", "bool"],
            [
                self.cost_weight,
                self.refund_wait,
                self.owner_wait,
                self.anyone_wait,
                self.dispute_wait,
                self.without_own_effect,
            ],
        )

    def check(self) -> None:
        """Raise an error that says what to do if the contract would refuse the terms."""
        if not self.refund_wait <= self.owner_wait <= self.anyone_wait:
            raise click.ClickException("Waits out of order: --refund-wait <= --owner-wait <= --anyone-wait is needed.")
        if self.dispute_wait > self.owner_wait - self.refund_wait:
            raise click.ClickException("--dispute-wait must end before --owner-wait: give the owner more time.")
        if self.anyone_wait >= 2**32 or self.cost_weight > 2**96 // 3_600 - 1:
            raise click.ClickException("The deposit or a wait is too large for the contract.")

    # ---- how it is used; `incentive` is a `simulation.chain.ContractAt` or anything with its `call_many` -------------

    @staticmethod
    def deposit(incentive, model: str, sender: str | None = None) -> int:
        """The deposit that a contribution needs now, in wei."""
        return incentive.call("required_deposit", model, sender=sender)

    @staticmethod
    def deposit_after(seconds: int, cost_weight: int) -> int:
        """The deposit that a contribution needs `seconds` after the one before, in wei."""
        from math import isqrt

        return cost_weight * 3_600 // max(1, isqrt(seconds))

    def most(self) -> int:
        """The most that a contribution can need, in wei: the deposit one second after the one before."""
        return self.deposit_after(1, self.cost_weight)

    @staticmethod
    def balance(incentive, model: str, account: str) -> int:
        """What an account has, in wei."""
        return incentive.chain.balance(account)

    @staticmethod
    def contribute(model: str, x: bytes, y: int) -> tuple[str, tuple]:
        """The function that contributes a sample, and its arguments."""
        return "add_data", (model, x, y)

    @staticmethod
    def states(incentive, model: str, contributions: Sequence[Contribution]) -> list[str]:
        """For each contribution what became of it: open, validated, or settled."""
        keys = [(model, c.contributor, c.x, c.label) for c in contributions]
        records = dict(zip(keys, incentive.call_many("contribution", keys), strict=True))
        states = []
        for key, c in zip(keys, contributions, strict=True):
            _, _, time, _, validated, _ = records[key]
            # one record serves all rounds of the same sample and label: `time` tells whether it is this one's
            states.append("open" if time == c.time else "validated" if validated else "settled")
        return states

    def may_be_due(self, contribution: Contribution, account: str, now: int, is_owner: bool) -> bool:
        """Whether it is worth asking at the time `now` if `account` can claim a contribution: by the clock alone."""
        age = now - contribution.time
        return age >= self.refund_wait and (
            contribution.contributor == account  # the model may have come to agree
            or age < self.refund_wait + 3 * 86_400  # a report is paid once, but needs validated data first
            or age >= (self.owner_wait if is_owner else self.anyone_wait)
        )

    def claims(
        self, incentive, model: str, account: str, contributions: Sequence[Contribution], now: int
    ) -> list[Claim]:
        """What `account` can refund, report or take at the time `now`, checked on the chain."""
        latest = {(c.contributor, c.label, c.x): c for c in contributions}
        open_ones = list(latest.values())
        keys = [(model, c.contributor, c.x, c.label) for c in open_ones]
        records = incentive.call_many("contribution", keys)
        _, refund_wait, owner_wait, anyone_wait, dispute_wait, _ = incentive.call("terms", model)
        _, validated = incentive.call("statistics", model)
        mine = incentive.call("validated_of", model, account)
        is_owner = owner_of(incentive.chain, model) == account

        candidates = []
        for c, (claimable, deposit, time, _, _, _) in zip(open_ones, records, strict=True):
            if time == 0 or now < time + refund_wait:
                continue
            if c.contributor == account:
                candidates.append(Claim("refund", claimable, (model, c.x, c.label), c))
                continue
            arguments = (model, c.contributor, c.x, c.label)
            if claimable and now >= time + (owner_wait if is_owner else anyone_wait):
                candidates.append(Claim("take", claimable, arguments, c))
            elif mine and claimable:
                share = min(claimable, deposit * mine // max(1, validated))
                if share:
                    candidates.append(Claim("report", share, arguments, c))
                if dispute_wait:
                    candidates.append(Claim("flag", 0, arguments, c))
        answers = _try(incentive, account, candidates)
        return [c for c, answer in zip(candidates, answers, strict=True) if "error" not in answer]


@dataclass(frozen=True)
class Points:
    """Points and badges, no money. The attributes are the terms, in seconds and points; see docs/points.md."""

    contract: ClassVar[str] = "Points"
    unit: ClassVar[str] = "points"
    actions: ClassVar[tuple[str, ...]] = ("validate", "report")
    refuses_copies: ClassVar[bool] = True

    refund_wait: int = 86_400  # the validation wait
    report_wait: int = 2 * 86_400
    streak_window: int = 86_400
    rarity_factor: int = 2
    validated_points: int = 10
    report_points: int = 5
    new_label_points: int = 20
    rare_label_points: int = 10
    streak_points: int = 3
    without_own_effect: bool = False

    def _terms(self):
        from dataclasses import astuple

        from simulation.points import Terms

        return Terms(*astuple(self))

    def terms(self) -> bytes:
        """The terms as the contract's `open` takes them."""
        return self._terms().encode()

    def check(self) -> None:
        """Raise an error that says what to do if the contract would refuse the terms."""
        from simulation.revert import Revert

        if not 0 < self.refund_wait <= self.report_wait:
            raise click.ClickException(
                f"Waits out of order: --refund-wait must be above 0 and at most the report wait, {self.report_wait} s."
            )
        if self.report_wait >= 2**32:
            raise click.ClickException("A wait is too large for the contract.")
        try:
            self._terms()
        except Revert as error:
            raise click.ClickException(f"The contract would refuse these terms: {error}") from error

    @staticmethod
    def deposit(incentive, model: str, sender: str | None = None) -> int:
        """No deposit is needed."""
        return 0

    @staticmethod
    def most() -> int:
        """No deposit is ever needed."""
        return 0

    @staticmethod
    def balance(incentive, model: str, account: str) -> int:
        """What an account has, in points."""
        return incentive.call("account", model, account)[0]

    @staticmethod
    def contribute(model: str, x: bytes, y: int) -> tuple[str, tuple]:
        """The function that contributes a sample, and its arguments."""
        return "add_data", (model, x, y)

    @staticmethod
    def states(incentive, model: str, contributions: Sequence[Contribution]) -> list[str]:
        """For each contribution what became of it: open, validated, or settled."""
        records = incentive.call_many("contribution", [(model, c.x, c.label) for c in contributions])
        return ["validated" if r[5] else "settled" if r[4] else "open" for r in records]

    def may_be_due(self, contribution: Contribution, account: str, now: int, is_owner: bool) -> bool:
        """Whether it is worth asking at the time `now` if `account` can claim a contribution: by the clock alone."""
        wait = self.refund_wait if contribution.contributor == account else self.report_wait
        return now - contribution.time >= wait

    def claims(
        self, incentive, model: str, account: str, contributions: Sequence[Contribution], now: int
    ) -> list[Claim]:
        """What `account` can have validated or report at the time `now`, checked on the chain.

        A claim's points are what it would earn if it came first: a label is new, or rare, only for a while.
        """
        from dataclasses import replace

        waits = incentive.call("terms", model)[:2]
        records = incentive.call_many("contribution", [(model, c.x, c.label) for c in contributions])
        candidates = []
        for c, (contributor, time, _, pending, *_) in zip(contributions, records, strict=True):
            own = contributor.lower() == account.lower()
            if pending and now >= time + waits[0 if own else 1]:
                candidates.append(Claim("validate" if own else "report", 0, (model, c.x, c.label), c))
        answers = _try(incentive, account, candidates)
        return [
            replace(c, amount=int(answer["result"], 16))
            for c, answer in zip(candidates, answers, strict=True)
            if "error" not in answer
        ]


@dataclass(frozen=True)
class PredictionMarket:
    """Stakes on samples while a market runs; `ape run market` does the rest. Terms in wei and seconds."""

    contract: ClassVar[str] = "PredictionMarket"
    unit: ClassVar[str] = "ether"
    actions: ClassVar[tuple[str, ...]] = ("withdraw",)
    refuses_copies: ClassVar[bool] = False

    min_bounty: int = 10**16
    min_bond: int = 10**16
    max_length: int = 90 * 86_400
    owner_only: bool = False

    def _terms(self):
        from dataclasses import astuple

        from simulation.prediction_market import Terms

        return Terms(*astuple(self))

    def terms(self) -> bytes:
        """The terms as the contract's `open` takes them."""
        return self._terms().pack()

    def check(self) -> None:
        """Raise an error that says what to do if the contract would refuse the terms."""
        if not (0 <= self.min_bounty < 2**96 and 0 <= self.min_bond < 2**96 and 0 < self.max_length < 2**32):
            raise click.ClickException("The bounty, the bond or the length of markets is out of range.")

    @staticmethod
    def deposit(incentive, model: str, sender: str | None = None) -> int:
        """The stake of the market that takes contributions, in wei."""
        from simulation.prediction_market import PARTICIPATING

        market = incentive.call("latest_market", model)
        state = incentive.call("market", market) if market else None
        if state is None or state[6] != PARTICIPATING or incentive.chain.time >= state[7]:
            raise click.ClickException(
                "No market of this model takes contributions now: `ape run market status` tells what is going on."
            )
        return state[2][0]

    @staticmethod
    def most() -> int:
        """Each market has its own stake, so there is no telling in advance."""
        return 0

    @staticmethod
    def balance(incentive, model: str, account: str) -> int:
        """What an account has, in wei."""
        return incentive.chain.balance(account)

    @staticmethod
    def contribute(model: str, x: bytes, y: int) -> tuple[str, tuple]:
        """The function that contributes a sample, and its arguments."""
        return "add_data", (model, x, y)

    @staticmethod
    def states(incentive, model: str, contributions: Sequence[Contribution]) -> list[str]:
        """For each contribution what became of it: open, or settled."""
        from simulation.prediction_market import SETTLED

        markets = [_market_of(model, c) for c in contributions]
        known = sorted(set(markets))
        phase = {m: v[6] for m, v in zip(known, incentive.call_many("market", [(m,) for m in known]), strict=True)}
        return ["settled" if phase[m] >= SETTLED else "open" for m in markets]

    def may_be_due(self, contribution: Contribution, account: str, now: int, is_owner: bool) -> bool:
        """Whether it is worth asking if `account` can claim a contribution."""
        return contribution.contributor == account

    def claims(
        self, incentive, model: str, account: str, contributions: Sequence[Contribution], now: int
    ) -> list[Claim]:
        """What the contributions of `account` to markets that have ended are owed."""
        from eth_utils import keccak

        mine = [c for c in contributions if c.contributor == account]
        keys = [(_market_of(model, c), c.more & 0xFFFF) for c in mine]
        owed = incentive.call_many("contribution", keys)
        return [
            Claim("withdraw", amount, (*key, account, keccak(c.x), c.label, c.effect), c)
            for c, key, (_, _, amount) in zip(mine, keys, owed, strict=True)
            if amount
        ]


def _market_of(model: str, contribution: Contribution) -> int:
    return int(model, 16) << 32 | contribution.more >> 16


INCENTIVES: dict[str, type] = {
    "self-assessment": SelfAssessment,
    "points": Points,
    "prediction-market": PredictionMarket,
}


def _try(incentive, account: str, claims: Sequence[Claim]) -> list[dict]:
    """What the contract answers if an account makes each claim, without making it; an ``error`` if it refuses."""
    calls = [
        (
            "eth_call",
            [
                {"from": account, "to": incentive.address, "data": _hex(incentive.data(c.action, *c.arguments))},
                "latest",
            ],
        )
        for c in claims
    ]
    return incentive.chain.many(calls)


def incentive_of(kind: str) -> Any:
    """The adapter with default terms of an incentive, by its name on the command line or by its contract's name."""
    for name, adapter in INCENTIVES.items():
        if kind in (name, adapter.contract):
            return adapter()
    raise click.ClickException(f"Unknown incentive {kind!r}; known are {', '.join(INCENTIVES)}.")


def owner_of(node, model: str) -> str:
    """The owner of a model or another contract with `owner()`."""
    from eth_utils import keccak, to_checksum_address

    answer = node.rpc("eth_call", {"to": model, "data": _hex(keccak(text="owner()")[:4])}, "latest")
    return to_checksum_address("0x" + answer[-40:])


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
