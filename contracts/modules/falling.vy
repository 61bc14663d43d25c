# pragma version 0.4.3
"""
@title Falling
@notice A rate that falls with the number of updates, for perceptrons on dense samples: the first samples count most.
@dev The rate is the one at which it ends times 2^doublings, and so are bias rate and margin. Where c updates are counted, the
     doublings are the number of the five powers 4, 16, 64, 256 and 1,024 that are above c, and at most the parameter `fall`:
     about 32 / √c times the last rate, and at most 2^fall times it. After 1,024 updates it is the last one, and no more are
     counted.

     The count is a part of the state, as `words` gives it and `load` takes it: a copy of a model learns as the model does, and one
     that was trained before it was published goes on where that ended. Where the parameter is 0 there is no count, and the rate
     is always the same.
"""

FALL: constant(uint256) = 236  # where the parameter stands in the identity word: above the number of features
COUNT: constant(uint256) = 160  # where the count stands in the header word, in 16 bits

MASK_3: constant(uint256) = 2**3 - 1  # of the doublings in an effect
MASK_4: constant(uint256) = 2**4 - 1
MASK_12: constant(uint256) = 2**12 - 1  # of the number of features, below the parameter
MASK_16: constant(uint256) = 2**16 - 1
MAX_FALL: constant(uint256) = 5  # the most that it says; the contracts refuse more

# an effect says the doublings above the 8 bits that name a class
EFFECT: constant(uint256) = 8


@internal
@pure
def _doublings(identity: uint256, header_word: uint256) -> uint256:
    """
    @notice How often the rate of the next update is twice the last one: it is the last one times 2^doublings.
    """
    count: uint256 = (header_word >> COUNT) & MASK_16
    return min(
        (identity >> FALL) & MASK_4,
        unsafe_add(
            unsafe_add(
                unsafe_add(convert(count < 4, uint256), convert(count < 16, uint256)),
                unsafe_add(convert(count < 64, uint256), convert(count < 256, uint256)),
            ),
            convert(count < 1_024, uint256),
        ),
    )
