"""mypy looks at all of the library, the encoders and the commands."""

import tomllib

from comodels.cli import ROOT


def test_types__of_our_own_modules__none_is_left_out():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]

    assert settings["files"] == ["comodels", "encoders", "scripts"]
    assert not [o["module"] for o in settings["overrides"] if o.get("ignore_errors")]
    assert "exclude" not in settings
