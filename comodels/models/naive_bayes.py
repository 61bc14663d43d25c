"""Twin of `NaiveBayes`: the same integers, the same errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from comodels.models.classes import NEVER
from comodels.models.table import TableModel, TableParameters
from comodels.revert import require

ALPHA_BITS = 16  # behind the point of the smoothing
FACTOR_BITS = 49
FULL = 2**207
SCORE_BITS = 63  # behind the point of a score
MARGIN_BITS = 8  # behind the point of the margin
MODULUS = 2**256


@dataclass(frozen=True)
class NaiveBayesParameters(TableParameters):
    """Parameters in the contract's integers.

    Attributes
    ----------
    n_features : int
        The size of the vocabulary, 1 to 65,536.
    room : int
        How many classes the model may ever have, 1 to 255.
    alpha : int
        The smoothing in units of 2^-16, 1 to 2^32 - 1; 65,536 is Laplace's.
    margin : int
        A sample whose class wins by at least this is not learnt: 0 to 65,535, in units of 1/256 of a logarithm to the
        base 2 of probabilities; 0 learns everything.
    """

    LAYOUT = {**TableParameters.LAYOUT, "alpha": 0, "margin": 48}

    alpha: int = 2**ALPHA_BITS
    margin: int = 0

    def __post_init__(self) -> None:
        require(self.alpha > 0, "naive bayes: smoothing of 0")
        require(self.alpha < 2**32 and 0 <= self.margin < 2**16, "model: unknown parameters")
        super().__post_init__()


class NaiveBayes(TableModel):
    """Multinomial naive Bayes on the presence of words. See `TableModel`.

    The samples of a class are its documents, its figure is the total of its counts, and what that began with.

    Examples
    --------
    >>> model = NaiveBayes(NaiveBayesParameters(n_features=3))
    >>> _ = model.update(bytes([0, 0]), 0), model.update(bytes([0, 1, 0, 2]), 1)
    >>> model.predict(bytes([0, 2]))
    1
    """

    KIND = "NaiveBayes"
    FAMILY = "naive-bayes"
    SPARSE = True
    PARAMETERS = NaiveBayesParameters
    parameters: NaiveBayesParameters

    @staticmethod
    def _figure(counts: Iterable[int]) -> int:
        return sum(counts)

    def _increase(self, y: int, indices: Sequence[int]) -> int:
        return len(indices)

    def _start(self) -> int:
        """The largest total: a class with one document does not find unknown words likelier than the others do."""
        return max(self.figures)

    def update(self, x: bytes, y: int) -> int:
        """Learn from a sample; returns the effect: 0 where the margin leaves it out, else 1."""
        require(0 <= y < self.class_count, "model: no such class")
        if self.parameters.margin:
            scores = self.scores(x)
            lead = scores.pop(y) - max(scores, default=NEVER)
            if lead >= self.parameters.margin << SCORE_BITS - MARGIN_BITS:
                return 0
        return super().update(x, y)

    def _scores(self, indices: Sequence[int], without: int | None) -> list[int | None]:
        """For each class log2 of documents · Π (count + α) / (total + α · features)^k, in units of 2^-63."""
        scores: list[int | None] = []
        alpha, n_features = self.parameters.alpha, self.parameters.n_features
        for y, counts in enumerate(self.counts):
            documents, total, smoothing = self.samples[y], self.figures[y], alpha
            if y == without:
                require(documents > 0 and total >= len(indices), "model: no such sample was added")
                documents, total, smoothing = documents - 1, total - len(indices), alpha - 2**ALPHA_BITS
            if documents == 0:
                scores.append(None)
                continue
            product, exponent = documents, 0
            for i in indices:
                # negative, and then without sense, only for a sample that was never added
                product = product * ((counts[i] << ALPHA_BITS) + smoothing) % MODULUS
                if product >= FULL:
                    product >>= FACTOR_BITS
                    exponent += FACTOR_BITS
            divisor = (total << ALPHA_BITS) + alpha * n_features
            scores.append(_score(product, exponent, divisor, len(indices)) if product else None)
        return scores


def _score(product: int, exponent: int, divisor: int, features: int) -> int:
    """log2(product · 2^exponent / divisor^features) in units of 2^-63, interpolated between powers of 2."""
    base_exponent = divisor.bit_length() - 128
    base = divisor << -base_exponent
    power, power_exponent = 2**127, -127
    rest = features
    while True:
        if rest & 1:
            power *= base
            surplus = 127 + (power >> 255)
            power >>= surplus
            power_exponent += base_exponent + surplus
        rest >>= 1
        if rest == 0:
            break
        base *= base
        surplus = 127 + (base >> 255)
        base >>= surplus
        base_exponent = 2 * base_exponent + surplus
    left = 256 - product.bit_length()
    mantissa = (product << left) // power
    surplus = 64 + (mantissa >> 128)
    mantissa = mantissa + (1 << surplus - 1) >> surplus
    return (exponent - left - power_exponent + surplus + SCORE_BITS - 1 << SCORE_BITS) + mantissa
