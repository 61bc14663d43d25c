"""Why a model answers as it does: what it would say without one of the words, or with the usual value of one number.

That holds for any model, whatever its arithmetic: it is only asked again, all in one batch.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import encoders
from comodels.chain.abi import Call
from comodels.chain.node import RpcError
from comodels.dashboard.reader import Model, Reader
from comodels.dashboard.words import LOWEST

MOST_ASKED = 60  # words or numbers that one answer is explained by
STRENGTHS = 4  # how strongly a word can be marked


@dataclass(frozen=True)
class Part:
    """A word of the text as it was typed, or a number.

    Attributes
    ----------
    known : bool
        Whether the model sees it at all.
    effect : float
        What it did for the answer, as a share of all effects: from -1 to 1.
    """

    text: str
    known: bool = True
    effect: float = 0.0

    @property
    def mark(self) -> str:
        """How it is marked: ``for-3``, ``against-1``, ``unknown``, or nothing."""
        if not self.known:
            return "unknown"
        strength = min(STRENGTHS, round(abs(self.effect) * 2 * STRENGTHS + 0.49))
        return f"{'for' if self.effect > 0 else 'against'}-{strength}" if strength else ""


@dataclass
class Why:
    """What counted.

    Attributes
    ----------
    share : float or None
        What spoke for the answer, less what spoke against it, as a share of all: near 0 it could have been otherwise.
    """

    parts: list[Part] = field(default_factory=list)
    share: float | None = None

    @property
    def strongest(self) -> list[Part]:
        """The parts that counted most, each once."""
        once = {part.text.lower(): part for part in self.parts if part.known and part.effect}
        return sorted(once.values(), key=lambda part: -abs(part.effect))[:8]


def margin(scores: Sequence[int], y: int) -> int:
    """By how much a class is ahead of the best other."""
    return scores[y] - max(s for i, s in enumerate(scores) if i != y)


def _effects(reader: Reader, model: Model, y: int, scores: Sequence[int], others: Sequence[bytes | None]) -> list[int]:
    """What is lost of the margin with each of the other samples; all of it where there is none."""
    whole = margin(scores, y)
    asked = [x for x in others if x is not None]
    answers = iter(
        reader.node.views([Call(model.address, "scores(bytes)(int256[])", [x]) for x in asked]) if asked else []
    )
    effects = []
    for x in others:
        answer = None if x is None else next(answers)
        if x is None:
            effects.append(whole)
        elif answer is None or isinstance(answer, RpcError) or LOWEST in answer:
            effects.append(0)
        else:
            effects.append(whole - margin(answer, y))
    return effects


def _try(encoder: Any, sample: Any) -> bytes | None:
    try:
        return encoder.encode(sample)
    except encoders.EncoderError:
        return None


def of_text(reader: Reader, model: Model, encoder: Any, text: str, y: int, scores: Sequence[int]) -> Why:
    """The words that counted, in the text."""
    chunks = [(chunk, encoder.words_of(chunk)) for chunk in text.split()]
    words = list(dict.fromkeys(word for _, found in chunks for word in found))
    vocabulary = getattr(encoder, "words", None)
    known = set(words) if vocabulary is None else set(words) & set(vocabulary)
    asked = [word for word in words if word in known][:MOST_ASKED]
    if LOWEST in scores or len(scores) < 2:
        asked = []
    without = [_try(encoder, " ".join(w for w in words if w != word)) for word in asked]
    effect = dict(zip(asked, _effects(reader, model, y, scores, without), strict=True))
    total = sum(abs(e) for e in effect.values())
    parts = [
        Part(
            chunk,
            any(word in known for word in found),
            sum(effect.get(word, 0) for word in found) / total if total else 0.0,
        )
        for chunk, found in chunks
    ]
    return Why(parts, max(0.0, margin(scores, y) / total) if total else None)


def of_numbers(
    reader: Reader,
    model: Model,
    encoder: Any,
    values: Sequence[float],
    names: Sequence[str],
    y: int,
    scores: Sequence[int],
) -> Why:
    """The numbers that counted: what the answer would be if one of them had its usual value."""
    texts = [f"{name} = {value:g}" for name, value in zip(names, values, strict=True)]
    if LOWEST in scores or len(scores) < 2:
        return Why([Part(text) for text in texts])
    usual = []
    for i in range(min(len(values), MOST_ASKED)):
        changed = list(values)
        changed[i] = float(encoder.mean[i])
        usual.append(_try(encoder, changed))
    effects = [0 if x is None else e for x, e in zip(usual, _effects(reader, model, y, scores, usual), strict=True)]
    effects += [0] * (len(values) - len(effects))
    total = sum(map(abs, effects))
    parts = [Part(text, True, effect / total if total else 0.0) for text, effect in zip(texts, effects, strict=True)]
    return Why(parts, max(0.0, margin(scores, y) / total) if total else None)


def of_scores(scores: Sequence[int]) -> float | None:
    """For what has no parts: how far the best class is ahead, as a share of the distance to the last one."""
    known = sorted((s for s in scores if s != LOWEST), reverse=True)
    if len(known) < 3 or known[0] == known[-1]:
        return None
    return (known[0] - known[1]) / (known[0] - known[-1])


def pictures(encoder: Any, pixels: np.ndarray) -> tuple[str, str]:
    """A picture as the encoder takes it, and what it keeps of it: two addresses with the pictures in them."""
    from encoders.image import _MEAN_SCALE, grey_pixels

    small = grey_pixels(pixels, encoder.side)
    back = np.linalg.pinv(encoder.projection.astype(np.float64)) @ encoder.vectors([pixels])[0]
    kept = np.clip((encoder.mean + back) / _MEAN_SCALE, 0, 255)
    return _png(small.reshape(encoder.side, -1)), _png(kept.reshape(encoder.side, -1))


def _png(grey: np.ndarray) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(grey.astype(np.uint8)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
