# pragma version 0.4.3
"""
@title Classes
@notice How many classes a model has and what they are called, for models whose owner may add classes later.
@dev The number of classes is part of the state: it stands in bits 192 to 199 of the header word (the lowest 8 of the 32 bits
     that the module `model` leaves free), so a copy of the words has the same classes. A model is sealed with at least one
     class and at most as many as its parameters leave room for; that room is fixed for ever.

     The names that a model is created with are texts of its card; later ones are in storage. Names are not empty, and no
     two are the same. A replica has no card and so no names, but the same number of classes.
"""
from . import model
from . import ownership

uses: model
uses: ownership

event ClassAdded:
    y: indexed(uint256)
    name: String[255]

MAX_CLASSES: constant(uint256) = 255
MAX_NAME: constant(uint256) = 255  # bytes

COUNT: constant(uint256) = 192  # where the number of classes stands in the header word
COUNT_ONE: constant(uint256) = 1 << COUNT
ALL: constant(uint256) = max_value(uint256)

# by class: the names of the classes that were added after the model was created
later_names: HashMap[uint256, String[255]]
# by hash: whether a later class has this name
later_taken: HashMap[bytes32, bool]


@internal
@pure
def _count(header_word: uint256) -> uint256:
    """
    @notice The number of classes of a model with this header word.
    """
    return (header_word >> COUNT) & 255


@internal
@view
def _name(y: uint256, header: uint256) -> String[255]:
    """
    @param header The state word with the header.
    """
    assert y < self._count(model.words[header]), "model: no such class"
    name: String[255] = model._class_name(y)
    return name if len(name) > 0 else self.later_names[y]


@internal
@view
def _check(header: uint256, capacity: uint256):
    """
    @notice Checks, for a model that is sealed with what was loaded, that the number of classes is right and every class has a
            name of its own, where the model has a card.
    @param header The state word with the header.
    @param capacity How many classes there is room for.
    """
    count: uint256 = self._count(model.words[header])
    assert count > 0, "classes: none"
    assert count <= capacity, "classes: too many"
    clone: address = self
    if clone.codesize == model.CARD:
        return
    offset: uint256 = model.CARD
    for i: uint256 in range(3):
        offset += 1 + (model._code_word(offset) >> 248)
    hashes: DynArray[bytes32, MAX_CLASSES] = []
    for y: uint256 in range(count, bound=MAX_CLASSES):
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
def _add(name: String[255], header: uint256, capacity: uint256) -> uint256:
    """
    @notice One more class. Only the owner may, and only when the model is sealed: until then, load it with its classes.
    @param header The state word with the header.
    @param capacity How many classes there is room for.
    @return The new class.
    """
    ownership._check_owner()
    header_word: uint256 = model.words[header]
    assert header_word >= model.SEALED, "model: not sealed"
    y: uint256 = self._count(header_word)
    assert y < capacity, "classes: too many"
    assert len(name) > 0, "classes: empty name"
    assert not self.later_taken[keccak256(name)] and not self._in_card(name), "classes: name is taken"
    model.words[header] = unsafe_add(header_word, COUNT_ONE)  # safe: below the capacity, which has 8 bits
    self.later_names[y] = name
    self.later_taken[keccak256(name)] = True
    log ClassAdded(y=y, name=name)
    return y


@internal
@view
def _in_card(name: String[255]) -> bool:
    """
    @dev Whether a class of the card has this name.
    """
    clone: address = self
    offset: uint256 = model.CARD
    for i: uint256 in range(3 + MAX_CLASSES):
        if offset >= clone.codesize:
            break
        length: uint256 = model._code_word(offset) >> 248
        if i >= 3 and length == len(name):
            same: bool = True
            for j: uint256 in range((length + 31) // 32, bound=8):
                part: uint256 = convert(slice(concat(convert(name, Bytes[255]), empty(bytes32)), 32 * j, 32), uint256)
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
