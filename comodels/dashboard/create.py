"""From a data file, or nothing, to the transactions that publish a model."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import encoders
from comodels import saved as models
from comodels.chain.abi import calldata
from comodels.chain.node import RpcError
from comodels.dashboard import terms
from comodels.dashboard.incentives import Transaction, page_of
from comodels.dashboard.library import told
from comodels.dashboard.reader import Reader, is_address
from comodels.dashboard.say import has, number, say
from comodels.dashboard.store import InputError, Store
from comodels.errors import ComodelsError
from comodels.models import FAMILY, KINDS, families, twin_of
from comodels.registry import registry_at
from comodels.revert import Revert
from comodels.summary import Summary, step_gas
from comodels.training import fit, train
from comodels.trial import Step, try_steps
from comodels.wire import checksummed

MAX_SAMPLES = 20_000
MAX_PLANS = 50

ENCODERS = ("fitted", "bag-of-words", "hashed-words", "tabular", "image", "random-image")


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

    @property
    def encoders(self) -> dict[str, str]:
        """What encoders are called."""
        return {name: say(f"create.encoder.{name}") for name in ENCODERS}

    @property
    def families(self) -> dict[str, str]:
        """What families of models are called, of which the registry lists a kind."""
        found = {twin_of(kind).FAMILY for kind in self.kinds}
        return {f: self._family(f) for f in families() if f in found}

    @staticmethod
    def _family(name: str) -> str:
        key = f"create.family.{name}"
        return say(key) if has(key) else name.replace("-", " ").capitalize()

    @property
    def titles(self) -> dict[str, str]:
        return {name: page_of(name)(address).title for name, address in self.incentives.items()}


def choices(reader: Reader, incentives: Mapping[str, str]) -> Choices:
    """What the registry lists and what is known to be deployed, as far as this page can create it."""
    newest: dict[str, tuple[int, str]] = {}
    for address, (kind, version) in reader.listed_implementations().items():
        if kind in KINDS and version > newest.get(kind, (0, ""))[0]:
            newest[kind] = version, address
    return Choices(
        {kind: address for kind, (_, address) in sorted(newest.items())},
        {name: checksummed(address) for address, name in incentives.items() if name in terms.ADAPTERS},
    )


@dataclass
class Plan:
    """A model that is ready to be published.

    Attributes
    ----------
    saved : SavedModel
        Without words if it has learnt nothing.
    noted : dict
        What `comodels.saved.publish_arguments` takes besides.
    incentive : str
        What it is called.
    steps : list of (int, int)
        First state word and number of words of each transaction; the first one publishes.
    summary : Summary or None
        What is told before anything is paid; None if it has learnt nothing yet.
    """

    token: str
    saved: models.SavedModel
    noted: dict[str, str]
    incentive: str
    steps: list[tuple[int, int]]
    summary: Summary | None

    def step_texts(self) -> list[str]:
        """What each transaction does."""
        count = self.steps[0][1]
        begins = "empty" if count == 0 else "first" if len(self.steps) > 1 else "all"
        texts = [say(f"create.step.publish_{begins}", name=self.saved.name, n=count)]
        texts += [say("create.step.load", first=a + 1, last=a + n) for a, n in self.steps[1:]]
        return [*texts, say("create.step.seal")] if len(self.steps) > 1 else texts


class Plans:
    """Plans that were made since the server was started."""

    def __init__(self, reader: Reader, store: Store):
        self.reader = reader
        self.store = store
        self._plans: OrderedDict[str, Plan] = OrderedDict()

    def get(self, token: str) -> Plan:
        if token not in self._plans:
            raise InputError(say("error.plan_gone"))
        return self._plans[token]

    # ---- make --------------------------------------------------------------------------------------------------------

    def make(self, form: Mapping[str, Any], offered: Choices, path: Path | None = None, file_name: str = "") -> Plan:
        """Train a model from a form and a data file. Raises `InputError`."""
        name, description = _text(form, "name", 80), _text(form, "description", 255)
        if not name:
            raise InputError(say("error.no_name"))
        incentive = form.get("incentive", "")
        if incentive not in offered.incentives:
            raise InputError(say("error.no_incentive"))
        agreed = terms.read(incentive, form)
        class_names = tuple(c.strip() for c in _text(form, "classes", 3_500).split(",") if c.strip())
        try:
            data = self._read(path, file_name, class_names) if path is not None else None
            if data is None or form.get("empty"):
                saved, summary = self._untrained(form, data, class_names, name, description), None
            else:
                epochs = _number(form, "epochs", models.DEFAULTS.epochs, 1, 20)
                kind = {"epochs": epochs, "incentive": agreed.contract, **self._kind(form)}
                saved, summary = train(data, lambda part: self._encoder(form, part), name, description, **kind)
        except ComodelsError as error:
            raise InputError(told(error)) from error
        except (encoders.EncoderError, Revert) as error:
            raise InputError(say("error.no_fit", problem=told(error))) from error
        if saved.kind not in offered.kinds:
            raise InputError(
                say(
                    "error.not_listed",
                    n=len(saved.class_names),
                    kind=saved.kind,
                    listed=", ".join(offered.kinds) or "–",
                )
            )
        if not any(saved.words):
            saved = replace(saved, words=[])  # an untrained model is all zeros, which costs nothing
        count = len(saved.words)
        steps = [(0, min(count, models.PUBLISH_WORDS))]
        for begin in range(models.PUBLISH_WORDS, count, models.LOAD_WORDS):
            steps.append((begin, min(models.LOAD_WORDS, count - begin)))
        self.store.keep(saved.encoder)
        if data is not None and data.columns:
            self.store.name_numbers(saved.encoder.spec, data.columns)
        plan = Plan(
            token=secrets.token_urlsafe(12),
            saved=saved,
            noted={
                "implementation": offered.kinds[saved.kind],
                "trainer": offered.incentives[incentive],
                "terms": "0x" + agreed.terms.encode().hex(),
                "salt": "0x" + secrets.token_bytes(32).hex(),
                "registry": self.reader.registry,
            },
            incentive=page_of(incentive)(offered.incentives[incentive]).title,
            steps=steps,
            summary=summary,
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
            named = str(error).replace(str(path), file_name[:100] or say("create.the_file"))
            raise InputError(told(named)) from error
        if len(data.samples) > MAX_SAMPLES:
            raise InputError(say("error.too_many_samples", most=MAX_SAMPLES))
        return data

    @staticmethod
    def _encoder(form: Mapping[str, Any], data: encoders.Data | None) -> tuple[encoders.Encoder, str]:
        """The encoder that was chosen, fitted to data, and why this one."""
        kind, features = form.get("encoder", ""), _number(form, "features", 1_000, 1, 16_384)
        if kind not in ENCODERS:
            raise InputError(say("error.no_encoder_chosen"))
        takes = {"bag-of-words": "text", "hashed-words": "text", "tabular": "numbers"}.get(kind, "image")
        if data is not None and kind != "fitted" and takes != data.input_kind:
            raise InputError(say("error.kind_of_file", has=say(f"input.{data.input_kind}")))
        if kind == "hashed-words":
            return fit(data, 1 << max(1, (features - 1).bit_length()), hashed=True)
        if data is None:
            raise InputError(say("error.needs_file"))
        if kind == "random-image":
            return encoders.ProjectedImage.fit(list(data.samples), min(64, features), method="random"), say(
                "create.as_chosen"
            )
        return fit(data, features)

    @staticmethod
    def _kind(form: Mapping[str, Any]) -> dict[str, Any]:
        """What `models.train_for` is told besides encoder, samples and classes."""
        family = form.get("family") or FAMILY
        if family not in families():
            raise InputError(say("error.no_model_chosen"))
        return {
            "family": family,
            "rate": _number(form, "rate", None, 1, 65_535),
            "bias_rate": _number(form, "bias_rate", None, 0, 65_535),
            "margin": _number(form, "margin", None, 0, 2**32 - 1),
            "fall": _number(form, "fall", None, 0, 5),
        }

    def _untrained(
        self,
        form: Mapping[str, Any],
        data: encoders.Data | None,
        class_names: tuple[str, ...],
        name: str,
        description: str,
    ) -> models.SavedModel:
        """A model that has learnt nothing; raises what `make` explains."""
        class_names = class_names or (tuple(data.class_names) if data is not None else ())
        if len(class_names) < 2:
            raise InputError(say("error.no_classes"))
        encoder, _ = self._encoder(form, data)
        twin = models.train_for(encoder, [], [], **self._kind(form), classes=len(class_names))
        saved = models.SavedModel.of(twin, encoder, name, description, class_names)
        saved.check()
        return saved

    # ---- send --------------------------------------------------------------------------------------------------------

    def address(self, plan: Plan, account: str) -> str:
        """Where the model will be if this account publishes it."""
        return models.planned_address(plan.noted | {"owner": account}, plan.saved)

    def transaction(self, plan: Plan, account: str, step: int) -> Transaction:
        if not is_address(account):
            raise InputError(say("error.no_account"))
        texts = plan.step_texts()
        if not 0 <= step < len(texts):
            raise InputError(say("error.no_step"))
        if step == 0:
            data = registry_at(self.reader.node, self.reader.registry).data(
                "publish", *models.publish_arguments(plan.saved, plan.noted)
            )
            return Transaction(self.reader.registry, data, 0, texts[0])
        if step < len(plan.steps):
            begin, count = plan.steps[step]
            data = calldata("load(uint256,uint256[])", [begin, plan.saved.words[begin : begin + count]])
        else:
            data = calldata("seal()")
        return Transaction(self.address(plan, account), data, 0, texts[step])

    def done(self, plan: Plan, account: str) -> int:
        """How many steps the chain has seen."""
        address = self.address(plan, account)
        if self.reader.node.rpc("eth_getCode", address, "latest") == "0x":
            return 0
        try:
            if self.reader.node.view(address, "sealed()(bool)"):
                return len(plan.step_texts())
            done = 1
            for begin, count in plan.steps[1:]:
                found = self.reader.node.view(address, "words(uint256,uint256)(uint256[])", begin, count)
                if list(found) != plan.saved.words[begin : begin + count]:
                    break
                done += 1
        except RpcError:
            return 1
        return done

    def gas(self, plan: Plan, account: str, done: int = 0) -> list[str]:
        """The gas of each step from `done` on: all of them were tried one after the other as calls.

        Where the node cannot do that, it is told from the number of new words. Raises `ComodelsError` with the reason
        if one of the steps would be refused.
        """
        texts = plan.step_texts()
        transactions = [self.transaction(plan, account, step) for step in range(done, len(texts))]
        if not transactions:
            return []
        names = [say(f"create.doing.{name}") for name in ("publish", *["load"] * (len(plan.steps) - 1), "seal")]
        steps = [Step(what, t.to, t.data) for what, t in zip(names[done:], transactions, strict=False)]
        tried = try_steps(self.reader.node, account, steps)
        if tried is not None:
            return [say("create.gas", gas=number(gas)) for gas in tried]
        guessed = step_gas(plan.saved)
        return [say("create.about_gas", gas=number(gas)) for gas in guessed[done:]]


def _text(form: Mapping[str, Any], field: str, length: int) -> str:
    text = " ".join(str(form.get(field, "")).split())
    if len(text.encode()) > length:
        raise InputError(say("error.too_long", field=say(f"field.{field}"), most=length))
    return text


@overload
def _number(form: Mapping[str, Any], field: str, default: int, low: int, high: int) -> int: ...
@overload
def _number(form: Mapping[str, Any], field: str, default: None, low: int, high: int) -> int | None: ...
def _number(form: Mapping[str, Any], field: str, default: int | None, low: int, high: int) -> int | None:
    text = str(form.get(field, "")).strip()
    if not text:
        return default
    if not text.isdecimal() or len(text) > 12 or not low <= int(text) <= high:
        raise InputError(say("error.no_whole_number", field=say(f"field.{field}"), low=low, high=high))
    return int(text)
