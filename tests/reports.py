"""`ape test --gas` and `ape test --coverage`, for calls of every kind: see `tests.watch`.

Both take the place of Ape's own, keep its options, its filter (`--gas-exclude`, `test: gas: exclude` in
ape-config.yaml) and its tables, and work with `-n` too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import coverage
from tests.watch import Seen, Watch


class Reports:
    """The plugin that watches and reports; registered where one of the reports is asked for.

    Parameters
    ----------
    config : pytest.Config
    settings : ape.pytest.config.ConfigWrapper
        What Ape was asked for.
    gas, covered : bool
        Which reports.
    """

    def __init__(self, config: pytest.Config, settings: Any, gas: bool, covered: bool):
        self.config = config
        self.settings = settings
        self.gas = gas
        self.covered = covered
        self.seen = Seen()
        types = settings.local_project.load_contracts().values()
        self.watch = Watch(getattr(t, "contract_type", t) for t in types)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        self.watch.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        self.watch.stop()
        self.seen.add(*self.watch.seen.plain())
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["seen"] = self.seen.plain()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.seen.add(*getattr(node, "workeroutput", {}).get("seen", ({}, {}, {})))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.gas:
            terminalreporter.section("Gas Profile")
            self._show_gas()
        if self.covered:
            terminalreporter.section("Coverage Profile")
            functions = {contract: names.values() for contract, names in self.watch.functions.items()}
            parts = coverage.functions_hit(self.seen, functions), coverage.reasons_hit(self.seen, coverage.reasons())
            for line in coverage.summary(*parts):
                terminalreporter.write_line(line)
            if path := self.config.getoption("--coverage-page"):
                Path(path).write_text("\n".join(coverage.lines(*parts)) + "\n")

    def _show_gas(self) -> None:
        from ape.utils.trace import _exclude_gas, parse_gas_table
        from rich.console import Console

        exclusions = self.settings.gas_exclusions
        kept = {
            contract: {f: gas for f, gas in functions.items() if not _exclude_gas(exclusions, contract, f)}
            for contract, functions in sorted(self.seen.gas.items())
        }
        tables = parse_gas_table(kept)
        Console().print(*tables if tables else ["No calls to the project's contracts."])


def register(config: pytest.Config) -> None:
    """Take the place of Ape's reports, if one was asked for."""
    runner = config.pluginmanager.get_plugin("ape-test")
    if runner is None:
        return
    settings = runner.config_wrapper
    gas, covered = settings.track_gas, settings.track_coverage
    if gas or covered:
        settings.track_gas = settings.track_coverage = False
        config.pluginmanager.register(Reports(config, settings, gas, covered))
