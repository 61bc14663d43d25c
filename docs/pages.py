"""Makes those pages of the site that are not files in docs/, as mkdocs builds it.

README.md and the other documents at the top of the project become pages; so does each contract, by its NatSpec as Ape
compiled it, and each Python module, by its docstrings. Links between documents are written for reading them in the
repository: here they are made to point to pages.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
COMPILED = ROOT / ".build" / "__local__.json"
TOP = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "code_of_conduct.md",
    "CITATION.cff": "CITATION.cff",
    "LICENSE": "license.txt",
}
PACKAGES = ("comodels", "encoders")
LINK = re.compile(r"(?<=\]\()(?!https?://|#|mailto:)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and put them into the navigation."""
    contracts = {f"contracts/{name}.md": text for name, text in contract_pages()}
    modules = {f"python/{name}.md": f"::: {name}\n" for name in module_names()}
    tops = {page: (ROOT / name).read_text() for name, page in TOP.items()}
    for uri, text in (tops | contracts | modules).items():
        files.append(File.generated(config, uri, content=text))
    assert config.nav is not None
    for title, pages in (("Contracts", contracts), ("Python", modules)):
        config.nav.append({title: [{Path(uri).stem: uri} for uri in pages]})
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links that are right in the repository into links that are right on the site."""
    uri = page.file.src_uri
    source = next((name for name, top in TOP.items() if top == uri), f"docs/{uri}")

    def target(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), found[1]))
        return posixpath.relpath(page_of(path), posixpath.dirname(uri) or ".")

    return LINK.sub(target, markdown) if not uri.startswith(("contracts/", "python/")) else markdown


def page_of(path: str) -> str:
    """The page, or file, of the site that stands for a file of the repository."""
    if path in TOP:
        return TOP[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.startswith("contracts/"):
        return f"contracts/{Path(path).stem}.md"
    if path.endswith(".py"):
        return f"python/{path.removesuffix('.py').replace('/', '.')}.md"
    return path


def module_names() -> Iterator[str]:
    """Every module of the library and the encoders, with dots."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


# ---- contracts -------------------------------------------------------------------------------------------------------


def contract_pages() -> Iterator[tuple[str, str]]:
    """Name and page of each interface, which is its source, and of each contract that is not for tests only."""
    for path in sorted((ROOT / "contracts" / "interfaces").glob("*.vyi")):
        source = f"`{path.relative_to(ROOT)}`\n\n```python\n{path.read_text()}```"
        yield path.stem, f"# {path.stem}\n\n{source}\n"
    contracts = json.loads(COMPILED.read_text())["contractTypes"]
    for name, contract in sorted(contracts.items()):
        if not contract["sourceId"].startswith("contracts/testing/"):
            yield name, contract_page(name, contract)


def contract_page(name: str, contract: dict[str, Any]) -> str:
    """The page of a contract: what it is, its functions, its events."""
    developers, users = contract.get("devdoc") or {}, contract.get("userdoc") or {}
    lines = [f"# {name}", "", f"`{contract['sourceId']}`"]
    for text in (developers.get("title"), users.get("notice"), developers.get("details")):
        lines += ["", text] if text else []
    functions = [item for item in contract["abi"] if item["type"] in ("function", "constructor")]
    for title, mutating in (("Transactions", True), ("Views", False)):
        chosen = [f for f in functions if (f["stateMutability"] in ("nonpayable", "payable")) == mutating]
        lines += ["", f"## {title}"] if chosen else []
        for function in sorted(chosen, key=lambda f: f.get("name", "")):
            lines += function_lines(function, developers.get("methods", {}), users.get("methods", {}))
    events = [item for item in contract["abi"] if item["type"] == "event"]
    lines += ["", "## Events"] if events else []
    for event in sorted(events, key=lambda e: e["name"]):
        arguments = ", ".join(f"{i['name']}: {'indexed ' if i['indexed'] else ''}{i['type']}" for i in event["inputs"])
        lines += ["", f"* `{event['name']}({arguments})`"]
    return "\n".join(lines) + "\n"


def function_lines(function: dict[str, Any], developers: dict[str, Any], users: dict[str, Any]) -> list[str]:
    """Heading, signature and NatSpec of a function."""
    name = function.get("name", "__init__")
    key = f"{name}({','.join(abi_type(i) for i in function['inputs'])})"
    developer, user = developers.get(key, {}), users.get(key, {})
    arguments = ", ".join(f"{i['name']}: {i['type']}" for i in function["inputs"])
    outputs = function.get("outputs", [])
    result = ", ".join(o["type"] for o in outputs)
    payable = "  # payable" if function["stateMutability"] == "payable" else ""
    signature = f"{name}({arguments}){f' -> {result}' if result else ''}{payable}"
    lines = ["", f"### {name}", "", "```python", signature, "```"]
    for text in (user.get("notice"), developer.get("details")):
        lines += ["", text] if text else []
    described = [f"* `{parameter}`: {text}" for parameter, text in developer.get("params", {}).items()]
    described += [f"* returns: {text}" for text in developer.get("returns", {}).values()]
    for output in outputs:
        if components := output.get("components"):
            fields = ", ".join(f"`{c['name']}: {c['type']}`" for c in components)
            described.append(f"* {output['type']}: {fields}")
    return [*lines, "", *described] if described else lines


def abi_type(item: dict[str, Any]) -> str:
    """The type as it stands in a signature."""
    if item["type"].startswith("tuple"):
        return f"({','.join(abi_type(c) for c in item['components'])}){item['type'].removeprefix('tuple')}"
    return item["type"]
