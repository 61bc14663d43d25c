"""What stands behind the pages, and what it is made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse

from comodels.chain.node import Node
from comodels.dashboard.create import Plans
from comodels.dashboard.due import Dues
from comodels.dashboard.guard import LOOPBACK
from comodels.dashboard.incentives import Incentives
from comodels.dashboard.outbox import Outbox
from comodels.dashboard.reader import Model, Reader
from comodels.dashboard.sponsors import Sponsors
from comodels.dashboard.store import Store, TestSet


@dataclass
class Settings:
    """What the page is made with.

    Attributes
    ----------
    incentives : dict of str to str
        Names by address, as far as they are known from deployments; others are found out.
    originals : path or None
        Where the words of samples are kept that are contributed here.
    words : sequence of path
        Files of words that third parties keep.
    hosts : tuple of str
        Host names under which the page answers.
    addresses : bool
        Whether it also answers under any numeric address, for those who open it from other machines.
    markets : path or None
        Where the test sets of markets are kept that are started here. Only for a page of one's own.
    price : (Decimal, str) or None
        What an ether is worth, and in which currency.
    explorer : str
        The address of a page that shows transactions; by default a usual one of the chain.
    """

    node_url: str
    registry: str
    encoder_folder: Path
    originals: Path | None = None
    words: Sequence[Path] = ()
    incentives: dict[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = LOOPBACK
    addresses: bool = False
    markets: Path | None = None
    price: tuple[Decimal, str] | None = None
    explorer: str = ""


class Site(Protocol):
    """What stands behind the pages, as far as it is asked here."""

    settings: Settings
    node: Node
    reader: Reader
    incentives: Incentives
    outbox: Outbox
    store: Store
    plans: Plans
    dues: Dues
    sponsors: Sponsors

    def render(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page."""

    def explorer(self, transaction: str = "") -> str:
        """Where a transaction can be looked at."""

    def in_money(self, wei: int) -> str:
        """An amount in a currency."""

    def test_set(self, visitor: str, address: str) -> TestSet | None:
        """What a visitor measures a model on."""

    def accuracy(self, model: Model, test_set: TestSet | None, block: int | None = None) -> float | None:
        """The part of it that the model gets right."""

    def known_accuracy(self, visitor: str, address: str) -> float | None:
        """The same, of the model as it is now."""

    def keep_test_set(self, visitor: str, address: str, test_set: TestSet) -> None:
        """Measure a model on a visitor's own test set from now on."""
