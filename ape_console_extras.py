"""What `ape console` has at hand by name: every model in the deployments file, with its encoder and incentive.

>>> imdb.predict("great movie")  # doctest: +SKIP
'positive'
>>> imdb.contribute("great movie", "positive", accounts.load("me"))  # doctest: +SKIP
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))


def ape_init_extras(chain):
    """Called by Ape when the console begins."""
    import keyword

    from ape import project

    from comodels import published
    from comodels.cli import choose_account, node_of
    from comodels.errors import ComodelsError
    from comodels.journal import Journal

    node = node_of(chain.provider)
    try:
        journal = Journal.open(node)
    except ComodelsError as error:
        print(error)
        return {}

    def at_hand(model):
        """The model, to which accounts of Ape's can be given."""
        model.account_of = lambda account: (
            account if isinstance(account, str) else choose_account(account, deployments=model.deployments)
        )
        return model

    found = {"model_at": lambda address: at_hand(published.at(node, address))}
    for key, noted in journal.models.items():
        if "published" not in noted:
            continue
        try:
            model = at_hand(published.find(node, key))
        except ComodelsError as error:
            print(error)
            continue
        name = "".join(c if c.isalnum() else "_" for c in key)
        name = f"model_{name}" if keyword.iskeyword(name) or not name.isidentifier() else name
        found[name] = model
        found[f"{name}_contract"] = getattr(project, model.kind).at(model.address, detect_proxy=False)
        found[f"{name}_incentive"] = getattr(project, model.incentive_kind).at(model.trainer)
        found[f"{name}_encoder"] = model.encoder
    if len(found) > 1:
        print("Models: " + ", ".join(k for k, v in found.items() if isinstance(v, published.PublishedModel)))
    return found
