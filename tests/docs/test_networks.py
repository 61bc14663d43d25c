"""The costs in docs/networks.md are those of the measured gas."""

from pathlib import Path

from comodels.bench.costs import lines

PAGE = Path(__file__).resolve().parents[2] / "docs" / "networks.md"


def test_networks__table_of_costs__is_what_was_measured():
    assert "\n".join(lines()) in PAGE.read_text(), "python -m comodels.bench.costs prints it"
