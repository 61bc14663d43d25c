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


@internal
def _keep(content: Bytes[limits.MAX_ROWS]) -> address:
    """
    @dev The contract whose code, from its second byte on, is the content.
    """
    return raw_create(concat(RETURN_REST, STOP, content))
