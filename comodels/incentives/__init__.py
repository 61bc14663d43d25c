"""Exact integer twins of the incentives, one file a kind."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)  # own parts stand in folders of the same name: docs/new-model.md
