"""Hostile people around every contract at once: nobody gets more than their ledger says, nothing is stuck in the end.

A failure names its seed and step; the same seed does the same again.
"""

import tempfile
from pathlib import Path

import pytest

from tests.evm import artefacts
from tests.ledger import Fault
from tests.mutants import Compiler, Mutant
from tests.world import World

ALL = ("SelfAssessment", "Points", "PredictionMarket")


@pytest.fixture(scope="session")
def artefact(project):
    return artefacts(project)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("incentives", [ALL, *((name,) for name in ALL)], ids=lambda names: "+".join(names))
def test_world__whatever_anybody_tries__everybody_gets_what_is_theirs(artefact, incentives, seed):
    world = World(artefact, seed, incentives)

    world.run(1_000)

    assert world.steps == 1_000
    assert world.succeeded > 50  # or it proves little


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(1_000, 11_000, 1_000))
def test_world__a_hundred_thousand_steps__everybody_gets_what_is_theirs(artefact, first):
    """Ten of these, so that they can be spread: a million steps in all."""
    succeeded = 0
    for seed in range(first, first + 25):
        incentives = (ALL, *((name,) for name in ALL))[seed % 4]
        world = World(artefact, seed, incentives)
        world.run(4_000)
        succeeded += world.succeeded
    print(f"seeds {first} to {first + 24}: 100,000 hostile steps, {succeeded:,} of them succeeded")

    assert succeeded > 5_000


@pytest.mark.parametrize(
    ("contract", "file", "line", "instead"),
    [
        # a refund that leaves the record as it was: paid again and again
        (
            "SelfAssessment",
            "incentives/SelfAssessment.vy",
            "    self._settle(key, record | VALIDATED)\n",
            "    pass\n",
        ),
        # a withdrawal that asks nobody's name
        (
            "PredictionMarket",
            "modules/market_settlement.vy",
            '    book._check(link == self.chains[market][self._group(index)], "not what was contributed")\n',
            "",
        ),
        # a withdrawal that takes any proof
        (
            "PredictionMarket",
            "modules/market_settlement.vy",
            "book._check(place == 0 and keccak256(abi_encode(node, depth)) == root,",
            "book._check(True,",
        ),
        # a withdrawal that works twice
        (
            "PredictionMarket",
            "modules/market_settlement.vy",
            "(due | bit) - (amount << 128)",
            "due - (amount << 128)",
        ),
        # a portion that is revealed before its time, or twice
        (
            "PredictionMarket",
            "modules/market_test_set.vy",
            "        (~others >> state.next) << unsafe_sub(255, unsafe_sub(index, state.next)) == 1 << 255,",
            "        True,",
        ),
        # rows to judge by that nobody committed to
        (
            "PredictionMarket",
            "modules/market_scoring.vy",
            '        book._check(node == root, "not what was revealed")\n',
            "",
        ),
    ],
    ids=[
        "a refund twice",
        "a withdrawal by anybody",
        "a withdrawal of anything",
        "a withdrawal twice",
        "rows in any order",
        "rows of anybody",
    ],
)
def test_world__contract_that_pays_what_it_should_not__is_found(artefact, contract, file, line, instead):
    source = Path("contracts", file).read_text()
    assert source.count(line) == 1
    with tempfile.TemporaryDirectory() as folder:
        compiled = Compiler(Path(folder)).compile(contract, Mutant(file, 0, "", source.replace(line, instead)))

    def broken(name):
        return compiled[:2] if name == contract else artefact(name)

    def live():
        for seed in range(5):
            World(broken, seed, (contract,)).run(2_000)

    with pytest.raises(Fault):
        live()
