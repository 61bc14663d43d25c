"""What stands in bytes on chain, one codec each: the events that every incentive logs, and the code of a model."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from eth_utils import keccak, to_checksum_address

from comodels.errors import ComodelsError

ADD_DATA = "AddData(address,address,address,uint256,bytes)"
ADD_DATA_TOPIC = "0x" + keccak(text=ADD_DATA).hex()
LINE = 16  # contributions that were scored which a market hashes together


@dataclass(frozen=True)
class Facts:
    """The word of facts in an `AddData` event, see contracts/interfaces/IIncentive.vyi.

    Attributes
    ----------
    label : int
        8 bits.
    effect : int
        What the model's `update` returned, 16 bits.
    time : int
        Seconds, 40 bits.
    deposit : int
        Wei, 96 bits.
    more : int
        What the incentive adds, 96 bits; see its contract.

    Examples
    --------
    >>> Facts.unpack(Facts(label=1, effect=2, time=3, deposit=4, more=5).pack())
    Facts(label=1, effect=2, time=3, deposit=4, more=5)
    """

    label: int
    effect: int = 0
    time: int = 0
    deposit: int = 0
    more: int = 0

    def pack(self) -> int:
        return self.label | self.effect << 8 | self.time << 24 | self.deposit << 64 | self.more << 160

    @classmethod
    def unpack(cls, word: int) -> Facts:
        return cls(word & 0xFF, word >> 8 & 0xFFFF, word >> 24 & 2**40 - 1, word >> 64 & 2**96 - 1, word >> 160)


@functools.lru_cache(maxsize=100_000)
def checksummed(address: str) -> str:
    """An address in the last 40 digits of a text, with its checksum (EIP-55): the same ones come again and again."""
    return to_checksum_address("0x" + address[-40:])


@dataclass(frozen=True)
class AddData:
    """An `AddData` event.

    Attributes
    ----------
    model, contributor, sponsor : str
        Checksummed addresses.
    facts : Facts
    x : bytes
        The sample.
    """

    model: str
    contributor: str
    sponsor: str
    facts: Facts
    x: bytes

    @classmethod
    def from_log(cls, log: Mapping[str, Any]) -> AddData:
        """Read a log as the node sends it."""
        data = bytes.fromhex(log["data"][2:])
        length = int.from_bytes(data[64:96], "big")
        model, contributor, sponsor = map(checksummed, log["topics"][1:4])
        return cls(model, contributor, sponsor, Facts.unpack(int.from_bytes(data[:32], "big")), data[96 : 96 + length])


# ---- the code of a model ---------------------------------------------------------------------------------------------

# An EIP-1167 proxy around its address, and creation code that returns what follows it: contracts/modules/model.vy
RETURN_REST = bytes.fromhex("600b380380600b5f395ff3")
PROXY_HEAD = bytes.fromhex("363d3d373d3d3d363d73")
PROXY_TAIL = bytes.fromhex("5af43d82803e903d91602b57fd5bf3")
IDENTITY, CARD = 45, 77  # where the identity word and the card begin


@functools.lru_cache(maxsize=100_000)
def account_of(contributor: str, sponsor: str | None = None) -> bytes:
    """What stands in a market for who contributed and who paid, by default the same: 20 bytes, of a hash of both.

    Examples
    --------
    >>> account_of("0x" + "ab" * 20).hex()
    '4914e37ee6191ec082e949f714c60d9a7d7468a5'
    >>> account_of("0x" + "ab" * 20) == account_of("0x" + "ab" * 20, "0x" + "cd" * 20)
    False
    """
    both = (bytes.fromhex(who.removeprefix("0x")) for who in (contributor, sponsor or contributor))
    return keccak(b"".join(bytes(12) + who for who in both))[12:]


def pack_contribution(contributor: str, x: bytes, y: int, effect: int, sponsor: str | None = None) -> bytes:
    """A contribution as scorers take it: account (20 bytes), effect (2), label (1), length of the sample (2), sample.

    Examples
    --------
    >>> pack_contribution("0x" + "ab" * 20, b"\\0\\5", y=1, effect=2).hex()
    '4914e37ee6191ec082e949f714c60d9a7d7468a500020100020005'
    """
    return (
        account_of(contributor, sponsor)
        + effect.to_bytes(2, "big")
        + y.to_bytes(1, "big")
        + len(x).to_bytes(2, "big")
        + x
    )


def pack_entries(calls: Iterable[Sequence[tuple[str, int] | tuple[str, int, str]]]) -> bytes:
    """What a market's `settle` is shown: contributor, errors, sponsor (by default the same) of each contribution.

    They stand in the lines of `LINE` in which each call that scored some has hashed them. Of each line: how many
    contributions it has (1 byte), and of each of these account (20) and errors (2).

    Examples
    --------
    >>> pack_entries([[("0x" + "ab" * 20, 258)] * 2]).hex()[:50]
    '024914e37ee6191ec082e949f714c60d9a7d7468a501024914'
    """
    packed = []
    for call in calls:
        for begin in range(0, len(call), LINE):
            line = call[begin : begin + LINE]
            packed.append(bytes([len(line)]))
            packed += [account_of(who, *sponsor) + errors.to_bytes(2, "big") for who, errors, *sponsor in line]
    return b"".join(packed)


def pack_withdrawal(
    contributor: str, amount: int, index: int, proof: Sequence[bytes], sponsor: str | None = None
) -> bytes:
    """A claim as a market's `withdraw` takes it.

    That is: contributor (20 bytes), wei (12), sponsor, by default the contributor (20), index from 1 (11), number of
    nodes in the proof (1), and these (32 each).

    Examples
    --------
    >>> packed = pack_withdrawal("0x" + "ab" * 20, 1, 2, [bytes(32)], "0x" + "cd" * 20)
    >>> packed[18:34].hex(), packed[50:64].hex()
    ('abab000000000000000000000001cdcd', 'cdcd000000000000000000000201')
    """
    payee, payer = (bytes.fromhex(who.removeprefix("0x")) for who in (contributor, sponsor or contributor))
    head = payee + amount.to_bytes(12, "big") + payer + index.to_bytes(11, "big") + bytes([len(proof)])
    return b"".join([head, *proof])


def iterate_withdrawals(claims: bytes) -> Iterator[tuple[str, int, int, list[bytes], str]]:
    """Contributor, wei, index, proof and sponsor of each claim in what `pack_withdrawal` packs.

    Examples
    --------
    >>> [c[1:3] for c in iterate_withdrawals(pack_withdrawal("0x" + "ab" * 20, 1, 2, []))]
    [(1, 2)]
    """
    position = 0
    while position < len(claims):
        head = claims[position : position + 64]
        position += 64
        end = position + 32 * head[63]
        proof = [claims[i : i + 32] for i in range(position, end, 32)]
        amount, index = int.from_bytes(head[20:32], "big"), int.from_bytes(head[52:63], "big")
        yield to_checksum_address(head[:20]), amount, index, proof, to_checksum_address(head[32:52])
        position = end


def pack_card(name: str, description: str, encoder_spec: str, class_names: Sequence[str]) -> bytes:
    """What a model carries in its code: each text as its length (1 byte) and its UTF-8 bytes."""
    card = b""
    for text in (name, description, encoder_spec, *class_names):
        data = text.encode()
        if len(data) > 255:
            raise ComodelsError(f"A model keeps at most 255 bytes of each text: {text[:60]!r} has {len(data)}.")
        card += bytes([len(data)]) + data
    if not name:
        raise ComodelsError("A model needs a name.")
    if len(card) > 4_096:
        raise ComodelsError(f"A model keeps at most 4,096 bytes of texts, not {len(card):,}: shorten class names.")
    return card


def clone_code(implementation: str, trainer: str, parameters: int, card: bytes) -> bytes:
    """The code of a model: an EIP-1167 proxy, the identity word, and the card."""
    identity = parameters << 160 | int(trainer, 16)
    return PROXY_HEAD + bytes.fromhex(implementation[2:]) + PROXY_TAIL + identity.to_bytes(32, "big") + card


class Clone(NamedTuple):
    """What the code of a model says; `texts` are its card: name, description, the encoder's spec, names of classes."""

    implementation: str
    trainer: str
    parameters: int
    texts: list[str]


def parse_clone(code: bytes) -> Clone | None:
    """Read what `clone_code` makes; None if it is no model's code. What is no UTF-8 is shown as such."""
    if len(code) < CARD or code[:10] != PROXY_HEAD or code[30:IDENTITY] != PROXY_TAIL:
        return None
    parameters, trainer = divmod(int.from_bytes(code[IDENTITY:CARD], "big"), 1 << 160)
    texts, position = [], CARD
    while position < len(code):
        end = position + 1 + code[position]
        texts.append(code[position + 1 : end].decode("utf-8", "replace"))
        position = end
    return Clone(to_checksum_address(code[10:30]), to_checksum_address(f"0x{trainer:040x}"), parameters, texts)
