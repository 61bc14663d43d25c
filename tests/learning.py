"""What `learn` must do, of any model contract and its twin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from comodels.revert import Revert


def check_learn(model, twin: Any, samples: Iterable[tuple[bytes, int]], trainer) -> None:
    """`learn` of each sample, tried on the model as it stands, is the twin's, and is `update` with `predict` before it.

    Parameters
    ----------
    model : ContractAt
        In the state of the twin.
    samples : iterable of (bytes, int)
        Samples and labels; those that the twin refuses to learn are left out, and some must be left.
    """
    good, expected = [], []
    for x, y in samples:
        try:
            expected.append(twin.copy().learn(x, y))
            good.append((x, y))
        except Revert:
            continue
    assert good
    assert expected == [(twin.copy().update(x, y), twin.predict(x)) for x, y in good]
    sender = str(trainer.address)
    assert model.call_many("learn", good, sender) == expected
    assert model.call_many("update", good, sender) == [effect for effect, _ in expected]
