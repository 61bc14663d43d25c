# pragma version 0.4.3
"""
@title Stored
@notice Bytes kept as the code of contracts that nobody can run: 200 gas a byte once, and 2,600 to read all of them.
"""
from . import limits

# creation code: returns all that follows it (see the module `model`)
RETURN_REST: constant(Bytes[11]) = x"600b380380600b5f395ff3"
# the first byte of code that is data: nobody can run it
STOP: constant(Bytes[1]) = x"00"
# code that takes an ABI-encoded list of addresses and returns what follows the first byte of their code, one after the other:
#     6040 5f                     i = 64; o = 0
#     5b 81 36 11 600c 57         3: if i < calldatasize: go to 12
#     5f f3                       return the o bytes from 0 on
#     5b 81 35 6001 81 3b 03      12: a = calldata[i]; n = size of the code of a - 1
#     80 6001 84 84 3c 90 50 01   copy n bytes of the code of a from 1 on to o; o += n
#     90 6020 01 90 6003 56       i += 32; go to 3
GATHER_CODE: constant(Bytes[37]) = x"60405f5b813611600c575ff35b81356001813b0380600184843c9050019060200190600356"

MAX_PARTS: constant(uint256) = 64  # that are read at once

# the contract with GATHER_CODE
GATHER: immutable(address)


@deploy
def __init__():
    GATHER = raw_create(concat(RETURN_REST, GATHER_CODE))


@internal
def _keep(content: Bytes[limits.MAX_ROWS]) -> address:
    """
    @dev The contract whose code, from its second byte on, is the content.
    """
    return raw_create(concat(RETURN_REST, STOP, content))


@internal
@view
def _gather(parts: DynArray[address, MAX_PARTS]) -> Bytes[limits.MAX_PORTION]:
    """
    @dev What the parts keep, one after the other; the caller knows that it is not too long.
    """
    return raw_call(GATHER, abi_encode(parts), max_outsize=limits.MAX_PORTION, is_static_call=True)
