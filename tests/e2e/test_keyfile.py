"""Commands with an account whose key is in an encrypted file, where nobody types: as docs/networks.md says."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from eth_account import Account

from comodels.chain.local import local_chain
from comodels.chain.node import Node
from comodels.published import find
from scripts import deploy
from tests.user import User

ROOT = Path(__file__).resolve().parents[2]
KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"  # anvil's second
PASSPHRASE = "correct horse"
DAY = 86_400


@pytest.fixture
def ape(tmp_path):
    """Run a command of Ape's with an account `publisher` in a folder of its own, and nobody at the keyboard."""
    folder = tmp_path / "ape" / "accounts"
    folder.mkdir(parents=True)
    keyfile = Account.encrypt(KEY, PASSPHRASE, kdf="pbkdf2", iterations=2)
    (folder / "publisher.json").write_text(json.dumps(keyfile))

    def run(*arguments, **environment):
        shared = {k: v for k, v in os.environ.items() if "PASSPHRASE" not in k} | {
            "APE_DATA_FOLDER": str(folder.parent)
        }
        command = ["ape", "run", *arguments, "--account", "publisher"]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=shared | {"APE_DATA_FOLDER": str(folder.parent)} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_commands__passphrase_in_the_environment__sign_without_a_question(ape, tmp_path):
    with local_chain() as chain:
        lines = [f"{('bad', 'good')[i % 2]}\ta {('dull', 'fine')[i % 2]} film, number {i}" for i in range(20)]
        (tmp_path / "reviews.tsv").write_text("\n".join(["label\ttext", *lines]) + "\n")
        User(chain.url, tmp_path).do(deploy.cli, "--data", str(tmp_path / "reviews.tsv"), "--name", "films")
        address, node = Account.from_key(KEY).address, Node(chain.url)
        where = ("--network", chain.url, "--deployments", str(tmp_path / "deployments"))

        def sent():
            return int(node.rpc("eth_getTransactionCount", address, "latest"), 16)

        asked = ape("contribute", "films", "a fine film", "good", *where)
        assert (asked.returncode, sent()) == (1, 0), asked.stdout + asked.stderr

        told = {"APE_ACCOUNTS_publisher_PASSPHRASE": PASSPHRASE}
        done = ape("contribute", "films", "a fine film", "good", *where, **told)
        assert (done.returncode, sent()) == (0, 1), done.stdout + done.stderr
        chain.rpc("evm_increaseTime", 2 * DAY)
        chain.rpc("evm_mine")
        done = ape("keeper", "films", "--once", *where, **told)
        assert (done.returncode, sent()) == (0, 2), done.stdout + done.stderr
        model = find(node, "films", tmp_path / "deployments")
        assert model.paying.call("validated_of", model.address, address) == 1
        assert PASSPHRASE not in done.stdout + done.stderr
