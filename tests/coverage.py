"""Which external functions and which reasons for a revert the tests have hit: made of what `tests.watch` saw.

Ape's own coverage needs a map from bytecode to source, which ape-vyper does not make for Vyper 0.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.watch import Seen

CONTRACTS = Path(__file__).parents[1] / "contracts"
FAILING = {"_check", "_fail"}  # how the module `market_book` asserts, with the text last
REFUSING = "_refuse"  # how others do, with the whole text

HEAD = """# Coverage of the contracts

Made by `make coverage` from the calls that the tests make: the external functions of every contract that is deployed
(getters too), and the reasons with which contracts revert. A function counts when a call of it succeeds, a reason when
a call reverts with it. Reverts without a reason cannot be told apart and do not count: overflows, what is not payable,
arguments that do not fit their types. `model: not a state to seal` is for kinds of one's own: none of ours says so
without a reason."""


@dataclass(frozen=True)
class Part:
    """What a contract or file has, and what of it no test hit."""

    name: str
    count: int
    missed: list[str]


def reasons(folder: Path = CONTRACTS) -> dict[str, set[str]]:
    """The texts that contracts revert with, by file, from their source; without what is only for tests."""
    from vyper import ast

    found = {}
    for path in sorted(folder.rglob("*.vy")):
        name = path.relative_to(folder).as_posix()
        if name.startswith("testing/"):
            continue
        module = ast.parse_to_ast(path.read_text())
        messages = [node.msg for node in module.get_descendants(ast.nodes.Assert)]
        messages += [node.exc for node in module.get_descendants(ast.nodes.Raise)]
        texts = {m.value for m in messages if isinstance(m, ast.nodes.Str)}
        calls = [node for node in module.get_descendants(ast.nodes.Call) if node.args]
        named = [(getattr(call.func, "attr", ""), call.args[-1]) for call in calls]
        texts |= {arg.value for function, arg in named if function == REFUSING and isinstance(arg, ast.nodes.Str)}
        last = [arg for function, arg in named if function in FAILING]
        if texts := texts | {f"prediction-market: {arg.value}" for arg in last if isinstance(arg, ast.nodes.Str)}:
            found[name] = texts
    return found


def functions_hit(seen: Seen, functions: Mapping[str, Iterable[str]]) -> list[Part]:
    """For each contract, which of its functions no call reached; `functions` are those that it has."""
    return [
        Part(contract, len(set(names)), sorted(set(names) - set(seen.gas.get(contract, ())) - seen.inside[contract]))
        for contract, names in sorted(functions.items())
    ]


def reasons_hit(seen: Seen, known: Mapping[str, set[str]]) -> list[Part]:
    """For each file, with which of its reasons no call reverted: no call of the contract, or for a module, of any."""
    anywhere = set().union(*seen.reasons.values())
    hit = {name: seen.reasons.get(Path(name).stem, set()) for name in known} | {
        name: anywhere for name in known if name.startswith("modules/")
    }
    return [Part(name, len(texts), sorted(texts - hit[name])) for name, texts in sorted(known.items())]


def table(head: str, parts: Iterable[Part]) -> list[str]:
    """A Markdown table of parts."""
    rows = [f"| `{p.name}` | {p.count} | {', '.join(f'`{m}`' for m in p.missed) or 'none'} |" for p in parts]
    return [f"| {head} | not hit |", "|---|---:|---|", *rows]


def total(parts: list[Part]) -> str:
    """``hit of all``."""
    count = sum(p.count for p in parts)
    return f"{count - sum(len(p.missed) for p in parts)} of {count}"


def lines(functions: list[Part], texts: list[Part]) -> list[str]:
    """The page."""
    return [
        *HEAD.splitlines(),
        "",
        f"## External functions: {total(functions)}",
        "",
        *table("contract | functions", functions),
        "",
        f"## Reasons for a revert: {total(texts)}",
        "",
        *table("file | reasons", texts),
    ]


def summary(functions: list[Part], texts: list[Part]) -> list[str]:
    """What the terminal shows."""
    missed = [f"not hit: {p.name}: {m}" for p in (*functions, *texts) for m in p.missed]
    return [*missed, f"external functions hit: {total(functions)}", f"reasons for a revert hit: {total(texts)}"]
