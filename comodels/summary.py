"""What a person is told before a model is published: what was read, what is learnt from, how well, and what it costs.

`summarise` only computes, `Summary.facts` only words it. What cannot be learnt from is refused before: a class that
lost all its samples, features that are the same everywhere.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from comodels.artifacts import artifact
from comodels.saved import LOAD_WORDS, PUBLISH_WORDS, SavedModel, accuracy

HELD_OUT = 5  # one sample in so many is not learnt, to measure the accuracy on
LEAST_TESTED = 10  # fewer say nothing
IMBALANCE = 5  # a class that is so many times larger than another is worth a warning
SHOWN = 12  # classes that are shown, the largest first

# Gas, measured with the models of the tests on anvil; see `publishing_gas`.
GAS_PUBLISH = 177_200  # the clone and the entry in the registry
GAS_TEXT = 216  # each byte of its texts, which stand in its code
GAS_FIRST_WORD = 25_500  # a new state word that is published through the registry: 22,100, and what carries it there
GAS_WORD = 22_700  # one that is loaded
GAS_LOAD = 30_000  # each further transaction
GAS_SEAL = 35_000
GAS_DEPLOY, GAS_CODE, GAS_CALLDATA = 53_000, 200, 16  # a contract: by itself, for each byte it has and each it is sent

KINDS = {"text": "texts", "numbers": "rows of numbers", "image": "pictures"}


@dataclass(frozen=True)
class ClassFacts:
    """One class: its samples in the source, how many are learnt from, and why others are not.

    Attributes
    ----------
    left_out : dict of str to list of str
        By reason, where the samples stand.
    """

    name: str
    samples: int
    used: int
    left_out: dict[str, list[str]]


@dataclass(frozen=True)
class Summary:
    """The facts about a model that was trained and is not published yet.

    Attributes
    ----------
    accuracy : float or None
        On `tested` samples that were not learnt; None if there were too few.
    majority : float
        What always answering the largest class would get.
    gas : int
        Of the model's own transactions; `contracts_gas` of the contracts, where they are not on the chain yet.
    """

    input_kind: str
    classes: tuple[ClassFacts, ...]
    features: int
    encoder: str
    encoder_why: str
    model: str
    model_why: str
    accuracy: float | None
    tested: int
    majority: float
    notes: tuple[str, ...]
    words: int
    gas: int
    contracts: tuple[str, ...]
    contracts_gas: int

    @property
    def used(self) -> int:
        return sum(facts.used for facts in self.classes)

    @property
    def samples(self) -> int:
        return sum(facts.samples for facts in self.classes)

    def lines(self) -> list[str]:
        """The summary for a terminal, a line for each fact."""
        before, lines = "", []
        for title, text in self.facts():
            lines.append(f"{'' if title == before == 'publish' else title:<10}{text}")
            before = title
        return lines

    def facts(self) -> list[tuple[str, str]]:
        """The summary for people: a title and a sentence for each fact, in their order; titles may repeat."""
        from encoders.labels import listed

        largest = sorted(self.classes, key=lambda facts: -facts.used)
        shown = [f"{f.name!r} {f.used:,}" for f in (self.classes if len(self.classes) <= SHOWN else largest[:SHOWN])]
        more = f" and {len(self.classes) - SHOWN:,} smaller ones" if len(self.classes) > SHOWN else ""
        facts = [
            ("data", f"{self.used:,} of {self.samples:,} {KINDS[self.input_kind]}, {len(self.classes)} classes"),
            ("classes", f"{', '.join(shown)}{more}"),
        ]
        for each in self.classes:
            for reason, places in each.left_out.items():
                facts.append(("left out", f"{len(places):,} of {each.name!r}: {reason} ({listed(places)})"))
        facts += [("note", note) for note in self.notes]
        times = largest[0].used / max(1, largest[-1].used)
        if times >= IMBALANCE:
            text = (
                f"{largest[0].name!r} has {times:.0f} times as many samples as {largest[-1].name!r}: compare the "
                "accuracy with that of the majority"
            )
            facts.append(("warning", text))
        contracts = ", ".join(self.contracts)
        return [
            *facts,
            ("encoder", f"{self.encoder} ({self.features:,} features): {self.encoder_why}"),
            ("model", f"{self.model}: {self.model_why}"),
            ("accuracy", self._accuracy()),
            ("publish", f"about {self.gas:,} gas for the model ({self.words:,} words of state)"),
            ("publish", f"and about {self.contracts_gas:,} for {contracts}, where they are not on the chain yet"),
        ]

    def _accuracy(self) -> str:
        majority = f"always saying {max(self.classes, key=lambda facts: facts.used).name!r} gets {self.majority:.1%}"
        if self.accuracy is None:
            return f"not measured, because there are too few samples to hold some out; {majority}"
        return f"{self.accuracy:.1%} on {self.tested:,} samples that were held out; {majority}"


def encode(data: Any, encoder: Any) -> tuple[list[bytes], list[int], list[ClassFacts]]:
    """Encode what was read, class by class accounted for.

    Parameters
    ----------
    data : encoders.Data
    encoder : encoders.Encoder

    Returns
    -------
    samples : list of bytes
    labels : list of int
    classes : list of ClassFacts

    Raises
    ------
    encoders.DataError
        If a class has no sample that can be encoded, or fewer than two classes have one.
    """
    from encoders.errors import DataError, reason_of
    from encoders.labels import listed

    names = data.class_names
    left_out: dict[str, dict[str, list[str]]] = {name: {} for name in names}
    for row in data.left_out:
        left_out.setdefault(row.label, {}).setdefault(row.reason, []).append(row.place)
    samples, labels = [], []
    places = data.places or tuple(f"sample {number}" for number in range(1, len(data.labels) + 1))
    for x, label, place in zip(encoder.encode_each(data.samples), data.labels.tolist(), places, strict=True):
        if isinstance(x, bytes):
            samples.append(x)
            labels.append(label)
        else:
            left_out[names[label]].setdefault(reason_of(x), []).append(place)
    used = Counter(labels)
    facts = [
        ClassFacts(name, used[y] + sum(map(len, left_out[name].values())), used[y], left_out[name])
        for y, name in enumerate(names)
    ]
    for fact in facts:
        if fact.samples and not fact.used:
            reason, where = next(iter(fact.left_out.items()))
            raise DataError(
                f"the class {fact.name!r} has no sample that can be used, of {fact.samples:,}: {reason} "
                f"({listed(where)}). Correct them, or leave the class out of the data"
            )
    if len(used) < 2:
        raise DataError("there are samples of one class only, so there is nothing to learn")
    return samples, labels, facts


def held_out_accuracy(
    data: Any, fit: Callable[[Any], Any], train: Callable[[Any, list[bytes], list[int]], Any]
) -> tuple[float | None, int]:
    """Train on four fifths of the samples, and measure on the rest, of each class as much.

    The encoder is fitted to the four fifths too, so that the rest is new to it.

    Parameters
    ----------
    data : encoders.Data
    fit : callable (encoders.Data) -> encoders.Encoder
    train : callable (encoder, samples, labels) -> twin

    Returns
    -------
    accuracy : float or None
        None if there are too few samples.
    tested : int
    """
    import numpy as np

    import encoders

    generator = np.random.default_rng(0)
    rest: list[int] = []
    for label in np.unique(data.labels):
        mine = generator.permutation(np.flatnonzero(data.labels == label))
        rest += mine[: len(mine) // HELD_OUT].tolist()
    if len(rest) < LEAST_TESTED:
        return None, 0
    kept = np.setdiff1d(np.arange(len(data.labels)), rest)
    learnt, tested = data.part(kept), data.part(sorted(rest))
    encoder = fit(learnt)
    positions, samples = encoder.encode_valid(learnt.samples)
    twin = train(encoder, samples, learnt.labels[positions].tolist())
    found = encoder.encode_each(tested.samples)
    labels = tested.labels.tolist()
    known = [
        (twin.predict(x), y) for x, y in zip(found, labels, strict=True) if not isinstance(x, encoders.SampleError)
    ]
    return (accuracy(*zip(*known, strict=True)), len(known)) if len(known) >= LEAST_TESTED else (None, 0)


def summarise(
    data: Any,
    model: SavedModel,
    classes: Sequence[ClassFacts],
    measured: tuple[float | None, int],
    why: tuple[str, str],
    incentive: str = "SelfAssessment",
) -> Summary:
    """The facts about a model that was trained on data.

    Parameters
    ----------
    data : encoders.Data
    model : SavedModel
    classes : sequence of ClassFacts
        As `encode` gives them.
    measured : (float or None, int)
        As `held_out_accuracy` gives it.
    why : (str, str)
        Why this encoder, why this model.
    incentive : str
        Name of the contract.
    """
    import numpy as np

    from encoders.labels import is_number

    used = [facts.used for facts in classes]
    notes = list(data.notes)
    if [facts.name for facts in classes] == [str(index) for index in range(len(classes))]:
        notes.append("the classes are called by numbers, as in the data; --classes NAME,NAME ... gives them names")
    elif all(is_number(facts.name) for facts in classes):
        notes.append("the classes are called by numbers, as in the data; words as labels would give them names")
    if data.input_kind == "numbers":
        same = np.flatnonzero((data.samples == data.samples[0]).all(axis=0)).tolist()
        if same and data.columns:
            shown = ", ".join(repr(data.columns[i]) for i in same[:8])
            notes.append(f"the same in all rows, so nothing is learnt from it: {shown}")
        if data.samples.shape[1] == 1:
            notes.append("with one column, a model only learns whether a number is above or below the mean")
    contracts = ("Registry", model.kind, incentive)
    compiled = [artifact(name) for name in contracts]
    return Summary(
        input_kind=data.input_kind,
        classes=tuple(classes),
        features=model.encoder.n_features,
        encoder=f"{model.encoder.kind}/{model.encoder.version}",
        encoder_why=why[0],
        model=model.kind,
        model_why=why[1],
        accuracy=measured[0],
        tested=measured[1],
        majority=max(used) / sum(used),
        notes=tuple(notes),
        words=len(model.words),
        gas=publishing_gas(model),
        contracts=contracts,
        contracts_gas=sum(GAS_DEPLOY + GAS_CALLDATA * len(c.code) + GAS_CODE * len(c.runtime) for c in compiled),
    )


def publishing_gas(model: SavedModel) -> int:
    """About what the transactions of a model take: it is created with its first words, the others are loaded."""
    return sum(step_gas(model))


def step_gas(model: SavedModel) -> list[int]:
    """The same of each of them."""
    first = min(len(model.words), PUBLISH_WORDS)
    gas = [GAS_PUBLISH + GAS_TEXT * len(model.card) + GAS_FIRST_WORD * first]
    for start in range(first, len(model.words), LOAD_WORDS):
        gas.append(GAS_LOAD + GAS_WORD * min(LOAD_WORDS, len(model.words) - start))
    return [*gas, GAS_SEAL] if len(gas) > 1 else gas
