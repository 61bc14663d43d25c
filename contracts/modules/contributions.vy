# pragma version 0.4.3
"""
@title Contributions
@notice What incentives ask a model about a contribution, and its own words where it refuses one. The record of a contribution, a
        slot, is each incentive's own: it holds what can be claimed.
@dev What cannot be done is answered with `REFUSED`, and `why` says the reason: so a single call can revert with it, and a batch
     go on to its next item. Whoever gets `REFUSED` reads `why` before it calls anybody.
"""

from . import limits

REFUSED: constant(uint256) = max_value(uint256)
MAX_REASON: constant(uint256) = 128  # bytes of a text: more than any contract of this project has
MAX_RESPONSE: constant(uint256) = 4 + 64 + MAX_REASON  # bytes that are read of what a model returns or reverts with

# why the latest thing was refused
why: transient(String[MAX_REASON])


@internal
def _refuse(reason: String[MAX_REASON]) -> uint256:
    self.why = reason
    return REFUSED


@internal
def _agrees(model: address, x: Bytes[limits.MAX_SAMPLE], y: uint256, effect: uint256, without_own_effect: bool) -> uint256:
    """
    @dev Whether the model classifies the sample as `y`: 1, 0, or `REFUSED` if it does not answer. `staticcall` would pass as many
         bytes as x may have; this passes as many as it has.
    @param effect What `update` returned when the sample was contributed.
    @param without_own_effect Whether to ask the model as if the sample had never been contributed.
    """
    success: bool = False
    response: Bytes[MAX_RESPONSE] = b""
    if without_own_effect:
        success, response = raw_call(
            model,
            abi_encode(x, y, effect, method_id=method_id("predict_without(bytes,uint256,uint256)")),
            max_outsize=MAX_RESPONSE,
            is_static_call=True,
            revert_on_failure=False,
        )
    else:
        success, response = raw_call(
            model,
            abi_encode(x, method_id=method_id("predict(bytes)")),
            max_outsize=MAX_RESPONSE,
            is_static_call=True,
            revert_on_failure=False,
        )
    if not success:
        return self._refuse_as(response)
    if len(response) < 32:
        return self._refuse("contributions: the model does not answer")
    return convert(extract32(response, 0, output_type=uint256) == y, uint256)


@internal
def _refuse_as(response: Bytes[MAX_RESPONSE]) -> uint256:
    """
    @dev Refuse with the text with which a call reverted, or the first of it; with one of ours where it gave none.
    """
    self.why = "contributions: the model failed"
    if len(response) > 68 and slice(response, 0, 4) == method_id("Error(string)"):
        length: uint256 = min(convert(slice(response, 36, 32), uint256), len(response) - 68)
        if length > 0:
            self.why = convert(slice(response, 68, length), String[MAX_REASON])
    return REFUSED
