"""Local differential privacy: noise that is added before a sample leaves the machine of whoever contributes it.

What is protected: whoever sees a private sample can hardly tell it from what any other sample would have become: no
answer is more than e^ε times as probable for one as for the other. So the sample itself stays open to doubt, even for
somebody who knows all others. What is not: that the account contributed, when, to which model, and, unless it is
randomised too, the label. And ε adds up: what somebody contributes about themselves ten times is ten times less
protected. Randomness comes from the operating system. The guarantee is that of exact arithmetic; numbers of 53 bits are
rounded to the integers of a sample afterwards, so that what rounding could tell is cut off, but not proved away.

* `PrivUnit` (Bhowmick, Duchi, Freudiger, Kapoor and Rogers 2018, "Protection Against Reconstruction and Its
  Applications in Private Federated Learning") turns a vector of norm 1 into another one of norm 1, which points nearer
  to it than chance more often than not. The mean of many is right but for a factor, the same for all: what a nearest
  centroid needs.
* `randomised_label` (Warner 1965, "Randomized Response") tells another label now and then.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.dense import DenseEncoder
from encoders.errors import EncoderError

if TYPE_CHECKING:
    from typing_extensions import Self

LEAST_EPSILON, MOST_EPSILON = 0.01, 50.0


def check_epsilon(epsilon: float) -> float:
    """The ε. Raises `EncoderError` where it is not from 0.01 to 50."""
    if not LEAST_EPSILON <= epsilon <= MOST_EPSILON:
        raise EncoderError(f"epsilon is {LEAST_EPSILON} to {MOST_EPSILON:g}, not {epsilon}: the less, the more private")
    return float(epsilon)


def fresh() -> np.random.Generator:
    """Randomness that nobody can guess."""
    return np.random.default_rng(secrets.randbits(256))


class PrivUnit:
    """The mechanism for vectors of norm 1.

    With probability `p` the answer is drawn evenly from the cap of vectors whose cosine with the given one is at least
    `gamma`, else evenly from the others. The cap is a part `q` of the sphere, and p is as large as ε allows; of all
    caps that with the largest mean cosine is taken.

    Parameters
    ----------
    dimensions : int
        At least 2.
    epsilon : float
        0.01 to 50: any answer is at most e^ε times as probable for one vector as for another.

    Attributes
    ----------
    gamma, p, q : float
    mean : float
        The mean of the answers is so many times the vector.

    Examples
    --------
    >>> mechanism = PrivUnit(30, 2.0)
    >>> round(math.log(mechanism.p / mechanism.q * (1 - mechanism.q) / (1 - mechanism.p)), 6)
    2.0
    >>> round(mechanism.mean, 3)
    0.144
    """

    def __init__(self, dimensions: int, epsilon: float) -> None:
        if dimensions < 2:
            raise EncoderError("a private sample needs two features or more: one alone has only a sign")
        self.dimensions = dimensions
        self.epsilon = check_epsilon(epsilon)
        self.gamma = self._best_gamma()
        self.q, self.p, self.mean = self._at(self.gamma)

    def _at(self, gamma: float) -> tuple[float, float, float]:
        """For a cap: q, p and the mean cosine."""
        from scipy.special import betainc, betaln

        d = self.dimensions
        q = 0.5 * float(betainc((d - 1) / 2, 0.5, 1 - gamma**2))
        p = 1 / (1 + math.exp(-self.epsilon) * (1 - q) / q) if q > 0 else 1.0
        # ∫ t (1 - t²)^((d - 3) / 2) over the cap, of what is 1 over the sphere
        moment = math.exp((d - 1) / 2 * math.log1p(-(gamma**2)) - math.log(d - 1) - float(betaln(0.5, (d - 1) / 2)))
        return q, p, moment * (p / q - (1 - p) / (1 - q)) if q > 0 else 0.0

    def _best_gamma(self) -> float:
        low, high = 0.0, 1 - 1e-9
        for _ in range(4):  # a grid, and finer ones around its best
            grid = np.linspace(low, high, 200)
            best = int(np.argmax([self._at(float(gamma))[2] for gamma in grid]))
            low, high = float(grid[max(0, best - 1)]), float(grid[min(199, best + 1)])
        return (low + high) / 2

    def draw(self, directions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """An answer for each vector.

        Parameters
        ----------
        directions : ndarray of float64, shape (n_samples, dimensions)
            Of norm 1.

        Returns
        -------
        ndarray of float64, shape (n_samples, dimensions)
            Of norm 1.
        """
        from scipy.special import betainc, betaincinv

        count, d = directions.shape
        half = (d - 1) / 2
        inside = rng.random(count) < self.p
        # the cosine t = 2b - 1, and b has a beta distribution: drawn by its inverse, from the part that was chosen
        edge = float(betainc(half, half, (1 + self.gamma) / 2))
        share = np.where(inside, edge + (1 - edge) * rng.random(count), edge * rng.random(count))
        cosine = np.clip(2 * betaincinv(half, half, share) - 1, -1, 1)
        cosine = np.where(inside, np.maximum(cosine, self.gamma), np.minimum(cosine, self.gamma))
        # and evenly around it
        across = rng.normal(size=(count, d))
        across -= (across * directions).sum(axis=1, keepdims=True) * directions
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        return cosine[:, None] * directions + np.sqrt(1 - cosine**2)[:, None] * across


class Private(DenseEncoder):
    """An encoder of dense samples that is private: it gives another sample each time, and each time costs ε.

    `exact` is the encoder inside, for asking a model and for measuring it: what it encodes must not be contributed.

    Parameters
    ----------
    encoder : DenseEncoder
    epsilon : float

    Examples
    --------
    >>> from encoders import Tabular
    >>> private = Private(Tabular([0.0, 0.0], [1.0, 1.0], 127), 2.0)
    >>> private.spec.split("&sha256")[0]
    'private/1?encoder=tabular/1&epsilon=2.0&features=2'
    >>> list(private.exact.encode([3.0, 4.0]))
    [76, 102]
    """

    kind = "private"

    def __init__(self, encoder: DenseEncoder, epsilon: float) -> None:
        if isinstance(encoder, Private):
            raise EncoderError("this encoder is private already: its epsilon is in its spec")
        super().__init__(encoder.n_features, encoder.unit)
        self.encoder = encoder
        self.input_kind = encoder.input_kind  # type: ignore[misc]
        self.mechanism = PrivUnit(encoder.n_features, epsilon)

    @property
    def exact(self) -> DenseEncoder:
        return self.encoder

    @property
    def epsilon(self) -> float:
        """What each contribution costs."""
        return self.mechanism.epsilon

    def vectors(self, samples: Sequence[Any] | np.ndarray) -> np.ndarray:
        return self.encoder.vectors(samples)

    def directions(self, samples: Sequence[Any]) -> np.ndarray:
        return self.mechanism.draw(super().directions(samples), fresh())

    @property
    def parameters(self) -> dict[str, int | str]:
        inner = f"{self.encoder.kind}/{self.encoder.version}"
        return {**self.encoder.parameters, "encoder": inner, "epsilon": str(self.epsilon)}

    @property
    def fitted(self) -> dict[str, Any]:
        return self.encoder.fitted

    @classmethod
    def rebuild(cls, parameters: Mapping[str, str], fitted: Mapping[str, Any]) -> Self:
        known = {f"{inner.kind}/{inner.version}": inner for inner in DenseEncoder.__subclasses__()}
        inner: Any = known[parameters["encoder"]]
        rest = {key: value for key, value in parameters.items() if key not in ("encoder", "epsilon")}
        return cls(inner.rebuild(rest, fitted), float(parameters["epsilon"]))


def randomised_label(y: int, classes: int, epsilon: float, rng: np.random.Generator | None = None) -> int:
    """The label, or with probability (classes - 1) / (e^ε + classes - 1) another one, each as often.

    For points and markets: who pays a deposit for a wrong label loses it.
    """
    rng = fresh() if rng is None else rng
    if not 0 <= y < classes or classes < 2:
        raise EncoderError(f"there is no class {y} of {classes}, or none to take instead")
    if rng.random() >= told_otherwise(classes, epsilon):
        return y
    return (y + int(rng.integers(1, classes))) % classes


def told_otherwise(classes: int, epsilon: float) -> float:
    """The probability with which another label is told than the true one."""
    return (classes - 1) / (math.exp(check_epsilon(epsilon)) + classes - 1)
