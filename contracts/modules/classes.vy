# pragma version 0.4.3
"""
@title Classes
@notice How many classes a model has and what they are called, for models whose owner may add classes later.
@dev The number of classes is part of the state, so a copy of the words has the same classes. In the header word, of the 32 bits
     that the module `model` leaves free, from the lowest:

         7..0   the number of classes
         15..8  how many there were before the first was added; 0 as long as none was

     A model is sealed with at least one class and at most as many as its parameters leave room for; that room is fixed for ever.
     A class that is added starts with nothing: nobody can give it weights, counts or a bias, before sealing neither, because words
     of classes that are not there are refused. Adding it changes no answer; it counts from its first samples on, as its kind says.

     The names that a model is created with are texts of its card; later ones are in storage. Names are not empty, and no
     two are the same. A replica has no card and so no names, but the same number of classes.
"""
from . import limits
from . import model
from . import ownership

uses: model
uses: ownership

event ClassAdded:
    y: indexed(uint256)
    name: String[limits.MAX_TEXT]

COUNT_ONE: constant(uint256) = 1 << model.CLASSES
FOUNDERS: constant(uint256) = model.CLASSES + 8  # where the number of classes before the first was added stands
# What a trainer may take to say that it is not busy. Who gives the transaction too little gas for the question has too little
# left to add a class.
BUSY_GAS: constant(uint256) = 100_000
ALL: constant(uint256) = max_value(uint256)

# by class: the names of the classes that were added after the model was created
later_names: HashMap[uint256, String[limits.MAX_TEXT]]
# by hash: whether a later class has this name
later_taken: HashMap[bytes32, bool]


@view
@external
def class_count() -> uint256:
    """
    @notice The number of classes, those that were added included.
    """
    return self._count(model.state[model.HEADER])


@view
@external
def class_name(y: uint256) -> String[limits.MAX_TEXT]:
    """
    @notice The name of a class; empty where the model has no card.
    """
    assert y < self._count(model.state[model.HEADER]), "model: no such class"
    name: String[limits.MAX_TEXT] = model._class_name(y)
    return name if len(name) > 0 else self.later_names[y]


@internal
@pure
def _count(header_word: uint256) -> uint256:
    """
    @notice The number of classes of a model with this header word.
    """
    return (header_word >> model.CLASSES) & 255


@internal
@pure
def _last_founder(header_word: uint256) -> uint256:
    """
    @notice The last class that was there before one was added; the largest number there is if none was.
    """
    return unsafe_sub((header_word >> FOUNDERS) & 255, 1)  # meant to wrap around


@internal
@view
def _check():
    """
    @notice Checks, for a model that is sealed with what was loaded, that it has classes and every class has a name of its own,
            where the model has a card. That there are not too many was checked when word 0 was loaded.
    """
    header_word: uint256 = model.state[model.HEADER]
    count: uint256 = self._count(header_word)
    assert count > 0, "classes: none"
    # otherwise a class that is added would count as one of the first
    assert (header_word >> FOUNDERS) & 255 <= count, "classes: more founders than classes"
    clone: address = self
    if clone.codesize == model.CARD:
        return
    offset: uint256 = model.CARD
    for i: uint256 in range(3):
        offset += 1 + (model._code_word(offset) >> 248)
    hashes: DynArray[bytes32, limits.MAX_CLASSES] = []
    for y: uint256 in range(count, bound=limits.MAX_CLASSES):
        length: uint256 = model._code_word(offset) >> 248
        assert length > 0, "classes: empty name"
        digest: bytes32 = empty(bytes32)
        for i: uint256 in range((length + 31) // 32, bound=8):
            digest = keccak256(concat(digest, convert(self._name_word(offset, length, i), bytes32)))
        assert digest not in hashes, "classes: name is taken"
        hashes.append(digest)
        offset += 1 + length
    assert offset == clone.codesize, "classes: more names than classes"


@internal
def _add(name: String[limits.MAX_TEXT], room: uint256) -> uint256:
    """
    @notice One more class. Only the owner may, only when the model is sealed, and not while its trainer is busy with it. A trainer
            that does not answer is not asked twice.
    @param name Not empty, and not the name of another class.
    @param room How many classes there is room for.
    @return The new class.
    """
    ownership._check_owner()
    header_word: uint256 = model.state[model.HEADER]
    assert header_word >= model.SEALED, "model: not sealed"
    y: uint256 = self._count(header_word)
    assert y < room, "classes: too many"
    assert len(name) > 0, "classes: empty name"
    assert not self.later_taken[keccak256(name)] and not self._in_card(name), "classes: name is taken"
    ok: bool = False
    answer: Bytes[32] = b""
    ok, answer = raw_call(
        model._trainer(),
        abi_encode(self, method_id=method_id("busy(address)")),
        max_outsize=32,
        gas=BUSY_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    assert not (ok and len(answer) == 32 and convert(answer, uint256) > 0), "classes: the trainer is busy"
    if (header_word >> FOUNDERS) & 255 == 0:
        header_word |= y << FOUNDERS
    model.state[model.HEADER] = unsafe_add(header_word, COUNT_ONE)  # safe: below the room, which has 8 bits
    self.later_names[y] = name
    self.later_taken[keccak256(name)] = True
    log ClassAdded(y=y, name=name)
    return y


@internal
@view
def _in_card(name: String[limits.MAX_TEXT]) -> bool:
    """
    @dev Whether a class of the card has this name.
    """
    clone: address = self
    offset: uint256 = model.CARD
    for i: uint256 in range(3 + limits.MAX_CLASSES):
        if offset >= clone.codesize:
            break
        length: uint256 = model._code_word(offset) >> 248
        if i >= 3 and length == len(name):
            same: bool = True
            for j: uint256 in range((length + 31) // 32, bound=8):
                part: uint256 = convert(slice(concat(convert(name, Bytes[limits.MAX_TEXT]), empty(bytes32)), 32 * j, 32), uint256)
                if part != self._name_word(offset, length, j):
                    same = False
                    break
            if same:
                return True
        offset += 1 + length
    return False


@internal
@view
def _name_word(offset: uint256, length: uint256, i: uint256) -> uint256:
    """
    @dev The i-th 32 bytes of the text of this length whose length byte stands at `offset`, zeros behind its end.
    """
    word: uint256 = model._code_word(offset + 1 + 32 * i)
    used: uint256 = min(32, length - 32 * i)
    return word & (ALL << (256 - 8 * used))
