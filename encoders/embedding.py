"""Sentences to dense samples, by a sentence-embedding model that the user has installed.

The model is not part of the encoder: its file keeps the model's name and the direction that the model gives to one
fixed sentence, so that another model under the same name is noticed before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.dense import DenseEncoder
from encoders.errors import EncoderError, MissingExtraError, SampleError, SpecError
from encoders.quantise import MAX_VALUE, normalise

if TYPE_CHECKING:
    from typing_extensions import Self

Embed = Callable[[str], Sequence[float]]

PROBE = "The quick brown fox jumps over the lazy dog."
"""The sentence by which a model is recognised."""

_LEAST_COSINE = 0.99  # one model on other hardware or in half precision stays above 0.999


class SentenceEmbedding(DenseEncoder):
    """Sentences as the directions that an embedding model gives them.

    Texts are embedded one by one, because most models answer a little differently in batches.

    Parameters
    ----------
    model : str
        Name of the model; without `embed` the one that ``sentence_transformers`` knows, or a folder.
    probe : array-like of float, shape (n_features,)
        The direction, of norm 1, that the model gives to `PROBE`.
    unit : int
        The integer that stands for 1.0, from 64 to 4,096.
    embed : callable, optional
        Text to vector of float, shape (n_features,). By default the model is loaded by ``sentence_transformers`` when
        it is first needed.

    Raises
    ------
    EncoderError
        If a parameter is out of range.
    """

    kind = "embedding"
    input_kind = "text"

    def __init__(self, model: str, probe: Sequence[float], unit: int, embed: Embed | None = None) -> None:
        self.model = model
        self.probe = np.array(probe, dtype=np.float64)
        self._embed: Embed | None = None
        super().__init__(self.probe.size, unit)
        if embed is not None:
            self.use(embed)

    @classmethod
    def fit(cls, texts: Sequence[str], model: str, embed: Embed | None = None, unit: int | None = None) -> Self:
        """Choose the unit from texts, and note how the model is recognised.

        Parameters
        ----------
        texts : sequence of str
            A few hundred are enough.
        model : str
            Name of the model.
        embed : callable, optional
            Text to vector; by default `model` is loaded by ``sentence_transformers``.
        unit : int, optional
            The integer that stands for 1.0. By default chosen from the texts, see `choose_unit`.

        Raises
        ------
        MissingExtraError
            If no `embed` is given and ``sentence_transformers`` is not installed.
        SampleError
            If the model's answer for a text is not a vector of finite numbers, or is 0.
        """
        embed = embed or _sentence_transformer(model)
        probe = normalise(_embed_all(embed, [PROBE]))[0]
        encoder = cls(model, probe, MAX_VALUE if unit is None else unit, embed)
        return encoder.choose_unit(texts) if unit is None else encoder

    @property
    def parameters(self) -> dict[str, int | str]:
        return {"features": self.n_features, "model": self.model, "unit": self.unit}

    @property
    def fitted(self) -> dict[str, Any]:
        return {"probe": self.probe.tolist()}

    @classmethod
    def rebuild(cls, parameters: Mapping[str, str], fitted: Mapping[str, Any]) -> Self:
        return cls(parameters["model"], fitted["probe"], int(parameters["unit"]))

    def use(self, embed: Embed) -> None:
        """Embed with this function from now on, as after loading an encoder whose model is a function of the user.

        Raises
        ------
        SpecError
            If it is not the model that the encoder was fitted with.
        """
        probe = normalise(_embed_all(embed, [PROBE]))[0]
        if probe.shape != self.probe.shape or (probe * self.probe).sum() < _LEAST_COSINE:
            raise SpecError(
                f"the model at hand is not the {self.model!r} that this encoder was fitted with: it gives other "
                "vectors; install the same version of it"
            )
        self._embed = embed

    def vectors(self, samples: Sequence[str] | np.ndarray) -> np.ndarray:
        """The embeddings: float64, shape (n_samples, n_features)."""
        if self._embed is None:
            self.use(_sentence_transformer(self.model))
        assert self._embed is not None  # `use` sets it, or raises
        return _embed_all(self._embed, list(samples))


def _sentence_transformer(model: str) -> Embed:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtraError(
            f"the embedding model {model!r} needs a package that is not installed: pip install sentence-transformers"
        ) from error
    return SentenceTransformer(model).encode


def _embed_all(embed: Embed, texts: Sequence[str]) -> np.ndarray:
    if len(texts) == 0:
        raise EncoderError("there are no texts to embed")
    for text in texts:
        if not isinstance(text, str):
            raise SampleError(f"a text is a string, not a {type(text).__name__}")
    try:
        vectors = np.array([embed(text) for text in texts], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SampleError(f"the embedding model does not give one vector of numbers for each text ({error})") from error
    if vectors.ndim != 2:
        raise SampleError(f"the embedding model gives values of shape {vectors.shape[1:]}, not vectors")
    return vectors
