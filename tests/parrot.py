"""A model that answers with the first byte of a sample: for tests in which it must be plain what the model thinks."""

from functools import cache

from eth_abi import encode
from eth_utils import to_checksum_address

from comodels.chain.abi import Transaction
from comodels.revert import require

SOURCE = """
# pragma version 0.4.3
interface ITrainer:
    def open(terms: Bytes[512]): nonpayable

@deploy
def __init__(trainer: address, terms: Bytes[512]):
    extcall ITrainer(trainer).open(terms)

@view
@external
def predict(x: Bytes[2048]) -> uint256:
    return convert(slice(x, 0, 1), uint256)

@view
@external
def predict_without(x: Bytes[2048], y: uint256, effect: uint256) -> uint256:
    return effect

@external
def update(x: Bytes[2048], y: uint256) -> uint256:
    assert len(x) >= 3, "parrot: too short"
    return convert(slice(x, 1, 2), uint256)

@external
def learn(x: Bytes[2048], y: uint256) -> (uint256, uint256):
    assert len(x) >= 3, "parrot: too short"
    return convert(slice(x, 1, 2), uint256), convert(slice(x, 0, 1), uint256)
"""


class Parrot:
    """The twin: a sample is what to predict (1 byte), the effect (2 bytes), and anything."""

    def predict(self, x: bytes) -> int:
        return x[0]

    def predict_without(self, x: bytes, y: int, effect: int) -> int:
        return effect

    def update(self, x: bytes, y: int) -> int:
        require(len(x) >= 3, "parrot: too short")
        return int.from_bytes(x[1:3], "big")

    def learn(self, x: bytes, y: int) -> tuple[int, int]:
        return self.update(x, y), self.predict(x)


@cache
def creation_code() -> bytes:
    import vyper

    return bytes.fromhex(vyper.compile_code(SOURCE, output_formats=["bytecode"])["bytecode"][2:])


def deploy_parrot(rpc, sender: str, trainer: str, terms: bytes) -> str:
    """The address of a new one that `trainer` trains."""
    code = creation_code() + encode(["address", "bytes"], [trainer, terms])
    [receipt] = rpc.send([Transaction(sender, None, code)])
    assert receipt["status"] == "0x1"
    return to_checksum_address(receipt["contractAddress"])
