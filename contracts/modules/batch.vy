# pragma version 0.4.3
"""
@title Batch
@notice Many items in one transaction: what becomes of one that cannot be done.
@dev The items of a batch are bytes, one after the other, each of them: what the function puts before it, label (1 byte), length of
     the sample in bytes (2 bytes), the sample. The numbers are big-endian. So the items of one's own contributions are rows as
     `IModel.evaluate` takes them.

     An item that cannot be done is skipped, and undoes nothing but itself. All that is not known to be right is done by the model,
     in a call of its own: if it fails, all that was done in it is taken back. A whole batch has one model, so a model that burns
     its gas spoils only contributions to itself.
"""

from . import contributions

uses: contributions

event Skipped:
    model: indexed(address)
    contributor: indexed(address)
    caller: indexed(address)
    item: uint256  # its number in the batch, from 0
    reason: String[contributions.MAX_REASON]

# bytes of all items of a batch. Memory is paid for with the square, so more would make every batch dearer. Of one's own, 20 dense
# samples of 512 values take 10,300; of 15 words, a hundred take 5,300 as claims and 12,500 signed
MAX_OWN_BYTES: constant(uint256) = 10_400
MAX_BYTES: constant(uint256) = 6_400
MAX_SIGNED_BYTES: constant(uint256) = 12_800

# bytes before the sample: label, length; with the contributor before them; and with deadline (5) and length of the signature (2)
# between, which follows the sample
HEAD: constant(uint256) = 3
CLAIM_HEAD: constant(uint256) = 23
SIGNED_HEAD: constant(uint256) = 30

MAX_ITEMS: constant(uint256) = MAX_OWN_BYTES // HEAD
# flags in one batch: one event tells of them all, and all batches pay for the memory that it may need
MAX_FLAGS: constant(uint256) = 100

TOO_LONG: constant(String[42]) = "batch: the sample or signature is too long"

# An item that had too little gas must not pass for one that cannot be done: who sends a batch for others would choose which. A call
# that runs out of gas leaves a 64th (EIP-150) in each contract between: the caller, the model's proxy, its implementation, what
# that calls. Whatever leaves less than four of them is not believed.
STARVED: constant(uint256) = 16


@internal
def _skip(model: address, contributor: address, item: uint256, before: uint256):
    """
    @dev An item was refused.
    @param before The gas that there was before the item.
    """
    assert msg.gas >= before // STARVED, "batch: too little gas"
    log Skipped(model=model, contributor=contributor, caller=msg.sender, item=item, reason=contributions.why)
