"""The messages that modules of the library can give, as templates, read from their source.

A template is a text with numbered fields in the order in which they stand in it, ``line {0}: more than {1:,}
characters``: the values of the f-string's fields, with their formats.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OURS = ("comodels", "encoders")
SAYS = {"require": 1, "LeftOut": 2, "refuse": 0, "summarise": 4}
"""Functions that take a message, and the position at which."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def path_of(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    assert spec is not None, module
    assert spec.origin is not None, module
    return Path(spec.origin)


def imported(module: str) -> set[str]:
    """The modules of the project that a module imports, wherever it does, and those that these import."""
    found: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        for node in ast.walk(ast.parse(path_of(name).read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            todo += [n for n in names if n.split(".")[0] in OURS and is_module(n)]
    return found


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def template(node: ast.expr) -> tuple[str, list[ast.expr]] | None:
    """The template of a text and its fields; None if the expression is no text."""
    pieces: list[str] = []
    fields: list[ast.expr] = []

    def add(part: ast.expr, inside: bool = True) -> bool:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            pieces.append(part.value.replace("{", "{{").replace("}", "}}"))
        elif isinstance(part, ast.JoinedStr):
            for value in part.values:
                add(value)
        elif isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Constant):
            add(part.value)
        elif isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add):
            if not inside and not any(template(side) for side in (part.left, part.right)):
                return False
            add(part.left)
            add(part.right)
        elif inside:
            shape = ""
            if isinstance(part, ast.FormattedValue):
                if part.format_spec is not None:
                    shape = ":" + "".join(str(v.value) for v in part.format_spec.values if isinstance(v, ast.Constant))
                part = part.value
            pieces.append(f"{{{len(fields)}{shape}}}")
            fields.append(part)
        else:
            return False
        return True

    return ("".join(pieces), fields) if add(node, False) else None


def has_words(text: str) -> bool:
    return bool(re.search("[A-Za-z]{2}", re.sub(r"\{[^{}]*\}", "", text)))


class Module:
    """The messages of one module."""

    def __init__(self, name: str):
        self.name = name
        self.tree = ast.parse(path_of(name).read_text(encoding="utf-8"))
        self.functions = [f for f in ast.walk(self.tree) if isinstance(f, Function)]
        self.constants = self._assigned(self.tree.body)

    @property
    def speaks(self) -> bool:
        """Whether it raises anything with a message."""
        return any(isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) for node in ast.walk(self.tree))

    @staticmethod
    def _assigned(body: list[ast.stmt]) -> dict[str, list[ast.expr]]:
        found: dict[str, list[ast.expr]] = {}
        for top in body:
            for node in ast.walk(top):
                if isinstance(node, ast.Assign):
                    pairs = [(target, node.value) for target in node.targets]
                elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
                    pairs = [(node.target, node.value)]
                else:
                    continue
                for target, value in pairs:
                    if isinstance(target, ast.Name):
                        found.setdefault(target.id, []).append(value)
        return found

    def everything(self) -> set[str]:
        """All templates that stand anywhere in it."""
        texts = (template(node) for node in ast.walk(self.tree) if isinstance(node, ast.expr))
        return {text[0] for text in texts if text}

    def messages(self, silent: set[str] = frozenset(), speaking: set[str] = frozenset()) -> set[str]:
        """The templates of what it raises and notes, outside of the functions `silent`.

        Of functions in `speaking`, all that they return, yield or append counts as well.
        """
        assert silent | speaking <= {f.name for f in self.functions}, self.name
        found: set[str] = set()
        passed = [g for f in self.functions if f.name in silent for g in ast.walk(f) if isinstance(g, Function)]
        for function in [None, *self.functions]:
            if function in passed:
                continue
            own = self.tree.body if function is None else function.body
            nodes = [node for top in own if not isinstance(top, Function) for node in _outside(top)]
            names = {} if function is None else self._assigned(own) | self._looped(nodes)
            for message in self._said(nodes, function is not None and function.name in speaking):
                self._collect(message, function, names, found, set())
        return found

    def _looped(self, nodes: list[ast.AST]) -> dict[str, list[ast.expr]]:
        """What the variables of loops over tuples of tuples may be."""
        found: dict[str, list[ast.expr]] = {}
        for node in nodes:
            if not isinstance(node, ast.For) or not isinstance(node.target, ast.Tuple):
                continue
            rows = node.iter
            if isinstance(rows, ast.Name):
                rows = next(iter(self.constants.get(rows.id, [])), rows)
            for row in getattr(rows, "elts", []):
                for target, value in zip(node.target.elts, getattr(row, "elts", []), strict=False):
                    if isinstance(target, ast.Name):
                        found.setdefault(target.id, []).append(value)
        return found

    @staticmethod
    def _said(nodes: list[ast.AST], all_of_it: bool) -> Iterator[ast.expr]:
        for node in nodes:
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                yield node.exc.args[0]
            elif isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else ""
                if name in SAYS and len(node.args) > SAYS[name]:
                    yield node.args[SAYS[name]]
                appended = isinstance(node.func, ast.Attribute) and node.func.attr == "append"
                if appended and (all_of_it or _is_notes(node.func.value)):
                    yield node.args[0]
            elif isinstance(node, ast.AugAssign):
                if all_of_it or _is_notes(node.target):
                    yield node.value
            elif all_of_it and isinstance(node, ast.Return | ast.Yield) and node.value is not None:
                yield node.value

    def _collect(self, node: ast.expr, function, names, found: set[str], seen: set[int]) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        text = template(node)
        if text is not None:
            if has_words(text[0]):
                found.add(text[0])
            within = text[1]
        elif isinstance(node, ast.IfExp):
            within = [node.body, node.orelse]
        elif isinstance(node, ast.BoolOp):
            within = node.values
        elif isinstance(node, ast.BinOp):
            within = [node.left, node.right]
        elif isinstance(node, ast.Starred):
            within = [node.value]
        elif isinstance(node, ast.ListComp | ast.GeneratorExp):
            within = [node.elt]
        elif isinstance(node, ast.List | ast.Tuple):
            within = node.elts
        elif isinstance(node, ast.Dict):
            within = [value for value in node.values if value is not None]
        elif isinstance(node, ast.Subscript):
            within = [node.value] if isinstance(node.value, ast.Name) else []
        elif isinstance(node, ast.Name):
            within = names.get(node.id) or self.constants.get(node.id) or self._given(node.id, function)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("join", "get"):
            within = node.args if node.func.attr == "join" else [node.func.value, *node.args[1:]]
        else:
            within = []
        for each in within:
            self._collect(each, function, names, found, seen)

    def _given(self, name: str, function) -> list[ast.expr]:
        """What a parameter of a function is given in its own module."""
        if function is None:
            return []
        parameters = [argument.arg for argument in function.args.args]
        if name not in parameters:
            return []
        at = parameters.index(name)
        calls = [
            c for c in ast.walk(self.tree) if isinstance(c, ast.Call) and getattr(c.func, "id", "") == function.name
        ]
        given = [c.args[at] for c in calls if len(c.args) > at]
        return [value for value in given if template(value)]


def _is_notes(node: ast.expr) -> bool:
    """Whether it is the list of what a person should know besides."""
    return getattr(node, "attr", getattr(node, "id", "")) == "notes"


def _outside(node: ast.AST) -> Iterator[ast.AST]:
    """A node and what is in it, but not in functions of their own."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Function):
            yield from _outside(child)
