"""What the conformance suites are given here."""

import pytest

from comodels.artifacts import Artifact


@pytest.fixture(scope="session")
def artifact_of(project):
    """A contract as the tests compiled it."""

    def get(name):
        contract = getattr(project, name).contract_type
        abi = [item.model_dump(by_alias=True) for item in contract.abi]
        return Artifact(abi, *(bytes(c.to_bytes()) for c in (contract.deployment_bytecode, contract.runtime_bytecode)))

    return get
