"""What the library says is said in every language of the page, and nothing is translated that nobody can read there."""

import re
import string
from pathlib import Path

import pytest

import encoders
from comodels.dashboard import create, library, say
from comodels.dashboard.library import told
from comodels.errors import ComodelsError
from comodels.summary import Summary
from encoders.errors import DataError, SampleError, reason_of
from encoders.labels import listed
from tests import coverage
from tests.messages import Module, imported

OTHERS = sorted(set(say.LANGUAGES) - {say.USUAL})
CONTRACTS = Path(__file__).resolve().parents[3] / "contracts"

# Functions of which all that they return, yield or note is shown, not only what they raise.
SPEAKING = {
    "comodels.sponsor": {"_ask", "_keep"},
    "comodels.summary": {"_accuracy", "facts"},
    "comodels.training": {"fit"},
    "encoders.data": {"_no_number", "notes"},
    "encoders.errors": {"sample_name"},
    "encoders.labels": {"listed"},
    "encoders.tables": {"_guess", "encoding_of", "objects", "rows"},
}

# Functions whose messages nobody meets on the page, by their module.
SILENT = {
    # the page does not publish what others made elsewhere, and names no files of its visitors' machines
    "comodels.saved": {"find_encoder", "import_encoder", "load"},
    "comodels.training": {"_private", "convert_ancestor", "convert_skops", "plan"},
    "comodels.trial": {"try_publication"},
    "comodels.places": {"checked", "parts"},
    "encoders.spec": {"with_places"},
    # the page's market driver sends nothing, and begins markets by a form; see `dashboard.markets`
    "comodels.market": {"send", "start", "step", "try_sample", "open_market"},
    "comodels.sponsor": {"__init__", "run"},
    # read from options and files of commands
    "comodels.units": {"amount", "count", "duration", "flag", "number", "share"},
    "comodels.chain.node": {"__init__", "send_raw"},
    "encoders.privacy": {"randomised_label"},
}

# Modules that the page imports, or imports through others, and none of whose messages it shows.
UNHEARD = {
    "comodels.ancestor": "only `deploy` takes models of the prototype",
    "comodels.artifacts": "that contracts are missing is a matter of who installs the page",
    "comodels.audit": "the page asks for beliefs only where there are enough contributions",
    "comodels.chain.account": "the page signs and sends nothing",
    "comodels.claims": "the page has claims of its own; incentives are taken from those that are known",
    "comodels.dashboard": "the page itself says what it says by its own keys",
    "comodels.deployer": "the page deploys nothing",
    "comodels.found": "its KeyError is caught",
    "comodels.incentives.points": "raises exactly what the contract does, and that has entries",
    "comodels.incentives.prediction_market": "the same",
    "comodels.incentives.self_assessment": "the same",
    "comodels.journal": "the page reads no deployments file while it answers",
    "comodels.merkle": "a test set of no rows is refused before",
    "comodels.models.dense_perceptron": "a twin that the page makes has a whole state",
    "comodels.models.nearest_centroid": "the same",
    "comodels.models.table": "the same",
    "comodels.publish": "the page publishes by transactions of its own",
    "comodels.published": "the page reads models by itself",
    "comodels.registry": "the page changes no registry",
    "comodels.revert": "raises what the contracts do",
    "comodels.scikit_learn": "only `deploy` takes pipelines",
}

# Messages that cannot reach the page though their function can.
NOT_HERE = {
    "There is no twin of {0}; known are {1}.": "the page offers the known ones",
    "There are {0} classes already: --room must be at least that.": "the page asks for no room",
    "--hashed is for texts, and these data are none: leave it out.": "the page says it by itself",
    "--telling chooses the words of a vocabulary of texts: leave it out.": "the page does not choose so",
    "tell classes apart best": "the same",
    "it is on the model's chain, and no node of it is at hand": "the page has a node",
    "{0}: no such file.\n{1}\n{2}": "what is uploaded is there",
    "{0}: no such file": "the same",
    encoders.data._SOURCES.replace(", ".join(encoders.data.BUILT_IN), "{0}"): "only said where there is no file",
    "{0}: there is no such file. It was written by `ape run market commit`.": "the page looks whether it is there",
    "{0}: no such encoder file{1}": "the same",
    "; the model needs the one with the spec {0}": "the same",
    "{0}: does not say its spec; it is of the model whose spec has {1}": "the page knows the model",
    "stopped": "of a request that nobody waits for any more",
}

PARTS = {  # what stands in a sentence of the page without its beginning or end, and the message that it is of
    "has no word that the model knows": "{0} has no word that the model knows: {1}",
}

REASONS_NOT_HERE = (  # of transactions that nobody makes on the page
    "board: ",
    "ownership: ",
    "classes: name is taken",
    "classes: the trainer is busy",
    "registry: a model is not its own next",
    "registry: at most 50 a page",
    "registry: listed already",
    "registry: no kind",
    "registry: no owner",
    "registry: not an implementation",
    "registry: not published",
    "registry: only the model's owner",
    "registry: the next is not published",
)


@pytest.fixture(autouse=True)
def in_german():
    say.speak("de")
    yield
    say.speak("en")


def is_name(text: str) -> bool:
    """Whether it is the same in every language: a name, or a word that only programs read."""
    return re.search(" ", text.strip()) is None and text.strip() not in ("words", "numbers", "texts", "pictures")


def heard() -> list[Module]:
    modules = map(
        Module, sorted(imported("comodels.dashboard.server") | {"comodels.sponsor", "comodels.sponsor_service"})
    )
    return [m for m in modules if not any(m.name == name or m.name.startswith(name + ".") for name in UNHEARD)]


def reasons() -> set[str]:
    """The contracts' reasons that somebody can meet on the page."""
    files = [path for path in CONTRACTS.rglob("*.vy") if "testing" not in path.parts]
    found = {reason for path in files for reason in re.findall(r'"([a-z -]+: [^"]+)"', path.read_text())}
    found |= {reason for texts in coverage.reasons().values() for reason in texts}  # those of which source has a part
    assert len(found) > 150
    assert all(any(reason.startswith(known) for reason in found) for known in REASONS_NOT_HERE)
    return {reason for reason in found if not reason.startswith(REASONS_NOT_HERE)}


def messages() -> set[str]:
    found: set[str] = set()
    for module in heard():
        found |= module.messages(SILENT.get(module.name, set()), SPEAKING.get(module.name, set()))
    assert NOT_HERE.keys() <= found
    titles = {key.removeprefix("plan.fact.").replace("_", " ") for key in say.LANGUAGES["en"] if "plan.fact." in key}
    return {text for text in found - NOT_HERE.keys() - titles if not is_name(text)}


def shapes(template: str) -> dict[str, str]:
    return {name: shape for _, name, shape, _ in string.Formatter().parse(template) if name is not None}


def test_unheard_modules__each__is_imported_and_speaks():
    names = imported("comodels.dashboard.server")
    for unheard in UNHEARD:
        assert any(n == unheard or n.startswith(unheard + ".") for n in names), unheard
    assert SPEAKING.keys() | SILENT.keys() <= {m.name for m in heard()}


@pytest.mark.parametrize("name", OTHERS)
def test_catalogue__every_message_and_reason__has_an_entry(name):
    known = library.catalogue(name).keys()
    assert len(messages()) > 200
    advised = {reason for reason in reasons() if f"advice.{reason}" in say.LANGUAGES[name]}
    assert sorted((messages() | reasons()) - known - advised) == []


@pytest.mark.parametrize("name", OTHERS)
def test_catalogue__entries__have_the_fields_of_their_messages_and_are_used(name):
    found = library.catalogue(name)
    assert [key for key, text in found.items() if shapes(key).keys() != shapes(text).keys()] == []
    assert [text for text in found.values() if any(shapes(text).values())] == []  # numbers are shown by their language
    somewhere = set().union(*(module.everything() for module in heard()))
    assert sorted(found.keys() - somewhere - reasons() - PARTS.keys()) == []
    assert [key for key, text in found.items() if key == text] == []


def test_advice__each__is_for_a_reason_of_a_contract():
    known = {key.removeprefix("advice.") for key in say.LANGUAGES["en"] if key.startswith("advice.")}
    assert sorted(known - reasons()) == []


def test_parts__of_messages__as_the_library_cuts_them():
    for part, whole in PARTS.items():
        assert reason_of(SampleError(whole.format("the sample", "'?!'"))) == part


def test_facts__titles_of_a_summary__have_texts():
    module = Module(Summary.__module__)
    words = {text for text in module.messages(speaking={"facts"}) if " " not in text or text == "left out"}
    titles = words - {"texts", "pictures"}
    assert len(titles) == 9
    for title in titles:
        assert say.has(f"plan.fact.{title.replace(' ', '_')}")


@pytest.mark.parametrize("text", sorted(library.catalogue("de")))
def test_told__each_message_with_values__is_german_and_keeps_them(text):
    values = ["1,234.5" if shape else f"‹{name}›" for name, shape in shapes(text).items()]
    said = told(
        re.sub(r"\{(\d+)[^{}]*\}", lambda field: values[int(field[1])], text).replace("{{", "{").replace("}}", "}")
    )
    assert said == library.catalogue("de")[text].format(*(value.replace("1,234.5", "1.234,5") for value in values))


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("a.csv: line 3: more than 1,000,000 characters", "a.csv: Zeile 3: mehr als 1.000.000 Zeichen"),
        (f"{listed([f'line {i}' for i in range(9)])}: no label. Fill it in, or delete the row", None),
        ("line 2: 3 fields, not 2 as in the first line", "Zeile 2: 3 Felder, nicht 2 wie in der ersten Zeile"),
        (
            "line 2: 3 fields, not 2 as in the first line; texts that contain ',' are put in quotation marks",
            "Zeile 2: 3 Felder, nicht 2 wie in der ersten Zeile; Texte, die ',' enthalten, stehen in Anführungszeichen",
        ),
        (
            "The contract would refuse these terms: self-assessment: no refund wait",
            "Der Vertrag würde diese Bedingungen ablehnen: die Wartezeit bis zur Erstattung fehlt",
        ),
        (
            "The encoder's file is not there:\n  https://a.example/: a.example answers with status 404",
            "Die Datei des Encoders ist nicht da:\n  https://a.example/: a.example antwortet mit dem Status 404",
        ),
        (
            "not read: salt and pepper.txt, b.txt and 1,234 more",
            "nicht gelesen: salt and pepper.txt, b.txt und 1.234 weitere",
        ),
        ("what another program says", "what another program says"),
        ("a.csv: what another program says", "a.csv: what another program says"),
    ],
)
def test_told__messages_within_messages__each_in_german(english, german):
    german = (
        german or "Zeilen 0, 1, 2, 3, 4 und 4 weitere: keine Klasse. Tragen Sie sie ein, oder löschen Sie die Zeile"
    )
    assert told(ComodelsError(english)) == german
    say.speak("en")
    assert told(DataError(english)) == english


def test_told__long_or_odd_texts__in_no_time_and_unchanged():
    for odd in ("", ": " * 3_000, "line " * 2_000, "{0}", "a" * 20_000, "\n" * 50):
        assert told(odd).strip() == odd.strip() or odd.startswith("line")


def test_sentence__of_a_message__with_capital_letter_and_end():
    assert library.sentence(SampleError("the sample is empty: a sparse sample has at least one feature")) == (
        "Das Beispiel ist leer: Ein Beispiel hat mindestens ein Merkmal."
    )
    assert library.sentence("this is no JSON") == "Das ist kein JSON."


def test_choices__families_and_encoders__named_in_german():
    assert set(create.Choices({"SparsePerceptron": ""}, {}).families.values()) == {
        "Perzeptron: lernt aus seinen Fehlern"
    }
