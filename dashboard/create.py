"""From a data file, or nothing, to the transactions that publish a model."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import encoders
from dashboard import terms
from dashboard.incentives import INCENTIVES, Transaction
from dashboard.reader import Reader, checksummed, is_address
from dashboard.rpc import RpcError, calldata
from dashboard.store import InputError, Store
from dashboard.words import explain
from scripts import _models as models
from simulation.revert import Revert

MAX_SAMPLES = 20_000
HELD_OUT = 0.2  # part of the data that is not learnt, to measure the accuracy on
MAX_PLANS = 50
GAS_PER_WORD = 22_600  # a new state word: 22,100, and what it takes to carry it there
GAS_PER_LOAD = 60_000

PUBLISH = "publish(address,address,bytes,uint256,bytes,uint256[],bool,bytes32)"
ENCODERS = {
    "fitted": "The usual one for the file",
    "bag-of-words": "Texts: words of a vocabulary, fitted to the file",
    "hashed-words": "Texts: words in hash buckets, needs no file",
    "tabular": "Numbers: standardised, fitted to the file",
    "image": "Pictures: their main directions, fitted to the file",
    "random-image": "Pictures: random directions, for few pictures",
}
FAMILIES = {
    "perceptron": "Perceptron: learns from its mistakes",
    "nearest-centroid": "Nearest centroid: the mean of each class",
    "naive-bayes": "Naive Bayes: counts words in each class (texts only)",
}


@dataclass(frozen=True)
class Choices:
    """What a person can choose from on this chain.

    Attributes
    ----------
    kinds : dict of str to str
        Addresses of the implementations by kind, the newest version of each.
    incentives : dict of str to str
        Addresses by name.
    """

    kinds: dict[str, str]
    incentives: dict[str, str]
    encoders = ENCODERS

    @property
    def families(self) -> dict[str, str]:
        """What families of models are called, of which the registry lists a kind."""
        found = {models.family_of(kind) for kind in self.kinds}
        return {family: title for family, title in FAMILIES.items() if family in found}

    @property
    def titles(self) -> dict[str, str]:
        return {name: INCENTIVES[name].title for name in self.incentives}


def choices(reader: Reader, incentives: Mapping[str, str]) -> Choices:
    """What the registry lists and what is known to be deployed, as far as this page can create it."""
    newest: dict[str, tuple[int, str]] = {}
    for address, (kind, version) in reader.listed_implementations().items():
        if kind in models.TWINS and version > newest.get(kind, (0, ""))[0]:
            newest[kind] = version, address
    return Choices(
        {kind: address for kind, (_, address) in sorted(newest.items())},
        {name: checksummed(address) for address, name in incentives.items() if name in terms.FIELDS},
    )


@dataclass
class Plan:
    """A model that is ready to be published.

    Attributes
    ----------
    steps : list of (int, int)
        First state word and number of words of each transaction; the first one publishes.
    accuracy : float or None
        On samples that it did not learn.
    """

    token: str
    kind: str
    implementation: str
    trainer: str
    incentive: str
    terms: bytes
    parameters: int
    card: bytes
    name: str
    words: list[int]
    salt: bytes
    steps: list[tuple[int, int]]
    encoder_text: str
    class_names: tuple[str, ...]
    learnt: int = 0
    left_out: int = 0
    accuracy: float | None = None
    tested: int = 0

    def step_texts(self) -> list[str]:
        count = self.steps[0][1]
        begins = "empty" if count == 0 else f"with its {'first ' * (len(self.steps) > 1)}{count:,} state words"
        texts = [f"Publish “{self.name}”, {begins}"]
        texts += [f"Load the state words {a + 1:,} to {a + n:,}" for a, n in self.steps[1:]]
        return [*texts, "Seal it: from then on it can learn"] if len(self.steps) > 1 else texts


@dataclass(frozen=True)
class _Training:
    """A trained model, from how many samples, how many could not be encoded, and its accuracy on `tested` others."""

    twin: Any = None
    learnt: int = 0
    left_out: int = 0
    accuracy: float | None = None
    tested: int = 0


class Plans:
    """Plans that were made since the server was started."""

    def __init__(self, reader: Reader, store: Store):
        self.reader = reader
        self.store = store
        self._plans: OrderedDict[str, Plan] = OrderedDict()

    def get(self, token: str) -> Plan:
        if token not in self._plans:
            raise InputError("This plan is gone, because the page was restarted. Fill in the form again.")
        return self._plans[token]

    # ---- make --------------------------------------------------------------------------------------------------------

    def make(self, form: Mapping[str, Any], offered: Choices, path: Path | None = None, file_name: str = "") -> Plan:
        """Train a model from a form and a data file. Raises `InputError`."""
        name, description = _text(form, "name", 80), _text(form, "description", 255)
        if not name:
            raise InputError("Give the model a name.")
        incentive = form.get("incentive", "")
        if incentive not in offered.incentives:
            raise InputError("Choose an incentive.")
        agreed = terms.read(incentive, form)
        class_names = tuple(c.strip() for c in _text(form, "classes", 3_500).split(",") if c.strip())
        data = self._read(path, file_name, class_names) if path is not None else None
        if data is not None and not class_names:
            class_names = tuple(data.class_names)
        if len(class_names) < 2:
            raise InputError("Name the classes, separated by commas: two or more.")
        if len(set(class_names)) < len(class_names):
            raise InputError("Two classes have the same name.")
        outcome = _Training()
        try:
            encoder = self._encoder(form, data)
            twin = models.new_twin(encoder, **self._kind(form), classes=len(class_names))
            if data is not None and not form.get("empty"):
                outcome = self._train(form, encoder, data, len(class_names))
                twin = outcome.twin
            card = models.pack_card(name, description, encoder.spec, class_names)
        except click.ClickException as error:
            raise InputError(error.message) from error
        except (encoders.EncoderError, Revert) as error:
            raise InputError(f"This does not fit a model: {error}.") from error
        if twin.KIND not in offered.kinds:
            raise InputError(
                f"These samples and {len(class_names)} classes need a {twin.KIND}, which the registry of this chain "
                f"does not list. It lists {', '.join(offered.kinds) or 'none'}."
            )
        words = twin.words()
        first = min(len(words), models.PUBLISH_WORDS)
        if not any(words):
            words, first = [], 0  # an untrained model is all zeros, which costs nothing
        steps = [(0, first)]
        while steps[-1][0] + steps[-1][1] < len(words):
            begin = steps[-1][0] + steps[-1][1]
            steps.append((begin, min(models.LOAD_WORDS, len(words) - begin)))
        self.store.keep(encoder)
        plan = Plan(
            token=secrets.token_urlsafe(12),
            kind=twin.KIND,
            implementation=offered.kinds[twin.KIND],
            trainer=offered.incentives[incentive],
            incentive=INCENTIVES[incentive].title,
            terms=agreed.terms(),
            parameters=twin.parameters.pack(),
            card=card,
            name=name,
            words=words,
            salt=secrets.token_bytes(32),
            steps=steps,
            encoder_text=f"{encoder.spec}",
            class_names=class_names,
            learnt=outcome.learnt,
            left_out=outcome.left_out,
            accuracy=outcome.accuracy,
            tested=outcome.tested,
        )
        self._plans[plan.token] = plan
        while len(self._plans) > MAX_PLANS:
            self._plans.popitem(last=False)
        return plan

    @staticmethod
    def _read(path: Path, file_name: str, class_names: tuple[str, ...]) -> encoders.Data:
        try:
            data = encoders.read_data(path, class_names or None)
        except encoders.EncoderError as error:
            raise InputError(str(error).replace(str(path), file_name[:100] or "the file")) from error
        if len(data.samples) > MAX_SAMPLES:
            raise InputError(f"This page trains on at most {MAX_SAMPLES:,} samples; `ape run deploy` takes more.")
        return data

    @staticmethod
    def _encoder(form: Mapping[str, Any], data: encoders.Data | None) -> encoders.Encoder:
        kind, features = form.get("encoder", ""), _number(form, "features", 1_000, 1, 16_384)
        if kind not in ENCODERS:
            raise InputError("Choose an encoder.")
        if data is None and kind != "hashed-words":
            raise InputError("This encoder is fitted to data: upload a file, or choose hash buckets.")
        takes = {"bag-of-words": "text", "hashed-words": "text", "tabular": "numbers"}.get(kind, "image")
        if data is not None and kind != "fitted" and takes != data.input_kind:
            has = {"text": "texts", "numbers": "numbers", "image": "pictures"}[data.input_kind]
            raise InputError(f"The file has {has}: choose an encoder of {has}.")
        if kind == "hashed-words":
            return encoders.HashedWords(1 << max(1, (features - 1).bit_length()))
        if kind == "random-image":
            return encoders.ProjectedImage.fit(data.samples, min(64, features), method="random")
        return models.fit_encoder(data, features)

    @staticmethod
    def _kind(form: Mapping[str, Any]) -> dict[str, Any]:
        """What `models.new_twin` is told besides encoder and classes."""
        family = form.get("family") or "perceptron"
        if family not in FAMILIES:
            raise InputError("Choose a model.")
        return {
            "family": family,
            "rate": _number(form, "rate", None, 1, 65_535),
            "bias_rate": _number(form, "bias_rate", None, 0, 65_535),
            "margin": _number(form, "margin", None, 0, 2**32 - 1),
        }

    def _train(
        self, form: Mapping[str, Any], encoder: encoders.Encoder, data: encoders.Data, classes: int
    ) -> _Training:
        import numpy as np

        epochs = _number(form, "epochs", models.DEFAULTS.epochs, 1, 20)
        positions, samples = encoder.encode_valid(list(data.samples))
        if len(samples) < 2:
            raise InputError("Too few of these samples can be encoded.")
        labels = [int(label) for label in data.labels[positions]]
        if max(labels) >= classes:
            raise InputError(f"The file has {max(labels) + 1} classes, and you named {classes}.")
        order = np.random.default_rng(0).permutation(len(samples))
        held = order[: int(len(samples) * HELD_OUT)]
        kept = order[len(held) :]
        twin = models.train_for(
            encoder,
            [samples[i] for i in kept],
            [labels[i] for i in kept],
            epochs,
            classes=classes,
            **self._kind(form),
        )
        accuracy = None
        if len(held) >= 5:
            accuracy = models.accuracy([twin.predict(samples[i]) for i in held], [labels[i] for i in held])
        return _Training(twin, len(kept), len(data.samples) - len(samples), accuracy, len(held))

    # ---- send --------------------------------------------------------------------------------------------------------

    def address(self, plan: Plan, account: str) -> str:
        """Where the model will be if this account publishes it."""
        return models.model_address(plan.implementation, account, plan.trainer, plan.parameters, plan.card, plan.salt)

    def transaction(self, plan: Plan, account: str, step: int) -> Transaction:
        if not is_address(account):
            raise InputError("Choose an account first.")
        texts = plan.step_texts()
        if not 0 <= step < len(texts):
            raise InputError("There is no such step.")
        if step == 0:
            begin, count = plan.steps[0]
            sealed = len(plan.steps) == 1
            data = calldata(
                PUBLISH,
                [
                    plan.implementation,
                    plan.trainer,
                    plan.terms,
                    plan.parameters,
                    plan.card,
                    plan.words[:count],
                    sealed,
                    plan.salt,
                ],
            )
            return Transaction(self.reader.registry, data, 0, texts[0])
        if step < len(plan.steps):
            begin, count = plan.steps[step]
            data = calldata("load(uint256,uint256[])", [begin, plan.words[begin : begin + count]])
        else:
            data = calldata("seal()")
        return Transaction(self.address(plan, account), data, 0, texts[step])

    def done(self, plan: Plan, account: str) -> int:
        """How many steps the chain has seen."""
        address = self.address(plan, account)
        if self.reader.node.one("eth_getCode", address, "latest") == "0x":
            return 0
        try:
            if self.reader.node.view(address, "sealed()(bool)"):
                return len(plan.step_texts())
            done = 1
            for begin, count in plan.steps[1:]:
                found = self.reader.node.view(address, "words(uint256,uint256)(uint256[])", begin, count)
                if list(found) != plan.words[begin : begin + count]:
                    break
                done += 1
        except RpcError:
            return 1
        return done

    def gas(self, plan: Plan, account: str) -> list[str]:
        """The gas of each step: the first one as the chain estimates it, the others from the number of new words."""
        first = self.transaction(plan, account, 0)
        answer = self.reader.node.many(
            [("eth_estimateGas", [{"from": account, "to": first.to, "data": "0x" + first.data.hex()}])]
        )[0]
        texts = [explain(str(answer)) if isinstance(answer, RpcError) else f"{int(answer, 16):,} gas"]
        texts += [f"about {n * GAS_PER_WORD + GAS_PER_LOAD:,} gas" for _, n in plan.steps[1:]]
        return texts + ["about 35,000 gas"] * (len(plan.steps) > 1)


def _text(form: Mapping[str, Any], field: str, length: int) -> str:
    text = " ".join(str(form.get(field, "")).split())
    if len(text.encode()) > length:
        raise InputError(f"The {field} is too long: at most {length} bytes.")
    return text


def _number(form: Mapping[str, Any], field: str, default: int | None, low: int, high: int) -> int | None:
    text = str(form.get(field, "")).strip()
    if not text:
        return default
    if not text.isdecimal() or len(text) > 12 or not low <= int(text) <= high:
        raise InputError(f"The {field} is a whole number from {low:,} to {high:,}.")
    return int(text)
