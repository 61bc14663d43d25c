"""What all tests share: actors by role, a raw connection to the local chain, models made in one line."""

import gc
import os
from dataclasses import asdict

import pytest
from eth_abi import encode
from hypothesis import HealthCheck, settings

from comodels.artifacts import NEEDS
from comodels.chain.contract import ContractAt
from comodels.chain.local import Chain
from comodels.incentives.self_assessment import Terms
from tests import reports
from tests.client import Client

COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("default", max_examples=25, derandomize=True, **COMMON)
settings.register_profile("fuzz", max_examples=1_000, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

DAY = 86_400


def pytest_addoption(parser):
    parser.addoption("--coverage-page", metavar="FILE", help="With --coverage: write the coverage of the contracts.")


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    reports.register(config)


def pytest_collection_finish():
    """What is there by now stays: to look through it for what can be freed, again and again, takes seconds."""
    gc.collect()
    gc.freeze()


def pytest_make_parametrize_id(val, argname):
    """A text of megabytes is no name: workers send each other all of them."""
    return f"{argname} of {len(val)}" if isinstance(val, str | bytes) and len(val) > 200 else None


# ---- actors ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def owner(accounts):
    return accounts[0]


@pytest.fixture(scope="session")
def contributor(accounts):
    return accounts[1]


@pytest.fixture(scope="session")
def reporter(accounts):
    return accounts[2]


@pytest.fixture(scope="session")
def stranger(accounts):
    return accounts[3]


@pytest.fixture(scope="session")
def provider(accounts):
    return accounts[4]


@pytest.fixture(scope="session")
def keeper(accounts):
    return accounts[5]


@pytest.fixture(scope="session")
def trainer(accounts):
    """An account that trains models directly, without an incentive contract."""
    return accounts[6]


# ---- the chain -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def rpc(accounts, chain):
    """The local anvil, for thousands of transactions."""
    return Chain(chain.provider.uri)


@pytest.fixture(scope="session")
def raw(rpc):
    """Turn an Ape contract instance into one whose calls can be batched."""

    def wrap(contract):
        abi = [item.model_dump(by_alias=True) for item in contract.contract_type.abi]
        return ContractAt(rpc, str(contract.address), abi)

    return wrap


@pytest.fixture(scope="session")
def client(rpc):
    """Deploy contracts and send transactions one at a time, but fast."""
    return Client(rpc)


# ---- contracts -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def contract_of(client, project, owner):
    """Contracts by name, for `client`, deployed when first asked for, with those that they need.

    What one test deploys, Ape undoes at its end, and another contract may then get the address: it is deployed again.
    """
    contracts = {}
    codes = {}

    def code(name):
        return client.chain.rpc("eth_getCode", contracts[name].address, "latest")

    def get(name):
        if name not in contracts or code(name) != codes[name]:
            needed = encode(["address[]"], [[get(n).address for n in NEEDS[name]]]) if name in NEEDS else b""
            contracts[name] = client.deploy(getattr(project, name), owner, needed)
            codes[name] = code(name)
        return contracts[name]

    return get


@pytest.fixture(scope="session")
def as_ape(project, chain):
    """The contract of a name at an address, for Ape."""

    def at(name, address):
        container = getattr(project, name)
        chain.contracts[address] = container.contract_type  # or Ape takes what another test had there
        return container.at(address)

    return at


@pytest.fixture(scope="session")
def implementations(as_ape, contract_of):
    """As `contract_of`, for Ape, whose own deployments take a hundred times longer."""
    return lambda name: as_ape(name, contract_of(name).address)


@pytest.fixture
def self_assessment(implementations):
    return implementations("SelfAssessment")


def pack_card(name="a model", description="a description", encoder_spec="a spec", classes=("no", "yes")) -> bytes:
    """The card that `create` takes: texts with their lengths."""
    return b"".join(bytes([len(text)]) + text.encode() for text in (name, description, encoder_spec, *classes))


SLIDES = Terms.slides(cost_weight=10**12, dispute_wait=0, owner_wait=10 * DAY, anyone_wait=20 * DAY)


def pack_terms(rule=SLIDES, **terms):
    """The terms that a model opens `SelfAssessment` with, good or bad: the slides' rule, or another, some replaced."""
    return encode(Terms.abi_types(), list((asdict(rule) | terms).values()))


@pytest.fixture(scope="session")
def create_model(as_ape, contract_of, owner):
    """Create a model on chain from its twin, for Ape: ``create_model(twin, trainer, terms)``."""
    count = iter(range(2**32))

    def create(twin, trainer, terms=b"", words=None, sealed=True, card=None, holder=None):
        receipt = contract_of(twin.KIND).send(
            "create",
            str(holder or owner),
            str(getattr(trainer, "address", trainer)),
            terms,
            twin.parameters.pack(),
            pack_card() if card is None else card,
            twin.words() if words is None else words,
            sealed,
            next(count).to_bytes(32, "big"),
            sender=owner,
        )
        return as_ape(twin.KIND, next(e.arguments["model"] for e in receipt.events if e.name == "Created"))

    return create


@pytest.fixture(scope="session")
def new_model(client, contract_of, project, owner):
    """As `create_model`, for `client`; the arguments of `create` can be replaced by name."""
    count = iter(range(2**128, 2**129))

    def create(twin, trainer, terms=b"", words=None, sealed=True, card=None, sender=owner, time=None, **other):
        arguments = {
            "owner": str(owner),
            "trainer": str(trainer),
            "terms": terms,
            "parameters": twin.parameters.pack(),
            "card": pack_card() if card is None else card,
            "words": twin.words() if words is None else words,
            "sealed": sealed,
            "salt": next(count).to_bytes(32, "big"),
        } | other
        implementation = contract_of(twin.KIND)
        receipt = implementation.send("create", *arguments.values(), sender=sender, time=time)
        address = next(e.arguments["model"] for e in receipt.events if e.name == "Created")
        return client.at(getattr(project, twin.KIND), address)

    return create
