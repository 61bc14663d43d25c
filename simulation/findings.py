"""The document of the findings: tables and plots of sweeps, and sentences whose numbers come from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulation.plot import interval, plot_sweep
from simulation.sweep import Plan

if TYPE_CHECKING:
    import pandas as pd

Parts = Mapping[str, tuple[Plan, "pd.DataFrame"]]

TITLES = {
    "share-self-assessment": "Share of bad data: self-assessment",
    "share-points": "Share of bad data: points",
    "share-market": "Share of bad data: prediction market",
    "terms": "Margin, judging without the sample's own effect, and dispute wait",
    "flip-and-take": "Flip and take",
    "self-dealing": "A provider who contributes the test set himself",
    "sybil-market": "Many accounts in a market",
    "sybil-self-assessment": "Many accounts, copies and random labels in self-assessment",
}
HEADS = {
    "variant": "",
    "agents.bad.share": "bad share",
    "agents.provider.share": "provider's share",
    "model.parameters.margin": "margin",
    "incentive.terms.without_own_effect": "without own effect",
    "incentive.terms.dispute_wait": "dispute wait, s",
    "accuracy_start": "accuracy at first, %",
    "accuracy_end": "accuracy at the end, %",
    "loss_start": "hidden loss at first, %",
    "loss_end": "hidden loss at the end, %",
}
INTRODUCTION = (
    "Made by `make findings` from the scenario files in `simulation/scenarios/findings`; every number comes from these",
    "runs. The text is that of the SMS Spam Collection (Almeida, Hidalgo and Yamakami 2011) and of the movie review",
    "snippets (Pang and Lee 2005), 2,000 random samples of each; breast cancer and digits are scikit-learn's. Accuracy",
    "is measured on a quarter of the rows, which nobody contributes. Gains are in ether, at a cost weight of 0.001",
    "ether in self-assessment and a stake of 0.01 ether in the market; what stays deposited counts as lost.",
    "`±` is half the width of the 95% interval (Student's t) of the mean over the seeds,",
    "which decide who gets which rows, and when.",
    "",
    "The runs are those of the twins. `ape run simulate --engine chain` does a run again on a local chain: the same",
    "transactions, in the same order and at the same seconds, are sent to the contracts, and every balance, accuracy",
    "and word of state must be the twins'. What agents decide is decided on the twins; the chain is not asked before",
    "each step.",
)
SHOWN = ("accuracy_", "gain_", "points_", "loss_")
HIDDEN = ("accuracy_lowest",)


def file_of(variant: str, files: Mapping[str, str | None]) -> str | None:
    """The file that a variant, whose name begins with that of the data, works on."""
    return next((path for name, path in files.items() if variant.startswith(name)), None)


def with_files(plan: Plan, files: Mapping[str, str | None]) -> Plan | None:
    """The plan without the variants whose file is not there; None if none is left."""
    missing = [name for name, path in files.items() if not path]
    kept = {v: c for v, c in plan.variants.items() if not any(v.startswith(name) for name in missing)}
    return replace(plan, variants=kept) if kept else None


def kept_rows(plan: Plan, path: Path, data: Mapping[str, str | None]) -> pd.DataFrame | None:
    """The rows of a plan that are in the file; combinations that do not have all their seeds are left out."""
    import pandas as pd

    if not path.is_file():
        return None
    known = {row["key"]: row for row in pd.read_parquet(path).to_dict("records")}
    table = pd.DataFrame([known[run.key] | run.labels for run in plan.runs(data) if run.key in known])
    if not len(table):
        return None
    whole = table.groupby(plan.keys)["seed"].transform("count") == plan.seeds
    return table[whole].dropna(axis=1, how="all")


def write(parts: Parts, path: Path) -> None:
    """Write the document, and beside it the plots in a folder of its name."""
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "# Simulation: what happens to honest people when someone cheats",
        "",
        *INTRODUCTION,
        "",
        "## In short",
        "",
        *(f"* {sentence}" for name in parts for sentence in _sentences(name, *parts[name])),
    ]
    for name, (plan, table) in parts.items():
        lines += ["", f"## {TITLES[name]}", "", _scenario_line(name, plan), ""]
        picture = _plot(name, plan, table, folder)
        if picture:
            lines += [f"![{TITLES[name]}]({folder.name}/{picture.name})", ""]
        lines += _table(plan, table)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _scenario_line(name: str, plan: Plan) -> str:
    agents = ", ".join(f"{a['name']} ({a['kind']})" for a in plan.content["agents"])
    return f"`simulation/scenarios/findings/{name}.yaml`, {plan.seeds} seeds; agents: {agents}."


def _plot(name: str, plan: Plan, table: pd.DataFrame, folder: Path) -> Path | None:
    x, by = plan.axes()
    if x is None:
        return None
    ys = [c for c in table.columns if c == "accuracy_end" or c.startswith("gain_") and c != "gain_owner"]
    if any(c.startswith("points_") for c in table.columns):
        ys = [c for c in table.columns if c == "accuracy_end" or c.startswith("points_") and c != "points_owner"]
    others = [k for k in plan.keys if k not in (x, by)]
    if others:
        table = table.assign(case=[", ".join(_case(k, row[k]) for k in [by, *others]) for _, row in table.iterrows()])
        by = "case"
    return plot_sweep(table, x, ys[:3], folder / f"{name}.png", by)


def _case(key: str, value: Any) -> str:
    if key == "variant":
        return str(value)
    if isinstance(value, bool):
        return HEADS.get(key, key) if value else f"with {HEADS.get(key, key).removeprefix('without ')}"
    return f"{HEADS.get(key, key)} {value}"


def _table(plan: Plan, table: pd.DataFrame) -> list[str]:
    measures = [c for c in table.columns if c.startswith(SHOWN) and c not in HIDDEN and c != "points_owner"]
    if any(c.startswith("points_") for c in measures):
        measures = [c for c in measures if not c.startswith("gain_")]
    heads = [HEADS.get(c, c) for c in plan.keys]
    heads += [HEADS.get(c, c.replace("gain_", "gain of ").replace("points_", "points of ")) for c in measures]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(plan.keys) + "|---:" * len(measures) + "|"]
    for values, group in table.groupby(plan.keys, sort=False):
        cells = [_cell(v) for v in (values if isinstance(values, tuple) else (values,))]
        cells += [_number(c, group[c]) for c in measures]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _cell(value: Any) -> str:
    return (
        {True: "yes", False: "no"}[bool(value)]
        if isinstance(value, bool) or str(value) in ("True", "False")
        else str(value)
    )


def _number(measure: str, values: pd.Series) -> str:
    scale, digits = (100, 1) if measure.startswith(("accuracy", "loss")) else (1, 2)
    if measure.startswith("points_"):
        digits = 0
    mean, half = interval(values.dropna())
    return f"{scale * mean:.{digits}f} ± {scale * half:.{digits}f}"


def _text(values: pd.Series, scale: float = 1.0, digits: int = 2) -> str:
    mean, half = interval(values.dropna())
    return f"{scale * mean:.{digits}f} ± {scale * half:.{digits}f}"


# ---- sentences ------------------------------------------------------------------------------------------------------


def _sentences(name: str, plan: Plan, table: pd.DataFrame) -> list[str]:
    """What the runs say; every number and every comparison is computed."""
    if name.startswith("share-"):
        return _share_sentences(name, plan, table)
    functions = {
        "margin": _margin_sentences,
        "flip-and-take": _flip_sentences,
        "self-dealing": _dealing_sentences,
        "sybil-market": _sybil_sentences,
        "sybil-self-assessment": _sybil_sentences,
    }
    return functions[name](plan, table)


def _share_sentences(name: str, plan: Plan, table: pd.DataFrame) -> list[str]:
    """With which shares the model is not worse at the end than when it was published, and the honest agent profits."""
    sentences = []
    what = TITLES[name].partition(": ")[2]
    for variant, group in table.groupby("variant", sort=False):
        keeps, earns = [], []
        for share, part in group.groupby("agents.bad.share"):
            mean, half = interval(part["accuracy_end"] - part["accuracy_start"])
            if mean + half >= 0:
                keeps.append(share)
            column = "points_good" if "points_good" in part else "gain_good"
            if column == "gain_good":
                mean, half = interval(part[column])
                if mean - half > 0:
                    earns.append(share)
        text = f"{what}, {variant}: with a bad share of {_shares(keeps)} the model is at the end not measurably worse "
        text += "than when it was published"
        if "points_good" not in group:
            text += f"; the honest contributor profits for certain with {_shares(earns)}"
        sentences.append(text + ".")
    return sentences


def _shares(shares: list[float]) -> str:
    return ", ".join(f"{100 * s:.0f}%" for s in shares) if shares else "none of the shares tried"


def _margin_sentences(plan: Plan, table: pd.DataFrame) -> list[str]:
    margin, own = "model.parameters.margin", "incentive.terms.without_own_effect"
    sentences = []
    for variant, group in table.groupby("variant", sort=False):
        cases = []
        for (m, without), part in group.groupby([margin, own]):
            case = f"margin {m}, {'without' if without else 'with'} own effect"
            cases.append(
                f"{case}: accuracy {_text(part['accuracy_end'], 100, 1)}%, good {_text(part['gain_good'])}, "
                f"bad {_text(part['gain_bad'])} ether"
            )
        sentences.append(f"With 20% bad data, {variant}: " + "; ".join(cases) + ".")
    return sentences


def _flip_sentences(plan: Plan, table: pd.DataFrame) -> list[str]:
    keys = [k for k in plan.keys if k != "variant"]
    sentences = []
    for variant, group in table.groupby("variant", sort=False):
        pays, fails = [], []
        for values, part in group.groupby(keys):
            mean, half = interval(part["gain_attacker"])
            case = " and ".join(_case(k, _plain(v)) for k, v in zip(keys, values, strict=True))
            if mean - half > 0:
                pays.append(f"{case} ({_text(part['gain_attacker'])} ether)")
            elif mean + half < 0:
                fails.append(f"{case} ({_text(part['gain_attacker'])})")
        pays_text = "; ".join(pays) or "none of the terms tried"
        fails_text = "; ".join(fails) or "none of them"
        sentences.append(
            f"Flip and take, {variant}: it pays for certain with {pays_text}. It loses for certain with {fails_text}."
        )
    return sentences


def _plain(value: Any) -> Any:
    return bool(value) if str(value) in ("True", "False") else value


def _dealing_sentences(plan: Plan, table: pd.DataFrame) -> list[str]:
    sentences = []
    for variant, group in table.groupby("variant", sort=False):
        cases = [
            f"{100 * share:.0f}% of the contributions his own: provider {_text(part['gain_provider'])}, "
            f"honest {_text(part['gain_good'])} ether"
            for share, part in group.groupby("agents.provider.share")
        ]
        sentences.append(f"Self-dealing provider, {variant}: " + "; ".join(cases) + ".")
    return sentences


def _sybil_sentences(plan: Plan, table: pd.DataFrame) -> list[str]:
    where = "In a market" if "gain_provider" in table else "In self-assessment"
    cases = [f"{variant}: {_text(part['gain_other'])} ether" for variant, part in table.groupby("variant", sort=False)]
    return [f"{where}, what the other agent gains: " + "; ".join(cases) + "."]
