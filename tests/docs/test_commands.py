"""The commands in the documents are there and take the options that are shown; tests/e2e runs the README's first."""

import importlib
import re
import shlex

import click
import pytest
from ape._cli import cli as ape
from ape.cli import ConnectedProviderCommand

from comodels.cli import ROOT

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+)(?: [a-z -]+)?:.*$", (ROOT / "Makefile").read_text(), re.MULTILINE))
# what is not ours: shell, and programs that CONTRIBUTING and others name
OTHERS = {".", "anvil", "apt-get", "docker", "pip", "pre-commit"}


def blocks(text: str) -> list[str]:
    """The shell blocks of a document."""
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """Every command of a document's shell blocks, and those of ours in its running text, in words."""
    lines = [line for block in blocks(text) for line in block.splitlines()]
    lines += re.findall(r"(?<!`)`((?:ape|make) [^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))
    words = [shlex.split(line, comments=True) for line in lines]
    return [[w for w in line if w not in ("&", "…")] for line in words if line]


FOUND = [(path.name, line) for path in DOCUMENTS for line in commands(path.read_text())]


def check_ape(arguments: list[str]) -> None:
    """Raise where Ape or a script has no such command, option or argument. Values are not looked at."""
    if arguments[:1] == ["run"] and len(arguments) > 1:
        command, arguments = importlib.import_module(f"scripts.{arguments[1]}").cli, arguments[2:]
    else:
        command = ape
    while arguments and arguments[0] != "test":  # its options are pytest's: below
        if isinstance(command, ConnectedProviderCommand) and "--network" in arguments:  # it adds this one as it runs
            at = arguments.index("--network")
            arguments = arguments[:at] + arguments[at + 2 :]
        context = click.Context(command)
        _, rest, _ = command.make_parser(context).parse_args(arguments)
        if not isinstance(command, click.MultiCommand):
            assert not rest, f"too many arguments: {rest}"
            return
        command, arguments = command.get_command(context, rest[0]), rest[1:]
        assert command is not None, f"no command {rest[0]}"


@pytest.mark.parametrize(("document", "line"), FOUND, ids=lambda v: v if isinstance(v, str) else " ".join(v))
def test_command__in_a_document__is_there_and_takes_these_options(document, line):
    program, *arguments = line
    if program == "make":
        assert {a for a in arguments if "=" not in a} <= TARGETS
    elif program == "ape":
        check_ape(arguments)
    elif program in ("python", "node"):  # examples, which have tests of their own
        assert (ROOT / arguments[0]).is_file()
    else:
        assert program in OTHERS, f"{document}: nobody knows whether {program} works"


def test_commands__of_the_documents__are_found():
    assert {"README.md", "CONTRIBUTING.md", "market.md", "dashboard.md"} <= {name for name, _ in FOUND}
    assert len(FOUND) > 40


def test_check__option_that_is_not_there__is_told():
    with pytest.raises(click.NoSuchOption):
        check_ape(["run", "deploy", "--dta", "file.tsv"])


def test_pytest_options__in_the_documents__are_known(pytestconfig):
    """`ape test` hands its options to pytest."""
    lines = [line[2:] for _, line in FOUND if line[:2] == ["ape", "test"]]
    options = {w for line in lines for w in line if w.startswith("-")}

    parser = pytestconfig._parser
    known = {n for group in (*parser._groups, parser._anonymous) for option in group.options for n in option.names()}
    assert {"--gas", "--coverage", "-q"} <= options
    assert options <= known


SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))


def every_command(name: str, command: click.Command):
    """A command and its subcommands, by what is typed for them."""
    yield name, command
    if isinstance(command, click.Group):
        for word, each in command.commands.items():
            yield from every_command(f"{name} {word}", each)


@pytest.mark.parametrize("name", SCRIPTS)
def test_help__each_command__has_a_text_and_one_for_each_option(name):
    for typed, command in every_command(name, importlib.import_module(f"scripts.{name}").cli):
        assert command.help or command.short_help, typed
        assert isinstance(command, click.Group) or {"--debug"} in [set(o.opts) for o in command.params], typed
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, f"{typed} {option.opts[0]}"
