"""What an incentive's terms are: each with ABI type, unit, label, help and default, in one place for all who ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from comodels.errors import ComodelsError
from comodels.revert import Revert
from comodels.units import exact_ether, flag, parse_duration, parse_ether, short_duration

if TYPE_CHECKING:
    from typing_extensions import Self

HOURLY = 60  # a deposit an hour after the contribution before, in weights
UNITS = ("wei", "hourly", "seconds", "points", "number", "choice")
"""What a value is: wei; the weight of a deposit, a sixtieth of what is deposited an hour after the contribution before;
seconds; points; a number; yes or no."""


@dataclass(frozen=True)
class Term:
    """One of the terms of an incentive.

    Attributes
    ----------
    name : str
        The field's, in contract and twin.
    abi : str
        Its ABI type.
    unit : str
        One of `UNITS`.
    label : str
        A few words for forms and lists, with a capital letter.
    help : str
        A sentence for the command line.
    default : int or bool
        What is used where nobody says anything.
    most : int
        The largest value that the contract takes.
    """

    name: str
    abi: str
    unit: str
    label: str
    help: str
    default: Any
    most: int

    @property
    def unit_name(self) -> str:
        """What `most` counts."""
        return {"wei": "wei", "hourly": "a sixtieth of it, in wei"}.get(self.unit, self.unit)

    def show(self, value: Any) -> str:
        """A value as people write it: ``1d``, ``0.001`` (ether, rounded up to a gwei if hourly), ``yes``, ``10``."""
        if self.unit == "choice":
            return "yes" if value else "no"
        if self.unit == "seconds":
            return short_duration(value)
        if self.unit in ("wei", "hourly"):
            wei = -(-value * HOURLY // 10**9) * 10**9 if self.unit == "hourly" else value
            return exact_ether(wei).removesuffix(" ether").replace(",", "")
        return str(value)

    def parse(self, text: str) -> Any:
        """What `show` shows as a value. Raises `ValueError` with a message for people."""
        if self.unit == "choice":
            return flag(text)
        if self.unit == "seconds":
            return parse_duration(text)
        if self.unit in ("wei", "hourly"):
            wei = parse_ether(text)
            return wei // HOURLY if self.unit == "hourly" else wei
        if not text.strip().isdecimal() or len(text.strip()) > 9:
            raise ValueError(f"“{text[:30]}” is not a whole number such as 10")
        return int(text)


def term(default: Any, abi: str, unit: str, label: str, help: str, bits: int = 0) -> Any:
    """A field of a dataclass of terms; `bits` where the contract keeps fewer than its ABI type has."""
    assert unit in UNITS
    bits = bits or (1 if abi == "bool" else int(abi.removeprefix("uint")))
    about = {"abi": abi, "unit": unit, "label": label, "help": help, "most": 2**bits - 1}
    return field(default=default, metadata=about)


class TermsBase:
    """What all dataclasses of terms can do. Their fields are made by `term`, in the order of the contract's struct."""

    @classmethod
    def describe(cls) -> tuple[Term, ...]:
        """The terms in order."""
        terms = fields(cls)  # type: ignore[arg-type]
        assert all(f.default is not MISSING for f in terms)
        return tuple(Term(f.name, default=f.default, **f.metadata) for f in terms)

    @classmethod
    def of(cls, values: Mapping[str, Any], base: Self | None = None) -> Self:
        """The terms with these values by name, the others as in `base` or by default.

        Raises `ComodelsError` where the contract would refuse them; the message names the term as forms do.
        """
        for each in cls.describe():
            if not 0 <= values.get(each.name, 0) <= each.most:
                raise ComodelsError(f"{each.label}: at most {each.most:,} ({each.unit_name}) fits the contract.")
        try:
            return replace(base, **values) if base else cls(**values)  # type: ignore[type-var]
        except Revert as error:
            raise ComodelsError(f"The contract would refuse these terms: {error}") from error

    @classmethod
    def abi_types(cls) -> list[str]:
        """Their ABI types in order."""
        return [term.abi for term in cls.describe()]

    def encode(self) -> bytes:
        """The terms as the contract's `open` takes them."""
        from eth_abi import encode

        return encode(self.abi_types(), [getattr(self, term.name) for term in self.describe()])

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The terms from what `encode` returns."""
        from eth_abi import decode

        return cls(*decode(cls.abi_types(), data))
