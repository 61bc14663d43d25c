"""Collaborative models off chain: everything that commands, page, notebooks and programs share.

Imports run one way (tests/unit/test_imports.py), and nothing here imports `scripts`. docs/library.md has examples.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)  # own parts stand in folders of the same name: docs/new-model.md

__version__ = "0.1.0"
