"""How a model is made ready to be published: default parameters, and training off chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from comodels.models.base import Twin
from comodels.models.table import TableModel
from comodels.revert import Revert


@dataclass(frozen=True)
class Defaults:
    """How models are made and trained, and terms of deposits, unless told otherwise; see the README for the reasons.

    Rates, margin and weights have one unit. A dense sample has the norm `unit`, so a dense margin is given as
    a part of what one update of a sample changes its own score by.
    """

    features: int = 1_000
    epochs: int = 5
    rate: int = 1
    bias_rate: int = 1
    margin: int = 20
    dense_margin: float = 3.0
    dense_bias_rate: float = 1.0  # as the weight of a feature that is always 1.0
    dense_head_start: int = 8  # off chain, weights move so many times as far: on chain one sample then weighs little
    dense_fall: int = 3  # of a model that is published untrained, and has no head start
    dense_falling_margin: float = 6.0  # where the rate falls, instead of the other


DEFAULTS = Defaults()


def default_values(
    parameters: type, n_features: int, classes: int, unit: int | None, rate: int | None = None, fall: int = 0
) -> dict[str, Any]:
    """Values for the fields of a dataclass of parameters that fit the data; what is not among them has a default.

    Parameters
    ----------
    parameters : type
        The dataclass.
    unit : int or None
        For dense samples: the integer that stands for 1.0.
    rate : int, optional
        The learning rate, of which bias rate and margin of dense perceptrons are multiples.
    fall : int
        Of the rate of dense perceptrons, which then have a larger margin.
    """
    rate = DEFAULTS.rate if rate is None else rate
    names = {f.name for f in fields(parameters)}
    margin = DEFAULTS.dense_falling_margin if fall else DEFAULTS.dense_margin
    values = {"n_features": n_features, "room": classes, "rate": rate}
    if unit is None and "rate" in names:
        values |= {"bias_rate": DEFAULTS.bias_rate, "margin": DEFAULTS.margin}
    elif unit is not None:
        values |= {
            "unit": unit,
            "fall": fall,
            "bias_rate": round(DEFAULTS.dense_bias_rate * rate * unit),
            # with more than two classes an update moves two of them, each by a step
            "margin": round(margin * rate * unit**2) * (2 if "room" in names else 1),
        }
    return {name: value for name, value in values.items() if name in names}


def untrained(
    twin: type[Twin], n_features: int, classes: int, unit: int | None, room: int | None = None, **changes: Any
) -> Any:
    """A model of a kind that fits the data and has learnt nothing, with `default_values` unless told otherwise.

    Parameters
    ----------
    room : int, optional
        For how many classes, by default those that there are.
    **changes
        `rate` and `fall` as `default_values` takes them; other fields of its parameters, where it has them.
    """
    how = {name: changes.pop(name, default) for name, default in (("rate", None), ("fall", 0))}
    values = default_values(twin.PARAMETERS, n_features, room or classes, unit, **how)
    values |= {f.name: changes[f.name] for f in fields(twin.PARAMETERS) if changes.get(f.name) is not None}
    return twin.untrained(twin.PARAMETERS(**values), classes)


def train(twin: Any, samples: Sequence[bytes], labels: Sequence[int], epochs: int, seed: int = 0) -> Any:
    """Let a twin learn, in several passes over the samples in random order; returns it."""
    import numpy as np

    generator = np.random.default_rng(seed)
    for _ in range(epochs):
        for i in generator.permutation(len(samples)).tolist():
            twin.update(samples[i], int(labels[i]))
    return twin


def prepare(
    twin: Any,
    samples: Sequence[bytes],
    labels: Sequence[int],
    epochs: int | None = None,
    seed: int = 0,
    head_start: int = DEFAULTS.dense_head_start,
) -> Any:
    """A trained model with the parameters of an untrained twin, as it is to be on chain: no updates are counted.

    One that counts learns each sample once; what its classes begin with on chain, so that the first sample of one wins
    nothing, they do without here. A dense perceptron learns faster off chain than on chain, as far as the weights stay
    in their range: otherwise one wrong sample could turn a model that has seen few. One whose rate falls learns off
    chain as on chain, where its rate goes on falling.
    """
    final = twin.parameters
    epochs = DEFAULTS.epochs if epochs is None else epochs
    if not hasattr(final, "rate"):
        epochs = min(epochs, 1)
    faster_here = hasattr(final, "rate") and hasattr(final, "unit") and not getattr(final, "fall", 0)
    factor = head_start if faster_here else 1
    start = twin.words()
    while True:
        faster = {name: getattr(final, name) * factor for name in ("rate", "bias_rate", "margin")} if factor > 1 else {}
        try:
            trained = train(twin.from_words(replace(final, **faster), start), samples, labels, epochs, seed)
        except Revert:
            if factor == 1:
                raise
            factor //= 2
        else:
            if isinstance(trained, TableModel):
                trained = type(trained)(final, trained.counts, trained.samples, founders=trained.founders)
            return twin.from_words(final, trained.words())
