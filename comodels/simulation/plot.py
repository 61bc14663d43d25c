"""Pictures of a run and of a sweep, and the curve as a table."""

from __future__ import annotations

import csv
import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comodels.units import DAY, ETHER

if TYPE_CHECKING:
    import pandas as pd

    from comodels.audit import Audit
    from comodels.simulation.engine import Result

# Okabe and Ito's colours, which people with any colour vision can tell apart; with them come different line styles
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":")


def pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def save(figure: Any, path: str | os.PathLike) -> Path:
    """Write a figure to a file: the same bytes each time it is the same picture."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"Software": None} if path.suffix == ".png" else {"Date": None}
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata=metadata)
    pyplot().close(figure)
    return path


def plot_run(result: Result, path: str | os.PathLike) -> Path:
    """The picture of the slides: each agent's balance, and the accuracy on rows that nobody contributes, over time."""
    plt = pyplot()
    scenario, curve = result.scenario, result.curve
    days = [point.time / DAY for point in curve]
    figure, left = plt.subplots(figsize=(9, 4.8))
    right = left.twinx()
    points = bool(curve[-1].scores)
    for i, agent in enumerate(result.agents):
        name = agent.settings.name
        values = [p.scores[name] if points else p.balances[name] / ETHER for p in curve]
        if name == "owner" and not any(values):
            continue
        label = name if name == "owner" else f"{name} ({agent.settings.kind})"
        left.plot(days, values, color=COLOURS[i % len(COLOURS)], linestyle=STYLES[i // len(COLOURS) % 4], label=label)
    right.plot(days, [100 * a for a in result.accuracies], color="0.45", linewidth=1.1, label="accuracy")
    left.axvline(scenario.days, color="0.8", linewidth=0.8)
    left.set_xlabel("days" + ("" if not scenario.claim_days else "; the line: from here on only claims"))
    left.set_ylabel("points" if points else "balance in ether")
    right.set_ylabel(f"accuracy in % on {len(result.problem.test):,} rows that nobody contributes")
    title = scenario.title.strip() or scenario.name
    left.set_title(f"{title}\n{scenario.model.kind}, {scenario.incentive.kind}, seed {scenario.seed}", fontsize=10)
    lines = left.get_lines()[: -1 or None] + right.get_lines()
    left.legend(
        lines, [line.get_label() for line in lines], loc="center left", bbox_to_anchor=(1.1, 0.5), frameon=False
    )
    left.spines["top"].set_visible(False)
    right.spines["top"].set_visible(False)
    return save(figure, path)


def curve_rows(result: Result) -> list[dict[str, Any]]:
    """The curve as rows: day, contributions, accuracy, wei (and points) of each agent, wei that the incentive holds."""
    rows = []
    for point, accuracy in zip(result.curve, result.accuracies, strict=True):
        row: dict[str, Any] = {
            "day": round(point.time / DAY, 6),
            "contributions": point.contributions,
            "accuracy": round(accuracy, 6),
        }
        row |= {f"{name}_wei": wei for name, wei in point.balances.items()}
        row |= {f"{name}_points": n for name, n in point.scores.items()}
        rows.append(row | {"incentive_wei": point.held})
    return rows


def write_csv(rows: Sequence[dict[str, Any]], path: str | os.PathLike) -> Path:
    """Write rows to a CSV file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and half the width of its 95% interval (Student's t)."""
    import numpy as np
    from scipy import stats

    if len(values) < 2:
        return float(np.mean(values)), 0.0
    return float(np.mean(values)), float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


def plot_sweep(
    table: pd.DataFrame,
    x: str,
    ys: Sequence[str],
    path: str | os.PathLike,
    by: str | None = None,
    names: Mapping[str, str] | None = None,
) -> Path:
    """Means over seeds with 95% intervals, one panel for each of `ys`, one line for each value of the column `by`.

    `names` says what columns are called in the picture, where that differs from the table.
    """
    plt = pyplot()
    names = names or {}
    figure, axes = plt.subplots(1, len(ys), figsize=(4.6 * len(ys) + 0.6, 3.8), squeeze=False)
    groups = [("", table)] if by is None else list(table.groupby(by, sort=False))
    for axis, y in zip(axes[0], ys, strict=True):
        for i, (name, group) in enumerate(groups):
            numeric = [
                (float(value), *interval(part[y].dropna())) for value, part in group.groupby(x) if part[y].notna().any()
            ]
            if not numeric:
                continue
            xs, means, halves = zip(*sorted(numeric), strict=True)
            colour = COLOURS[i % len(COLOURS)]
            axis.plot(xs, means, color=colour, linestyle=STYLES[i % 4], marker="o", markersize=3, label=str(name))
            low = [m - h for m, h in zip(means, halves, strict=True)]
            high = [m + h for m, h in zip(means, halves, strict=True)]
            axis.fill_between(xs, low, high, color=colour, alpha=0.18, linewidth=0)
        axis.set_xlabel(names.get(x, x))
        axis.set_title(names.get(y, y), fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    if by is not None:
        axes[0][-1].legend(
            title=names.get(by, by), loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, fontsize=8
        )
    figure.tight_layout()
    return save(figure, path)


def plot_heat(table: pd.DataFrame, rows: str, columns: str, titles: Mapping[str, str], path: str | os.PathLike) -> Path:
    """Means as coloured cells, blue above 0 and red below; bold where the 95% interval does not contain 0.

    Parameters
    ----------
    table : DataFrame
    rows, columns : str
        Columns of the table whose values are the rows and columns of each panel.
    titles : dict of str
        The panels: a column of the table and its title.
    """
    import numpy as np

    plt = pyplot()
    cases, heads = list(dict.fromkeys(table[rows])), list(dict.fromkeys(table[columns]))
    wide = min(len(titles), 3)
    high = -(-len(titles) // wide)
    size = 0.62 * len(heads) * wide + 4, high * (0.3 * len(cases) + 1.6)
    figure, axes = plt.subplots(high, wide, figsize=size, sharey=True, squeeze=False)
    for axis in axes.flat[len(titles) :]:
        axis.set_visible(False)
    for axis, (measure, title) in zip(axes.flat, titles.items(), strict=False):
        means = np.full((len(cases), len(heads)), np.nan)
        bold = np.zeros(means.shape, bool)
        for (case, head), part in table.groupby([rows, columns]):
            values = part[measure].dropna()
            if len(values):
                place = cases.index(case), heads.index(head)
                means[place], half = interval(values)
                bold[place] = abs(means[place]) > half + 1e-9
        span = float(np.nanpercentile(np.abs(means), 90)) or 1.0
        axis.imshow(means, cmap="RdBu", vmin=-1.6 * span, vmax=1.6 * span, aspect="auto")
        for (i, j), mean in np.ndenumerate(means):
            if not np.isnan(mean):
                text = f"{mean:.0f}" if abs(mean) >= 100 else f"{mean:.1f}"
                text = "0" if float(text) == 0 else text
                weight = "bold" if bold[i, j] else "normal"
                colour = "white" if abs(mean) > 1.1 * span else "black"
                axis.text(j, i, text, ha="center", va="center", fontsize=7, weight=weight, color=colour)
        turned = max(map(len, heads)) > 6
        axis.set_xticks(
            range(len(heads)), heads, fontsize=7, rotation=35 if turned else 0, ha="right" if turned else "center"
        )
        axis.set_title(textwrap.fill(title, 6 + 8 * len(heads) // 2), fontsize=8)
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    for row in axes:
        row[0].set_yticks(range(len(cases)), cases, fontsize=8)
    figure.tight_layout()
    return save(figure, path)


def plot_dots(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str], path: str | os.PathLike) -> Path:
    """Means with 95% intervals as dots, one line for each case.

    Parameters
    ----------
    rows : sequence of dict
        One for each value: ``case`` (the line), ``measure`` (the panel), ``value``, and ``by`` (the colour) if there
        are several kinds of values.
    titles : dict of str
        The panels: the title of each measure.
    """
    plt = pyplot()
    cases = list(dict.fromkeys(row["case"] for row in rows))
    kinds = list(dict.fromkeys(row.get("by", "") for row in rows))
    size = (3.6 * len(titles) + 4, 0.26 * len(cases) * max(1, len(kinds) / 2) + 1)
    figure, axes = plt.subplots(1, len(titles), figsize=size, sharey=True, squeeze=False)
    for axis, (measure, title) in zip(axes[0], titles.items(), strict=True):
        for k, kind in enumerate(kinds):
            places, means, halves = [], [], []
            for i, case in enumerate(cases):
                keys = case, measure, kind
                values = [row["value"] for row in rows if (row["case"], row["measure"], row.get("by", "")) == keys]
                if values:
                    mean, half = interval(values)
                    places.append(i + (k - (len(kinds) - 1) / 2) * 0.18)
                    means.append(mean)
                    halves.append(half)
            axis.errorbar(
                means, places, xerr=halves, fmt="o", markersize=3.5, color=COLOURS[k], label=kind, linewidth=1
            )
        axis.axvline(0, color="0.6", linewidth=0.8)
        axis.set_title(title, fontsize=9)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][0].set_yticks(range(len(cases)), cases, fontsize=8)
    axes[0][0].set_ylim(len(cases) - 0.4, -0.6)
    if len(kinds) > 1:
        axes[0][-1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, fontsize=8)
    figure.tight_layout()
    return save(figure, path)


def audited(found: Audit, title: str, path: str | os.PathLike, most: int = 30) -> Path:
    """Draw how far each contribution of the `most` worst accounts is believed, in the order in which they came."""
    from comodels.audit import account_rows

    shown = [name for name, *_ in account_rows(found)][:most]
    position = {found.accounts.index(name): i for i, name in enumerate(shown)}
    rows = [i for i, a in enumerate(found.account.tolist()) if a in position]
    places = [position[int(found.account[i])] for i in rows]
    figure, axes = pyplot().subplots(figsize=(9, 1.2 + 0.28 * len(shown)))
    # a colour map that people with any colour vision can read
    dots = axes.scatter(rows, places, c=found.right[rows], cmap="cividis", vmin=0, vmax=1, s=14)
    believed = [found.honesty[found.accounts.index(name)] for name in shown]
    axes.set_yticks(range(len(shown)), [f"{name[:10]}… {h:.0%}" for name, h in zip(shown, believed, strict=True)])
    axes.invert_yaxis()
    axes.set(title=title, xlabel="contribution", ylabel="account, and what of it is believed")
    figure.colorbar(dots, label="probability that the label is right")
    return save(figure, path)
