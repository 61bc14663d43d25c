"""Links in the documents lead somewhere, and each document is a page that `make docs` builds."""

import re
import subprocess

import pytest
import yaml

from comodels.cli import ROOT

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    """What a code host and mkdocs make of the headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", re.sub(r"[`*]", "", h)).strip().lower().replace(" ", "-") for h in headings}


def broken(text: str, path) -> list[str]:
    """The links of a document that lead nowhere."""
    found = []
    for link in LINK.findall(text):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.is_file() or (anchor and anchor not in anchors(target.read_text() if name else text)):
            found.append(link)
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links__of_a_document__lead_somewhere(path):
    assert broken(path.read_text(), path) == []


def test_links__to_nothing__are_told():
    text = "# A heading\n[a](#a-heading) [b](#another) [c](docs/gas.md#gas) [d](docs/none.md) [e](docs/gas.md#none)"

    assert broken(text, ROOT / "README.md") == ["#another", "docs/none.md", "docs/gas.md#none"]


def navigation() -> list[str]:
    """The pages in mkdocs.yml."""
    text = (ROOT / "mkdocs.yml").read_text().replace("!!python/name:", "")
    pages, left = [], list(yaml.safe_load(text)["nav"])
    while left:
        entry = left.pop()
        pages += [entry] if isinstance(entry, str) else []
        left += (
            [part for value in entry.values() for part in (value if isinstance(value, list) else [value])]
            if (isinstance(entry, dict))
            else []
        )
    return pages


def test_navigation__each_document__is_a_page():
    documents = {p.name for p in (ROOT / "docs").glob("*.md")}
    tops = {p.name.lower() for p in ROOT.glob("*.md")} - {"readme.md"} | {"index.md"}

    assert sorted(navigation()) == sorted(documents | tops)


def test_readme__each_guide__is_linked():
    linked = {link.partition("#")[0] for link in LINK.findall((ROOT / "README.md").read_text())}

    assert {f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")} <= linked
    assert {p.name for p in ROOT.glob("*.md")} - {"README.md", "CODE_OF_CONDUCT.md"} <= linked


def test_notes__what_is_not_released__are_printed():
    done = subprocess.run(["make", "notes"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "Nothing that is deployed has to be kept" in done.stdout
    assert "## [" not in done.stdout


def test_notes__version_that_is_not_there__is_an_error():
    command = ["make", "notes", "VERSION=99.0.0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "99.0.0" in done.stderr
