"""Saving, loading and rebuilding: the same encoder or a clear refusal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import encoders
from encoders import BagOfWords, Encoder, HashedWords, Private, ProjectedImage, SentenceEmbedding, SpecError, Tabular
from encoders.registry import ENCODERS
from encoders.text import BagOfWordsV1, HashedWordsV1

TEXTS = ["a fine café", "a dull film", "'tis a bore"]
ROWS = np.random.default_rng(0).normal(size=(50, 7)) * [1, 1e-9, 1e9, 3, 1 / 3, 0.1, 7] + 0.1
PICTURES = list(np.random.default_rng(1).integers(0, 256, size=(20, 12, 9), dtype=np.uint8))


def length_and_spaces(text: str) -> list[float]:
    return [len(text) / 3, text.count(" "), 1.0]


CASES = {
    "bag-of-words": (lambda: BagOfWords.fit(TEXTS), TEXTS),
    "hashed-words": (lambda: HashedWords(256), TEXTS),
    "first bag-of-words": (lambda: BagOfWordsV1.fit(TEXTS), TEXTS),
    "first hashed-words": (lambda: HashedWordsV1(256), TEXTS),
    "tabular": (lambda: Tabular.fit(ROWS), ROWS),
    "private": (lambda: Private(Tabular.fit(ROWS), 2.0), ROWS),
    "image": (lambda: ProjectedImage.fit(PICTURES, n_features=5, side=6), PICTURES),
    "embedding": (lambda: SentenceEmbedding.fit(TEXTS, "length and spaces", length_and_spaces), TEXTS),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Encoder, list]:
    """One encoder of each kind, and samples for it."""
    make, samples = CASES[request.param]
    return make(), samples


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The file of a small encoder."""
    path = tmp_path / "encoder.json"
    BagOfWords.fit(TEXTS).save(path)
    return path


def test_cases__every_kind__is_covered() -> None:
    assert {type(make()) for make, _ in CASES.values()} == set(ENCODERS.values())


def test_load__saved_encoder__has_the_same_spec_bytes_and_file(case: tuple[Encoder, list], tmp_path: Path) -> None:
    encoder, samples = case
    encoder.save(tmp_path / "first.json")
    loaded = encoders.load(tmp_path / "first.json", encoder.spec)
    if isinstance(loaded, SentenceEmbedding):
        loaded.use(length_and_spaces)
    loaded.save(tmp_path / "second.json")
    assert type(loaded) is type(encoder)
    assert (loaded.n_features, loaded.unit, loaded.spec) == (encoder.n_features, encoder.unit, encoder.spec)
    assert loaded.exact.encode_many(samples) == encoder.exact.encode_many(samples)
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "second.json").read_bytes()


def test_load__fitted_floats__are_bit_identical(tmp_path: Path) -> None:
    encoder = Tabular.fit(ROWS)
    encoder.save(tmp_path / "encoder.json")
    loaded = encoders.load(tmp_path / "encoder.json")
    assert loaded.mean.tobytes() == encoder.mean.tobytes()
    assert loaded.scale.tobytes() == encoder.scale.tobytes()


def test_encode__another_process_and_locale__gives_the_same_bytes(tmp_path: Path) -> None:
    text = TEXTS[0] + " IŞIK ﬁn"
    BagOfWords.fit([*TEXTS, text]).save(tmp_path / "words.json")
    Tabular.fit(ROWS).save(tmp_path / "rows.json")
    samples = {"words.json": text, "rows.json": ROWS[3].tolist()}
    (tmp_path / "samples.json").write_text(json.dumps(samples))
    program = (
        "import json, sys, pathlib, encoders\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "for name, sample in json.loads((folder / 'samples.json').read_text()).items():\n"
        "    print(encoders.load(folder / name).encode(sample).hex())\n"
        "print(encoders.from_spec('hashed-words/2?features=65536').encode(sys.argv[2]).hex())\n"
    )
    here = [encoders.load(tmp_path / name).encode(sample).hex() for name, sample in samples.items()]
    here.append(HashedWords(65_536).encode(text).hex())
    for seed, locale in (("1", "C.UTF-8"), ("2", "tr_TR.UTF-8")):
        environment = os.environ | {
            "PYTHONPATH": str(Path(encoders.__file__).parents[1]),
            "PYTHONHASHSEED": seed,
            "LC_ALL": locale,
            "PYTHONUTF8": "1",
        }
        there = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path), text],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.split() == here


def test_spec__every_kind__fits_on_chain(case: tuple[Encoder, list]) -> None:
    spec = case[0].spec
    assert spec.startswith(f"{case[0].kind}/{case[0].version}?")
    assert f"features={case[0].n_features}" in spec
    assert spec.isascii()
    assert " " not in spec
    assert len(spec) <= 255


# ---- refusals --------------------------------------------------------------------------------------------------------


def test_load__other_encoder__is_refused_with_both_specs(saved: Path) -> None:
    mine = BagOfWords.fit(TEXTS).spec
    models = BagOfWords.fit(TEXTS[:2]).spec
    with pytest.raises(SpecError, match="not this model's encoder") as caught:
        encoders.load(saved, expected_spec=models)
    assert models in str(caught.value)
    assert mine in str(caught.value)


def test_load__content_of_another_encoder__is_refused_with_what_it_is(tmp_path: Path) -> None:
    path, other = tmp_path / "content.json", BagOfWords.fit(TEXTS)
    path.write_bytes(other.content)
    digest = other.spec.partition("sha256=")[2]
    with pytest.raises(SpecError, match=f"(?s)not this model's encoder.*file's  sha256={digest}"):
        encoders.load(path, BagOfWords.fit(TEXTS[:2]).spec)
    with pytest.raises(SpecError, match=f"does not say its spec.*sha256={digest}"):
        encoders.load(path)
    assert encoders.load(path, other.spec).spec == other.spec


def test_load__one_word_changed__is_refused(saved: Path) -> None:
    saved.write_text(saved.read_text(encoding="utf-8").replace('"dull"', '"dumb"'), encoding="utf-8")
    with pytest.raises(SpecError, match="altered after it was saved"):
        encoders.load(saved)


def test_load__one_float_changed_in_its_last_digit__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    Tabular.fit(ROWS).save(path)
    content = json.loads(path.read_text())
    content["fitted"]["mean"][0] = float(np.nextafter(content["fitted"]["mean"][0], np.inf))
    path.write_text(json.dumps(content))
    with pytest.raises(SpecError, match="altered after it was saved"):
        encoders.load(path)


@pytest.mark.parametrize("change", [("unit=", "unit=1"), ("features=7", "features=8"), ("sha256=", "sha256=0")])
def test_load__spec_changed__is_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / "rows.json"
    Tabular.fit(ROWS).save(path)
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(SpecError):
        encoders.load(path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not JSON",
        "[]",
        "{}",
        '{"spec": 5, "fitted": {}}',
        '{"spec": "tabular/1?features=1&unit=100", "fitted": {}}',
        '{"spec": "bag-of-words/2?features=1", "fitted": {"words": 5}}',
        '{"spec": "hashed-words/2?features=many", "fitted": {}}',
        '{"spec": "unheard-of/1?features=1", "fitted": {}}',
        '{"spec": "hashed-words/3?features=4096", "fitted": {}}',
        '{"spec": "embedding/1?features=1&model=m&unit=100", "fitted": {"probe": [NaN]}}',
        '{"spec": "tabular/1?features=1&unit=100", "fitted": {"mean": [Infinity], "scale": [1.0]}}',
        '{"spec": "image/1?features=1&method=pca&side=1&unit=99", "fitted": {"mean": [1e9], "projection": [[1]]}}',
        '{"spec": "image/1?features=1&method=pca&side=1&unit=99", "fitted": {"mean": [1], "projection": [[1e400]]}}',
        '{"spec": "image/1?features=1&method=pca&side=1&unit=99", "fitted": {"mean": [9000000000000000000000], '
        '"projection": [[1]]}}',
    ],
)
def test_load__not_an_encoder_file__is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "encoder.json"
    path.write_text(content)
    with pytest.raises(SpecError, match="not an encoder file"):
        encoders.load(path)


def test_load__missing_file__says_which_is_needed(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"no such encoder file; the model needs .* hashed-words/2\?features=256"):
        encoders.load(tmp_path / "missing.json", "hashed-words/2?features=256")


def test_from_spec__hashed_words__needs_no_file() -> None:
    encoder = encoders.from_spec("hashed-words/2?features=256")
    assert isinstance(encoder, HashedWords)
    assert encoder.encode_many(TEXTS) == HashedWords(256).encode_many(TEXTS)


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("nonsense", "not an encoder spec"),
        ("unheard-of/1?features=256", "unknown kind of encoder 'unheard-of'"),
        ("hashed-words/3?features=256", "version 3 of the hashed-words encoder is not known here"),
        ("hashed-words/2?features=255", "power of two"),
        ("hashed-words/2?features=0256", "not the canonical spec"),
        ("hashed-words/2?features=256&more=1", "not the canonical spec"),
        ("hashed-words/2?buckets=256", "not those of a hashed-words encoder"),
        ("tabular/1?features=1&unit=100", "not those of a tabular encoder"),
        ("bag-of-words/2?features=7&sha256=00", "load it from the file"),
    ],
)
def test_from_spec__other_spec__is_refused(spec: str, problem: str) -> None:
    with pytest.raises(SpecError, match=problem):
        encoders.from_spec(spec)
