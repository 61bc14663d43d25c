"""The unrolled arithmetic is what its generator makes."""

import pytest

from comodels.bench import unroll

SOURCES = {path: path.read_text() for path in unroll.CONTRACTS.rglob("*.vy")}


def test_written__all_contracts__as_they_are():
    regions = {found["name"] for source in SOURCES.values() for found in unroll.REGION.finditer(source)}

    assert regions == set(unroll.LINES)
    assert {path.name for path, source in SOURCES.items() if unroll.written(source) != source} == set()


def test_written__one_digit_changed__is_mended():
    source = next(source for source in SOURCES.values() if "(lanes >> 52) & 4095" in source)
    changed = source.replace("(lanes >> 52) & 4095", "(lanes >> 53) & 4095")

    assert changed != source
    assert unroll.written(changed) == source


def test_written__unknown_name__is_an_error():
    with pytest.raises(KeyError):
        unroll.written("    # unrolled: nothing\n    # end\n")


def test_main__check__says_which_and_writes_nothing(tmp_path, monkeypatch, capsys):
    path = tmp_path / "contracts" / "A.vy"
    path.parent.mkdir()
    path.write_text("x: uint256[2] = [\n    # unrolled: first_words\n    # end\n]\n")
    monkeypatch.setattr(unroll, "CONTRACTS", path.parent)

    assert unroll.main(["--check"]) == 1
    assert "A.vy: unrolled arithmetic differs" in capsys.readouterr().out
    assert "model.state" not in path.read_text()
    assert unroll.main([]) == 0
    assert path.read_text().count("model.state") == 32
    assert unroll.main(["--check"]) == 0
