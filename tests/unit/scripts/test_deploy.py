"""`ape run deploy`: publishes once, whatever happens in between."""

import dataclasses

import pytest
from click.testing import CliRunner

from comodels import deployer
from comodels.artifacts import artifact
from comodels.chain.contract import ContractAt
from comodels.cli import ApeSigner
from comodels.errors import ComodelsError
from comodels.journal import Journal
from comodels.publish import check_planned, planned_address, publish
from comodels.published import words_of
from comodels.saved import SavedModel, find_encoder


class Broken(Exception):
    """What a failing network raises in these tests."""


def break_at(monkeypatch, node, number, sent):
    """Let the transaction with this number fail, before it is sent or right after."""
    count = iter(range(1_000))
    send = type(node).send_raw

    def fail(self, signed):
        if next(count) != number:
            return send(self, signed)
        if sent:
            send(self, signed)
        raise Broken

    # in the class: what is undone in an object stays there, and hides what later tests put into the class
    monkeypatch.setattr(type(node), "send_raw", fail)


def found(rpc, noted):
    """The model that a journal's entry is about."""
    return ContractAt(rpc, noted["address"], artifact(noted["kind"]).abi)


def test_publish__nothing_fails__everything_is_on_chain(rpc, signer, project, chain, owner, large, options):
    noted = publish(rpc, signer, large, options)
    model = project.SparsePerceptron.at(noted["address"])
    assert model.sealed()
    assert words_of(found(rpc, noted), len(large.words)) == large.words
    entry = project.Registry.at(noted["registry"]).entry(model)
    assert (entry.name, entry.trainer, entry.block) == ("large", noted["trainer"], noted["published"])
    assert project.SelfAssessment.at(noted["trainer"]).terms(model).refund_wait == 86_400


@pytest.mark.parametrize("sent", [False, True], ids=["before it is sent", "after it was sent"])
def test_publish__fails_at_any_transaction__goes_on_and_sends_nothing_twice(
    rpc, signer, project, chain, owner, large, options, monkeypatch, sent
):
    before = owner.nonce
    failures = 0
    for number in range(20):
        with monkeypatch.context() as patched:
            # each run fails at its first transaction (or, if that was sent, goes one further)
            break_at(patched, rpc, 0 if sent else number % 2, sent)
            try:
                noted = publish(rpc, signer, large, options)
            except Broken:
                failures += 1
            else:
                break
    assert failures >= 4
    assert owner.nonce - before == 8  # registry, implementation, listing, incentive, publish, load, load, seal
    assert noted["address"] == planned_address(noted, large)
    model = project.SparsePerceptron.at(noted["address"])
    assert model.sealed()
    assert words_of(found(rpc, noted), len(large.words)) == large.words
    assert project.Registry.at(noted["registry"]).count() == 1


def test_publish__again__changes_nothing(rpc, signer, chain, owner, saved, options):
    first = publish(rpc, signer, saved, options)
    nonce = owner.nonce
    assert publish(rpc, signer, saved, options) == first
    assert owner.nonce == nonce


def test_publish__second_model__shares_the_contracts(rpc, signer, chain, owner, saved, large, options):
    first = publish(rpc, signer, saved, options)
    second = publish(rpc, signer, large, options)
    assert first["address"] != second["address"]
    for shared in ("registry", "implementation", "trainer"):
        assert first[shared] == second[shared]


def test_publish__name_that_is_taken__is_refused(rpc, signer, chain, owner, saved, large, options):
    publish(rpc, signer, saved, options)
    other = dataclasses.replace(large, name="reviews")
    with pytest.raises(ComodelsError, match="another model already"):
        publish(rpc, signer, other, options)


def test_publish__deployed_by_another_account__shares_implementation_and_incentive(
    rpc, signer, stranger, saved, large, options, tmp_path
):
    first = publish(rpc, signer, saved, options)
    other = dataclasses.replace(options, deployments=tmp_path / "other")
    second = publish(rpc, ApeSigner(stranger), large, other)
    assert (second["implementation"], second["trainer"]) == (first["implementation"], first["trainer"])
    assert second["registry"] != first["registry"]  # each is its account's


def test_publish__begun_with_another_state__is_refused(rpc, signer, saved, options):
    publish(rpc, signer, saved, options)
    changed = dataclasses.replace(saved, words=[saved.words[0] ^ 1, *saved.words[1:]])
    with pytest.raises(ComodelsError, match="begun with another state"):
        publish(rpc, signer, changed, options)


def test_publish__another_code_at_the_address__is_not_called_published(rpc, signer, large, options, monkeypatch):
    for _ in range(6):  # until the model is there, but not sealed
        with monkeypatch.context() as patched:
            break_at(patched, rpc, 0, True)
            with pytest.raises(Broken):
                publish(rpc, signer, large, options)
    address = Journal.open(rpc, options.deployments).models["large"]["address"]
    # a chain that was rolled back, or another one under the same name
    rpc.rpc("anvil_setCode", address, rpc.rpc("eth_getCode", address, "latest")[:-2] + "ff")

    with pytest.raises(ComodelsError, match="another code"):
        publish(rpc, signer, large, options)


def test_publish__deployer_is_missing__is_brought(rpc, signer, saved, options):
    for address in (deployer.DEPLOYER, deployer.CREATOR):
        rpc.rpc("anvil_setCode", address, "0x")
        rpc.rpc("anvil_setNonce", address, "0x0")
    noted = publish(rpc, signer, saved, options)
    assert rpc.code(deployer.DEPLOYER) == deployer.DEPLOYER_CODE
    assert rpc.code(noted["address"])


def test_saved_model__save_and_load__is_the_same(saved, tmp_path):
    saved.save(tmp_path / "model.json")
    loaded = SavedModel.load(tmp_path / "model.json")
    assert (loaded.card, loaded.parameters, loaded.words) == (saved.card, saved.parameters, saved.words)
    assert loaded.twin().words() == saved.words


def test_find_encoder__after_publishing__is_found_by_its_spec(rpc, signer, chain, owner, saved, options):
    publish(rpc, signer, saved, options)
    assert find_encoder(saved.encoder.spec, options.deployments).words == saved.encoder.words


def test_find_encoder__file_of_another_model__is_refused(saved, tmp_path):
    import encoders

    encoders.BagOfWords(["other"]).save(tmp_path / "other.json")
    with pytest.raises(ComodelsError, match="not this model's encoder"):
        find_encoder(saved.encoder.spec, file=tmp_path / "other.json")


def test_find_encoder__not_there__says_where_to_get_it(saved, tmp_path):
    with pytest.raises(ComodelsError, match="--encoder"):
        find_encoder(saved.encoder.spec, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--name", "x"], "--data FILE"),
        (["--data", "missing.tsv", "--name", "x"], "no such file"),
        (["--data", "EMPTY", "--name", "x"], "empty"),
        (["--data", "STRANGE", "--name", "x", "--classes", "no,yes"], "label 'maybe' is unknown"),
        (["--data", "DATA"], "--name NAME"),
        (
            ["--data", "wine", "--name", "x", "--family", "naive-bayes"],
            "choose another --family (perceptron, nearest-centroid)",
        ),
        (["--model", "missing.json"], "no such model file"),
        (["--data", "DATA", "--name", "x", "--refund-wait", "2d", "--rest-wait", "8d"], "reports need more time"),
        (["--data", "DATA", "--name", "x", "--slides", "--incentive", "points"], "points has no --slides"),
        (["--data", "DATA", "--name", "x", "--report-points", "1"], "self-assessment has no --report-points"),
        (["--data", "DATA", "--name", "x", "--rest-wait", "800d"], "What is left goes back from: at most"),
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


def test_console__deployed_models__are_at_hand_by_name(rpc, signer, chain, owner, saved, options, monkeypatch):
    import ape_console_extras
    from comodels import journal, published

    publish(rpc, signer, saved, options)
    monkeypatch.setattr(journal.Journal.open.__func__, "__defaults__", (options.deployments,))
    monkeypatch.setattr(published.find, "__defaults__", (options.deployments, None))
    extras = ape_console_extras.ape_init_extras(chain)
    assert extras["reviews"].predict("a great film") == "positive"
    assert extras["reviews_encoder"].spec == saved.encoder.spec
    assert extras["reviews_incentive"].required_deposit(extras["reviews"].address) > 0


def test_console__an_account_of_ape__contributes_and_is_told_for_which_class(
    rpc, signer, chain, accounts, saved, options, monkeypatch, capsys
):
    import ape_console_extras
    from comodels import journal, published

    publish(rpc, signer, saved, options)
    monkeypatch.setattr(journal.Journal.open.__func__, "__defaults__", (options.deployments,))
    monkeypatch.setattr(published.find, "__defaults__", (options.deployments, None))
    monkeypatch.setattr(published.at, "__defaults__", (options.deployments, None))
    extras = ape_console_extras.ape_init_extras(chain)
    for model in (extras["reviews"], extras["model_at"](extras["reviews"].address)):
        before = len(model.contributions())
        model.contribute(("a great film", "a bad film")[before], "positive", accounts[1])
        assert "as class 'positive'" in capsys.readouterr().out
        assert len(model.contributions()) == before + 1
        assert model.contributions()[-1].contributor == accounts[1].address
        assert model.claims(accounts[1]) == []
        assert model.prospects(accounts[1])


def test_check_planned__its_block_was_undone__says_so_and_blames_nobody(rpc, signer, large, options):
    publish(rpc, signer, large, options)
    noted = Journal.open(rpc, options.deployments).models["large"]
    check_planned(found(rpc, noted), large, noted)

    gone = ContractAt(rpc, "0x" + "77" * 20, [])
    with pytest.raises(ComodelsError, match="its block was undone. Run this again"):
        check_planned(gone, large, noted)


def test_check_planned__other_terms_or_owner__is_not_touched(rpc, signer, large, options, monkeypatch):
    for _ in range(6):  # until the model is there, but not sealed
        with monkeypatch.context() as patched:
            break_at(patched, rpc, 0, True)
            with pytest.raises(Broken):
                publish(rpc, signer, large, options)
    noted = Journal.open(rpc, options.deployments).models["large"]
    model = found(rpc, noted)
    assert not model.call("sealed")
    check_planned(model, large, noted)

    with pytest.raises(ComodelsError, match="another set of terms"):
        check_planned(model, large, noted | {"terms": noted["terms"][:-1] + "7"})
    with pytest.raises(ComodelsError, match="another owner"):
        check_planned(model, large, noted | {"owner": noted["trainer"]})
