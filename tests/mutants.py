"""Mutation testing of the contracts: small faults are put in, one at a time, and some test must notice each.

    make mutants                             a seeded sample over incentives and modules
    make mutants ARGS="--only Points -n 40"  of one file

A mutant is a contract whose source differs in one place and whose bytecode differs too. It is killed if the hostile
world fails (`tests/world.py`, in this process, seconds), or then the unit, attack and state-machine tests of its
contract (in a sandbox whose compiled code is the mutant's). `tests/mutants.md` keeps the survivors.
"""

from __future__ import annotations

import copy
import gc
import importlib
import io
import json
import os
import re
import resource
import shutil
import sys
import tempfile
import time
import tokenize
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import click
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
# by file: the contract whose tests judge it, and the harness in which the module is tested alone
JUDGED_BY: dict[str, tuple[str, ...]] = {
    "incentives/SelfAssessment.vy": ("SelfAssessment",),
    "incentives/Points.vy": ("Points",),
    "incentives/PredictionMarket.vy": ("PredictionMarket",),
    "modules/market_book.vy": ("PredictionMarket", "MarketHarness"),
    "modules/market_scoring.vy": ("PredictionMarket",),
    "modules/market_settlement.vy": ("PredictionMarket", "MarketHarness"),
    "modules/market_test_set.vy": ("PredictionMarket", "MarketHarness"),
    "modules/owed.vy": ("PredictionMarket",),
    "scorers/Settler.vy": ("Settler",),
    "scorers/Planner.vy": ("Planner",),
    "modules/sparse_rows.vy": ("SparseScorer",),
    "modules/rows_two.vy": ("SparseScorer",),
    "modules/rows_many.vy": ("MulticlassSparseScorer",),
    "modules/stored.vy": ("EvaluatingScorer",),
    "scorers/EvaluatingScorer.vy": ("EvaluatingScorer",),
    "scorers/SparseScorer.vy": ("SparseScorer",),
    "scorers/MulticlassSparseScorer.vy": ("MulticlassSparseScorer",),
    "scorers/LevelScorer.vy": ("LevelScorer",),
    "scorers/MulticlassLevelScorer.vy": ("MulticlassLevelScorer",),
    "modules/payments.vy": ("SelfAssessment",),
    "modules/contributions.vy": ("SelfAssessment",),
    "modules/ownership.vy": ("Registry", "OwnershipHarness"),
    "modules/model.vy": ("NearestCentroid", "SparsePerceptron"),
    "modules/classes.vy": ("NearestCentroid",),
    "modules/table.vy": ("NaiveBayes",),
    "modules/sample.vy": ("SparsePerceptron", "SampleHarness"),
    "modules/sparse_two.vy": ("SparsePerceptron",),
    "modules/sparse_many.vy": ("MulticlassSparsePerceptron",),
    "modules/batch.vy": ("SelfAssessment",),
    "modules/rounds.vy": ("Points",),
    "modules/signatures.vy": ("SelfAssessment",),
    "modules/merkle.vy": ("PredictionMarket",),
    "Registry.vy": ("Registry",),
}
# by contract: the tests that judge it, in this order, after those of the function in which the fault is
TESTS: dict[str, tuple[str, ...]] = {
    "SelfAssessment": (
        "unit/SelfAssessment",
        "attacks/test_self_assessment.py",
        "attacks/test_batches.py",
        "property/test_batches.py",
        "attacks/test_payees.py",
        "attacks/test_instant_flip.py",
        "pitfalls/test_money.py",
        "pitfalls/test_counting.py",
        "conformance/test_iincentive.py",
        "property/test_self_assessment.py",
        "stateful/test_self_assessment.py",
        "gas/test_limits.py",
    ),
    "Points": (
        "unit/Points",
        "attacks/test_batches.py",
        "property/test_batches.py",
        "pitfalls/test_points.py",
        "conformance/test_iincentive.py",
        "property/test_points.py",
        "stateful/test_points.py",
    ),
    "PredictionMarket": (
        "unit/PredictionMarket",
        "attacks/test_market.py",
        "attacks/test_addresses.py",
        "pitfalls/test_market.py",
        "conformance/test_iincentive.py",
        "stateful/test_market.py",
    ),
    "Registry": ("unit/Registry", "attacks/test_addresses.py"),
    "SparsePerceptron": (
        "unit/SparsePerceptron",
        "attacks/test_addresses.py",
        "attacks/test_loaded_header.py",
        "conformance/test_imodel.py",
        "conformance/test_getters.py",
        "property/test_perceptron.py",
        "pitfalls/test_formats.py",
    ),
    "MulticlassSparsePerceptron": (
        "unit/MulticlassSparsePerceptron",
        "conformance/test_imodel.py",
        "property/test_multiclass_perceptron.py",
        "gas/test_limits.py",
    ),
    "NearestCentroid": (
        "unit/NearestCentroid",
        "attacks/test_classes.py",
        "conformance/test_imodel.py",
        "conformance/test_getters.py",
        "property/test_nearest_centroid.py",
    ),
    "NaiveBayes": (
        "unit/NaiveBayes",
        "unit/table_models",
        "attacks/test_classes.py",
        "conformance/test_imodel.py",
        "property/test_table_models.py",
        "gas/test_limits.py",
    ),
    "EvaluatingScorer": (
        "unit/scorers",
        "unit/PredictionMarket/test_check.py",
        "unit/PredictionMarket/test_score.py",
        "attacks/test_market.py",
    ),
    "SparseScorer": ("unit/scorers", "unit/PredictionMarket/test_score_many.py", "property/test_scorers.py"),
    "MulticlassSparseScorer": ("property/test_scorers.py",),
    "MulticlassLevelScorer": ("unit/scorers", "property/test_scorer_steps.py", "property/test_scorers.py"),
    "LevelScorer": ("unit/scorers", "property/test_scorer_steps.py", "property/test_scorers.py"),
    "Planner": ("unit/PredictionMarket/test_commit.py",),
    "Settler": ("unit/scorers/test_settler.py", "unit/modules/test_market.py"),
    "MarketHarness": (
        "unit/modules/test_market.py",
        "unit/modules/test_market_test_set.py",
        "unit/settlement",
        "property/test_market_settlement.py",
    ),
    "OwnershipHarness": ("unit/modules/test_ownership.py",),
    "SampleHarness": ("unit/modules/test_sample.py",),
}
SWAPS = {
    "==": ["!="],
    "!=": ["=="],
    "<": ["<=", ">="],
    "<=": ["<", ">"],
    ">": [">=", "<="],
    ">=": [">", "<"],
    "+": ["-"],
    "-": ["+"],
    "*": ["+"],
    "//": ["*"],
    "&": ["|"],
    "|": ["&"],
    "<<": [">>"],
    ">>": ["<<"],
    "and": ["or"],
    "or": ["and"],
    "min": ["max"],
    "max": ["min"],
    "unsafe_add": ["unsafe_sub"],
    "unsafe_sub": ["unsafe_add"],
    "unsafe_mul": ["unsafe_add"],
    "unsafe_div": ["unsafe_mul"],
    "True": ["False"],
    "False": ["True"],
    "not": [""],
}
SKIPPED = ("import", "from", "event", "struct", "log", "implements", "exports", "initializes", "uses", "interface")


@dataclass(frozen=True)
class Mutant:
    """One change in one file."""

    file: str
    line: int
    what: str
    source: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.what}"

    @property
    def function(self) -> str:
        """In which it is."""
        before = "\n".join(self.source.split("\n")[: self.line])
        return (re.findall(r"^def (\w+)", before, re.MULTILINE) or [""])[-1]


# ---- making them -----------------------------------------------------------------------------------------------------


def mutants(file: str, source: str) -> Iterator[Mutant]:
    """All changes of a file: operators, constants, swapped arguments, statements that are left out."""
    lines = source.split("\n")
    starts = np.cumsum([0] + [len(line) + 1 for line in lines])
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type != tokenize.COMMENT]
    statement: list[tokenize.TokenInfo] = []
    in_code = False
    for t in tokens:
        if t.type in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            continue
        if t.type != tokenize.NEWLINE:
            statement.append(t)
            continue
        if statement:
            head = statement[0].string
            if statement[0].start[1] == 0:
                in_code = False
            if head == "def":
                in_code = True
            elif head in ("event", "struct", "interface"):
                in_code = False
            if in_code and head not in SKIPPED and head not in ("def", "@") and statement[0].type != tokenize.STRING:
                yield from _of_statement(file, source, starts, statement)
        statement = []


def _of_statement(file: str, source: str, starts, statement: list) -> Iterator[Mutant]:
    def at(position) -> int:
        return int(starts[position[0] - 1]) + position[1]

    def change(begin: int, end: int, text: str, what: str) -> Mutant:
        return Mutant(file, statement[0].start[0], what, source[:begin] + text + source[end:])

    head = statement[0].string
    begin, end = at(statement[0].start), at(statement[-1].end)
    text = " ".join(t.string for t in statement)[:80]
    declares = len(statement) > 1 and statement[1].string == ":"
    # left out
    if head not in ("if", "elif", "else", "for", "return") and not declares:
        yield change(begin, end, "pass", f"left out: {text}")
    in_text = head == "assert"
    for i, t in enumerate(statement):
        if in_text and t.type == tokenize.STRING:
            break
        place, stop = at(t.start), at(t.end)
        # a type's annotation is no comparison
        for other in SWAPS.get(t.string, []):
            if t.string == "-" and i and statement[i - 1].string in ("(", ",", "=", "return"):
                continue
            yield change(place, stop, other, f"{t.string} -> {other or 'nothing'}: {text}")
        if t.type == tokenize.NUMBER:
            value = int(t.string.replace("_", ""), 0) if not t.string.startswith("0x") else None
            if value is not None:
                for other in {value + 1, max(0, value - 1)} - {value}:
                    yield change(place, stop, str(other), f"{t.string} -> {other}: {text}")
        if t.type == tokenize.NAME and re.fullmatch(r"[A-Z][A-Z0-9_]+", t.string):
            yield change(place, stop, f"({t.string} + 1)", f"{t.string} + 1: {text}")
        # swapped arguments
        if (
            t.string == ","
            and 0 < i < len(statement) - 2
            and statement[i - 1].type == statement[i + 1].type == tokenize.NAME
            and (i < 2 or statement[i - 2].string in ("(", ","))
            and statement[i + 2].string in (",", ")")
            and statement[i - 1].string != statement[i + 1].string
        ):
            a, b = statement[i - 1], statement[i + 1]
            yield change(at(a.start), at(b.end), f"{b.string}, {a.string}", f"swapped {a.string}, {b.string}: {text}")


# ---- compiling -------------------------------------------------------------------------------------------------------


class Compiler:
    """Compiles contracts of a copy of the tree, one file of which may be changed."""

    def __init__(self, folder: Path):
        self.folder = folder / "contracts"
        shutil.copytree(ROOT / "contracts", self.folder)

    def compile(self, name: str, change: Mutant | None = None) -> tuple[bytes, list] | None:
        """Creation code and ABI of a contract; none if it does not compile."""
        from vyper.compiler import compile_from_file_input
        from vyper.compiler.input_bundle import FilesystemInputBundle
        from vyper.compiler.settings import Settings

        path = next(self.folder.rglob(f"{name}.vy"))
        changed = self.folder / change.file if change else None
        original = changed.read_text() if changed else ""
        try:
            if changed:
                changed.write_text(change.source)
            bundle = FilesystemInputBundle([self.folder.parent])
            file_input = bundle.load_file(path.relative_to(self.folder.parent))
            out = compile_from_file_input(
                file_input,
                input_bundle=bundle,
                output_formats=["bytecode", "abi"],
                settings=Settings(evm_version="prague"),
                no_bytecode_metadata=True,  # which has a hash of the source
            )
        except Exception:  # a change that makes no program
            return None
        finally:
            if changed:
                changed.write_text(original)
        return bytes.fromhex(out["bytecode"][2:]), out["abi"]


# ---- judging ---------------------------------------------------------------------------------------------------------


def killed_in_world(contract: str, compiled: tuple, known: dict, seeds: range, steps: int) -> str:
    """The first line of what the hostile world says of a mutant; empty if it sees nothing wrong."""
    from tests.world import World

    def artefact(name: str):
        if name == contract:
            return compiled[0], compiled[1]
        return bytes.fromhex(known[name]["deploymentBytecode"]["bytecode"][2:]), known[name]["abi"]

    for seed in seeds:
        try:
            World(artefact, seed, **World.around(contract)).run(steps)
        except Exception as error:  # whatever goes wrong has been noticed
            return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:160]
    return ""


MOST_SECONDS, MOST_BYTES = 600, 5 * 2**30  # of processor and memory for the tests of a mutant: some never end


class Sandbox:
    """A copy of the project whose compiled code is a mutant's, in which this process lives from now on.

    Tests run in a fork of this process, which has imported already what they import: seconds, not half a minute.
    """

    def __init__(self, folder: Path, known: dict):
        self.known = known
        self.folder = folder / "sandbox"
        self.folder.mkdir()
        for name in os.listdir(ROOT):
            if name not in (".build", ".git", ".cache", ".hypothesis", "comodels"):
                (self.folder / name).symlink_to(ROOT / name)
        # it reads the compiled contracts where it lies
        shutil.copytree(ROOT / "comodels", self.folder / "comodels")
        (self.folder / ".build").mkdir()
        os.chdir(self.folder)
        sys.path.insert(0, str(self.folder))
        importlib.import_module("ape_test")
        importlib.import_module("ape_vyper")
        importlib.import_module("hypothesis")

    def failing(
        self, names: Sequence[str], compiled: Mapping[str, tuple] = MappingProxyType({}), *options: str
    ) -> list[str]:
        """The tests among these that fail, at least one if anything does, with other code for some contracts."""
        content = copy.deepcopy(self.known)
        for contract, (creation, _) in compiled.items():
            content["contractTypes"][contract]["deploymentBytecode"]["bytecode"] = "0x" + creation.hex()
        (self.folder / ".build" / "__local__.json").write_text(json.dumps(content))
        said = self.folder / "said.txt"
        child = os.fork()
        if child == 0:
            try:
                resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
                resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
                with said.open("wb") as file:
                    os.dup2(file.fileno(), 1)
                    os.dup2(file.fileno(), 2)
                pytest = importlib.import_module("pytest")
                code = pytest.main(["-q", "-m", "not fuzz", "-p", "no:cacheprovider", *options, *names], ["ape_test"])
                sys.stdout.flush()
                # what is left of it: its chain, which ends with its process otherwise
                importlib.import_module("ape").chain.provider.disconnect()
            finally:
                os._exit(int(code))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        text = said.read_text(errors="replace")
        return re.findall(r"^(?:FAILED|ERROR) (\S+)", text, re.MULTILINE) or ([text[-160:] or "no end"] if code else [])

    def killer(self, compiled: Mapping[str, tuple], function: str, most: int) -> str:
        """The first failing test of a mutant, in so many files or folders for each contract; empty if there is none."""
        names = [f"tests/unit/{contract}/test_{function.strip('_')}.py" for contract in compiled]
        names += [f"tests/{name}" for contract in reversed(compiled) for name in TESTS[contract][:most]]
        return "".join(self.failing([n for n in names if (ROOT / n).exists()], compiled, "-x")[:1])


# ---- the command -----------------------------------------------------------------------------------------------------


@click.command()
@click.option("-n", "--number", default=200, help="How many mutants.")
@click.option("--seed", default=0, help="Which.")
@click.option("--only", default="", help="Only of files whose path contains this, a regular expression.")
@click.option("--steps", default=1_500, help="Hostile steps in each of the worlds.")
@click.option("--worlds", default=3, help="How many worlds each mutant lives through.")
@click.option("--tests", default=99, help="How many files and folders of tests those meet that survive the worlds.")
@click.option(
    "--compiled", default=".build/__local__.json", help="What `ape compile` made of the contracts as they are."
)
@click.option("--out", default=ROOT / ".build" / "mutants.json", type=click.Path(path_type=Path, resolve_path=True))
def main(number: int, seed: int, only: str, steps: int, worlds: int, tests: int, compiled: str, out: Path) -> None:
    """Put faults into the contracts and see which tests notice."""
    started = time.time()
    files = [f for f in JUDGED_BY if re.search(only, f) and (ROOT / "contracts" / f).exists()]
    everything = [m for f in files for m in mutants(f, (ROOT / "contracts" / f).read_text())]
    order = np.random.default_rng(seed).permutation(len(everything))
    results: list[dict] = []
    refused = same = 0
    with tempfile.TemporaryDirectory() as temporary:
        compiler = Compiler(Path(temporary))
        sandbox = Sandbox(Path(temporary), json.loads((ROOT / compiled).read_text()))
        known = sandbox.known["contractTypes"]
        gc.freeze()  # compilers make millions of objects, and what is collected among them is little
        gc.disable()
        originals: dict[str, bytes] = {}
        for i in order:
            if len(results) == number:
                break
            mutant = everything[i]
            contracts = JUDGED_BY[mutant.file]
            for name in contracts:
                if name not in originals:
                    code = compiler.compile(name)
                    if said := killed_in_world(name, code, known, range(worlds), steps):
                        raise click.ClickException(f"{name}: fails as it is: {said}")
                    originals[name] = code[0]
            code = compiler.compile(contracts[0], mutant)
            if code is None:
                refused += 1
                continue
            if code[0] == originals[contracts[0]]:
                same += 1
                continue
            killer = killed_in_world(contracts[0], code, known, range(worlds), steps)
            by = "world" if killer else ""
            if not killer and tests:
                others = {name: compiler.compile(name, mutant) for name in contracts[1:]}
                codes = {contracts[0]: code} | {name: other for name, other in others.items() if other}
                killer = sandbox.killer(codes, mutant.function, tests)
                by = "tests" if killer else ""
            results.append({"mutant": str(mutant), "killed by": by, "with": killer})
            click.echo(f"{time.time() - started:.0f} s: {len(results)} {mutant} | {by or 'SURVIVED'} {killer}")
            out.write_text(json.dumps(results, indent=1))
            if len(results) % 10 == 0:
                gc.collect()
        # a test kills nothing that fails without a fault
        names = {r["with"] for r in results if r["killed by"] == "tests"}
        for name in sandbox.failing(sorted(names)) if names else []:
            click.echo(f"fails without a fault, so it kills nothing: {name}")
            for r in results:
                if r["with"] == name:
                    r["killed by"] = ""
        out.write_text(json.dumps(results, indent=1))
    killed = sum(bool(r["killed by"]) for r in results)
    click.echo(
        f"{len(results)} mutants of {len(everything)} possible changes (seed {seed}): {killed} killed, "
        f"{len(results) - killed} survived; {refused} did not compile, {same} compiled to the same code; "
        f"{time.time() - started:.0f} s"
    )


if __name__ == "__main__":
    # a package of the same name comes with one of Ape's: the folder is meant
    sys.modules["tests"] = types.ModuleType("tests")
    sys.modules["tests"].__path__ = [str(ROOT / "tests")]
    main()
