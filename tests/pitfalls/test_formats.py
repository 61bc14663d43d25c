"""What broke earlier implementations: labels, indices, formats. Each line of the list is a test named after it."""

import pytest

from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.rows import pack_rows
from tests.client import Reverted, reverts
from tests.conftest import pack_terms

FULL = 10**12 * 3_600
X = bytes.fromhex("00010002")


@pytest.fixture
def model(new_model, contract_of):
    twin = SparsePerceptron(SparsePerceptronParameters(20, rate=3), range(-10, 10))
    return new_model(twin, contract_of("SelfAssessment"), pack_terms())


@pytest.fixture
def add(contract_of, model, contributor):
    """Contribute to the model, with more than enough ether."""

    def send(x, y, **fields):
        return contract_of("SelfAssessment").send("add_data", model, x, y, sender=contributor, value=10**18, **fields)

    return send


@pytest.mark.parametrize("y", [2, 3, 255, 2**128, 2**256 - 1])
def test_label__out_of_range__refused_and_not_trained_as_positive(model, add, y):
    """Any label was accepted and trained as positive."""
    words = model.call("words", 0, 2)

    with reverts("model: no such class" if y < 256 else "self-assessment: no such label"):
        add(X, y)
    with reverts("model: no such class"):
        model.call("evaluate", pack_rows([(min(y, 255), X)]))

    assert model.call("words", 0, 2) == words


@pytest.mark.parametrize("bit", [8, 16, 64, 128, 160, 255])
def test_label__high_bits__not_cut(model, add, bit):
    """High bits of a label were cut silently."""
    for y in (0, 1):
        with reverts("self-assessment: no such label"):
            add(X, 1 << bit | y)


@pytest.mark.parametrize("times", [2, 16, 17, 50, 1_024])
def test_index__repeated__refused(model, add, times):
    """A repeated index multiplied its weight change by 50 for one deposit."""
    for y in (0, 1):
        with reverts("sample: indices must increase"):
            add(X[:2] * times, y)
    assert model.call("version") == 0


@pytest.mark.parametrize("index", [20, 21, 255, 256, 2**15, 2**16 - 4, 2**16 - 1])
def test_index__beyond_the_features__refused(model, add, index):
    """Indices had no upper bound, or wrapped at 32 bits, or could be negative: the last 65,535 is -1 as int16."""
    for x in (index.to_bytes(2, "big"), X + index.to_bytes(2, "big")):
        with reverts("sample: index out of range"):
            add(x, 1)
        with reverts("sample: index out of range"):
            model.call("predict", x)
    assert model.call("words", 0, 2) == SparsePerceptron(SparsePerceptronParameters(20, rate=3), range(-10, 10)).words()


def test_index__of_the_lanes_behind_the_features__can_not_be_trained(model, add):
    """The padding index of a batch could be trained by anyone: here 8 lanes of the second word belong to no feature."""
    for index in range(20, 28):
        with reverts("sample: index out of range"):
            add(index.to_bytes(2, "big"), 1)


def test_bounds__checked__before_expensive_work(model, add, contract_of, contributor, client):
    """A bounds check came after the expensive work and burnt the caller's gas."""
    good = b"".join(i.to_bytes(2, "big") for i in range(20))
    spent = add(good, 1).gas
    chain = client.chain

    burnt = []
    for x, y in ((good[:-2] + b"\xff\xff", 1), (good, 2), (b"\0", 1), (b"", 1), (X[::-1], 1)):
        data = contract_of("SelfAssessment").data("add_data", model.address, x, y)
        fields = {"from": contributor.address, "to": contract_of("SelfAssessment").address, "data": "0x" + data.hex()}
        fields |= {"value": hex(10**18), "gas": hex(3_000_000), "gasPrice": "0x0"}
        receipt = chain.rpc("eth_sendTransactionSync", fields)
        assert receipt["status"] == "0x0"
        burnt.append(int(receipt["gasUsed"], 16))

    assert max(burnt) < spent


def test_sample__empty__refused(model, add):
    """The empty sample was accepted, and two of them blocked all later updates of a class."""
    for y in (0, 1):
        with reverts("sample: empty"):
            add(b"", y)
    for function in ("predict", "scores"):
        with reverts("sample: empty"):
            model.call(function, b"")
    with reverts("sample: empty"):
        model.call("evaluate", b"\0\0\0")
    assert model.call("version") == 0
    add(X, 1)  # and goes on


# ---- calldata that no encoder would write ----------------------------------------------------------------------------


def word(value: int) -> bytes:
    return (value % 2**256).to_bytes(32, "big")


@pytest.mark.parametrize("shift", [1, 7, 31, 32, 64, 500])
def test_calldata__sample_further_behind__read_where_it_stands(model, shift):
    """The samples are read in place: an unusual offset must lead to the same bytes that were checked."""
    selector = model.data("score", X)[:4]
    usual = model.client.call(model.address, model.data("score", X))

    odd = selector + word(32 + shift) + b"\xff" * shift + word(len(X)) + X.ljust(32, b"\xff")

    assert model.client.call(model.address, odd) == usual


@pytest.mark.parametrize("offset", [-32, -36, -64, -1, 2**255, 2**64, 2**32, 2**16, 1_000, 65])
def test_calldata__offset_outside__refused(model, offset):
    selector = model.data("score", X)[:4]

    with pytest.raises(Reverted):
        model.client.call(model.address, selector + word(offset) + word(len(X)) + X.ljust(32, b"\0"))


def test_calldata__length_beyond_its_end__refused(model):
    selector = model.data("score", X)[:4]

    for length in (5, 33, 2_048, 2**255, 2**256 - 32):
        with pytest.raises(Reverted):
            model.client.call(model.address, selector + word(32) + word(length) + X)


def test_calldata__offset_into_the_arguments__read_as_what_stands_there(model, trainer):
    """With offset 0 the offset itself is the length: 0, an empty sample."""
    selector = model.data("score", X)[:4]

    with reverts("sample: empty"):
        model.client.call(model.address, selector + word(0) + word(0) + word(0))
