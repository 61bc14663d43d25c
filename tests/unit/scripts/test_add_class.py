"""`ape run add_class`: classes that come later."""

import dataclasses

import pytest
from click.testing import CliRunner

from comodels.errors import ComodelsError
from comodels.publish import publish
from comodels.saved import new_twin


@pytest.fixture
def run(chain, tmp_path):
    """Run the command on the connected chain."""
    from scripts.add_class import cli

    def invoke(*arguments):
        place = ["--deployments", str(tmp_path / "deployments"), "--network", chain.provider.uri]
        result = CliRunner().invoke(cli, [*arguments, *place])
        return result.exit_code, " ".join(result.output.split())

    return invoke


@pytest.fixture
def roomy(saved):
    """Publishable models of a family for words, with room for a third class."""

    def make(family):
        twin = new_twin(saved.encoder, family=family, room=3)
        return dataclasses.replace(
            saved, name=family, kind=twin.KIND, parameters=twin.parameters.pack(), words=twin.words()
        )

    return make


@pytest.mark.parametrize("family", ["perceptron", "nearest-centroid", "naive-bayes"])
def test_add_class__model_with_room__has_one_more(project, rpc, signer, roomy, options, run, family):
    noted = publish(rpc, signer, roomy(family), options)

    code, output = run(family, "mixed")

    assert code == 0, output
    assert "with the index 2" in output
    model = getattr(project, noted["kind"]).at(noted["address"], detect_proxy=False)
    assert (model.class_count(), model.class_name(2)) == (3, "mixed")


def test_add_class__refusals__say_what_to_do(rpc, signer, saved, roomy, options, run):
    publish(rpc, signer, saved, options)
    publish(rpc, signer, roomy("naive-bayes"), options)
    for arguments, message in [
        (("reviews", "mixed"), "Publish a model with --room"),
        (("nobody", "mixed"), "No model 'nobody'"),
        (("naive-bayes", "positive"), "classes: name is taken"),
        (("naive-bayes", ""), "classes: empty name"),
    ]:
        code, output = run(*arguments)
        assert code != 0
        assert message in output


def test_new_twin__room_below_the_classes__is_refused(saved):
    with pytest.raises(ComodelsError, match="--room must be at least"):
        new_twin(saved.encoder, family="naive-bayes", classes=3, room=2)
