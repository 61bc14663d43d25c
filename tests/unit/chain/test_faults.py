"""Publishing, contributing, claiming and exporting through a server that misbehaves as nodes and providers do.

Each fault alone, and several at once: what ends in the chain is the same as without, and nothing is there twice.
"""

import pytest
from eth_account import Account
from urllib3.util.retry import Retry

from comodels.chain import account as module
from comodels.chain.account import Wallet
from comodels.chain.local import local_chain
from comodels.chain.node import Node, RpcError, Unreachable
from comodels.chain.notes import Notes
from comodels.claims import SelfAssessment
from comodels.export import collect, table
from comodels.publish import Options, publish
from comodels.published import find
from comodels.training import train_from_data
from tests.rude import FAULTS, rude

DAY = 86_400
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # anvil's first
TRIES = 30  # of a command, as a person runs it again


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    path = tmp_path_factory.mktemp("faults") / "reviews.tsv"
    lines = [f"{('bad', 'good')[i % 2]}\ta {('dull', 'fine')[i % 2]} film, number {i}" for i in range(20)]
    path.write_text("\n".join(["label\ttext", *lines]) + "\n")
    return str(path)


@pytest.mark.parametrize("faults", FAULTS.values(), ids=list(FAULTS))
def test_story__through_a_node_that_misbehaves__ends_as_without(reviews, tmp_path, monkeypatch, faults):
    monkeypatch.setattr(module, "CONFIRMATIONS", 0)
    monkeypatch.setattr(module, "LAG", 5)
    with local_chain("--chain-id", "4242", "--base-fee", "1000000000") as chain, rude(chain, **faults) as server:
        node = Node(server.url, patience=Retry(total=4, backoff_factor=0.001))
        key = Account.from_key(KEY)

        def again(do):
            """Do something as a person does: again, where no answer came, by a new process each time."""
            for _ in range(TRIES):
                try:
                    return do(Wallet(key, Notes.of(node, key.address, tmp_path)))
                except (Unreachable, RpcError) as error:
                    if isinstance(error, RpcError) and not faults.get("lost"):
                        raise
            return pytest.fail(f"{TRIES} times no answer")

        def contribute(wallet):
            receipt = find(node, "films", tmp_path).contribute("fine 3", "good", wallet, 10**17, lambda line: None)
            wallet.notes.told()
            return receipt

        def claim(wallet):
            model = find(node, "films", tmp_path)
            for found in model.claims(key.address):
                model.claim(found, wallet)
            return model.incentive.call("statistics", model.address)

        def export(wallet):
            model = find(node, "films", tmp_path)
            return table(model, collect(model, tmp_path / "out"))

        saved = train_from_data(reviews, "films", "", ("bad", "good"), features=30)[0]
        options = Options(SelfAssessment(), tmp_path)
        again(lambda wallet: publish(node, wallet, saved, options, lambda line: None))
        again(contribute)
        chain.rpc("evm_increaseTime", 2 * DAY)
        chain.rpc("anvil_mine", "0x28")
        assert again(claim) == (1, 1)
        (row,) = again(export).to_pylist()
        assert (row["words"], row["state"], row["contributor"]) == ("fine 3", "validated", key.address)

        numbers = range(chain.block + 1)
        blocks = chain.many([("eth_getBlockByNumber", [hex(number), True]) for number in numbers])
        sent = [t["input"] for block in blocks for t in block["transactions"]]
        assert len(sent) == len(set(sent)) == 7  # registry, implementation, listing, incentive, model, sample, refund
