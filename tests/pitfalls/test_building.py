"""What broke earlier implementations: building and deploying. Each line of the list is a test named after it.

That set-up works on a fresh machine is what CI shows: it runs `make test` on one.
"""

import pytest

from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.client import reverts

CODE_LIMIT, INIT_CODE_LIMIT = 24_576, 49_152  # bytes


def test_contracts__compiled_with_the_optimizer__below_the_size_limits(project):
    """One contract did not compile with the optimizer; the size limits were hit late."""
    sizes = {
        name: (len(t.runtime_bytecode.to_bytes()), len(t.deployment_bytecode.to_bytes()))
        for name, t in ((n, project.get_contract(n).contract_type) for n in project.contracts)
        if t.runtime_bytecode
    }

    assert {"SelfAssessment", "SparsePerceptron"} <= set(sizes)
    assert {n: s for n, s in sizes.items() if s[0] > CODE_LIMIT or s[1] > INIT_CODE_LIMIT} == {}


def test_deployment__cut_off_half_way__resumed_where_it_was(new_model, contract_of, owner, trainer):
    """A deployment that ran out of gas half way and could not be resumed."""
    n_features = 2_000
    twin = SparsePerceptron(SparsePerceptronParameters(n_features), [i % 99 - 50 for i in range(n_features)])
    words, salt = twin.words(), b"\x07" * 32
    model = new_model(twin, trainer, words=[], sealed=False, salt=salt)
    model.send("load", 0, words[:50], sender=owner)
    with reverts():
        model.send("load", 50, words[50:100], sender=owner, gas=400_000)  # out of gas

    # again from the start: it can not be created a second time, and what is there can be read
    with reverts():
        new_model(twin, trainer, words=[], sealed=False, salt=salt)
    there = model.call("words", 0, len(words))
    start = next(i for i, (a, b) in enumerate(zip(there, words, strict=True)) if a != b)
    assert start == 50
    for begin in range(start, len(words), 30):
        model.send("load", begin, words[begin : begin + 30], sender=owner)
    model.send("seal", sender=owner)

    assert model.call("words", 0, len(words)) == words


@pytest.mark.parametrize("name", ["SparsePerceptron", "SelfAssessment"])
def test_deployment__of_the_shared_contracts__fits_a_transaction(client, project, owner, name):
    code = bytes(getattr(project, name).contract_type.deployment_bytecode.to_bytes())

    assert client.send(None, code, owner).contract_address
    assert client.send(None, code, owner).gas < 16_777_216
