"""The document of the findings: tables and plots of sweeps, and sentences whose numbers come from them.

Nothing is said here that was not computed: a sentence is a frame, and the runs decide how it ends.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulation.plot import interval, plot_dots, plot_sweep
from simulation.sweep import Plan

if TYPE_CHECKING:
    import pandas as pd

Parts = Mapping[str, tuple[Plan, "pd.DataFrame"]]

RUINED = 5.0  # percentage points of accuracy: what a model may lose before it counts as ruined here
SHARE, PROVIDED, ACCOUNTS = "agents.bad.share", "agents.provider.share", "agents.other.accounts"
OWN, DISPUTE, HEAD_START = "incentive.terms.without_own_effect", "incentive.terms.dispute_wait", "agents.good.first_day"
NO_MARGIN, DEFAULT_MARGIN, TWICE = ", no margin", ", default margin", ", twice the margin"

INCENTIVES = {
    "share-self-assessment": "self-assessment",
    "share-points": "points",
    "share-market": "a prediction market",
}
TEXTS = {
    "text messages": "The text messages are those of the SMS Spam Collection (Almeida, Hidalgo and Yamakami 2011).",
    "movie snippets": "The movie snippets are those of Pang and Lee (2005).",
}
INTRODUCTION = (
    "Made by `make findings` from the scenario files in `simulation/scenarios/findings`: every number, and every word "
    "that depends on one, comes from these runs. Breast cancer and digits are scikit-learn's data sets; \"above the "
    'mean" and "bright pixels" are the same numbers as sparse samples, which say what is above its mean. {texts} '
    "Accuracy is measured on a quarter of the rows, which nobody contributes. Who gets which rows, and when, follows "
    "from the seed."
)
NOTES = (
    "**Gains** are in ether, at a cost weight of 0.001 ether in self-assessment and a stake of 0.01 ether in the "
    "market; what is still deposited at the end counts as lost. What the owner of the model gains, others have lost.",
    "**±** is half the width of the 95% interval of the mean over the seeds (Student's t). *Measurably* means that the "
    "interval does not contain 0; differences are taken seed by seed.",
    f"A model counts as **ruined** if it is on average more than {RUINED:g} percentage points less accurate at the end "
    "than when it was published.",
    "The runs are those of the twins. `ape run simulate --engine chain` does a run again on a local chain: the same "
    "transactions, in the same order and at the same seconds, are sent to the contracts, and every balance, accuracy "
    "and word of state must be the twins'.",
)


@dataclass
class Section:
    """A part of the document: its answer in a sentence, then whatever shows it."""

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


# ---- the document ----------------------------------------------------------------------------------------------------


def write(parts: Parts, path: Path) -> None:
    """Write the document, and beside it the plots in a folder of its name."""
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    parts = {name: (plan, _with_changes(table)) for name, (plan, table) in parts.items()}
    sections = []
    shares = {name: parts[name] for name in INCENTIVES if name in parts}
    if shares:
        sections.append(_claim(shares))
        sections += [_share(name, *part, folder) for name, part in shares.items()]
    single: dict[str, Callable[..., Section]] = {
        "terms": _terms,
        "flip-and-take": _flip,
        "self-dealing": _dealing,
        "sybil-market": _sybil,
        "sybil-self-assessment": _sybil,
    }
    for name, make in single.items():
        if name in parts:
            sections.append(make(name, *parts[name], folder))
    if "terms" in parts and "flip-and-take" in parts:
        place = [s.title for s in sections].index(FLIP_TITLE) + 1
        sections.insert(place, _defaults(parts["terms"][1], parts["flip-and-take"][1]))
    texts = " ".join(text for name, text in TEXTS.items() if _mentions(parts, name))
    lines = ["# Simulation: what happens to honest people when someone cheats", ""]
    lines += [INTRODUCTION.format(texts=texts or "No texts were at hand for these runs."), ""]
    lines += [f"* {note}" for note in NOTES]
    lines += ["", "## In short", "", *(f"* **{s.title}**: {s.answer}" for s in sections)]
    for section in sections:
        lines += ["", f"## {section.title}", "", section.answer, "", *section.body]
    path.write_text("\n".join(map(_wrapped, lines)).rstrip() + "\n", encoding="utf-8")


def _wrapped(line: str) -> str:
    """A paragraph or an item of a list on lines that can be read; tables and pictures stay on one."""
    if line.startswith(("|", "!", "#")):
        return line
    return textwrap.fill(line, 118, subsequent_indent="  " if line.startswith("* ") else "", break_long_words=False)


def _with_changes(table: pd.DataFrame) -> pd.DataFrame:
    """With the change of the accuracy in percentage points, and points for each contribution."""
    table = table.assign(change=100 * (table["accuracy_end"] - table["accuracy_start"]))
    for column in [c for c in table.columns if c.startswith("points_") and c != "points_owner"]:
        contributed = table[column.replace("points_", "contributed_")]
        table[f"each_{column.removeprefix('points_')}"] = table[column] / contributed.where(contributed > 0)
    return table


def _mentions(parts: Parts, name: str) -> bool:
    return any(table["variant"].str.startswith(name).any() for _, table in parts.values())


def _source(name: str, plan: Plan) -> list[str]:
    agents = ", ".join(f"{a['name']} ({a['kind']})" for a in plan.content["agents"])
    return [f"`simulation/scenarios/findings/{name}.yaml`, {plan.seeds} seeds; agents: {agents}.", ""]


def _picture(title: str, path: Path) -> list[str]:
    return [f"![{title}]({path.parent.name}/{path.name})", ""]


# ---- does the claim hold? --------------------------------------------------------------------------------------------

CLAIM_TITLE = "Does the claim of the slides hold?"
CLAIM = (
    "The claim has two halves: a bad agent who often adds wrong data does not ruin the model, and honest contributors "
    "profit. For each incentive the table has the largest share of bad data, of those tried, up to which the model "
    "loses nothing measurable, up to which it is not ruined, and the shares with which the honest contributor gains "
    "measurably (with points: earns measurably more with each contribution than the bad one)."
)


def _claim(shares: Parts) -> Section:
    answers, details, heads, columns = [], [], ["data and model"], {}
    for name, (_, table) in shares.items():
        where = f"in {INCENTIVES[name]}"
        cases = table["variant"].nunique()
        tried = _list([f"{share:.0%}" for share in sorted(table[SHARE].unique()) if share])
        gain = "earns measurably more per contribution than the bad one" if "each_good" in table else "gains measurably"
        answers.append(f"{where} in {_hold_in(table, _claim_holds)} of {cases} cases with {tried} bad data")
        details.append(
            f"{where} the model is not ruined in {_hold_in(table, _not_ruined)} of {cases}, and the honest contributor "
            f"{gain} in {_hold_in(table, _honest_gain)}"
        )
        what = INCENTIVES[name].removeprefix("a ")
        heads += [f"{what}: no loss up to", "not ruined up to", "honest gain with"]
        for variant, group in table.groupby("variant", sort=False):
            cells = columns.setdefault(variant, [])
            cells += [_up_to(group, _no_loss), _up_to(group, _not_ruined), _span(group, _honest_gain)]
    rows = [[variant, *cells] for variant, cells in columns.items() if len(cells) == len(heads) - 1]
    answer = f"Both halves of it hold {'; '.join(answers)}."
    detail = f"One by one, with the same shares: {'; '.join(details)}."
    return Section(CLAIM_TITLE, answer, [detail, "", CLAIM, "", *_markdown(heads, rows)])


def _hold_in(table: pd.DataFrame, holds: Callable[[pd.DataFrame], bool]) -> str:
    """In how many cases something holds, for each share of bad data above 0."""
    bad = table[table[SHARE] > 0]
    return _list([str(sum(holds(part) for _, part in group.groupby("variant"))) for _, group in bad.groupby(SHARE)])


def _claim_holds(part: pd.DataFrame) -> bool:
    return _not_ruined(part) and _honest_gain(part)


def _no_loss(part: pd.DataFrame) -> bool:
    mean, half = interval(part["change"])
    return mean + half >= 0


def _not_ruined(part: pd.DataFrame) -> bool:
    return part["change"].mean() >= -RUINED


def _honest_gain(part: pd.DataFrame) -> bool:
    if "each_good" in part:
        mean, half = interval((part["each_good"] - part["each_bad"]).dropna())
    else:
        mean, half = interval(part["gain_good"])
    return mean - half > 0


def _up_to(group: pd.DataFrame, holds: Callable[[pd.DataFrame], bool]) -> str:
    """The largest share up to which something holds with every share that was tried."""
    last = "none"
    for share, part in group.groupby(SHARE):
        if not holds(part):
            break
        last = f"{share:.0%}"
    return last


def _span(group: pd.DataFrame, holds: Callable[[pd.DataFrame], bool]) -> str:
    shares = [f"{share:.0%}" for share, part in group.groupby(SHARE) if share > 0 and holds(part)]
    return ", ".join(shares) or "none"


def _share(name: str, plan: Plan, table: pd.DataFrame, folder: Path) -> Section:
    points = "each_good" in table
    first, last = table[table[SHARE] == table[SHARE].min()], table[table[SHARE] == table[SHARE].max()]
    answer = (
        f"From {first[SHARE].iloc[0]:.0%} to {last[SHARE].iloc[0]:.0%} bad data, the change of the accuracy goes from "
        f"{_range(first, 'change', 1)} to {_range(last, 'change', 1)} percentage points (lowest and highest mean of "
        f"the cases), "
    )
    if points:
        answer += (
            f"and with {last[SHARE].iloc[0]:.0%} the honest contributor earns {_range(last, 'each_good', 1)} points "
            f"with a contribution, the bad one {_range(last, 'each_bad', 1)}."
        )
        shown = ["change", "each_good", "each_bad", "accepted_good", "accepted_bad"]
    else:
        answer += (
            f"the gain of the honest contributor from {_range(first, 'gain_good')} to {_range(last, 'gain_good')} "
            f"ether; the bad one's with {last[SHARE].iloc[0]:.0%} is {_range(last, 'gain_bad')} ether."
        )
        shown = ["change", "gain_good", "gain_bad"]
        shown += [c for c in ("gain_owner", "gain_provider", "accepted_good", "accepted_bad") if c in table]
    title = f"Share of bad data: {INCENTIVES[name].removeprefix('a ')}"
    picture = plot_sweep(table, SHARE, shown[:3], folder / f"{name}.png", "variant", HEADS)
    body = [*_source(name, plan), *_picture(title, picture)]
    return Section(title, answer, body + _measures(table, ["variant", SHARE], ["accuracy_start", *shown]))


# ---- margin, own effect, dispute wait --------------------------------------------------------------------------------

TERMS_TITLE = "What margin, own effect and dispute wait change"
FLIP_TITLE = "What flip-and-take earns, and what makes it unprofitable"
SWITCHES = {
    "the default margin, instead of none": (NO_MARGIN, DEFAULT_MARGIN),
    "twice the default margin, instead of the default": (DEFAULT_MARGIN, TWICE),
    "judging without the sample's own effect": OWN,
    "a dispute wait of a day": DISPUTE,
}


def _differences(table: pd.DataFrame, switch: Any, measure: str) -> dict[str, pd.Series]:
    """By case, the difference that a switch makes seed by seed, the mean of all other settings."""
    found = {}
    if isinstance(switch, tuple):
        off, on = switch
        for variant in table["variant"].unique():
            if variant.endswith(off) and variant.removesuffix(off) + on in set(table["variant"]):
                name = variant.removesuffix(off)
                halves = [table[table["variant"] == name + end] for end in (on, off)]
                found[name] = _by_seed(halves[0], measure) - _by_seed(halves[1], measure)
        return found
    if switch not in table:
        return found
    for variant, group in table.groupby("variant", sort=False):
        if not variant.endswith(TWICE):
            halves = [group[group[switch] == value] for value in (group[switch].max(), group[switch].min())]
            found[variant] = _by_seed(halves[0], measure) - _by_seed(halves[1], measure)
    return found


def _by_seed(table: pd.DataFrame, measure: str) -> pd.Series:
    return table.groupby("seed")[measure].mean()


def _signs(differences: Mapping[str, pd.Series]) -> tuple[int, int]:
    """In how many cases a difference is measurably above 0, and below."""
    intervals = [interval(values.dropna()) for values in differences.values()]
    return sum(mean - half > 0 for mean, half in intervals), sum(mean + half < 0 for mean, half in intervals)


def _terms(name: str, plan: Plan, table: pd.DataFrame, folder: Path) -> Section:
    measures = {
        "change": "accuracy, points",
        "gain_good": "honest gain",
        "gain_bad": "bad gain",
        "accepted_good": "honest data accepted, points",
        "accepted_bad": "bad data accepted, points",
    }
    table = table.assign(accepted_good=100 * table["accepted_good"], accepted_bad=100 * table["accepted_bad"])
    sentences, rows, dots = [], [], []
    for text, switch in SWITCHES.items():
        differences = {m: _differences(table, switch, m) for m in measures}
        cases = len(differences["change"])
        if not cases:
            continue
        counts = {m: _signs(differences[m]) for m in ("change", "gain_good", "gain_bad")}
        sentences.append(
            f"{text[0].upper()}{text[1:]}, of {cases} cases measurably raises / lowers the accuracy in "
            f"{_pair(counts['change'])}, the gain of the honest in {_pair(counts['gain_good'])}, and the gain of the "
            f"bad in {_pair(counts['gain_bad'])}."
        )
        for case in differences["change"]:
            rows.append([text, case, *(_text(differences[m][case]) for m in measures)])
            dots += [
                {"case": f"{text}: {case}", "measure": m, "value": v}
                for m in ("change", "gain_good", "gain_bad")
                for v in differences[m][case].dropna()
            ]
    titles = {m: f"change of {measures[m]}" for m in ("change", "gain_good", "gain_bad")}
    picture = plot_dots(dots, titles, folder / f"{name}.png")
    share = next(a["share"] for a in plan.content["agents"] if a["name"] == "bad")
    body = [*_source(name, plan), f"With {share} bad data. Each figure is a difference: with, less without.", ""]
    body += _picture(TERMS_TITLE, picture) + _markdown(["what", "data and model", *measures.values()], rows)
    body += ["", "All settings:", "", *_measures(table, plan.keys, ["change", "gain_good", "gain_bad", "gain_owner"])]
    return Section(TERMS_TITLE, " ".join(sentences), body)


# ---- flip and take ---------------------------------------------------------------------------------------------------


def _flip(name: str, plan: Plan, table: pd.DataFrame, folder: Path) -> Section:
    starts = sorted(table[HEAD_START].unique())
    plain = table[(table[OWN] == False) & (table[DISPUTE] == 0)]  # noqa: E712
    open_, margin = plain[plain["variant"].str.endswith(NO_MARGIN)], plain[~plain["variant"].str.endswith(NO_MARGIN)]
    sentences = []
    for start in starts:
        when = "begins with the others" if start == 0 else f"has a head start of {start:g} days"
        parts = [
            f"{_count(part, 'gain_attacker', 1)} of {part['variant'].nunique()} cases {what}"
            for what, part in (
                ("without a margin", open_[open_[HEAD_START] == start]),
                ("with the default margin, or a model that has none", margin[margin[HEAD_START] == start]),
            )
        ]
        here = plain[plain[HEAD_START] == start]
        best = here.groupby("variant", sort=False)["gain_attacker"].mean()
        case = here[here["variant"] == best.idxmax()]
        sentences.append(
            f"An attacker who {when} gains measurably in {' and in '.join(parts)} "
            f"(the most: {_text(case['gain_attacker'])} ether, {best.idxmax()})."
        )
    combinations = [(False, 0), (False, 86_400), (True, 0), (True, 86_400)]
    names = ["none", "dispute wait", "own effect left out", "both"]
    late = table[table[HEAD_START] == starts[-1]]
    left = [
        f"{_count(part, 'gain_attacker', 1)} with {name} (on average {part['gain_attacker'].mean():+.2f} ether)"
        for name, (own, wait) in zip(names, combinations, strict=True)
        for part in [late[(late[OWN] == own) & (late[DISPUTE] == wait)]]
    ]
    sentences.append(
        f"Of all {late['variant'].nunique()} cases with the head start, the attack pays measurably, by precaution, in "
        f"{'; '.join(left)}."
    )
    rows, dots = [], []
    for variant, group in table.groupby("variant", sort=False):
        for start, part in group.groupby(HEAD_START):
            cells = []
            for label, (own, wait) in zip(names, combinations, strict=True):
                here = part[(part[OWN] == own) & (part[DISPUTE] == wait)]
                cells.append(here)
                dots += [
                    {"case": variant, "measure": f"{start:g}", "by": label, "value": v} for v in here["gain_attacker"]
                ]
            rows.append(
                [variant, f"{start:g} days", *(_text(c["gain_attacker"]) for c in cells), _text(cells[0]["gain_good"])]
                + [_text(cells[-1]["gain_good"]), _text(cells[0]["change"], digits=1)]
            )
    titles = {f"{s:g}": f"attacker's gain, ether; head start: {s:g} days" for s in starts}
    picture = plot_dots(dots, titles, folder / f"{name}.png")
    heads = ["data and model", "head start", *(f"attacker: {n}" for n in names)]
    heads += ["honest: none", "honest: both", "accuracy: none, points"]
    warm_up = next(a["warm_up"] for a in plan.content["agents"] if a["name"] == "attacker")
    body = _source(name, plan)
    body += [
        f"The attacker contributes honestly {warm_up} times; then, whenever a contribution of somebody else can be "
        "claimed for the first time and the model agrees with it, it tries on a copy of the model whether the same "
        "sample with another label would turn it, and if so adds that and reports the victim in the same second (or "
        "announces the report, where a dispute wait asks for it). What a report takes is the deposit times the "
        "reporter's part of all validated contributions: with a head start that part is at first everything.",
        "",
    ]
    body += _picture(FLIP_TITLE, picture) + _markdown(heads, rows)
    return Section(FLIP_TITLE, " ".join(sentences), body)


def _count(table: pd.DataFrame, measure: str, sign: int) -> int:
    """In how many cases the mean of a measure is measurably above 0 (sign 1) or below it (-1)."""
    found = 0
    for _, part in table.groupby("variant"):
        mean, half = interval(part[measure])
        found += sign * mean - half > 0
    return found


# ---- defaults --------------------------------------------------------------------------------------------------------


def _defaults(terms: pd.DataFrame, flips: pd.DataFrame) -> Section:
    from simulation.training import DEFAULTS

    rows, follow = [], []
    for text, switch in SWITCHES.items():
        plain, attacked = (_differences(table, switch, "gain_good") for table in (terms, flips))
        others = [_differences(terms, switch, "change"), _differences(flips, switch, "gain_attacker")]
        means = [_mean(found) for found in (plain, attacked) if found]
        total = sum(means) / len(means)
        follow.append(f"{text}: {'on' if total > 0 else 'off'} ({total:+.2f} ether)")
        rows.append([text, *map(_effect, (others[0], plain, attacked, others[1])), "on" if total > 0 else "off"])
    heads = [
        "what",
        "accuracy, points",
        "honest gain, plain bad agent",
        "honest gain, flip-and-take",
        "attacker's gain",
        "setting",
    ]
    body = [
        "What each setting changes on average over the cases, and in how many of them it measurably raises / lowers "
        "that. It follows that a setting is on if it raises the gain of the honest, the plain bad agent and "
        "flip-and-take counted alike.",
        "",
        *_markdown(heads, rows),
        "",
        f"As the project is now: a margin of {DEFAULTS.margin} for words and of {DEFAULTS.dense_margin:g} updates' "
        f"worth for numbers; a dispute wait of {DEFAULTS.dispute_wait} s and `without_own_effect` "
        f"{'on' if DEFAULTS.without_own_effect else 'off'}, unless the owner says otherwise.",
    ]
    return Section("Which defaults follow", f"By what the honest gain or lose by it: {'; '.join(follow)}.", body)


def _mean(differences: Mapping[str, pd.Series]) -> float:
    return sum(values.mean() for values in differences.values()) / len(differences)


def _effect(differences: Mapping[str, pd.Series]) -> str:
    if not differences:
        return ""
    return f"{_mean(differences):+.2f} ({_pair(_signs(differences))} of {len(differences)})"


# ---- markets and many accounts ---------------------------------------------------------------------------------------


def _dealing(name: str, plan: Plan, table: pd.DataFrame, folder: Path) -> Section:
    shares = sorted(table[PROVIDED].unique())
    most = shares[-1]
    gains, losses, rows = {}, {}, []
    for variant, group in table.groupby("variant", sort=False):
        base = group[group[PROVIDED] == shares[0]].set_index("seed")
        for share in shares[1:]:
            here = group[group[PROVIDED] == share].set_index("seed")
            gain, honest = here["gain_provider"] - base["gain_provider"], here["gain_good"] - base["gain_good"]
            rows.append([variant, f"{share:.0%}", _text(gain), _text(honest)])
            if share == most:
                gains[variant], losses[variant] = gain, honest
    more = [values.mean() for values in gains.values()]
    less = [values.mean() for values in losses.values()]
    answer = (
        f"A provider who makes {most:.0%} of the contributions himself, from the test set, has {min(more):+.2f} to "
        f"{max(more):+.2f} ether more than one who makes none (of a bounty of {_bounty(plan):g}), measurably more / "
        f"less in {_pair(_signs(gains))} of {len(gains)} cases; the honest contributor has {min(less):+.2f} to "
        f"{max(less):+.2f} ether more, measurably more / less in {_pair(_signs(losses))}."
    )
    title = "What a self-dealing provider gains"
    shown = ["loss_start", "loss_end", "gain_provider", "gain_good"]
    picture = plot_sweep(table, PROVIDED, ["gain_provider", "gain_good"], folder / f"{name}.png", "variant", HEADS)
    body = _source(name, plan) + _picture(title, picture)
    body += _markdown(
        ["data and model", "his share", "provider, more than with none", "honest, more than with none"], rows
    )
    body += ["", "All runs:", "", *_measures(table, plan.keys, shown)]
    return Section(title, answer, body)


def _bounty(plan: Plan) -> float:
    from simulation.units import ETHER, amount

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
        cells = [_text(half["gain_other"]) for half in halves]
        rows.append([variant, *cells, _text(found[variant]), _text(honest)])
    means = [values.mean() for values in found.values()]
    answer = (
        f"In {where}, to be {many:g} accounts instead of {few:g} brings {min(means):+.2f} to {max(means):+.2f} ether, "
        f"measurably more / less in {_pair(_signs(found))} of {len(found)} cases; "
        f"a malicious one gains measurably in {_kind_count(table, 'malicious')}, a copier in "
        f"{_kind_count(table, 'copier')}"
        + (f", a careless one in {_kind_count(table, 'careless')}." if "careless" in "".join(found) else ".")
    )
    heads = ["data, model and behaviour", f"gain with {few:g} account", f"gain with {many:g}", "difference"]
    body = [*_source(name, plan), *_markdown([*heads, "difference for the honest"], rows)]
    return Section(f"What it gains to be many: {where.removeprefix('a ')}", answer, body)


def _kind_count(table: pd.DataFrame, kind: str) -> str:
    part = table[table["variant"].str.endswith(f", {kind}")]
    part = part.assign(variant=part["variant"] + part[ACCOUNTS].astype(str))
    return f"{_count(part, 'gain_other', 1)} of {part['variant'].nunique()}"


# ---- tables ----------------------------------------------------------------------------------------------------------

HEADS = {
    "variant": "data and model",
    SHARE: "bad share",
    PROVIDED: "provider's share",
    ACCOUNTS: "accounts",
    OWN: "without own effect",
    DISPUTE: "dispute wait",
    "accuracy_start": "accuracy at first, %",
    "change": "change of accuracy, points",
    "gain_good": "gain of the honest, ether",
    "gain_bad": "gain of the bad, ether",
    "gain_owner": "gain of the owner, ether",
    "gain_provider": "gain of the provider, ether",
    "each_good": "points per contribution of the honest",
    "each_bad": "points per contribution of the bad",
    "accepted_good": "honest data accepted, %",
    "accepted_bad": "bad data accepted, %",
    "loss_start": "hidden loss at first, %",
    "loss_end": "hidden loss at the end, %",
}
PERCENT = ("accuracy_", "loss_", "accepted_")


def _measures(table: pd.DataFrame, keys: Sequence[str], measures: Sequence[str]) -> list[str]:
    """A table of means with intervals, a row for each combination of the keys."""
    rows = []
    for values, group in table.groupby(list(keys), sort=False):
        cells = [_cell(key, value) for key, value in zip(keys, values, strict=True)]
        for measure in measures:
            in_percent = measure.startswith(PERCENT) and group[measure].max() <= 1
            digits = 1 if measure.startswith((*PERCENT, "change", "each_")) else 2
            cells.append(_text(group[measure], 100 if in_percent else 1, digits))
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
    if key == DISPUTE:
        return f"{value // 3_600} h"
    if key in (SHARE, PROVIDED):
        return f"{value:.0%}"
    return str(value)


def _text(values: pd.Series, scale: float = 1.0, digits: int = 2) -> str:
    values = values.dropna()
    if not len(values):
        return ""
    mean, half = interval(values)
    return f"{scale * mean:.{digits}f} ± {scale * half:.{digits}f}"


def _range(table: pd.DataFrame, measure: str, digits: int = 2) -> str:
    """The lowest and the highest mean of the cases."""
    means = table.groupby("variant")[measure].mean()
    return f"{means.min():+.{digits}f} … {means.max():+.{digits}f}"


def _pair(counts: tuple[int, int]) -> str:
    return f"{counts[0]} / {counts[1]}"


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
