"""What the tests send with: that of the conformance suites."""

from comodels.testing.client import Client, Contract, Event, Receipt, Reverted, reverts

__all__ = ["Client", "Contract", "Event", "Receipt", "Reverted", "reverts"]
