# pragma version 0.4.3
"""
@title MessageBoard: a contract that decides by a model's prediction
@notice Anyone may post. A message that the model takes for spam is kept, but hidden until the board's owner shows it.
@dev An example of using a published model: the prediction costs the caller gas, but nothing else. The model's address is fixed, and
     with it whose code it runs and who trains it; what it answers may change with all that it learns. Where a wrong answer
     is dear, a contract should have somebody who can overrule the model, as the owner does here, and should know that whoever
     pays the deposit can move the model.

     The sample is made off chain by the model's encoder. Nobody can check on chain that it stands for the text, so its
     hash is kept in the event: a reader can encode the text again, and the owner can hide what was declared falsely.
"""
from ..interfaces import IModel
from ..modules import limits

struct Message:
    author: address
    hidden: bool
    text: String[280]

event Posted:
    author: indexed(address)
    number: uint256
    hidden: bool
    sample: bytes32  # the hash of the sample

event Overruled:
    number: uint256
    hidden: bool


# the model that is asked
MODEL: public(immutable(IModel))
# the class that is hidden
SPAM: public(immutable(uint256))
# who may overrule the model
OWNER: public(immutable(address))

# by number, from 0
messages: public(HashMap[uint256, Message])
count: public(uint256)


@deploy
def __init__(model: address, spam: uint256):
    """
    @param model A published model for texts.
    @param spam The index of the class to hide.
    """
    MODEL = IModel(model)
    SPAM = spam
    OWNER = msg.sender
    assert spam < staticcall MODEL.class_count(), "board: no such class"
    assert staticcall MODEL.sealed(), "board: the model is not complete"


@external
def post(text: String[280], x: Bytes[limits.MAX_SAMPLE]) -> uint256:
    """
    @notice Post a message.
    @param x The text as the model's encoder makes it.
    @return The number of the message.
    """
    hidden: bool = staticcall MODEL.predict(x) == SPAM
    number: uint256 = self.count
    self.count = number + 1
    self.messages[number] = Message(author=msg.sender, hidden=hidden, text=text)
    log Posted(author=msg.sender, number=number, hidden=hidden, sample=keccak256(x))
    return number


@external
def overrule(number: uint256, hidden: bool):
    """
    @notice Show what the model hid, or hide what it let pass. Only the owner may.
    """
    assert msg.sender == OWNER, "board: not the owner"
    assert number < self.count, "board: no such message"
    self.messages[number].hidden = hidden
    log Overruled(number=number, hidden=hidden)


@view
@external
def visible(number: uint256) -> String[280]:
    """
    @notice The text of a message, empty where it is hidden.
    """
    message: Message = self.messages[number]
    return "" if message.hidden else message.text
