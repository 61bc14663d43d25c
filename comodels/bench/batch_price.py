"""What attacks with batches bring, at several prices: `python -m comodels.bench.batch_price SMS_FILE`.

The known plans of the attacker turn the model by bursts of samples, one a second. Here a burst is priced as one batch:
as if its samples had come evenly since the latest contribution, of which so many seconds count at most; 0: in full,
as single calls in one second are. Gains are means over seeds in thousandths of an ether: of the plan that gains most,
and of the one by which the honest together gain least.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

from comodels.incentives.self_assessment import SelfAssessment, Terms, batch_deposit_after, deposit_after
from comodels.simulation.attacker import Attacker
from comodels.simulation.engine import run
from comodels.simulation.incentives import SelfAssessmentDesk
from comodels.simulation.loading import from_mapping, load_mapping, varied
from comodels.simulation.search import FAMILIES
from comodels.simulation.sweep import problem_of
from comodels.units import DAY, ETHER

CAPS = {"in full": 0, "an hour counts": 3_600, "a day counts": DAY}
BURSTS = (8, 20)
SEEDS = 6
MILLI = 10**15  # wei
CASES: dict[str, dict[str, Any]] = {
    "breast cancer, dense perceptron": {"data.source": "breast_cancer", "model.kind": "DensePerceptron"},
    "breast cancer above the mean, sparse perceptron": {
        "data.source": "breast_cancer",
        "data.encoding.kind": "above-mean",
        "model.kind": "SparsePerceptron",
    },
    "text messages, sparse perceptron": {"data.source": "DATA", "model.kind": "SparsePerceptron"},
    "text messages, sparse perceptron, no margin": {
        "data.source": "DATA",
        "model.kind": "SparsePerceptron",
        "model.parameters.margin": 0,
    },
}


class Batched(SelfAssessment):
    """Self-assessment that prices the bursts of attackers as batches.

    Attributes
    ----------
    cap : int
        So many seconds since the latest contribution count at most.
    quiet : int
        Those that count for each sample of the burst that goes on now; None between bursts.
    """

    cap = 0
    quiet: int | None = None

    def required_deposit(self, time: int) -> int:
        if self.quiet is None or not self.cap:
            return super().required_deposit(time)
        return deposit_after(self.quiet, self.terms.cost_weight)


class Batcher(Attacker):
    """An attacker whose bursts are batches."""

    _quiet = 0

    def strike(self, time: int, left: int) -> None:
        twin = self.world.desk.twin
        if left == self.plan.burst:
            self._quiet = min(twin.cap, time - twin.latest) // left
        twin.quiet = self._quiet
        try:
            super().strike(time, left)
        finally:
            twin.quiet = None


def gains(case: dict[str, Any], plan: dict[str, Any], data: str | None, cap: int) -> list[tuple[float, float]]:
    """What the attacker and the honest together gain with each seed, in thousandths of an ether."""
    content = varied(load_mapping(SCENARIO), case)
    desk = type("Desk", (SelfAssessmentDesk,), {"TWIN": type("Rule", (Batched,), {"cap": cap})})
    found = []
    for seed in range(SEEDS):
        scenario = from_mapping(content, [("agents.attacker.attack", dict(plan)), ("seed", seed)])
        problem = problem_of(scenario.data, seed, data)
        result = run(scenario, data, problem, desk_class=desk, people={"attacker": Batcher})
        honest = sum(result.profit(name) for name in ("ann", "ben", "cat", "dan"))
        found.append((result.profit("attacker") / MILLI, honest / MILLI))
    return found


def prices() -> str:
    """What so many samples need in deposits on the default terms, in a batch and otherwise, as a table."""
    weight = Terms().cost_weight
    lines = [
        "| samples | calm before | in a batch | at once, as single calls | one by one, evenly over the calm |",
        "|---" * 5 + "|",
    ]
    for count in (20, 100):
        for name, calm in (("a minute", 60), ("an hour", 3_600), ("a day", DAY), ("a week", 7 * DAY)):
            batch = count * batch_deposit_after(calm, count, weight)
            single = deposit_after(calm, weight) + (count - 1) * deposit_after(1, weight)
            even = count * deposit_after(calm // count, weight)
            shown = " | ".join(f"{wei / ETHER:.3f}" for wei in (batch, single, even))
            lines.append(f"| {count} | {name} | {shown} |")
    return "\n".join(lines)


SCENARIO = "comodels/simulation/scenarios/findings/attack.yaml"


def main(data: str) -> None:
    print(prices())
    heads = (
        "data and model",
        "price of a burst",
        "best plan",
        "gains",
        "worst plan for the honest",
        "gains",
        "they gain",
    )
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for name, case in CASES.items():
        for label, cap in CAPS.items():
            rows = []
            for family, plan in FAMILIES.items():
                if plan["length"] == 0:
                    continue
                for burst in BURSTS:
                    played = gains(case, plan | {"burst": burst, "daily": 40, "spacing": 1}, data, cap)
                    rows.append((f"{family}, {burst}", *zip(*played, strict=True)))
            best = max(rows, key=lambda row: mean(row[1]))
            worst = min(rows, key=lambda row: mean(row[2]))
            shown: list[str] = [
                str(best[0]),
                shown_mean(best[1]),
                str(worst[0]),
                shown_mean(worst[1]),
                shown_mean(worst[2]),
            ]
            print(f"| {name} | {label} | {' | '.join(shown)} |", flush=True)


def shown_mean(values: Sequence[float]) -> str:
    """A mean and its standard error."""
    return f"{mean(values):.2f} ± {stdev(values) / len(values) ** 0.5:.2f}"


if __name__ == "__main__":
    main(sys.argv[1])
