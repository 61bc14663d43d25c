"""What the library asks of an incentive, with the answers of one that takes no money and has nothing to claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Adapter:
    """An incentive for commands and programs; `comodels.claims` has those of the project.

    A subclass is a frozen dataclass that names its ``contract`` and has a field ``terms``, with a default. Everywhere
    `incentive` is a `ContractAt` of the incentive, and `model` a model's address.
    """

    contract: ClassVar[str] = ""
    unit: ClassVar[str] = "ether"
    refuses_copies: ClassVar[bool] = False  # whether a sample that anyone ever contributed is refused
    falls: ClassVar[bool] = False  # whether the deposit falls with the time since the latest contribution

    def deposit(self, incentive: Any, model: str, sender: str | None = None) -> int:
        """The deposit that a contribution needs now, in wei."""
        return 0

    def batch_deposit(self, incentive: Any, model: str, count: int) -> int:
        """The deposit that each of so many contributions in one batch needs now, in wei."""
        return 0

    def usual_deposit(self, incentive: Any, model: str, count: int) -> int:
        """What each of a batch usually needs, in wei: more is waited for."""
        return self.batch_deposit(incentive, model, count)

    def most(self) -> int:
        """The most that a contribution can need, in wei."""
        return 0

    def balance(self, incentive: Any, model: str, account: str) -> int:
        """What an account has, in the incentive's unit."""
        return incentive.chain.balance(account)

    def contribute(self, model: str, x: bytes, y: int) -> tuple[str, tuple]:
        """The function that contributes a sample, and its arguments."""
        return "add_data", (model, x, y)

    def states(self, incentive: Any, model: str, contributions: Sequence[Any]) -> list[str]:
        """For each contribution what became of it: open, validated, or settled."""
        return ["settled"] * len(contributions)

    def may_be_due(self, contribution: Any, account: str, now: int, is_owner: bool) -> bool:
        """Whether it is worth asking at the time `now` if `account` can claim a contribution: by the clock alone."""
        return False

    def claims(
        self,
        incentive: Any,
        model: str,
        account: str,
        contributions: Sequence[Any],
        now: int,
        contributor: str | None = None,
        forgive: bool = False,
    ) -> list[Any]:
        """What `account` can claim at the time `now`, as `comodels.claims.Claim`."""
        return []

    def prospects(self, incentive: Any, model: str, account: str, contributions: Sequence[Any], now: int) -> list[Any]:
        """What comes, and what may be lost, of the open contributions of `account`, as `comodels.claims.Prospect`."""
        return []
