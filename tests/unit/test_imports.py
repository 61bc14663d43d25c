"""Who may import whom: the layers of the house. Imports inside functions and those for types count too."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Each line may import itself and the lines above it.
LAYERS = [
    ("encoders",),
    ("batch", "errors", "found", "merkle", "revert", "rows", "sample", "signatures", "units", "wire"),
    ("models",),
    ("incentives",),
    ("chain",),
    (
        *("ancestor", "artifacts", "audit", "budget", "card", "claims", "contribute", "deployer", "export", "fetch"),
        *("journal", "keeper", "leaderboard", "market", "market_secret", "market_status", "originals", "payouts"),
        *(
            "places",
            "publish",
            "published",
            "registry",
            "saved",
            "scikit_learn",
            "successor",
            "summary",
            "training",
            "trial",
        ),
        *("sponsor", "verify"),
    ),
    ("simulation", "dashboard", "bench", "demo", "market_demo", "sponsor_service", "testing"),
    ("cli", "term_options"),
    ("scripts",),
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
LIBRARY = RANK["published"]  # up to here no command line, no web page, and no Ape

# What only the layers above the library may use.
FRAMEWORKS = {"ape", "click", "jinja2", "joblib", "matplotlib", "starlette", "uvicorn"}

LONGEST_COMMAND = 150  # lines


def read() -> dict[str, set[str]]:
    """By module, what it imports."""
    found = {}
    for top in ("encoders", "comodels", "scripts"):
        for path in sorted((ROOT / top).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return {name: imports(tree, set(found)) - {name} for name, tree in found.items()}


def imports(tree: ast.AST, modules: set[str]) -> set[str]:
    """The modules that a syntax tree imports; of ours the files, of others the names of the packages."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            within = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= (within & modules) | ({node.module} if within - modules else set())
    return {name if name in modules else name.partition(".")[0] for name in names}


def rank(module: str) -> int | None:
    """The layer of a module; None if it is none of ours."""
    top, _, rest = module.partition(".")
    return RANK.get(rest.partition(".")[0] if top == "comodels" else top)


def circles(graph: dict[str, set[str]]) -> set[str]:
    """The modules that import themselves in the end."""
    reached = {name: set(graph[name]) & set(graph) for name in graph}
    changed = True
    while changed:
        changed = False
        for names in reached.values():
            more = set().union(*(reached[name] for name in names)) - names
            if more:
                names |= more
                changed = True
    return {name for name, names in reached.items() if name in names}


GRAPH = read()


def test_layers__every_file__has_one():
    strange = [name for name in GRAPH if rank(name) is None and name != "comodels"]
    assert not strange, "put them into LAYERS"


def test_imports__all__go_downwards():
    upwards = {(a, b) for a, names in GRAPH.items() for b in names if rank(b) is not None and rank(a) is not None}
    upwards = {(a, b) for a, b in upwards if rank(b) > rank(a)}
    assert upwards == set()


def test_imports__scripts__by_nobody():
    assert {(a, b) for a, names in GRAPH.items() for b in names if rank(b) == RANK["scripts"]} == set()


def test_imports__in_circles__none():
    assert circles(GRAPH) == set()


def test_imports__library__without_frameworks():
    used = {(a, b) for a, names in GRAPH.items() for b in names & FRAMEWORKS if (rank(a) or 0) <= LIBRARY}
    assert used == set()


@pytest.mark.parametrize("package", ["ape"])
def test_imports__ape__in_one_file_beside_the_scripts(package):
    users = {name for name, names in GRAPH.items() if package in names and not name.startswith("scripts")}
    assert users == {"comodels.cli"}


def test_scripts__each__is_thin():
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in ROOT.glob("scripts/*.py")}
    assert {name for name, count in lines.items() if count > LONGEST_COMMAND} == set()


def test_circles__of_two_files__are_found():
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"b"}, "d": set()}
    assert circles(graph) == {"b", "c"}


def test_imports__in_functions_and_for_types__are_seen():
    tree = ast.parse(
        "if TYPE_CHECKING:\n    from a.b import C\ndef f():\n    from a import b, c\n    import numpy.random"
    )
    assert imports(tree, {"a", "a.b"}) == {"a", "a.b", "numpy"}
