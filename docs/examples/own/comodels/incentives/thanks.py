"""`Thanks` for the library: its terms, its twin, and how commands and programs deal with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar

from comodels.incentives.adapter import Adapter
from comodels.incentives.terms import TermsBase, term
from comodels.revert import require


@dataclass(frozen=True)
class Terms(TermsBase):
    """The terms of one model, as `Thanks.Terms` in the contract."""

    most: int = term(10, "uint256", "number", "Most thanks for one account", "So many for one account at most.", 32)

    def __post_init__(self) -> None:
        require(0 < self.most < 2**32, "thanks: 1 to 4,294,967,295 thanks")


class ThanksTwin:
    """Twin of the contract, for one model.

    Parameters
    ----------
    model : object
        The model's twin.
    terms : Terms
    """

    def __init__(self, model: Any, terms: Terms):
        self.model = model
        self.terms = terms
        self.thanks: Counter[str] = Counter()

    def add_data(self, sender: str, x: bytes, y: int, time: int) -> int:
        """Contribute a sample; returns the effect that it had. Raises `Revert` where the model does."""
        effect = self.model.update(x, y)
        if effect and self.thanks[sender] < self.terms.most:
            self.thanks[sender] += 1
        return effect


@dataclass(frozen=True)
class Thanks(Adapter):
    """No money and nothing to claim: contributions that the model learns from are counted."""

    contract: ClassVar[str] = "Thanks"
    unit: ClassVar[str] = "thanks"

    terms: Terms = field(default_factory=Terms)

    def balance(self, incentive: Any, model: str, account: str) -> int:
        """The thanks that an account has."""
        return incentive.call("thanks", model, account)
