# pragma version 0.4.3
"""
@title Thanks
@notice A toy: no money and no claims; who contributes what the model learns from is thanked, at most so many times.
        docs/new-incentive.md makes it step by step.
"""
from contracts.interfaces import IIncentive
from contracts.interfaces import IModel
from contracts.modules import limits

implements: IIncentive

struct Terms:
    most: uint256  # thanks for one account on one model, at least 1

# by model; 0: not open
most: HashMap[address, uint256]
# by model and account
thanks: public(HashMap[address, HashMap[address, uint256]])


@external
def open(terms: Bytes[limits.MAX_TERMS]):
    """
    @notice Accept contributions for the calling model from now on, on these terms.
    @param terms The ABI-encoded `Terms`.
    """
    assert self.most[msg.sender] == 0, "thanks: open already"
    assert len(terms) == 32, "thanks: malformed terms"
    agreed: Terms = abi_decode(terms, Terms)
    assert agreed.most > 0 and agreed.most < 2**32, "thanks: 1 to 4,294,967,295 thanks"
    self.most[msg.sender] = agreed.most
    log IIncentive.Opened(model=msg.sender)


@view
@external
def terms(model: address) -> Terms:
    """
    @notice The terms of a model.
    """
    assert self.most[model] > 0, "thanks: not open for this model"
    return Terms(most=self.most[model])


@view
@external
def busy(model: address) -> bool:
    """
    @notice Never: nothing here needs a model to keep its form.
    """
    return False


@external
def add_data(model: address, x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Contribute a sample.
    @return The effect that the sample had.
    """
    most: uint256 = self.most[model]
    assert most > 0, "thanks: not open for this model"
    effect: uint256 = extcall IModel(model).update(x, y)
    assert y < 256 and effect < 2**16, "thanks: the model breaks its rules on label or effect"
    if effect > 0 and self.thanks[model][msg.sender] < most:
        self.thanks[model][msg.sender] += 1
    log IIncentive.AddData(
        model=model,
        contributor=msg.sender,
        sponsor=msg.sender,
        facts=y | (effect << 8) | (block.timestamp << 24),
        x=x,
    )
    return effect
