"""What twins check of a sparse sample: the twin of the module `sample`."""

from __future__ import annotations

import struct
from functools import lru_cache

from comodels.revert import require


@lru_cache(maxsize=20_000)
def sparse_indices(x: bytes, n_features: int, longest: int) -> tuple[int, ...]:
    """The features of a sparse sample. Raises `Revert` where it is malformed, or has more than `longest` of them."""
    require(len(x) > 0, "sample: empty")
    require(len(x) % 2 == 0, "sample: odd length")
    count = len(x) // 2
    require(count <= 1024, "sample: more than 1,024 features")
    require(count <= longest, "sample: too long")
    indices = struct.unpack(f">{count}H", x)
    require(indices[-1] < n_features, "sample: index out of range")
    require(all(a < b for a, b in zip(indices, indices[1:], strict=False)), "sample: indices must increase")
    return indices
