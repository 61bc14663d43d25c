"""Commands, the page and the console through a server that misbehaves as nodes and providers do: the same as without.

What sends transactions one at a time is in `tests/unit/chain/test_faults.py`; here are what reads, and a whole market.
"""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from comodels.chain.local import local_chain
from comodels.journal import Journal
from scripts import dashboard, deploy, export, leaderboard, market, models, predict, rewards
from tests.e2e.test_market_run import PATIENCE, PROVIDER, World, options, reviews
from tests.rude import FAULTS, READING, rude
from tests.user import User, alive, killed_at_the_end

pytestmark = pytest.mark.xdist_group("faults of nodes")  # published once

ROOT = Path(__file__).resolve().parents[2]
DAY = 86_400
TRIES = 10  # of a command, as a person runs it again
TABS = ("", "/train", "/refund", "/reward", "/data", "/use")
MOMENTARY = re.compile(r"<script.*?</script>|<[^>]*>|\d+ (?:minute|second)s?", re.DOTALL)


def some(faults, *usual):
    """Parameters: these faults in every run of the tests, the others in `make kills`."""
    return [pytest.param(f, id=name, marks=() if name in usual else pytest.mark.fuzz) for name, f in faults.items()]


SOME_READS = some(
    READING, "at most three in a batch", "rate limit", "answers are lost", "ten blocks of logs", "several"
)
SOME = some(FAULTS, "receipts come late", "several")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Two models with contributions on a chain, and the folder of what is known of them."""
    folder = tmp_path_factory.mktemp("published")
    training = reviews(folder / "train.tsv", 0, 60)
    with local_chain() as chain:
        owner = User(chain.url, folder)
        for name, incentive in (("films", "self-assessment"), ("league", "points")):
            owner.do(deploy.cli, "--data", training, "--name", name, "--incentive", incentive, "--epochs", "1")
        for name in ("films", "league"):
            model = find(chain, folder, name)
            for text in ("a fine film", "a dull film", "lovely", "boring and poor"):
                model.contribute(text, model.predict(text), chain.accounts[1], 10**18, lambda line: None)
        chain.rpc("evm_increaseTime", 2 * DAY)
        chain.rpc("evm_mine")
        league = find(chain, folder, "league")
        for claim in league.claims(chain.accounts[1])[:2]:
            league.claim(claim, chain.accounts[1])
        yield chain, folder


def find(chain, folder, name):
    from comodels import published
    from comodels.chain.node import Node

    return published.find(Node(chain.url), name, folder / "deployments")


def read(url, deployments, folder):
    """What all commands that read say of the published models, and what export writes."""
    shutil.copytree(deployments, folder / "deployments", ignore=shutil.ignore_patterns("*.events", "*.sent"))
    reader = User(url, folder, "TEST::1")
    for command, arguments in (
        (leaderboard, ["league", "--csv", str(folder / "board.csv")]),
        (models, []),
        (models, ["--json"]),
        (predict, ["films", "a fine film"]),
        (rewards, ["films", "--dry-run"]),
        (rewards, ["league", "--dry-run"]),
        (export, ["films", "--out", str(folder / "export")]),
    ):
        for _ in range(TRIES):
            said = os.path.getsize(folder / "log") if (folder / "log").exists() else 0
            if os.waitpid(reader.start(command.cli, *arguments), 0)[1] == 0:
                break
            os.truncate(folder / "log", said)
        else:
            pytest.fail(f"{command.__name__} {arguments}: {TRIES} times in vain")
    log = reader.log.replace(str(folder), "")
    return log, (folder / "board.csv").read_text()


def pages_of(url, folder):
    """The cells, headings and paragraphs of all tabs of the page, without what every request has of its own."""
    found = []
    page = dashboard.prepare(SimpleNamespace(uri=url), folder / "deployments")
    with TestClient(page.app(), base_url="http://127.0.0.1:8080") as client:
        addresses = [Journal.open(page.node, folder / "deployments").models[n]["address"] for n in ("films", "league")]
        for path in ["/", *(f"/models/{address}{tab}" for address in addresses for tab in TABS)]:
            answer, tries, end = client.get(path), 1, time.monotonic() + PATIENCE
            while answer.status_code != 200:
                assert answer.status_code in (202, 502, 503), answer.text
                tries += answer.status_code != 202  # the chain is being read, which takes its time
                assert tries <= TRIES, answer.text
                assert time.monotonic() < end, answer.text
                answer = client.get(path)
            found.append(MOMENTARY.sub(" ", answer.text.replace(url, "")).split())
    return found


@pytest.fixture(scope="module")
def plain(published, tmp_path_factory):
    """What is read without faults."""
    chain, folder = published
    return read(chain.url, folder / "deployments", tmp_path_factory.mktemp("plain")), pages_of(chain.url, folder)


@pytest.mark.parametrize("faults", SOME_READS)
def test_reading__through_a_node_that_misbehaves__says_the_same(published, plain, tmp_path, faults):
    chain, folder = published
    with rude(chain, **faults) as server:
        log, board = read(server.url, folder / "deployments", tmp_path)
        assert log.split() == plain[0][0].split()
        assert board == plain[0][1]
        assert pages_of(server.url, folder) == plain[1]
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"SeCrEt" not in path.read_bytes()


def test_console__through_a_node_that_misbehaves__has_the_models_by_name(published):
    chain, folder = published
    journal = Journal.open(chain, folder / "deployments").path
    (ROOT / "deployments").mkdir(exist_ok=True)
    shutil.copytree(journal.parent, ROOT / "deployments", dirs_exist_ok=True)
    asked = "print(films.predict('a fine film'), len(league.words()))"
    try:
        with rude(chain, **FAULTS["several"]) as server:
            command = ["ape", "console", "--network", server.url, "-c", asked]
            for _ in range(TRIES):
                done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
                if done.returncode == 0:
                    break
            assert find(chain, folder, "films").predict("a fine film") + " " in done.stdout, done.stdout + done.stderr
    finally:
        for path in (ROOT / "deployments").glob(f"{journal.stem}*"):
            path.unlink()


@pytest.mark.parametrize("faults", SOME)
def test_market__through_a_node_that_misbehaves__ends_as_without(tmp_path, project, faults):
    with local_chain() as chain:
        training = reviews(tmp_path / "train.tsv", 0, 60)
        terms = ("--incentive", "prediction-market", "--epochs", "0")
        User(chain.url, tmp_path, PROVIDER).do(deploy.cli, "--data", training, "--name", "films", *terms)
        with rude(chain, **faults) as server:
            provider, arguments = User(server.url, tmp_path, PROVIDER), options(reviews(tmp_path / "test.tsv", 100, 40))
            world = World(chain, project, provider)
            deadline = time.monotonic() + PATIENCE
            for _ in range(TRIES):
                with killed_at_the_end(pid := provider.start(market.cli, *arguments)):
                    while alive(pid):
                        assert time.monotonic() < deadline, provider.log
                        world.go_on()
                        time.sleep(0.05)
                if world.market and "has ended as settled" in provider.log:
                    break
                # no answer when it begins: it is run again
                assert faults.get("lost") or faults.get("limited"), provider.log
        world.check_end()
        assert world.market & 2**32 - 1 == 1
        assert "SeCrEt" not in provider.log
