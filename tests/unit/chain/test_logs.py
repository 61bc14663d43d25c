"""Logs in pages, from nodes that limit them in their own words."""

import pytest

from comodels.chain import logs as module
from comodels.chain.logs import block_of, pages
from comodels.chain.node import RpcError

PAGE = 5_000


@pytest.fixture(autouse=True)
def page(monkeypatch):
    monkeypatch.setattr(module, "PAGE", PAGE)


class Limited:
    """A node with one log in each block, that takes at most `most` blocks, or logs, in one request."""

    def __init__(self, most: int, message: str):
        self.most, self.message = most, message
        self.asked = []

    def many(self, calls):
        return [self.answer(*parameters) for method, parameters in calls if method == "eth_getLogs"]

    def answer(self, query):
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        count = last - first + 1
        self.asked.append(count)
        if count > self.most:
            span = f"[{first:#x}, {first + self.most - 1:#x}]"
            return RpcError(self.message.format(n=self.most, first=first, last=last, asked=count, span=span))
        return [{"blockNumber": hex(number)} for number in range(first, last + 1)]


NAMED = [
    "Log response size exceeded. You can make eth_getLogs requests with up to a {n} block range.",
    "eth_getLogs is limited to a {n} range",
    "exceed maximum block range: {n}",
    "requested too many blocks from {first} to {last}, maximum is set to {n}",
    "block range too large, range: {asked}, max: {n}",
    "query returned more than 10000 results. Try with this block range {span}.",
]
UNNAMED = [
    "query returned more than 10000 results",
    "block range is too large",
    "query timeout exceeded",
]


def read(node, first, last):
    found = [(end, [int(log["blockNumber"], 16) for log in logs]) for end, logs in pages(node, first, last, [])]
    assert [number for _, numbers in found for number in numbers] == list(range(first, last + 1))
    assert all(numbers[-1] == end for end, numbers in found)


@pytest.mark.parametrize("message", NAMED)
@pytest.mark.parametrize("most", [10, 500, 2_000])
def test_pages__refusal_names_a_range__taken_at_once(message, most):
    node = Limited(most, message)
    read(node, 100, 100 + 20 * most)
    assert node.asked[:2] == [min(PAGE, 20 * most + 1), most]
    assert len([count for count in node.asked if count > most]) == 1


@pytest.mark.parametrize("message", UNNAMED)
@pytest.mark.parametrize("most", [1, 10, 700])
def test_pages__refusal_names_none__halved_and_grows_again(message, most):
    node = Limited(most, message)
    read(node, 7, 7 + 12 * most)
    node.most = PAGE
    node.asked.clear()
    read(node, 7, 9 * PAGE)
    assert max(node.asked) == PAGE


def test_pages__dense_blocks_are_over__larger_pages_again():
    node = Limited(100, "query returned more than 10000 results")
    found = pages(node, 0, 9 * PAGE, [])
    for _ in range(3):
        next(found)
    node.most = PAGE
    assert sum(1 for _ in found) < 60
    assert max(node.asked[-3:]) > PAGE // 2


@pytest.mark.parametrize("error", [RpcError("missing trie node"), RpcError("method not found", code=-32601)])
def test_pages__another_error__told_at_once(error):
    class Broken(Limited):
        def answer(self, query):
            self.asked.append(query)
            return error

    node = Broken(1, "")
    with pytest.raises(RpcError, match=str(error)):
        list(pages(node, 0, PAGE, []))
    assert len(node.asked) == 1


def test_pages__even_one_block_is_too_much__told():
    node = Limited(0, "query returned more than 10000 results")
    with pytest.raises(RpcError, match="10000 results"):
        list(pages(node, 5, 9, []))
    assert node.asked == [5, 2, 1]


class Counting:
    """A chain of 1,000 blocks whose contracts see other numbers; what it holds was created in block 700."""

    block = 1_000

    def __init__(self, counted):
        self.counted = counted

    def many(self, calls):
        found = []
        for method, (what, where) in calls:
            if method == "eth_getCode":
                found.append("0x60" if int(where, 16) >= 700 else "0x")
            else:
                assert (method, what) == ("eth_call", {"data": module.TELL_NUMBER})
                found.append(self.counted if isinstance(self.counted, RpcError) else hex(self.counted))
        return found


@pytest.mark.parametrize("counted", [1_000, 1_001, 990])
def test_block_of__contracts_count_as_the_node_does__their_number(counted):
    assert block_of(Counting(counted), 950, "0x") == 950


@pytest.mark.parametrize("counted", [20, 23_000_000, RpcError("to is missing")])
def test_block_of__contracts_see_other_numbers__where_the_older_contract_came(counted):
    assert block_of(Counting(counted), 15, "0x") == 700
