"""The document of the findings: pictures and tables of runs, and sentences whose numbers come from them.

Nothing is said here that was not computed: a sentence is a frame, and the runs decide how it ends.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comodels.bench.attacks import LOOKS
from comodels.incentives.self_assessment import Terms, deposit_after
from comodels.simulation.plot import interval, plot_dots, plot_heat
from comodels.simulation.search import FAMILIES, SPACE, WHOLE
from comodels.simulation.sweep import Plan
from comodels.units import DAY, ETHER, amount

if TYPE_CHECKING:
    import pandas as pd

Parts = Mapping[str, tuple[Plan, "pd.DataFrame"]]

RUINED = 5.0  # percentage points of accuracy: what a model may lose before it counts as ruined here
SHARE, PROVIDED, ACCOUNTS = "agents.bad.share", "agents.provider.share", "agents.other.accounts"
ROUNDS = "incentive.terms.rounds"
FORGIVE, OWN = "incentive.terms.forgive_every", "incentive.terms.without_own_effect"
NO_MARGIN = ", no margin"
HONEST = ("ann", "ben", "cat")
SIDES = ("good", "bad")

TEXTS = {
    "text messages": "The text messages are those of the SMS Spam Collection (Almeida, Hidalgo and Yamakami 2011).",
    "movie snippets": "The movie snippets are those of Pang and Lee (2005).",
}
TITLE = "# Simulation: what happens to honest people when someone cheats"
INTRODUCTION = (
    "People who contribute to a model are simulated with the exact twins of the contracts: honest ones, careless ones, "
    "and some who cheat. Every number here, and every word that depends on one, was computed by `ape run findings`. "
    "What these people are paid depends on the model's incentive: **self-assessment** (a deposit comes back if the "
    "model agrees; bad data can be reported), **points** (no money), or a **prediction market** (a bounty)."
)


@dataclass
class Section:
    """A part of the document: its answer in a sentence or two, then whatever shows it."""

    title: str
    answer: str
    body: list[str] = field(default_factory=list)


# ---- which runs ------------------------------------------------------------------------------------------------------


def file_of(variant: str, files: Mapping[str, str | None]) -> str | None:
    """The file that a variant, whose name begins with that of the data, works on."""
    return next((path for name, path in files.items() if variant.startswith(name)), None)


def with_files(plan: Plan, files: Mapping[str, str | None]) -> Plan | None:
    """The plan without the variants whose file is not there; None if none is left."""
    missing = [name for name, path in files.items() if not path]
    kept = {v: c for v, c in plan.variants.items() if not any(v.startswith(name) for name in missing)}
    return replace(plan, variants=kept) if kept else None


def kept_rows(plan: Plan, path: Path, data: Mapping[str, str]) -> pd.DataFrame | None:
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


# ---- the document ----------------------------------------------------------------------------------------------------


def write(parts: Parts, path: Path) -> None:
    """Write the document, and beside it the pictures in a folder of its name."""
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[..., Section]] = {
        "attack": _attack,
        "share-self-assessment": _deposits,
        "terms": _terms,
        "sybil-self-assessment": _sybil,
        "share-points": _points,
        "share-market": _market,
        "rounds-market": _rounds,
        "self-dealing": _dealing,
        "sybil-market": _sybil,
    }
    sections = [make(name, *_prepared(*parts[name]), folder) for name, make in makers.items() if name in parts]
    texts = " ".join(text for name, text in TEXTS.items() if _mentions(parts, name))
    lines = [TITLE, "", INTRODUCTION, "", "## In short", ""]
    lines += [f"* **{s.title}** {s.answer}" for s in sections]
    for section in sections:
        lines += ["", f"## {section.title}", "", section.answer, "", *section.body]
    lines += _how(parts, texts or "No texts were at hand for these runs.")
    path.write_text("\n".join(map(_wrapped, lines)).rstrip() + "\n", encoding="utf-8")


def _prepared(plan: Plan, table: pd.DataFrame) -> tuple[Plan, pd.DataFrame]:
    """With gains in thousandths of an ether, the change of the accuracy in points, and points for each contribution."""
    table = table.copy()
    if "accuracy_end" in table:
        table["change"] = 100 * (table["accuracy_end"] - table["accuracy_start"])
    thousands = [c for c in table if c.startswith("gain_") or c in ("attacker", "honest", "least", "open")]
    table[thousands] *= 1_000
    for column in [c for c in table if c.startswith("points_") and c != "points_owner"]:
        contributed = table[column.replace("points_", "contributed_")]
        table[f"each_{column.removeprefix('points_')}"] = table[column] / contributed.where(contributed > 0)
    if all(f"gain_{name}" in table for name in HONEST):
        table["gain_honest"] = sum(table[f"gain_{name}"] for name in HONEST)
    return plan, table


def _wrapped(line: str) -> str:
    """A paragraph or an item of a list on lines that can be read; tables and pictures stay on one."""
    if line.startswith(("|", "!", "#", "<", "    ")):
        return line
    return textwrap.fill(line, 118, subsequent_indent="  " if line.startswith("* ") else "", break_long_words=False)


def _mentions(parts: Parts, name: str) -> bool:
    return any(table["variant"].str.startswith(name).any() for _, table in parts.values())


def _picture(title: str, path: Path) -> list[str]:
    return [f"![{title}]({path.parent.name}/{path.name})", ""]


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    """What only some readers want, behind a line that opens it."""
    return [f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def _how(parts: Parts, texts: str) -> list[str]:
    terms = Terms()
    options = "--messages sms.tsv --movies movies.tsv"
    seeds = sorted({plan.seeds for plan, _ in parts.values()})
    return [
        "",
        "## How to read and repeat this",
        "",
        "* **Gains** of self-assessment and markets are in thousandths of an ether. With the terms of `ape run "
        "deploy` one "
        f"of them, {deposit_after(3_600, terms.cost_weight) / ETHER:g} ether, is what a contribution deposits an hour "
        "after the one before; what is still deposited at the end counts as lost. Gas is not counted.",
        "* **±** is half the width of the 95% interval of the mean over the seeds (Student's t). *Measurably* "
        "means that "
        "the interval does not contain 0; in pictures these numbers are bold.",
        f"* **Terms** of self-assessment are the defaults of `ape run deploy`: a refund from "
        f"{terms.refund_wait / DAY:g} "
        f"day on, a report {terms.dispute_wait / DAY:g} days after it was announced, what is left goes back from "
        f"{terms.rest_wait / DAY:g} days on, one forgiven for {terms.forgive_every} validated contributions, and only "
        "what the model disagreed with when it came can be reported.",
        f'* **Data**: breast cancer, wine and digits are scikit-learn\'s; "above the mean" and "bright pixels" '
        f"are the same "
        f"numbers as sparse samples, which say what is above its mean. {texts} A quarter of the rows is never "
        f"contributed: "
        "accuracy is measured on it. Who has which rows, and when, follows from the seed "
        f"({' or '.join(map(str, seeds))} seeds).",
        f"* **Repeat it**: `ape run findings {options}` runs the files in "
        f"`comodels/simulation/scenarios/findings`, keeps "
        "what was run in `out/findings`, and can be stopped and started again. `ape run simulate --engine "
        "chain` does any "
        "of these runs again on a local chain, where every balance and every word of state must be the twins'.",
        "",
        "## What this does not cover",
        "",
        "* Money that the attacker has is no limit here, but the honest people are: about twenty contributions "
        "a day. Who "
        "contributes far more than all others decides what the model says, and no rule that asks the model stops that.",
        "* The search is bounded: "
        f"{len(SPACE)} numbers to a plan, about {_plans()} plans for each case. A cleverer attack may exist.",
        "* Honest people here go on contributing whatever happens, and do not look at what the model says "
        "before they do.",
        "* Gas, the price of locked money, several attackers against each other, and incentives mixed in one model.",
    ]


def _plans() -> int:
    return len(FAMILIES) + WHOLE.random + WHOLE.changed


# ---- the best attack -------------------------------------------------------------------------------------------------

ATTACK_TITLE = "Can an attacker rob honest people's deposits?"


def _attack(name: str, plan: Plan, table: pd.DataFrame, folder: Path) -> Section:
    default = table[table["rule"] == "default"]
    people = default[default["look"] != "newcomers"]
    margin = people[~people["variant"].str.endswith(NO_MARGIN)]
    cases = margin["variant"].nunique()
    found = {key: part["attacker"] for key, part in margin.groupby(["variant", "look"], sort=False)}
    above = [key for key, values in found.items() if _sign(values) > 0]
    best = max(found, key=lambda key: found[key].mean())
    answer = (
        f"With the default terms, and a margin or a model that needs none, the best attack that a search finds gains "
        f"measurably in {len(above)} of {len(found)} ({cases} cases, with and without a keeper); the most that "
        f"it gains "
        f"on average is {_text(found[best])}, of {margin['open'].mean():.0f} at stake ({best[0]}, {best[1]})."
    )
    without = people[people["variant"].str.endswith(NO_MARGIN)]
    if len(without):
        sizes = {v: part["attacker"] for v, part in without.groupby("variant", sort=False)}
        worst = max(sizes, key=lambda v: sizes[v].mean())
        answer += f" Without a margin the most is {_text(sizes[worst])} ({worst.removesuffix(NO_MARGIN)})."
    new = default[default["look"] == "newcomers"]
    if len(new):
        lost = {v: part["honest"] for v, part in new.groupby("variant", sort=False)}
        answer += f" Newcomers, to whom hardly anything is forgiven yet, gain {_range(lost)} together."
    slides = table[table["rule"] == "slides"]
    if len(slides):
        gains = {v: part["attacker"] for v, part in slides.groupby("variant", sort=False)}
        answer += (
            f" By the slides' rule, on the same data, it gains measurably in "
            f"{sum(_sign(v) > 0 for v in gains.values())} of {len(gains)} cases, on average "
            f"{slides['attacker'].mean():+.0f}."
        )
    marked = table.assign(column=[_column(*both) for both in zip(table["rule"], table["look"], strict=True)])
    picture = plot_heat(
        marked,
        "variant",
        "column",
        {"attacker": "gain of the best attack", "least": "gain of the honest person who has least"},
        folder / f"{name}.png",
    )
    rows = []
    for (variant, rule, look), part in table.groupby(["variant", "rule", "look"], sort=False):
        cells = [_text(part[c]) for c in ("attacker", "honest", "least")]
        stake, family = f"{part['open'].mean():.0f}", part["family"].iloc[0]
        rows.append([variant, rule, look, stake, *cells, _text(part["change"], digits=1), family])
    heads = ["data and model", "rule", "looked after", "at stake", "best attack", "the honest together"]
    heads += ["who has least", "accuracy, points", "found from"]
    body = [
        *_picture(ATTACK_TITLE, picture),
        "The attacker knows the rules, the model, and when each deposit comes back. It is there two days before the "
        "others, farms validated contributions by repeating what the model says, turns the model with copies, "
        "unions of "
        "others' samples, or samples that the model agrees with (which nobody can report), holds it there, and reports "
        "what is then wrong, from up to eleven accounts. Which of that, when, how often and against whom are "
        f"{len(SPACE)} numbers; the search looks for those that gain most on {WHOLE.seeds[-1]} seeds, and the "
        f"best is then "
        f"measured on {plan.seeds} others. What a plan gains counts all its accounts, deposits lost and shares won.",
        "",
        f"Four honest people make one mistake in a hundred. {_habits()}",
        "",
        *_folded("All numbers", _markdown(heads, rows)),
    ]
    return Section(ATTACK_TITLE, answer, body)


def _column(rule: str, look: str) -> str:
    return look if rule == "default" else rule if look == "6 hours" else f"{rule}, {look}"


def _habits() -> str:
    hours = LOOKS["6 hours"]["check_every"] // 3_600
    return (
        f"They look at their deposits every {hours} hours, or have named a keeper who looks every hour; as *newcomers* "
        "they are forty people with a keeper, who contribute about five samples each and have hardly anything "
        "forgiven; for them the plan found against a keeper is measured, and none is searched anew."
    )


# ---- shares of bad data ----------------------------------------------------------------------------------------------


def _deposits(name: str, plan: Plan, table: pd.DataFrame, folder: Path) -> Section:
    title = "What do honest people gain or lose by deposits?"
    clean = table[table[SHARE] == 0]
    cases = table["variant"].nunique()
    careful = (*HONEST, "kept", "slow")
    losing = sum(_sign(part[f"gain_{who}"]) < 0 for _, part in clean.groupby("variant") for who in careful)
    shares, gains = _by_share(table, lambda part: _sign(part["gain_honest"]) > 0)
    _, bads = _by_share(table, lambda part: _sign(part["gain_bad"]) < 0)
    _, kept = _by_share(table, _not_ruined)
    slow, lates = (
        sum(_sign(part[f"gain_{who}"]) < 0 for _, part in table.groupby(["variant", SHARE])) for who in ("slow", "late")
    )
    runs = table.groupby(["variant", SHARE]).ngroups
    answer = (
        "Where nobody cheats, honest people who look every six hours or every three days, or have named a keeper, "
        f"lose measurably in {losing} of {cases * len(careful)} (people times cases). With {shares} bad data three "
        f"honest people gain measurably in {gains} of {cases} cases, whoever adds bad data loses measurably in {bads}. "
        f"Looking every three days loses measurably in {slow} of {runs} cases and shares; looking every twelve days "
        f"without a keeper in {lates}, because others report meanwhile what the model disagrees with. The model is not "
        f"ruined in {kept}."
    )
    titles = {
        "gain_honest": "three honest people, together",
        "gain_kept": "one who named a keeper",
        "gain_slow": "one who looks every 3 days",
        "gain_late": "one who looks every 12 days",
        "gain_bad": "whoever adds bad data",
        "change": "accuracy, points",
    }
    return _share_section(title, answer, table, titles, folder / f"{name}.png")


def _points(name: str, plan: Plan, table: pd.DataFrame, folder: Path) -> Section:
    title = "Do points tell good data from bad?"
    cases = table["variant"].nunique()
    bad = table[table[SHARE] > 0].assign(more=lambda t: t["each_good"] - t["each_bad"])
    shares, more = _by_share(bad, lambda part: _sign(part["more"].dropna()) > 0)
    _, kept = _by_share(table, _not_ruined)
    answer = (
        f"With {shares} bad data, an honest contribution earns measurably more points than a bad one in {more} "
        f"of {cases} "
        f"cases; the model is not ruined in {kept}."
    )
    titles = {
        "each_good": "points for an honest contribution",
        "each_bad": "points for a bad one",
        "change": "accuracy, percentage points",
    }
    return _share_section(title, answer, table, titles, folder / f"{name}.png")


def _market(name: str, plan: Plan, table: pd.DataFrame, folder: Path) -> Section:
    title = "Who gains in a prediction market?"
    cases = table["variant"].nunique()
    shares, gains = _by_share(table, lambda part: _sign(part["gain_good"]) > 0)
    _, bads = _by_share(table, lambda part: _sign(part["gain_bad"]) > 0)
    _, kept = _by_share(table, _not_ruined)
    answer = (
        f"With {shares} bad data the honest gain measurably in {gains} of {cases} cases, whoever adds bad data gains "
        f"measurably in {bads}; the model is not ruined in {kept}. Of a bounty of {1_000 * _bounty(plan):,.0f}."
    )
    titles = {
        "gain_good": "honest",
        "gain_bad": "whoever adds bad data",
        "gain_provider": "provider",
        "change": "accuracy, percentage points",
    }
    return _share_section(title, answer, table, titles, folder / f"{name}.png")


def _rounds(name: str, plan: Plan, table: pd.DataFrame, folder: Path) -> Section:
    title = "How large may a bounty be before bad data pays?"
    stake = 1_000 * amount(plan.content["incentive"]["terms"]["stake"]) / ETHER
    parts = dict(list(table.groupby(ROUNDS)))
    bad = _list([f"{part['gain_bad'].mean() / stake:+.2f}" for part in parts.values()])
    good = _list([f"{part['gain_good'].mean() / stake:+.2f}" for part in parts.values()])
    counts = [sum(_sign(p["gain_bad"]) > 0 for _, p in part.groupby("variant")) for part in parts.values()]
    answer = (
        "A contribution can lose its stake once, and win again in every round: where a bounty is many stakes, luck is "
        f"paid. With a bounty of {_list([str(rounds) for rounds in parts])} stakes and three in ten labels wrong, "
        f"whoever adds these gains {bad} stakes on average, measurably in {_list([str(n) for n in counts])} of "
        f"{table['variant'].nunique()} cases; the honest gain {good}."
    )
    staked = {who: 1_000 / stake * table[f"deposited_{who}"].sum() / table[f"contributed_{who}"].sum() for who in SIDES}
    titles = {"gain_good": "honest", "gain_bad": "whoever adds bad data", "gain_provider": "provider"}
    shown = table.assign(column=[f"{rounds} stakes" for rounds in table[ROUNDS]])
    picture = plot_heat(shown, "variant", "column", titles, folder / f"{name}.png")
    note = (
        f"Of the right labels {staked['good']:.0%} change the model and stake something, of the wrong ones "
        f"{staked['bad']:.0%}; on a few hundred hidden rows some of these happen to help. That is no fault "
        "of the contract, but what the rule on the slides pays. A larger stake for the same bounty makes bad data lose."
    )
    numbers = _measures(table, plan.keys, titles)
    return Section(title, answer, [*_picture(title, picture), note, "", *_folded("All numbers", numbers)])


def _share_section(title: str, answer: str, table: pd.DataFrame, titles: Mapping[str, str], path: Path) -> Section:
    shown = table.assign(column=[f"{share:.0%}" for share in table[SHARE]])
    picture = plot_heat(shown, "variant", "column", titles, path)
    note = (
        f"Columns: the share of bad data. A model counts as ruined if it loses more than {RUINED:g} points on average."
    )
    numbers = _measures(table, ["variant", SHARE], titles)
    return Section(title, answer, [*_picture(title, picture), note, "", *_folded("All numbers", numbers)])


def _by_share(table: pd.DataFrame, holds: Callable[[pd.DataFrame], bool]) -> tuple[str, str]:
    """The shares of bad data above 0, and in how many cases something holds with each."""
    bad = table[table[SHARE] > 0]
    counts = {f"{s:.0%}": sum(holds(p) for _, p in g.groupby("variant")) for s, g in bad.groupby(SHARE)}
    return _list(list(counts)), _list([str(n) for n in counts.values()])


def _not_ruined(part: pd.DataFrame) -> bool:
    return part["change"].mean() >= -RUINED


def _sign(values: pd.Series) -> int:
    """1 if the mean is measurably above 0, -1 if it is below, otherwise 0."""
    mean, half = interval(values)
    return int(mean - half > 1e-9) - int(mean + half < -1e-9)


# ---- terms -----------------------------------------------------------------------------------------------------------


def _terms(name: str, plan: Plan, table: pd.DataFrame, folder: Path) -> Section:
    title = "How often should a deposit be forgiven?"
    plain = table[~table[OWN]]
    means = dict(list(plain.groupby(FORGIVE)))
    chosen = Terms().forgive_every
    here = means.get(chosen, plain)
    own = table[table[FORGIVE] == chosen]
    halves = [own[own[OWN] == value].groupby("seed")["gain_honest"].mean() for value in (True, False)]
    every = _list([f"{e:g}" for e in means if e])
    honest, careless = (_of_each(means, f"gain_{who}") for who in ("honest", "careless"))
    answer = (
        f"With one forgiven for {every} validated contributions, or none, honest people gain {honest} on "
        f"average of all "
        f"cases, and who labels at random {careless}. The default is {chosen} "
        f"({here['gain_bad'].mean():+.1f} for who is always wrong). Judging without a sample's own effect changes what "
        f"honest people gain by {_text(halves[0] - halves[1])}: it is "
        f"{'on' if Terms().without_own_effect else 'off'}."
    )
    titles = {
        "gain_honest": "three honest people, together",
        "gain_bad": "who is always wrong (15%)",
        "gain_careless": "who labels at random (15%)",
    }
    shown = plain.assign(column=["none" if every == 0 else f"1 in {every:g}" for every in plain[FORGIVE]])
    picture = plot_heat(shown, "variant", "column", titles, folder / f"{name}.png")
    numbers = _measures(table, plan.keys, [*titles, "change"])
    return Section(title, answer, [*_picture(title, picture), *_folded("All numbers", numbers)])


def _of_each(parts: Mapping[float, pd.DataFrame], measure: str) -> str:
    """The means of a measure, that of 0 last."""
    ordered = [part for key, part in parts.items() if key] + [part for key, part in parts.items() if not key]
    return ", ".join(f"{part[measure].mean():+.1f}" for part in ordered)


# ---- markets and many accounts ---------------------------------------------------------------------------------------


def _dealing(name: str, plan: Plan, table: pd.DataFrame, folder: Path) -> Section:
    shares = sorted(table[PROVIDED].unique())
    most = shares[-1]
    gains, losses = {}, {}
    for variant, group in table.groupby("variant", sort=False):
        base, here = (group[group[PROVIDED] == s].set_index("seed") for s in (shares[0], most))
        gains[variant] = here["gain_provider"] - base["gain_provider"]
        losses[variant] = here["gain_good"] - base["gain_good"]
    answer = (
        f"A provider who makes {most:.0%} of the contributions, from the test set, has {_range(gains)} more "
        f"than one who "
        f"makes none (of a bounty of {1_000 * _bounty(plan):,.0f}), measurably more in "
        f"{sum(_sign(v) > 0 for v in gains.values())} of {len(gains)} cases; the honest contributor has "
        f"{_range(losses)} "
        f"more, measurably less in {sum(_sign(v) < 0 for v in losses.values())}."
    )
    title = "What does a provider gain who contributes to the own market?"
    shown = ["loss_start", "loss_end", "gain_provider", "gain_good"]
    rows = [
        {"case": v, "measure": m, "value": x}
        for m, found in (("provider", gains), ("honest", losses))
        for v, values in found.items()
        for x in values
    ]
    titles = {"provider": "provider, more than without", "honest": "honest, more than without"}
    picture = plot_dots(rows, titles, folder / f"{name}.png")
    body = [*_picture(title, picture), *_folded("All numbers", _measures(table, plan.keys, shown))]
    return Section(title, answer, body)


def _bounty(plan: Plan) -> float:
    terms = plan.content["incentive"]["terms"]
    return amount(terms["stake"]) * terms["rounds"] / ETHER


def _sybil(name: str, plan: Plan, table: pd.DataFrame, folder: Path) -> Section:
    where = "a market" if "gain_provider" in table else "self-assessment"
    few, many = table[ACCOUNTS].min(), table[ACCOUNTS].max()
    rows, found = [], {}
    for variant, group in table.groupby("variant", sort=False):
        halves = [group[group[ACCOUNTS] == count].set_index("seed") for count in (few, many)]
        found[variant] = halves[1]["gain_other"] - halves[0]["gain_other"]
        honest = halves[1]["gain_good"] - halves[0]["gain_good"]
        rows.append([variant, *(_text(half["gain_other"]) for half in halves), _text(found[variant]), _text(honest)])
    kinds = [kind for kind in ("malicious", "copier", "careless") if any(v.endswith(kind) for v in found)]
    answer = (
        f"To be {many:g} accounts instead of {few:g} brings {_range(found)}, measurably more in "
        f"{sum(_sign(v) > 0 for v in found.values())} of {len(found)} cases. With either number, "
        f"{_list([f'a {kind} one gains measurably in {_kind_count(table, kind)}' for kind in kinds])}."
    )
    heads = ["data, model and behaviour", f"gain with {few:g} account", f"gain with {many:g}", "difference"]
    body = _folded("All numbers", _markdown([*heads, "difference for the honest"], rows))
    return Section(f"What does it gain to be many in {where}?", answer, body)


def _kind_count(table: pd.DataFrame, kind: str) -> str:
    part = table[table["variant"].str.endswith(f", {kind}")]
    groups = [values for _, values in part.groupby(["variant", ACCOUNTS])["gain_other"]]
    return f"{sum(_sign(values) > 0 for values in groups)} of {len(groups)}"


# ---- tables ----------------------------------------------------------------------------------------------------------

HEADS = {
    "variant": "data and model",
    SHARE: "bad share",
    PROVIDED: "provider's share",
    ROUNDS: "bounty, stakes",
    FORGIVE: "forgiven, one in",
    OWN: "own effect left out",
    "change": "accuracy, points",
    "gain_honest": "gain of three honest",
    "gain_kept": "gain with a keeper",
    "gain_slow": "gain, looking every 3 days",
    "gain_late": "gain, looking every 12 days",
    "gain_good": "gain of the honest",
    "gain_bad": "gain of the bad",
    "gain_careless": "gain of the careless",
    "gain_provider": "gain of the provider",
    "each_good": "points per contribution of the honest",
    "each_bad": "points per contribution of the bad",
    "loss_start": "hidden loss at first, %",
    "loss_end": "hidden loss at the end, %",
}


def _measures(table: pd.DataFrame, keys: Sequence[str], measures: Sequence[str] | Mapping[str, str]) -> list[str]:
    """A table of means with intervals, a row for each combination of the keys."""
    rows = []
    for values, group in table.groupby(list(keys), sort=False):
        cells = [_cell(key, value) for key, value in zip(keys, values, strict=True)]
        for measure in measures:
            scale = 100 if measure.startswith("loss_") and group[measure].max() <= 1 else 1
            cells.append(_text(group[measure], scale, 2 if measure.startswith("gain_") else 1))
        rows.append(cells)
    return _markdown([HEADS[c] for c in (*keys, *measures)], rows)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table; columns whose cells are numbers are aligned to the right."""
    numeric = [all(row[i][:1] in "+-0123456789" and ", " not in row[i] for row in rows) for i in range(len(heads))]
    lines = [heads, ["---:" if number else "---" for number in numeric], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _cell(key: str, value: Any) -> str:
    if key == OWN:
        return "yes" if value else "no"
    return f"{value:.0%}" if key in (SHARE, PROVIDED) else str(value)


def _text(values: pd.Series, scale: float = 1.0, digits: int = 2) -> str:
    values = values.dropna()
    if not len(values):
        return ""
    mean, half = interval(values)
    return f"{scale * mean + 0.0:.{digits}f} ± {scale * half:.{digits}f}"


def _range(found: Mapping[str, pd.Series]) -> str:
    """The lowest and the highest mean of the cases."""
    means = [values.mean() for values in found.values()]
    return f"{min(means):+.2f} to {max(means):+.2f}"


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
