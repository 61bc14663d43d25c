"""`ape run encoder`: an encoder's file goes from the owner to others, and a wrong one nowhere."""

import os

import pytest
from click.testing import CliRunner

import encoders
from comodels import saved as _saved
from comodels.published import find
from scripts.encoder import cli


@pytest.fixture
def run(rpc):
    """Run a command with the deployments of one of both sides."""

    def invoke(folder, *arguments):
        place = ["--deployments", str(folder), "--network", rpc.url]
        result = CliRunner().invoke(cli, [*map(str, arguments), *place])
        return result.exit_code, result.output

    return invoke


@pytest.fixture
def file(run, deployed, options, tmp_path):
    """What the owner exported."""
    path = tmp_path / "reviews.encoder.json"
    code, output = run(options.deployments, "export", "reviews", path)
    assert (code, output) == (0, f"{deployed.encoder.spec}\n  {path}, {path.stat().st_size:,} bytes\n")
    return path


def test_import__exported_file__makes_the_model_usable_by_its_address(run, rpc, deployed, file, tmp_path):
    others = tmp_path / "others"
    with pytest.raises(_saved.ComodelsError, match="ape run encoder import"):
        find(rpc, deployed.address, others).predict("a great film")
    code, output = run(others, "import", deployed.address, file)
    kept = _saved.encoder_path(deployed.encoder.spec, others)
    assert (code, output) == (0, f"The encoder of reviews is kept: {kept}\n")
    text = "a great film"
    assert find(rpc, deployed.address, others).predict(text) == deployed.predict(text)


def test_import__over_a_damaged_file__mends_it(run, rpc, deployed, file, tmp_path):
    kept = _saved.encoder_path(deployed.encoder.spec, tmp_path / "others")
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    assert run(tmp_path / "others", "import", deployed.address, file)[0] == 0
    assert encoders.load(kept, deployed.encoder.spec).spec == deployed.encoder.spec


def spoil_another(file, encoder):
    encoders.BagOfWords([*encoder.words, "another"]).save(file)


def spoil_altered(file, encoder):
    encoder.save(file)
    file.write_text(file.read_text("utf-8").replace(f'"{encoder.words[0]}"', '"altered"'), "utf-8")


def spoil_content(file, encoder):
    file.write_bytes(file.read_bytes().replace(f'"{encoder.words[0]}"'.encode(), b'"altered"'))


def spoil_broken(file, encoder):
    file.write_bytes(b"\xff{")


def spoil_missing(file, encoder):
    file.unlink()


def spoil_large(file, encoder):
    os.truncate(file, _saved.MAX_FILE + 1)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_another, "not this model's encoder"),
        (spoil_altered, "altered after it was saved"),
        (spoil_content, "not this model's encoder"),
        (spoil_broken, "not an encoder file"),
        (spoil_missing, "no such encoder file"),
        (spoil_large, "has more than 100,000,000 bytes"),
    ],
)
def test_import__wrong_file__is_refused_and_not_kept(run, deployed, file, tmp_path, spoil, message):
    spoil(file, deployed.encoder)
    code, output = run(tmp_path / "others", "import", deployed.address, file)
    assert code == 1
    assert message in output
    assert not (tmp_path / "others" / "encoders").exists()


def test_export__encoder_that_is_not_known__is_refused(run, deployed, tmp_path):
    code, output = run(tmp_path / "others", "export", deployed.address, tmp_path / "file.json")
    assert code == 1
    assert "The model's owner has its file" in output
    assert not (tmp_path / "file.json").exists()
