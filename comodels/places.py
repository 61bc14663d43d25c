"""Where the file of a model's encoder is, for whoever knows only the model's address.

A model's spec can name places (`encoders.spec.with_places`):

=====================  ============================================================================================
``0x…``                contracts on the model's own chain whose code is the file; see `parts`
``https://…``          a file on the public internet
``ipfs://…``           a file by its content identifier, through a gateway
``ar://…``             a file on Arweave, through a gateway
=====================  ============================================================================================

At each of them is the encoder's `content`, which the hash in the spec is of: it is checked before it is parsed, so it
does not matter whose machine sent it. On chain it is compressed.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from eth_utils import is_address, to_checksum_address

import encoders
from comodels import deployer
from comodels.chain.account import Account
from comodels.chain.node import Node, NodeError, all_of
from comodels.errors import ComodelsError
from comodels.fetch import MAX_BYTES, NotFetched, fetch
from comodels.units import ETHER
from encoders.spec import hashed, parse_spec, split_places

GATEWAYS = {"ipfs": "https://ipfs.io/ipfs/", "ar": "https://arweave.net/"}
CONTENT = re.compile(r"(?P<scheme>ipfs|ar)://(?P<rest>[A-Za-z0-9_-]{40,120}(/[A-Za-z0-9._~-]+)*)")

MAX_PLACES = 4  # that are asked: each may take its time
MAX_CODE = 24_576  # bytes that a contract can have (EIP-170)
HEAD = 1 + 20  # STOP, so that nobody runs it, and the address of the next part, 0 in the last one
MAX_PARTS = 64
RETURN_CODE = bytes.fromhex("80600a5f395ff3")  # the rest of creation code that returns what follows it

FOREIGN = ("embedding",)
"""Kinds of encoders that load a program or weights by a name in their file: only from a file that a person chose."""


def read(spec: str, node: Node | None, where: Sequence[str] | None = None) -> Any:
    """The encoder that a model's spec names, from the first place that has it.

    Parameters
    ----------
    spec : str
        As the model has it.
    node : Node or None
        Of the model's chain; without one, places on chain are passed over.
    where : sequence of str, optional
        Places to look at; by default those that the spec names.

    Raises
    ------
    ComodelsError
        If no place has it; the message has all reasons.
    """
    spec, places = split_places(spec)
    refuse_foreign(spec)
    reasons = []
    for place in (places if where is None else where)[:MAX_PLACES]:
        try:
            return encoders.read(content_at(place, node, spec), spec)
        except (ComodelsError, NodeError, encoders.EncoderError) as error:
            reasons.append(f"{place}: {error}")
    raise ComodelsError("\n  ".join(["The encoder's file is not there:", *reasons]))


def named(spec: str) -> tuple[str, ...]:
    """The places that a model's spec names; none where the spec is none of this project's."""
    try:
        return split_places(spec)[1]
    except encoders.SpecError:
        return ()


def refuse_foreign(spec: str) -> None:
    """Refuse encoders that would load what a stranger names."""
    kind = parse_spec(spec).kind
    if kind in FOREIGN:
        raise ComodelsError(
            f"An encoder of the kind {kind!r} loads another model by its name, so its file is not taken from where a "
            "stranger says: ask the owner for it, and keep it with `ape run encoder import`."
        )


def content_at(place: str, node: Node | None, spec: str) -> bytes:
    """What is at a place, if it is what the spec's hash is of.

    Raises
    ------
    ComodelsError
        If it is not, or nothing is there, or the place is none that is known.
    NodeError
        If the node does not answer.
    """
    wanted = parse_spec(split_places(spec)[0]).parameters.get("sha256")
    content = _at(place, node)
    if hashed(content) != wanted:
        raise ComodelsError(f"what is there is not this encoder ({len(content):,} bytes)")
    return content


def url_of(place: str) -> str | None:
    """The https address of a place; None where it is on chain. Raises `ComodelsError` if it is none that is known.

    Examples
    --------
    >>> url_of("ipfs://QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG/imdb.json")
    'https://ipfs.io/ipfs/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG/imdb.json'
    """
    if is_place_on_chain(place):
        return None
    if place.startswith("https://"):
        return place
    match = CONTENT.fullmatch(place)
    if match is None or {".", ".."} & set(place.split("/")):
        raise ComodelsError(f"{place[:80]!r} is no place that is known: https://…, ipfs://…, ar://… or 0x…")
    return GATEWAYS[match["scheme"]] + match["rest"]


def is_place_on_chain(place: str) -> bool:
    """Whether a place is an address of a contract."""
    return place.startswith("0x") and is_address(place)


def _at(place: str, node: Node | None) -> bytes:
    url = url_of(place)
    if url is not None:
        return fetch(url)
    if node is None:
        raise NotFetched("it is on the model's chain, and no node of it is at hand")
    return from_chain(node, place)


# ---- on chain --------------------------------------------------------------------------------------------------------


def parts(content: bytes) -> list[tuple[str, bytes]]:
    """The contracts that hold a file: of each its address and its creation code, in the order of the file.

    The code of each is STOP, the address of the next one (0 in the last), and its part of the compressed file (raw
    DEFLATE, RFC 1951). The usual deployer creates them, so that where they will be is known before, and who stores a
    file that is there already pays nothing.

    Raises `ComodelsError` if it would take more than `MAX_PARTS` contracts.
    """
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = compressor.compress(content) + compressor.flush()
    room = MAX_CODE - HEAD
    pieces = [packed[start : start + room] for start in range(0, len(packed), room)]
    if len(pieces) > MAX_PARTS:
        raise ComodelsError(f"An encoder of {len(content):,} bytes takes {len(pieces)} contracts, at most {MAX_PARTS}.")
    found: list[tuple[str, bytes]] = []
    following = bytes(20)
    for piece in reversed(pieces):
        code = b"\0" + following + piece
        creation = b"\x61" + len(code).to_bytes(2, "big") + RETURN_CODE + code
        found.insert(0, (deployer.address_of(creation), creation))
        following = bytes.fromhex(found[0][0][2:])
    return found


def place_on_chain(encoder: Any) -> str:
    """Where `store` puts an encoder."""
    return parts(encoder.content)[0][0]


def missing_parts(node: Node, encoder: Any) -> list[tuple[str, bytes]]:
    """Those contracts of an encoder's file that are not on the chain."""
    return [(address, creation) for address, creation in parts(encoder.content) if not node.code(address)]


def cost_lines(node: Node, sender: str, encoder: Any) -> list[str]:
    """What it takes to put an encoder's file on chain, for people.

    Parameters
    ----------
    sender : str
        Address of who would pay.
    """
    content, all_parts = encoder.content, parts(encoder.content)
    size = sum(len(creation) for _, creation in all_parts)
    missing = missing_parts(node, encoder)
    many = "s" if len(all_parts) > 1 else ""
    said = f"encoder's file: {len(content):,} bytes, compressed {size:,}, in {len(all_parts)} contract{many}"
    if not missing:
        return [f"{said}; all of it is on the chain already"]
    calls = [
        {"from": sender, "to": deployer.DEPLOYER, "data": "0x" + (deployer.SALT + creation).hex()}
        for _, creation in missing
    ]
    if (
        node.code(deployer.DEPLOYER) != deployer.DEPLOYER_CODE
    ):  # it is brought first; creating by oneself costs about that
        calls = [{"from": sender, "data": "0x" + creation.hex()} for _, creation in missing]
    gas = sum(int(answer, 16) for answer in all_of(node.many([("eth_estimateGas", [call]) for call in calls])))
    price = int(node.rpc("eth_gasPrice"), 16)
    each = gas * 1024 // max(1, sum(len(creation) for _, creation in missing))
    return [said, f"to store it: about {gas:,} gas ({each:,} for each KB), {gas * price / ETHER:.6f} ether now"]


def store(node: Node, account: Account, encoder: Any, say: Callable[[str], Any] = print) -> str:
    """Put an encoder's file on chain, or what is missing of it; where it is."""
    deployer.bring(node, account, say)
    missing = missing_parts(node, encoder)
    for number, (_, creation) in enumerate(missing, 1):
        say(f"Storing the encoder, transaction {number} of {len(missing)} ...")
        deployer.deploy(node, account, creation)
    return place_on_chain(encoder)


def from_chain(node: Node, address: str) -> bytes:
    """The file that begins at an address.

    Raises
    ------
    NotFetched
        If there is none, it is broken, or larger than files may be.
    """
    packed = b""
    for _ in range(MAX_PARTS):
        code = node.code(to_checksum_address(address))
        if len(code) < HEAD or code[0] != 0:
            raise NotFetched(f"there is no part of a file at {address}")
        packed += code[HEAD:]
        if not any(code[1:HEAD]):
            return unpacked(packed)
        address = "0x" + code[1:HEAD].hex()
    raise NotFetched(f"the file has more than {MAX_PARTS} parts")


def unpacked(packed: bytes, max_bytes: int = MAX_BYTES) -> bytes:
    """A file from its compressed form. Raises `NotFetched` if it is broken, or larger than `max_bytes`."""
    stream = zlib.decompressobj(-15)
    try:
        content = stream.decompress(packed, max_bytes + 1)
    except zlib.error as error:
        raise NotFetched(f"the file is broken ({error})") from error
    if len(content) > max_bytes:
        raise NotFetched(f"the file has more than {max_bytes:,} bytes")
    if not stream.eof or stream.unused_data:
        raise NotFetched("the file is broken")
    return content


def checked(places: Sequence[str], encoder: Any) -> tuple[str, ...]:
    """Places for a spec, as a person names them: ``chain`` is where `store` puts the encoder.

    Raises
    ------
    ComodelsError, encoders.SpecError
        If one is none that is known, or the spec becomes too long.
    """
    found = tuple(place_on_chain(encoder) if place == "chain" else place for place in places)
    if len(found) > MAX_PLACES:
        raise ComodelsError(f"There are {len(found)} places for the encoder's file: at most {MAX_PLACES} are asked.")
    if found:
        refuse_foreign(encoder.spec)
    for place in found:
        url_of(place)
    encoders.spec.with_places(encoder.spec, found)
    return found


def awaited(places: Sequence[str], spec: str) -> list[str]:
    """What a publisher should know about the places off chain: whether the file is there, or is still to be put there.

    Parameters
    ----------
    spec : str
        Of the encoder.
    """
    lines = []
    for place in places:
        if is_place_on_chain(place):
            continue
        try:
            content_at(place, None, spec)
            lines.append(f"{place}: the encoder's file is there")
        except ComodelsError as error:
            lines.append(
                f"{place}: the encoder's file is not there yet ({error}); put what --encoder-file writes there"
            )
    return lines
