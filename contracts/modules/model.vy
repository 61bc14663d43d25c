# pragma version 0.4.3
"""
@title Model
@notice What all models share: identity and parameters in the code of a clone, state in packed words, loading, sealing.
@dev A model is an EIP-1167 clone of its implementation, with data appended to the 45 bytes of the proxy:

         45  identity, one word: parameters (the upper 96 bits; fields as the implementation says) and trainer (160 bits)
         77  card: three or more texts, each as length (1 byte) and bytes: name, description, encoder spec, then the
             class names in order

     What stands in code costs 200 gas a byte once and 200 gas in all to read; nobody can change it.

     The first state word that an implementation names holds the header in its upper 64 bits:

         63      sealed
         62..32  version: the number of updates that changed the model
         31..0   for the implementation (a perceptron's bias)
"""
from ..interfaces import IIncentive
from . import ownership

uses: ownership

interface IImplementation:
    def create(
        owner: address,
        trainer: address,
        terms: Bytes[MAX_TERMS],
        parameters: uint256,
        card: Bytes[MAX_CARD],
        words: DynArray[uint256, MAX_WORDS],
        sealed: bool,
        salt: bytes32,
    ) -> address: nonpayable

event Created:
    model: indexed(address)
    owner: indexed(address)
    trainer: indexed(address)

event Sealed: pass

MAX_SAMPLE: constant(uint256) = 2_048
MAX_TERMS: constant(uint256) = 512
MAX_WORDS: constant(uint256) = 640
MAX_CARD: constant(uint256) = 4_096
MAX_STATE: constant(uint256) = 2**24  # words; far above what any model can use

# EIP-1167: the proxy's code around the 20 bytes of the implementation's address
PROXY_HEAD: constant(Bytes[10]) = x"363d3d373d3d3d363d73"
PROXY_TAIL: constant(Bytes[15]) = x"5af43d82803e903d91602b57fd5bf3"
# creation code: returns all that follows it (11 bytes: PUSH1 11, CODESIZE, SUB, DUP1, PUSH1 11, PUSH0, CODECOPY, PUSH0, RETURN)
RETURN_REST: constant(Bytes[11]) = x"600b380380600b5f395ff3"

IDENTITY: constant(uint256) = 45
CARD: constant(uint256) = 77

MASK_160: constant(uint256) = 2**160 - 1
SEALED: constant(uint256) = 1 << 255
VERSION_ONE: constant(uint256) = 1 << 224
VERSION_MASK: constant(uint256) = 2**31 - 1
LOADED_MASK: constant(uint256) = 2**224 - 1  # a header word without sealed flag and version

IMPLEMENTATION: immutable(address)

# the packed state; which word holds the header and which the rest, the implementation says
words: uint256[MAX_STATE]


@deploy
def __init__():
    IMPLEMENTATION = self


# ---- birth ----------------------------------------------------------------------------------------------------------

@internal
def _create(
    owner: address,
    trainer: address,
    terms: Bytes[MAX_TERMS],
    parameters: uint256,
    card: Bytes[MAX_CARD],
    words: DynArray[uint256, MAX_WORDS],
    sealed: bool,
    salt: bytes32,
) -> address:
    """
    @notice A new model at an address that owner, trainer, parameters, card and salt decide (CREATE2).
    """
    assert parameters < 2**96, "model: unknown parameters"
    clone: address = raw_create(
        concat(
            RETURN_REST,
            PROXY_HEAD,
            convert(IMPLEMENTATION, bytes20),
            PROXY_TAIL,
            convert((parameters << 160) | convert(trainer, uint256), bytes32),
            card,
        ),
        salt=keccak256(concat(convert(owner, bytes32), salt)),
    )
    # `extcall` would pass as many bytes as terms and words may have; this passes as many as they have
    raw_call(
        clone,
        abi_encode(owner, terms, words, sealed, method_id=method_id("initialize(address,bytes,uint256[],bool)")),
    )
    log Created(model=clone, owner=owner, trainer=trainer)
    return clone


@internal
def _initialize(
    owner: address,
    terms: Bytes[MAX_TERMS],
    words: DynArray[uint256, MAX_WORDS],
    sealed: bool,
    word_count: uint256,
    header: uint256,
):
    """
    @dev Called once, by the implementation in the transaction that creates the clone: nobody else is ever allowed to.
    @param word_count The number of state words of the model.
    @param header The state word with the header.
    """
    assert msg.sender == IMPLEMENTATION, "model: initialized by its implementation only"
    ownership.owner = owner
    self._write(0, words, word_count, header)
    if sealed:
        self._seal(header)
    if len(terms) > 0:
        extcall IIncentive(self._trainer()).open(terms)


@external
def create_replica(salt: bytes32) -> address:
    """
    @notice A new model of the same kind and parameters whose owner and trainer is the caller; its state is empty and not
            sealed, its card is empty. With the same `words`, sealed, it answers as this one does.
    @param salt Anything that the caller has not used for a replica of these parameters before.
    """
    return extcall IImplementation(IMPLEMENTATION).create(
        msg.sender, msg.sender, b"", self._identity() >> 160, b"", [], False, salt
    )


# ---- identity -------------------------------------------------------------------------------------------------------

@view
@external
def implementation() -> address:
    return IMPLEMENTATION


@view
@external
def trainer() -> address:
    return self._trainer()


@view
@external
def parameters() -> uint256:
    return self._identity() >> 160


@view
@external
def name() -> String[255]:
    return self._text(0)


@view
@external
def description() -> String[255]:
    return self._text(1)


@view
@external
def encoder_spec() -> String[255]:
    return self._text(2)


@internal
@view
def _class_name(y: uint256) -> String[255]:
    """
    @dev The name of a class that the model was created with.
    """
    return self._text(3 + y)


@internal
@view
def _identity() -> uint256:
    """
    @dev Parameters and trainer, as they stand in the clone's code.
    """
    clone: address = self  # `self.code` would be the code that runs, the implementation's
    return convert(slice(clone.code, IDENTITY, 32), uint256)


@internal
@view
def _trainer() -> address:
    return convert(self._identity() & MASK_160, address)


@internal
@view
def _check_sealed(header: uint256):
    assert self.words[header] >= SEALED, "model: not sealed"


@internal
@view
def _check_trainer(identity: uint256):
    assert convert(msg.sender, uint256) == identity & MASK_160, "model: not the trainer"


@internal
@view
def _version(header: uint256) -> uint256:
    return (self.words[header] >> 224) & VERSION_MASK


@internal
@view
def _sealed(header: uint256) -> bool:
    return self.words[header] >= SEALED


@internal
@view
def _text(position: uint256) -> String[255]:
    """
    @dev The text at a position of the card; empty where the card ends before it.
    """
    offset: uint256 = CARD
    for i: uint256 in range(position, bound=3 + 255):
        offset += 1 + (self._code_word(offset) >> 248)
    length: uint256 = self._code_word(offset) >> 248
    data: uint256[8] = empty(uint256[8])
    for i: uint256 in range(8):
        data[i] = self._code_word(offset + 1 + 32 * i)
    return abi_decode(abi_encode(convert(32, uint256), length, data), String[255])


@internal
@view
def _code_word(offset: uint256) -> uint256:
    """
    @dev The 32 bytes of the clone's code from `offset` on, zeros behind its end.
    """
    clone: address = self
    start: uint256 = min(offset, clone.codesize - 32)
    return convert(slice(clone.code, start, 32), uint256) << (8 * (offset - start))


# ---- state ----------------------------------------------------------------------------------------------------------

@internal
def _load(start: uint256, words: DynArray[uint256, MAX_WORDS], word_count: uint256, header: uint256):
    ownership._check_owner()
    self._write(start, words, word_count, header)


@internal
def _write(start: uint256, words: DynArray[uint256, MAX_WORDS], word_count: uint256, header: uint256):
    assert self.words[header] < SEALED, "model: sealed"
    assert start + len(words) <= word_count, "model: more words than the model has"
    position: uint256 = start
    for word: uint256 in words:
        assert position != header or word <= LOADED_MASK, "model: sealed flag or version among the words"
        self.words[position] = word
        position += 1


@internal
@view
def _read(start: uint256, count: uint256, word_count: uint256, header: uint256) -> DynArray[uint256, MAX_WORDS]:
    assert start + count <= word_count, "model: more words than the model has"
    words: DynArray[uint256, MAX_WORDS] = []
    for position: uint256 in range(start, start + count, bound=MAX_WORDS):
        word: uint256 = self.words[position]
        words.append(word & LOADED_MASK if position == header else word)
    return words


@internal
def _seal(header: uint256):
    assert self.words[header] < SEALED, "model: sealed"
    self.words[header] |= SEALED
    log Sealed()


@internal
@pure
def _count_update(header_word: uint256) -> uint256:
    """
    @dev The header word after one more update.
    """
    assert (header_word >> 224) & VERSION_MASK < VERSION_MASK, "model: version is full"
    return unsafe_add(header_word, VERSION_ONE)  # safe: the version is below its maximum, so nothing carries into the flag
