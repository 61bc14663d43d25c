# pragma version 0.4.3
"""
@title Model
@notice What all models share: identity and parameters in the code of a clone, state in packed words, loading, sealing.
@dev A model is an EIP-1167 clone of its implementation, with data appended to the 45 bytes of the proxy:

         45  identity, one word: parameters (the upper 96 bits; fields as the implementation says) and trainer (160 bits)
         77  card: three or more texts, each as length (1 byte) and bytes: name, description, encoder spec, then the
             class names in order

     What stands in code costs 200 gas a byte once and 200 gas in all to read; nobody can change it.

     State word 0 holds the header in its upper 64 bits:

         63      sealed
         62..32  version: the number of updates that changed the model
         31..0   for the implementation: a perceptron's bias; where classes can be added, what the module `classes` says

     The externals that all models share are here. What they need to know of a kind its contract tells them (`IKind`).
     The address of a model says everything about it: implementation, parameters, trainer and card are its code; who created it,
     owner, terms, first words, whether it was sealed with them, and a salt are the salt of CREATE2. Later words come from the owner.
"""
from ..interfaces import IIncentive
from . import limits
from . import ownership

uses: ownership

interface IKind:
    # The words of the state with so many classes, and for how many classes there is room, 0 where the number is fixed. Reverts
    # for parameters that the kind does not have, and for more classes than there is room for.
    def layout(parameters: uint256, count: uint256) -> (uint256, uint256): view
    # the bits of a state word that belong to classes which are not there
    def vacant(parameters: uint256, count: uint256, position: uint256) -> uint256: view
    # whether what was loaded may be sealed; reverts with the reason where there is one
    def check_state() -> bool: view
    def create(
        owner: address,
        trainer: address,
        terms: Bytes[limits.MAX_TERMS],
        parameters: uint256,
        card: Bytes[limits.MAX_CARD],
        words: DynArray[uint256, limits.MAX_WORDS],
        sealed: bool,
        salt: bytes32,
    ) -> address: nonpayable

event Created:
    model: indexed(address)
    owner: indexed(address)
    trainer: indexed(address)

event Sealed: pass

MAX_STATE: constant(uint256) = 2**24  # words; far above what any model can use

# EIP-1167: the proxy's code around the 20 bytes of the implementation's address
PROXY_HEAD: constant(Bytes[10]) = x"363d3d373d3d3d363d73"
PROXY_TAIL: constant(Bytes[15]) = x"5af43d82803e903d91602b57fd5bf3"
# creation code: returns all that follows it (11 bytes: PUSH1 11, CODESIZE, SUB, DUP1, PUSH1 11, PUSH0, CODECOPY, PUSH0, RETURN)
RETURN_REST: constant(Bytes[11]) = x"600b380380600b5f395ff3"

IDENTITY: constant(uint256) = 45
CARD: constant(uint256) = 77
# bytes of a call of `initialize`: selector, four words, and terms and words with their lengths
MAX_CALL: constant(uint256) = 4 + 128 + 32 + limits.MAX_TERMS + 32 + 32 * limits.MAX_WORDS

HEADER: constant(uint256) = 0  # the state word with the header
CLASSES: constant(uint256) = 192  # where the number of classes stands in it, where classes can be added
MASK_8: constant(uint256) = 2**8 - 1

MASK_160: constant(uint256) = 2**160 - 1
SEALED: constant(uint256) = 1 << 255
VERSION_ONE: constant(uint256) = 1 << 224
VERSION_MASK: constant(uint256) = 2**31 - 1
LOADED_MASK: constant(uint256) = 2**224 - 1  # a header word without sealed flag and version

IMPLEMENTATION: immutable(address)

# the packed state: the header, and the rest as the implementation says
state: uint256[MAX_STATE]


@deploy
def __init__():
    IMPLEMENTATION = self


# ---- birth ----------------------------------------------------------------------------------------------------------

@external
def create(
    owner: address,
    trainer: address,
    terms: Bytes[limits.MAX_TERMS],
    parameters: uint256,
    card: Bytes[limits.MAX_CARD],
    words: DynArray[uint256, limits.MAX_WORDS],
    sealed: bool,
    salt: bytes32,
) -> address:
    """
    @notice Create a model. Anyone may; nothing but caller and arguments decides what it is, and its address says them all.
    @param owner Who may load, seal and hand over the model, and add classes where the kind has room for them.
    @param trainer Who may train it, for ever: usually an incentive contract.
    @param terms What the trainer is opened with, in the same transaction; empty if the trainer is no contract.
    @param parameters See the head of the implementation.
    @param card Name, description, encoder spec and the names of the classes in order, each as length (1 byte) and bytes.
    @param words The first words of the state; `load` takes the rest.
    @param sealed Whether the model is complete with these words.
    @param salt Anything, to create more than one of the same.
    @return The address of the model, which caller and arguments decide (CREATE2).
    """
    word_count: uint256 = 0
    room: uint256 = 0
    word_count, room = staticcall IKind(self).layout(parameters, 0)  # checks the parameters
    assert parameters < 2**96, "model: unknown parameters"
    # encoded once, for the hash and the call; `extcall` would pass as many bytes as terms and words may have
    call: Bytes[MAX_CALL] = abi_encode(
        owner, terms, words, sealed, method_id=method_id("initialize(address,bytes,uint256[],bool)")
    )
    clone: address = raw_create(
        concat(
            RETURN_REST,
            PROXY_HEAD,
            convert(IMPLEMENTATION, bytes20),
            PROXY_TAIL,
            convert((parameters << 160) | convert(trainer, uint256), bytes32),
            card,
        ),
        salt=keccak256(abi_encode(msg.sender, keccak256(call), salt)),
    )
    raw_call(clone, call)
    log Created(model=clone, owner=owner, trainer=trainer)
    return clone


@external
def initialize(
    owner: address, terms: Bytes[limits.MAX_TERMS], words: DynArray[uint256, limits.MAX_WORDS], sealed: bool
):
    """
    @notice Called once, by the implementation in the transaction that creates the clone: nobody else is ever allowed to.
    @param owner See `create`, as for the others.
    """
    assert msg.sender == IMPLEMENTATION, "model: initialized by its implementation only"
    ownership.owner = owner
    self._write(0, words)
    if sealed:
        self._seal()
    if len(terms) > 0:
        extcall IIncentive(self._trainer()).open(terms)


@external
def create_replica(salt: bytes32) -> address:
    """
    @notice A new model of the same kind and parameters whose owner and trainer is the caller; its state is empty and not
            sealed, its card is empty. With the same `words`, sealed, it answers as this one does.
    @param salt Anything that the caller has not used for a replica of this model before.
    @return The address of the replica: model, caller and salt decide it, so nobody else can take it.
    """
    return extcall IKind(IMPLEMENTATION).create(
        msg.sender, msg.sender, b"", self._identity() >> 160, b"", [], False, salt
    )


# ---- identity -------------------------------------------------------------------------------------------------------

@view
@external
def implementation() -> address:
    """
    @notice The contract whose code this model runs.
    """
    return IMPLEMENTATION


@view
@external
def trainer() -> address:
    """
    @notice The only account that may train the model; fixed when the model was created.
    """
    return self._trainer()


@view
@external
def parameters() -> uint256:
    """
    @notice The parameters packed in one word; see the head of the implementation.
    """
    return self._identity() >> 160


@view
@external
def name() -> String[limits.MAX_TEXT]:
    """
    @notice What the owner called the model.
    """
    return self._text(0)


@view
@external
def description() -> String[limits.MAX_TEXT]:
    """
    @notice What the owner says about the model.
    """
    return self._text(1)


@view
@external
def encoder_spec() -> String[limits.MAX_TEXT]:
    """
    @notice The canonical string from which `encoders/` rebuilds the encoder of this model's samples.
    """
    return self._text(2)


@internal
@view
def _class_name(y: uint256) -> String[limits.MAX_TEXT]:
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
def _text(position: uint256) -> String[limits.MAX_TEXT]:
    """
    @dev The text at a position of the card; empty where the card ends before it.
    """
    offset: uint256 = CARD
    for i: uint256 in range(position, bound=3 + limits.MAX_CLASSES):
        offset += 1 + (self._code_word(offset) >> 248)
    length: uint256 = self._code_word(offset) >> 248
    data: uint256[8] = empty(uint256[8])
    for i: uint256 in range(8):
        if 32 * i >= length:
            break
        data[i] = self._code_word(offset + 1 + 32 * i)
    return abi_decode(abi_encode(convert(32, uint256), length, data), String[limits.MAX_TEXT])


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

@view
@external
def version() -> uint256:
    """
    @notice The number of updates that changed the model so far.
    """
    return (self.state[HEADER] >> 224) & VERSION_MASK


@view
@external
def sealed() -> bool:
    """
    @notice Whether loading is finished, so that the model can learn.
    """
    return self.state[HEADER] >= SEALED


@view
@external
def word_count() -> uint256:
    """
    @notice The number of 32-byte words of the model's state.
    """
    return self._word_count(self.state[HEADER])


@view
@external
def words(start: uint256, count: uint256) -> DynArray[uint256, limits.MAX_WORDS]:
    """
    @notice `count` words of the state from word `start` on, as `load` takes them: without sealed flag and version.
    """
    header_word: uint256 = self.state[HEADER]
    assert start + count <= self._word_count(header_word), "model: more words than the model has"
    words: DynArray[uint256, limits.MAX_WORDS] = []
    for position: uint256 in range(start, start + count, bound=limits.MAX_WORDS):
        words.append(header_word & LOADED_MASK if position == HEADER else self.state[position])
    return words


@external
def load(start: uint256, words: DynArray[uint256, limits.MAX_WORDS]):
    """
    @notice Write words of the state. Only the owner may, and only before the model is sealed. Loading the same again is harmless.
            Where classes can be added later, word 0 comes first: it says how many there are, and what belongs to others is
            refused, so that a class that is added finds nothing. With word 0 a replica, which has no card, may be told the version too:
            learning depends on it where steps fall with the updates.
    """
    ownership._check_owner()
    self._write(start, words)


@external
def seal():
    """
    @notice End the loading: from now on the state changes only by learning, and by classes that are added. Only the owner may
            call it.
    """
    ownership._check_owner()
    self._seal()


@internal
@view
def _word_count(header_word: uint256) -> uint256:
    return (
        staticcall IKind(IMPLEMENTATION).layout(self._identity() >> 160, (header_word >> CLASSES) & MASK_8)
    )[0]


@internal
def _write(start: uint256, words: DynArray[uint256, limits.MAX_WORDS]):
    header_word: uint256 = self.state[HEADER]
    assert header_word < SEALED, "model: sealed"
    if len(words) == 0:
        return
    loaded: uint256 = (header_word >> CLASSES) & MASK_8
    if start == HEADER:
        clone: address = self
        assert words[0] <= LOADED_MASK or (words[0] < SEALED and clone.codesize == CARD), (
            "model: sealed flag or version among the words"
        )
        header_word = words[0]
    count: uint256 = (header_word >> CLASSES) & MASK_8
    parameters: uint256 = self._identity() >> 160
    word_count: uint256 = 0
    room: uint256 = 0
    word_count, room = staticcall IKind(IMPLEMENTATION).layout(parameters, count)
    if room > 0:
        # word 0 comes first, and says how many classes there are; fewer than before would leave words of those behind
        assert count > 0 and count >= loaded, "model: word 0 lacks classes"
    assert start + len(words) <= word_count, "model: more words than the model has"
    position: uint256 = start
    for word: uint256 in words:
        if count < room:
            assert (
                word & staticcall IKind(IMPLEMENTATION).vacant(parameters, count, position) == 0
            ), "model: word of a missing class"
        self.state[position] = word
        position += 1


@internal
def _seal():
    header_word: uint256 = self.state[HEADER]
    assert header_word < SEALED, "model: sealed"
    assert staticcall IKind(self).check_state(), "model: not a state to seal"
    self.state[HEADER] = header_word | SEALED
    log Sealed()


@internal
@pure
def _count_update(header_word: uint256) -> uint256:
    """
    @dev The header word after one more update.
    """
    assert (header_word >> 224) & VERSION_MASK < VERSION_MASK, "model: version is full"
    return unsafe_add(header_word, VERSION_ONE)  # safe: the version is below its maximum, so nothing carries into the flag
