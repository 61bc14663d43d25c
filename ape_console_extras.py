"""What `ape console` has at hand by name: every model in the deployments file, with its encoder and incentive.

>>> imdb.predict("great movie")  # doctest: +SKIP
'positive'
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))


def ape_init_extras(chain):
    """Called by Ape when the console begins."""
    import keyword

    from click import ClickException

    from scripts import _deployed
    from scripts._journal import Journal

    try:
        journal = Journal.open(chain.provider)
    except ClickException as error:
        print(error.format_message())
        return {}
    found = {"model_at": _deployed.at}
    for key, noted in journal.models.items():
        if "published" not in noted:
            continue
        try:
            model = _deployed.find(chain.provider, key)
        except ClickException as error:
            print(error.format_message())
            continue
        name = "".join(c if c.isalnum() else "_" for c in key)
        name = f"model_{name}" if keyword.iskeyword(name) or not name.isidentifier() else name
        found[name] = model
        found[f"{name}_incentive"] = model.incentive
        found[f"{name}_encoder"] = model.encoder
    if len(found) > 1:
        print("Models: " + ", ".join(k for k, v in found.items() if isinstance(v, _deployed.DeployedModel)))
    return found
