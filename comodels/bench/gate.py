"""Would a gate pay: an incentive that learns only from accounts whose earlier contributions the model agreed with?

A contribution of an account that has validated too little is taken with its deposit, asked about and paid like any
other, but not learnt. Two gates: one opens for good once so many are validated (``once``); through the other each
contribution that the model disagrees with needs so many validated ones (``each``). No contract has them.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from statistics import mean, stdev
from typing import Any

from comodels.incentives.self_assessment import SelfAssessment
from comodels.simulation.agents import Malicious
from comodels.simulation.engine import Result, run
from comodels.simulation.incentives import SelfAssessmentDesk
from comodels.simulation.loading import FOLDER, from_mapping, load_mapping, varied
from comodels.simulation.search import FAMILIES
from comodels.simulation.sweep import problem_of
from comodels.units import ETHER

GATES = ((0, "once"), (1, "once"), (3, "once"), (3, "each"), (10, "once"))
CASES = (
    "breast cancer, dense perceptron",
    "digits, multiclass perceptron",
    "text messages, sparse perceptron",
    "text messages, naive Bayes",
)


class Listener:
    """A model that is asked, and learns nothing."""

    def __init__(self, model: Any):
        self.model = model
        self.predict = model.predict

    def learn(self, x: bytes, y: int) -> tuple[int, int]:
        return 0, self.model.predict(x)


class Gated(SelfAssessment):
    """Self-assessment with a gate of `need` validated contributions."""

    need = 0
    each = False

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        self.wrong_of: dict[str, int] = defaultdict(int)  # that were learnt, and the model had disagreed with
        self.learnt_of: dict[str, int] = defaultdict(int)

    def opens(self, account: str) -> bool:
        """Whether the next contribution of an account is learnt."""
        return self.validated_of.get(account, 0) >= self.need * (1 + (self.wrong_of[account] if self.each else 0))

    def _add(self, contributor: str, sponsor: str, x: bytes, y: int, deposit: int, time: int) -> int:
        model, opens = self.model, self.opens(contributor)
        self.model = model if opens else Listener(model)  # type: ignore[assignment]
        try:
            effect = super()._add(contributor, sponsor, x, y, deposit, time)
        finally:
            self.model = model
        if opens:
            self.learnt_of[contributor] += 1
            self.wrong_of[contributor] += self.contributions[self._key(contributor, x, y, sponsor)].born_wrong
        return effect


def desk_of(need: int, how: str) -> type[SelfAssessmentDesk]:
    """What a simulation runs with: self-assessment with a gate."""
    rule = type("Rule", (Gated,), {"need": need, "each": how == "each"})
    return type("GatedDesk", (SelfAssessmentDesk,), {"TWIN": rule})


class Turncoat(Malicious):
    """Says what the model says until the gate is open, and then something wrong."""

    def choose(self) -> tuple[bytes, int, int] | None:
        row = self.world.next_row()
        if row is None:
            return None
        open_ = self.world.desk.twin.opens(self.contributing[self._turn % len(self.contributing)])
        return row[1], self.other_label(row[0]) if open_ else self.world.model.predict(row[1]), row[0]


TURNCOATS = "5 turncoats"
OTHERS: dict[str, dict[str, Any]] = {
    "nobody else": {"kind": "honest", "share": 0.0},
    "newcomers, five contributions each": {"kind": "honest", "share": 0.5, "mistakes": 0.01, "accounts": 30},
    "20 sybils, always wrong": {"kind": "malicious", "share": 0.3, "accounts": 20},
    "20 half-honest accounts": {"kind": "honest", "share": 0.3, "mistakes": 0.5, "accounts": 20},
    TURNCOATS: {"kind": "malicious", "share": 0.3, "accounts": 5},
}
"""Who contributes beside three honest people with an account each."""


@dataclass
class Played:
    """One run: change of the accuracy in points, the others' gain in thousandths of an ether, percent of it learnt."""

    change: float
    gain: float
    learnt: float


def _read(name: str, case: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The changes of a case, and the scenario of the findings that they are of."""
    content = load_mapping(FOLDER / "findings" / f"{name}.yaml")
    return content["sweep"]["variants"][case], content


def _run(content, case: str, need: int, how: str, seed: int, data: Mapping[str, str], people: Any = ()) -> Result:
    scenario = from_mapping(content, [("seed", seed)])
    file = next((path for name, path in data.items() if case.startswith(name)), None)
    problem = problem_of(scenario.data, seed, file)
    return run(scenario, file, problem, desk_class=desk_of(need, how), people=dict(people))


def play(case: str, other: str, need: int, how: str, seed: int, data: Mapping[str, str]) -> Played:
    """One run with a gate; `data` are files by the first words of cases."""
    changes, content = _read("share-self-assessment", case)
    content["agents"] = [a for a in content["agents"] if a["name"] in ("ann", "ben", "cat")]
    content["agents"].append({"name": "other", "recheck_every": "6h"} | OTHERS[other])
    people = {"malicious": Turncoat} if other == TURNCOATS else {}
    result = _run(varied(content, changes), case, need, how, seed, data, people)
    agent = result.agents[3]
    given = sum(e.agent == agent.index for e in result.world.entries)
    learnt = sum(result.world.desk.twin.learnt_of[account] for account in agent.accounts)
    return Played(
        100 * (result.accuracies[-1] - result.accuracies[0]),
        result.profit(agent.settings.name) / ETHER * 1_000,
        100 * learnt / max(1, given),
    )


def attack(case: str, family: str, need: int, how: str, seed: int, data: Mapping[str, str]) -> float:
    """What a known plan of an attacker gains, in thousandths of an ether."""
    variant, content = _read("attack", case)
    content = varied(content, variant | {"agents.attacker.attack": dict(FAMILIES[family])})
    result = _run(content, case, need, how, seed, data)
    return result.profit("attacker") / ETHER * 1_000


GATE_NAMES = [f"{need}, {how}" if need else "none" for need, how in GATES]


def people(seeds: int, data: Mapping[str, str]) -> Iterator[list[str]]:
    """Rows: case and others; by gate the change of the accuracy, the others' gain, and what of theirs was learnt."""
    for case in CASES:
        if case.startswith("text") and not data:
            continue
        for other in OTHERS:
            cells = []
            for need, how in GATES:
                played = [play(case, other, need, how, seed, data) for seed in range(seeds)]
                change, gain, learnt = (mean(column) for column in zip(*map(astuple, played), strict=True))
                cells.append(f"{change:+.1f}, {gain:+.0f}, {learnt:.0f}%")
            yield [f"{case}: {other}", *cells]


def attackers(seeds: int, data: Mapping[str, str]) -> Iterator[list[str]]:
    """Rows: case; by gate which of the known plans gains most on average, and how much, with its standard error."""
    for case in CASES:
        if case.startswith("text") and not data:
            continue
        cells = []
        for need, how in GATES:
            gains = {f: [attack(case, f, need, how, seed, data) for seed in range(seeds)] for f in FAMILIES}
            best = max(gains, key=lambda f: mean(gains[f]))
            cells.append(f"{best}: {mean(gains[best]):.1f} ± {stdev(gains[best]) / seeds**0.5:.1f}")
        yield [case, *cells]


if __name__ == "__main__":  # python -m comodels.bench.gate 20 people|attackers [sms-spam.tsv]
    from comodels.bench.markdown import table

    seeds, what, *files = sys.argv[1:]
    named = {"text messages": files[0]} if files else {}
    rows = {"people": people, "attackers": attackers}[what](int(seeds), named)
    print(table(["data and model", *GATE_NAMES], list(rows)))
