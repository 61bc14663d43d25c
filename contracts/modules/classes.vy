# pragma version 0.4.3
"""
@title Classes
@notice The classes that the owner adds to a model after its creation, and the names of all.
@dev The names of the first classes stand in the model's card, those of the classes added later in storage.
"""
from . import model

event ClassAdded:
    y: indexed(uint256)
    name: String[255]

# by class: the name of a class that was added later
added_names: HashMap[uint256, String[255]]


@internal
@view
def _name(y: uint256, in_card: uint256) -> String[255]:
    """
    @param in_card The number of classes that the model was created with.
    """
    if y < in_card:
        return model._class_name(y)
    return self.added_names[y]


@internal
def _add(name: String[255], count: uint256, in_card: uint256):
    """
    @dev Keeps the name of class `count`, the first that is not there yet.
    """
    assert len(name) > 0, "classes: name is empty"
    hash: bytes32 = keccak256(name)
    offset: uint256 = model._text_offset(3)
    for y: uint256 in range(in_card, bound=255):
        length: uint256 = model._code_word(offset) >> 248
        if length == len(name):
            assert keccak256(model._text_at(offset)) != hash, "classes: name is taken"
        offset += 1 + length
    for y: uint256 in range(in_card, count, bound=255):
        assert keccak256(self.added_names[y]) != hash, "classes: name is taken"
    self.added_names[count] = name
    log ClassAdded(y=count, name=name)
