"""`ape run deploy`: publishes once, whatever happens in between."""

import dataclasses

import click
import pytest
from click.testing import CliRunner

from scripts import _models
from scripts._journal import Journal
from scripts._publish import publish, words_of


class Broken(Exception):
    """What a failing network raises in these tests."""


def break_at(monkeypatch, provider, number, sent):
    """Let the transaction with this number fail, before it is sent or right after."""
    count = iter(range(1_000))
    send = provider.send_transaction

    def fail(txn):
        if next(count) != number:
            return send(txn)
        if sent:
            send(txn)
        raise Broken

    monkeypatch.setattr(type(provider), "send_transaction", lambda self, txn: fail(txn))


def test_publish__nothing_fails__everything_is_on_chain(project, chain, owner, large, options):
    noted = publish(chain.provider, owner, large, options, quiet=True)
    model = project.SparsePerceptron.at(noted["address"])
    assert model.sealed()
    assert words_of(model, len(large.words)) == large.words
    entry = project.Registry.at(noted["registry"]).entry(model)
    assert (entry.name, entry.trainer, entry.block) == ("large", noted["trainer"], noted["published"])
    assert project.SelfAssessment.at(noted["trainer"]).terms(model).refund_wait == 86_400


@pytest.mark.parametrize("sent", [False, True], ids=["before it is sent", "after it was sent"])
def test_publish__fails_at_any_transaction__goes_on_and_sends_nothing_twice(
    project, chain, owner, large, options, monkeypatch, sent
):
    before = owner.nonce
    failures = 0
    for number in range(20):
        with monkeypatch.context() as patched:
            # each run fails at its first transaction (or, if that was sent, goes one further)
            break_at(patched, chain.provider, 0 if sent else number % 2, sent)
            try:
                noted = publish(chain.provider, owner, large, options, quiet=True)
            except Broken:
                failures += 1
            else:
                break
    assert failures >= 4
    assert owner.nonce - before == 8  # registry, implementation, listing, incentive, publish, load, load, seal
    model = project.SparsePerceptron.at(noted["address"])
    assert model.sealed()
    assert words_of(model, len(large.words)) == large.words
    assert project.Registry.at(noted["registry"]).count() == 1


def test_publish__again__changes_nothing(chain, owner, saved, options):
    first = publish(chain.provider, owner, saved, options, quiet=True)
    nonce = owner.nonce
    assert publish(chain.provider, owner, saved, options, quiet=True) == first
    assert owner.nonce == nonce


def test_publish__second_model__shares_the_contracts(chain, owner, saved, large, options):
    first = publish(chain.provider, owner, saved, options, quiet=True)
    second = publish(chain.provider, owner, large, options, quiet=True)
    assert first["address"] != second["address"]
    for shared in ("registry", "implementation", "trainer"):
        assert first[shared] == second[shared]


def test_publish__name_that_is_taken__is_refused(chain, owner, saved, large, options):
    publish(chain.provider, owner, saved, options, quiet=True)
    other = dataclasses.replace(large, name="reviews")
    with pytest.raises(click.ClickException, match="another model already"):
        publish(chain.provider, owner, other, options, quiet=True)


def test_publish__somebody_created_the_model_first__is_said(project, chain, owner, stranger, saved, options):
    noted = publish(chain.provider, owner, saved, options, quiet=True)
    journal = Journal.open(chain.provider, options.deployments)
    salt = (1).to_bytes(32, "big")
    terms = bytes.fromhex(noted["terms"][2:])
    implementation = project.SparsePerceptron.at(noted["implementation"])
    arguments = (owner, noted["trainer"], terms, saved.parameters, saved.card, saved.words, True, salt)
    implementation.create(*arguments, sender=stranger)
    address = _models.model_address(
        noted["implementation"], owner.address, noted["trainer"], saved.parameters, saved.card, salt
    )
    del journal.models["reviews"]["published"]
    journal.models["reviews"] |= {"address": address, "salt": "0x" + salt.hex()}
    journal.save()
    with pytest.raises(click.ClickException, match="Somebody else created a model"):
        publish(chain.provider, owner, saved, options, quiet=True)


def test_saved_model__save_and_load__is_the_same(saved, tmp_path):
    saved.save(tmp_path / "model.json")
    loaded = _models.SavedModel.load(tmp_path / "model.json")
    assert (loaded.card, loaded.parameters, loaded.words) == (saved.card, saved.parameters, saved.words)
    assert loaded.twin().words() == saved.words


def test_find_encoder__after_publishing__is_found_by_its_spec(chain, owner, saved, options):
    publish(chain.provider, owner, saved, options, quiet=True)
    assert _models.find_encoder(saved.encoder.spec, options.deployments).words == saved.encoder.words


def test_find_encoder__file_of_another_model__is_refused(saved, tmp_path):
    import encoders

    encoders.BagOfWords(["other"]).save(tmp_path / "other.json")
    with pytest.raises(click.ClickException, match="not this model's encoder"):
        _models.find_encoder(saved.encoder.spec, file=tmp_path / "other.json")


def test_find_encoder__not_there__says_where_to_get_it(saved, tmp_path):
    with pytest.raises(click.ClickException, match="--encoder"):
        _models.find_encoder(saved.encoder.spec, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--name", "x"], "--data FILE"),
        (["--data", "missing.tsv", "--name", "x"], "no such file"),
        (["--data", "EMPTY", "--name", "x"], "empty"),
        (["--data", "STRANGE", "--name", "x", "--classes", "no,yes"], "label 'maybe' is unknown"),
        (["--data", "DATA"], "--name NAME"),
        (["--data", "wine", "--name", "x", "--family", "naive-bayes"], "Naive Bayes counts words"),
        (["--model", "missing.json"], "no such model file"),
        (["--data", "DATA", "--name", "x", "--refund-wait", "2d", "--owner-wait", "1d"], "Waits out of order"),
        (["--data", "DATA", "--name", "x", "--registry", "0x" + "11" * 20], "no contract at"),
        (["--data", "DATA", "--name", "x", "--refund-wait", "soon"], "not a duration"),
    ],
)
def test_deploy__bad_input__is_refused_with_a_sentence(chain, owner, reviews, tmp_path, arguments, message):
    from scripts.deploy import cli

    files = {"DATA": reviews, "EMPTY": tmp_path / "empty.tsv", "STRANGE": tmp_path / "strange.tsv"}
    files["EMPTY"].write_text("")
    files["STRANGE"].write_text("label\ttext\nyes\tfine\nno\tdull\nmaybe\tso so\n")
    arguments = [str(files.get(a, a)) for a in arguments]
    nonce = owner.nonce
    # by its address the command finds the chain that is connected, instead of starting another
    result = CliRunner().invoke(
        cli, [*arguments, "--deployments", str(tmp_path / "deployments"), "--network", chain.provider.uri]
    )
    assert result.exit_code != 0
    assert message in " ".join(result.output.split())
    assert owner.nonce == nonce


def test_console__deployed_models__are_at_hand_by_name(chain, owner, saved, options, monkeypatch):
    import ape_console_extras
    from scripts import _deployed, _journal

    publish(chain.provider, owner, saved, options, quiet=True)
    monkeypatch.setattr(_journal.Journal.open.__func__, "__defaults__", (options.deployments,))
    monkeypatch.setattr(_deployed.find, "__defaults__", (options.deployments, None))
    extras = ape_console_extras.ape_init_extras(chain)
    assert extras["reviews"].predict("a great film") == "positive"
    assert extras["reviews_encoder"].spec == saved.encoder.spec
    assert extras["reviews_incentive"].required_deposit(extras["reviews"].contract) > 0
