"""Which contributions, and which accounts, are probably wrong: judged from the contributions alone.

No label is trusted, unless the owner gives some rows of their own. What is asked of each contribution: do the others,
as far as they are believed, say the same about such samples, and is its account otherwise believed? In turns a naive
Bayes is fitted to the rows, each weighted with how far it is believed now, and accounts and rows are believed anew.
docs/filtering.md has what it finds and misses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comodels.errors import ComodelsError

if TYPE_CHECKING:
    import numpy as np

    from comodels.chain.logs import Contribution
    from comodels.claims import Claim
    from comodels.published import PublishedModel

ROUNDS = 6  # of fitting
TURNS = 10  # of believing accounts and rows, after each
FOLDS = 5
FEWEST = 10  # contributions, below which there is nothing to compare with
FIRST = 0.8  # how far a row and an account are believed before anything is known of them
WORTH = 4.0  # how many contributions that first belief is worth
TRUSTED = 3.0  # weight of a row of the owner's
LEAST = 0.001  # weight of a row that is not believed
REGULAR = (
    0.1  # of the logistic regression for samples of numbers, whose columns are scaled to a standard deviation of 1
)


@dataclass(frozen=True)
class Audit:
    """What is believed.

    Attributes
    ----------
    right : ndarray of float, shape (rows,)
        For each contribution the probability that its label is right.
    account : ndarray of int, shape (rows,)
        Whose it is: an index of `accounts`.
    accounts : list of str
        The contributors, in the order of their first contributions.
    honesty : ndarray of float, shape (accounts,)
        The part of an account's contributions that is believed to be right.
    """

    right: np.ndarray
    account: np.ndarray
    accounts: list[str]
    honesty: np.ndarray

    @property
    def bad(self) -> np.ndarray:
        """bool, shape (rows,): the contributions that are more probably wrong than right."""
        return self.right < 0.5


def audit(
    samples: Any,
    labels: Sequence[int] | np.ndarray,
    contributors: Sequence[str],
    trusted: tuple[Any, Sequence[int] | np.ndarray] | None = None,
    seed: int = 0,
) -> Audit:
    """Judge contributions.

    Parameters
    ----------
    samples : array or sparse matrix, shape (rows, n_features)
        1 where a word is present; or numbers. See `matrix`.
    labels : sequence of int, shape (rows,)
        Class indices.
    contributors : sequence of str, shape (rows,)
        The account of each row.
    trusted : (array or sparse matrix, sequence of int), optional
        Samples and labels of the owner's that are known to be right: a hundred help much.
    seed : int
        Decides the folds.

    Raises
    ------
    ComodelsError
        If there are too few rows, or all have one label.
    """
    import numpy as np
    from scipy.sparse import issparse, vstack
    from scipy.special import expit
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import MultinomialNB

    y = np.asarray(labels, dtype=np.int64)
    sparse = issparse(samples)
    known = len(trusted[1]) if trusted else 0
    if len(y) < FEWEST:
        raise ComodelsError(f"{len(y)} contributions are too few to compare: at least {FEWEST} are needed.")
    if len(set(y.tolist()) | set(list(trusted[1]) if trusted else ())) < 2:
        raise ComodelsError("All contributions have the same label: there is nothing to compare them with.")
    accounts = list(dict.fromkeys(contributors))
    index = {name: i for i, name in enumerate(accounts)}
    account = np.array([index[name] for name in contributors])
    sizes = np.bincount(account, minlength=len(accounts))
    x_known, y_known = (trusted[0], np.asarray(trusted[1], dtype=np.int64)) if trusted else (samples[:0], y[:0])
    join = (lambda a, b: vstack([a, b], format="csr")) if sparse else (lambda a, b: np.concatenate([a, b]))
    if not sparse:
        scale = np.maximum(np.std(samples, axis=0), 1e-9)
        samples, x_known = samples / scale, x_known / scale
    fold = np.random.default_rng(seed).permutation(np.arange(len(y)) % FOLDS)
    # the logistic regression goes on from where it was in the round before
    dense = {"C": REGULAR, "max_iter": 100, "tol": 1e-3, "warm_start": True}
    models = [MultinomialNB() if sparse else LogisticRegression(**dense) for _ in range(FOLDS)]
    right = np.full(len(y), FIRST)
    honesty = np.full(len(accounts), FIRST)
    for _ in range(ROUNDS):
        weights = np.maximum(2 * right - 1, LEAST)
        odds = np.zeros(len(y))  # of the given label, logarithm
        for k in range(FOLDS):
            learn, ask = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            model = models[k]
            model.fit(
                join(samples[learn], x_known),
                np.concatenate([y[learn], y_known]),
                np.concatenate([weights[learn], np.full(known, TRUSTED)]),
            )
            logs = model.predict_log_proba(samples[ask])
            column = np.searchsorted(model.classes_, y[ask])
            column[column == len(model.classes_)] = 0
            given = np.where(model.classes_[column] == y[ask], logs[np.arange(len(ask)), column], -50.0)
            given = np.clip(given, -50, -1e-12)
            odds[ask] = given - np.log(-np.expm1(given))
        # words of a text depend on each other, so naive Bayes is too sure: half of its log-odds
        for _ in range(TURNS):
            right = expit(odds / 2 + np.log(honesty / (1 - honesty))[account])
            honesty = (np.bincount(account, right, len(accounts)) + FIRST * WORTH) / (sizes + WORTH)
    return Audit(right, account, accounts, honesty)


def matrix(samples: Sequence[bytes], sparse: bool, n_features: int) -> Any:
    """Packed samples as `audit` takes them: a `csr_matrix` of ones, or an array of numbers."""
    import numpy as np

    data = b"".join(samples)
    if not sparse:
        return np.frombuffer(data, dtype=np.int8).astype(float).reshape(len(samples), n_features)
    from scipy.sparse import csr_matrix

    indices = np.frombuffer(data, dtype=">u2").astype(np.int64)
    starts = np.concatenate(([0], np.cumsum([len(x) // 2 for x in samples])))
    return csr_matrix((np.ones(indices.size), indices, starts), shape=(len(samples), n_features))


def audit_model(
    model: PublishedModel, contributions: Sequence[Contribution], trusted: str | None = None, seed: int = 0
) -> Audit:
    """Judge a model's contributions.

    Parameters
    ----------
    trusted : str, optional
        A file of samples whose labels are right, as `encoders.read_data` takes it; the model's encoder must be known.

    Raises
    ------
    ComodelsError, encoders.EncoderError
        If there are too few contributions, or the file cannot be read.
    """
    from comodels.models import twin_of
    from comodels.published import encoded_rows

    kind = twin_of(model.kind)
    n_features = kind.PARAMETERS.unpack(model.contract.call("parameters")).n_features
    rows = encoded_rows(model, trusted) if trusted else []
    known = (matrix([x for x, _ in rows], kind.SPARSE, n_features), [y for _, y in rows]) if rows else None
    samples = matrix([c.x for c in contributions], kind.SPARSE, n_features)
    return audit(samples, [c.label for c in contributions], [c.contributor for c in contributions], known, seed)


# ---- where to look first ---------------------------------------------------------------------------------------------


def beliefs(kind: str, parameters: int, contributions: Sequence[Contribution]) -> dict[int, float]:
    """For each contribution to a model, by its id, the probability that its label is right.

    Empty where nothing can be said: too few contributions, a model of an unknown kind, or no scikit-learn.

    Parameters
    ----------
    kind : str
        The name of the model's contract.
    parameters : int
        Packed, as the contract gives them.
    """
    from comodels.models import twin_of

    try:
        twin = twin_of(kind)
        samples = matrix([c.x for c in contributions], twin.SPARSE, twin.PARAMETERS.unpack(parameters).n_features)
        found = audit(samples, [c.label for c in contributions], [c.contributor for c in contributions])
    except (ComodelsError, ImportError):
        return {}
    return dict(zip((c.id for c in contributions), found.right.tolist(), strict=True))


def likely_first(model: PublishedModel, claims: Sequence[Claim]) -> list[Claim]:
    """Claims in the order in which to make them: what goes back, then reports, the most promising first.

    A report, or its announcement, promises what it pays times the probability that the contribution is wrong: the model
    disagrees now, and must still do so later.
    """
    reports = [c for c in claims if c.action in ("flag", "report")]
    if len(reports) < 2:
        return list(claims)
    right = beliefs(model.kind, model.contract.call("parameters"), model.contributions())
    promised = {id(c): (c.later or c.amount) * (1 - right.get(c.contribution.id, FIRST)) for c in reports}
    return [c for c in claims if id(c) not in promised] + sorted(reports, key=lambda c: -promised[id(c)])


# ---- told ------------------------------------------------------------------------------------------------------------


def account_rows(found: Audit) -> list[tuple[str, int, int, float]]:
    """For each account: address, contributions, those that are probably wrong, honesty. The worst comes first."""
    import numpy as np

    count = np.bincount(found.account, minlength=len(found.accounts)).tolist()
    bad = np.bincount(found.account, found.bad, len(found.accounts)).astype(int).tolist()
    rows = list(zip(found.accounts, count, bad, found.honesty.tolist(), strict=True))
    return sorted(rows, key=lambda row: (-row[2], row[3]))


def write_csv(
    found: Audit, contributions: Sequence[Contribution], class_names: Sequence[str], folder: Path
) -> tuple[Path, Path]:
    """Write ``audit.csv``, a line for each contribution, and ``accounts.csv``; returns the two paths."""
    import csv
    import io

    from encoders.files import write_atomically

    lines: list[Sequence[Any]] = [
        (c.id, c.time, c.contributor, class_names[c.label], f"{right:.4f}", "bad" if right < 0.5 else "", c.x.hex())
        for c, right in zip(contributions, found.right.tolist(), strict=True)
    ]
    accounts = [(name, count, bad, f"{honesty:.4f}") for name, count, bad, honesty in account_rows(found)]
    tables: dict[str, list[Sequence[Any]]] = {
        "audit.csv": [("id", "time", "contributor", "class_name", "right", "verdict", "x"), *lines],
        "accounts.csv": [("contributor", "contributions", "bad", "honesty"), *accounts],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        write_atomically(folder / name, text.getvalue())
    return folder / "audit.csv", folder / "accounts.csv"
