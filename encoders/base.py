"""What all encoders have in common: how they are asked to encode, their spec, and how they are saved."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from encoders.errors import SampleError
from encoders.files import write_atomically
from encoders.spec import canonical, make_spec

if TYPE_CHECKING:
    from typing_extensions import Self


class Encoder(ABC):
    """Turns what a person has into the bytes that a model learns from, and back into something readable.

    Attributes
    ----------
    kind, version : str, int
        The first part of the spec. The version changes when the same input would give other bytes.
    input_kind : {"text", "numbers", "image"}
        What a person has to provide.
    n_features : int
        Features of the model that the samples are for.
    unit : int or None
        The integer that stands for 1.0; None where samples are sparse.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    input_kind: ClassVar[Literal["text", "numbers", "image"]]
    n_features: int
    unit: int | None

    @property
    @abstractmethod
    def parameters(self) -> dict[str, int | str]:
        """What the spec shows."""

    @property
    def fitted(self) -> dict[str, Any]:
        """What was fitted to data, as JSON takes it; the hash in the spec covers it."""
        return {}

    @classmethod
    @abstractmethod
    def rebuild(cls, parameters: Mapping[str, str], fitted: Mapping[str, Any]) -> Self:
        """Make the encoder that has these `parameters` (as the spec shows them) and `fitted`."""

    @property
    def exact(self) -> Encoder:
        """What asks a model and measures it: the encoder itself, unless what it encodes is made private."""
        return self

    @abstractmethod
    def encode_many(self, samples: Sequence[Any]) -> list[bytes]:
        """Encode samples.

        Raises
        ------
        SampleError
            If one cannot be encoded; the message says which. `encode_valid` leaves such samples out instead.
        """

    @abstractmethod
    def decode(self, x: bytes) -> Any:
        """Show what a packed sample says, as far as the bytes tell."""

    def encode(self, sample: Any) -> bytes:
        """Encode one sample.

        Raises
        ------
        SampleError
            If it cannot be encoded.
        """
        return self.encode_many([sample])[0]

    def encode_valid(self, samples: Sequence[Any]) -> tuple[np.ndarray, list[bytes]]:
        """Encode the samples that can be encoded.

        Returns
        -------
        positions : ndarray of int64, shape (n_encoded,)
            Which of the samples they are, so that ``labels[positions]`` are their labels.
        encoded : list of bytes, length n_encoded
        """
        found = [(i, x) for i, x in enumerate(self.encode_each(samples)) if isinstance(x, bytes)]
        return np.array([i for i, _ in found], dtype=np.int64), [x for _, x in found]

    def encode_each(self, samples: Sequence[Any]) -> list[bytes | SampleError]:
        """Encode samples one by one: of each its bytes, or why it has none. Shape (n_samples,)."""
        return [self._try(sample) for sample in samples]

    def _try(self, sample: Any) -> bytes | SampleError:
        try:
            return self.encode(sample)
        except SampleError as error:
            return error

    @property
    def spec(self) -> str:
        """The canonical string that is stored on chain with a model."""
        return make_spec(self.kind, self.version, self.parameters, self.fitted)

    @property
    def content(self) -> bytes:
        """What the hash in the spec is of: JSON in canonical form, for others to fetch; `encoders.read` takes it."""
        shown = {key: str(value) for key, value in self.parameters.items()}
        return canonical({"parameters": shown, "fitted": self.fitted})

    def save(self, path: str | os.PathLike) -> None:
        """Write the encoder to a JSON file, atomically: its spec, and what was fitted, readable for people."""
        content = {"spec": self.spec, "fitted": self.fitted}
        text = json.dumps(content, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False)
        write_atomically(path, text + "\n")
