"""Exact integer twins of the models, one file a kind; what is known of a kind stands in its twin's class.

A twin's class says, beside its arithmetic:

* ``KIND``: the contract's name; ``FAMILY``: what people choose by
* ``SPARSE``: whether its samples are sparse: indices of features, not a value for each
* ``MOST_CLASSES``: that any model of the kind can have
* ``PARAMETERS``: the dataclass of its parameters
* ``EXACT``: whether `predict_without`, right after an update, is what `predict` was before it; else, where scores are
  nearly equal, it may say that the model was against the sample
* ``untrained(parameters, classes)``: a twin that has learnt nothing

A file here with such a class is a kind: nothing lists them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pkgutil import extend_path

from comodels.errors import ComodelsError
from comodels.found import Found
from comodels.models.base import Twin

__path__ = extend_path(__path__, __name__)

KINDS = Found("KIND", __name__)
"""The classes of the twins by the contract's name; a file is read when its twin is asked for."""

FAMILY = "perceptron"  # what is used unless told otherwise


def families() -> list[str]:
    """The families of models, the usual one first."""
    found = {twin.FAMILY for twin in KINDS.values()}
    return sorted(found, key=lambda family: (family != FAMILY, family))


def twin_of(kind: str) -> type[Twin]:
    """The class of a kind's twin, by the contract's name; its file is read now. Raises `ComodelsError`."""
    if kind not in KINDS:
        raise ComodelsError(f"There is no twin of {kind!r}; known are {', '.join(KINDS)}.")
    return KINDS[kind]


def twin_in(kind: str, parameters: int, words: Sequence[int]) -> Twin:
    """A twin in the state that these words give; the parameters are packed, as the contract has them."""
    twin = twin_of(kind)
    return twin.from_words(twin.PARAMETERS.unpack(parameters), words)


def choose_twin(family: str, sparse: bool, room: int) -> type[Twin]:
    """The twin's class of a family that fits the samples, and has room for so many classes and the least for more.

    Raises
    ------
    ComodelsError
        If the family has none.
    """
    able = [twin for twin in KINDS.values() if sparse == twin.SPARSE and room <= twin.MOST_CLASSES]
    fitting = [twin for twin in able if family == twin.FAMILY]
    if not fitting:
        others = ", ".join(name for name in families() if name in {twin.FAMILY for twin in able})
        what = "words" if sparse else "numbers"
        raise ComodelsError(
            f"No model of the family {family} takes {what} of {room} classes: choose another --family ({others})."
        )
    return min(fitting, key=lambda twin: twin.MOST_CLASSES)
