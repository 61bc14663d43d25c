"""From the labels that a file has to class indices. A label is a name; an index only where no name is a number.

Names are compared as people read them: without spaces around them, in Unicode's composed form, and ``1.0`` as ``1``.
Two spellings of one name (``ham`` and ``Ham``, ``1`` and ``01``) are refused, because one of them is a mistake.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from encoders.errors import DataError
from encoders.wire import MAX_CLASSES

_WHOLE = re.compile(r"([-+]?[0-9]+)\.0+")
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?")
_AROUND = "\ufeff\u200b\u2060"  # invisible, and no white space for `str.strip`
_NOT_THERE = {"nan", "na", "n/a", "null", "none", "<na>"}
_SHOWN = 60  # characters of a label, in a message


def label_text(value: Any) -> str:
    """A label as a name: empty where there is none.

    Parameters
    ----------
    value : str, bool, int, float or None
        As a table has it; a float that is a whole number is written as one, NaN is no label.

    Raises
    ------
    DataError
        If it is anything else, such as a list.

    Examples
    --------
    >>> label_text(" ham "), label_text(2.0), label_text("-1.0"), label_text(True), label_text(None)
    ('ham', '2', '-1', 'true', '')
    """
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if not isinstance(value, str | int | float):
        raise DataError(f"a label is a word or a number, not a {type(value).__name__}")
    text = unicodedata.normalize("NFC", str(value).strip().strip(_AROUND).strip())
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def is_number(name: str) -> bool:
    """Whether a class's name is a number, so that it cannot be told from an index.

    Examples
    --------
    >>> is_number("3"), is_number("-1"), is_number("v1")
    (True, True, False)
    """
    return _NUMBER.fullmatch(name) is not None


def class_indices(
    labels: Sequence[str], places: Sequence[str], class_names: Sequence[str] | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The classes that labels stand for.

    Parameters
    ----------
    labels : sequence of str, length n_samples
        As `label_text` gives them.
    places : sequence of str, length n_samples
        Where each stands, for messages: ``"line 3"``.
    class_names : sequence of str, optional
        The names in the order of their indices. Labels are then these names, or, if none of them is a number and every
        label is, indices counted from 0. By default the labels themselves, in alphabetical or numerical order.

    Returns
    -------
    indices : ndarray of int64, shape (n_samples,)
    class_names : tuple of str

    Raises
    ------
    DataError
        If a label is missing, unknown, or spelt in two ways, or there are more than 255.
    """
    missing = [place for label, place in zip(labels, places, strict=True) if not label]
    if missing:
        raise DataError(f"{listed(missing)}: no label. Fill it in, or delete the row")
    counts = Counter(labels)
    first = dict(zip(reversed(labels), reversed(places), strict=True))
    names = _names_of(counts, first) if class_names is None else tuple(label_text(name) for name in class_names)
    if class_names is not None:
        _refuse_spellings(Counter(dict.fromkeys(names, 1)), "of the classes")
    index_of = {name: index for index, name in enumerate(names)}
    if class_names is not None and not any(map(is_number, names)) and all(label.isdecimal() for label in counts):
        index_of = {str(index): index for index in range(len(names))}
        if "0" not in counts:
            raise DataError(
                "the labels are numbers, and the classes have names; indices of classes count from 0, but no label is "
                f"0: write {', '.join(names)[:_SHOWN]} as labels instead"
            )
    for label in counts:  # in the order of the source
        if label not in index_of:
            known = ", ".join(index_of)[:200]
            raise DataError(f"{first[label]}: the label {label[:_SHOWN]!r} is unknown; known are {known}")
    return np.array([index_of[label] for label in labels], dtype=np.int64), names


def listed(places: Iterable[str], most: int = 5) -> str:
    """Places for people, the first few and how many more.

    Examples
    --------
    >>> listed(["line 3", "line 5", "line 8"], most=2)
    'lines 3, 5 and 1 more'
    >>> listed(["cat/1.png"])
    'cat/1.png'
    """
    places = list(places)
    shown = places[:most]
    if len(shown) > 1 and all(place.startswith("line ") for place in shown):
        shown = [f"lines {shown[0][5:]}", *(place[5:] for place in shown[1:])]
    more = f" and {len(places) - most:,} more" if len(places) > most else ""
    return ", ".join(shown) + more


def _names_of(counts: Counter, first: dict[str, str]) -> tuple[str, ...]:
    """The classes that labels make by themselves."""
    _refuse_spellings(counts, "of labels")
    if len(counts) > MAX_CLASSES:
        raise DataError(
            f"{len(counts):,} different labels, but a model has at most {MAX_CLASSES} classes: is this the column of "
            "the labels?"
        )
    absent = next((label for label in counts if label.casefold() in _NOT_THERE), None)
    if absent is not None:
        raise DataError(
            f"{first[absent]}: the label {absent!r} usually stands for a missing one: fill it in or delete the row, or "
            "name all classes, if it is one"
        )
    numbers = [label for label in counts if is_number(label)]
    if numbers and len(numbers) < len(counts):
        word = next(label for label in counts if not is_number(label))
        raise DataError(
            f"{first[word]}: the label {word[:_SHOWN]!r} is a word, but others are numbers ({', '.join(numbers[:5])}): "
            "correct it, or name all classes, if this is meant"
        )
    return tuple(sorted(counts, key=lambda label: (float(label), label) if numbers else (0.0, label)))


def _refuse_spellings(counts: Counter, what: str) -> None:
    """Refuse names that a person would read as the same."""
    seen: dict[Any, str] = {}
    for label in counts:
        key = float(label) if is_number(label) else " ".join(unicodedata.normalize("NFKC", label).casefold().split())
        if key in seen:
            other = seen[key]
            raise DataError(
                f"two spellings {what}: {other[:_SHOWN]!r} ({counts[other]:,}) and {label[:_SHOWN]!r} "
                f"({counts[label]:,}). Write one of them everywhere"
            )
        seen[key] = label
