"""The port, the price of ether, and where transactions are shown."""

from decimal import Decimal

import pytest

from comodels.dashboard.serve import address_of, listen, price_of
from comodels.errors import ComodelsError


def test_listen__port_is_taken__said_at_once():
    with listen("127.0.0.1", 0) as first, pytest.raises(ComodelsError, match="Choose another: --port 0"):
        listen("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize(
    ("text", "price"), [(None, None), ("2500 EUR", (Decimal(2500), "EUR")), ("0.5usd", (Decimal("0.5"), "USD"))]
)
def test_price__amount_and_currency__read(text, price):
    assert price_of(text) == price


@pytest.mark.parametrize("text", ["EUR", "2500", "-1 EUR", "1e3 EUR", "2500 <b>"])
def test_price__anything_else__refused(text):
    with pytest.raises(ComodelsError, match="an amount and a currency"):
        price_of(text)


def test_explorer__address__without_its_last_slash():
    assert address_of("--explorer", "https://scan.example/") == "https://scan.example"
    with pytest.raises(ComodelsError, match="https://"):
        address_of("--explorer", "javascript:alert(1)")
