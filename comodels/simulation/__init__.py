"""People who contribute to models, honest and not, on the twins and on a chain."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)  # own parts stand in folders of the same name: docs/new-model.md
