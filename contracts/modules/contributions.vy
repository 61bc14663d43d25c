# pragma version 0.4.3
"""
@title Contributions
@notice What incentives ask a model about a contribution. The record of one, a slot, is each incentive's own: it holds what can
        be claimed.
"""
MAX_SAMPLE: constant(uint256) = 2_048


@internal
@view
def _agrees(model: address, x: Bytes[MAX_SAMPLE], y: uint256, effect: uint256, without_own_effect: bool) -> bool:
    """
    @dev Whether the model classifies the sample as `y`. `staticcall` would pass as many bytes as x may have; this passes as
         many as it has.
    @param effect What `update` returned when the sample was contributed.
    @param without_own_effect Whether to ask the model as if the sample had never been contributed.
    """
    answer: Bytes[32] = b""
    if without_own_effect:
        answer = raw_call(
            model,
            abi_encode(x, y, effect, method_id=method_id("predict_without(bytes,uint256,uint256)")),
            max_outsize=32,
            is_static_call=True,
        )
    else:
        answer = raw_call(
            model, abi_encode(x, method_id=method_id("predict(bytes)")), max_outsize=32, is_static_call=True
        )
    assert len(answer) == 32, "contributions: the model does not answer"
    return convert(answer, uint256) == y
