"""What actions cost at given prices, from the measured gas and the bytes of their transactions: docs/networks.md.

python -m comodels.bench.costs
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from eth_account import Account

from comodels.artifacts import artifact
from comodels.chain.abi import Function

GAS = Path(__file__).resolve().parents[2] / "gas.json"
GWEI = 10**9
MAIN = (1, 20)  # gwei for a unit of gas on the main network
ROLLUP = 0.01  # gwei for a unit of gas on a rollup
DATA = 1  # gwei for a byte that a rollup publishes: a byte takes a unit of blob gas, before compression
MODEL, X15 = "0x" + "c5" * 20, bytes(range(1, 31))  # an address, and a sample of 15 words
PROOF = [bytes([7]) * 32] * 4
PORTION = b"".join(b"\1\0\x1e" + X15 for _ in range(25))


class Action(NamedTuple):
    """What is done, for people; the row of gas.json; the contract's function and its arguments."""

    what: str
    row: str
    contract: str
    function: str
    arguments: tuple[Any, ...]


ACTIONS = [
    Action(
        "contribute 15 words, model agrees",
        "by the default rule: add 15 words, 1,000 weights: agree",
        "SelfAssessment",
        "add_data",
        (MODEL, X15, 1),
    ),
    Action(
        "contribute 15 words, model learns",
        "by the default rule: add 15 words, 1,000 weights: disagree",
        "SelfAssessment",
        "add_data",
        (MODEL, X15, 1),
    ),
    Action("refund", "refund, 15 words, 1,000 weights", "SelfAssessment", "refund", (MODEL, MODEL, X15, 1)),
    Action("forgive", "by the default rule: forgive", "SelfAssessment", "forgive", (MODEL, MODEL, X15, 1)),
    Action("report", "by the default rule: report with a share", "SelfAssessment", "report", (MODEL, MODEL, X15, 1)),
    Action("validate, for points", "points: validate, a later one", "Points", "validate", (MODEL, X15, 1)),
    Action(
        "reveal 25 hidden rows",
        "market: reveal a hidden portion of 25 rows",
        "PredictionMarket",
        "reveal",
        (2**100, 3, PROOF[0], PORTION, PROOF),
    ),
]


def size(action: Action) -> int:
    """Bytes of the signed transaction."""
    (item,) = [i for i in artifact(action.contract).abi if i.get("name") == action.function]
    data = Function.from_abi(item).encode(action.arguments)
    fields: dict[str, Any] = {
        "to": "0x" + "11" * 20,
        "value": 10**16,
        "data": data,
        "gas": 2**20,
        "nonce": 100,
        "chainId": 11_155_111,
        "type": 2,
    }
    fields |= {"maxFeePerGas": 30 * GWEI, "maxPriorityFeePerGas": GWEI}
    signed = Account.from_key(bytes([1] * 32)).sign_transaction(fields)
    return len(signed.raw_transaction)


def lines() -> list[str]:
    """The table, in Markdown."""
    measured = {row["action"]: row["gas"] for row in json.loads(GAS.read_text())}
    heads = [f"at {price} gwei" for price in MAIN] + [f"rollup: {ROLLUP} gwei, {DATA} gwei a byte"]
    found = ["| action | gas | bytes | " + " | ".join(heads) + " |", "|---" * (3 + len(heads)) + "|"]
    for action in ACTIONS:
        gas, count = measured[action.row], size(action)
        costs = [gas * price for price in MAIN] + [gas * ROLLUP + count * DATA]
        cells = [action.what, f"{gas:,}", f"{count:,}", *(f"{gwei / GWEI:.7f}" for gwei in costs)]
        found.append("| " + " | ".join(cells) + " |")
    return found


if __name__ == "__main__":
    print("\n".join(lines()))
