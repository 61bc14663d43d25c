# pragma version 0.4.3
"""
@title SelfAssessment: deposit, refund, and take
@notice Contributors put down a deposit with each sample. If the model agrees with the sample after a while, they get it back; if
        not, others who have contributed good data take it (slides, "Self-Assessment").
@dev One contract serves every model that was created with it as trainer; each model has its own terms, fixed at its creation.
     All amounts are in wei, all times in seconds. Divisions round towards zero.

     Money leaves to the caller only, as the last thing that a function does: by then the state is final, and a call back
     into this contract finds nothing left to take. The model is called when all but its own answer is final. The balance
     is the sum of `claimable` over all contributions; ether that is forced in changes nothing.
"""
from ..interfaces import IIncentive
from ..interfaces import IModel
from ..modules import contributions

implements: IIncentive

struct Terms:
    cost_weight: uint96  # wei: the deposit required one hour after a contribution is 60 times less than one second after it
    refund_wait: uint32  # seconds until the contributor may claim a refund and others may report
    owner_wait: uint32  # seconds until the model's owner may take what is left
    anyone_wait: uint32  # seconds until anyone may take what is left
    dispute_wait: uint32  # seconds between the announcement of a report and the report, 0: none needed
    without_own_effect: bool  # judge a sample by the model without this sample's own effect

struct Contribution:
    claimable: uint256  # wei that can still be claimed
    deposit: uint256  # wei
    time: uint256  # when it was added, 0 if there is nothing to claim
    effect: uint256  # what it did to the model
    validated: bool  # whether its author's count of validated contributions contains this sample and label already
    round: uint256  # how often its author has contributed this sample and label, this time included

# `Opened` and `AddData` stand in IIncentive

event Refund:
    model: indexed(address)
    contributor: indexed(address)
    contribution: bytes32
    amount: uint256

event Flag:
    model: indexed(address)
    reporter: indexed(address)
    contribution: bytes32

event Report:
    model: indexed(address)
    reporter: indexed(address)
    contribution: bytes32
    amount: uint256

event Take:
    model: indexed(address)
    taker: indexed(address)
    contribution: bytes32
    amount: uint256

MAX_SAMPLE: constant(uint256) = 2_048
MAX_TERMS: constant(uint256) = 512
MAX_ROUND: constant(uint256) = 2**15 - 1
MAX_COST_WEIGHT: constant(uint256) = 2**96 // 3_600 - 1  # so that any deposit fits 96 bits
PAID: constant(uint256) = max_value(uint256)

MASK_32: constant(uint256) = 2**32 - 1
MASK_35: constant(uint256) = 2**35 - 1
MASK_36: constant(uint256) = 2**36 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_85: constant(uint256) = 2**85 - 1
MASK_96: constant(uint256) = 2**96 - 1

# where the fields of a model's account begin; the time of the latest contribution is the lowest
SUBMITTED_ALL: constant(uint256) = 36
VALIDATED_ALL: constant(uint256) = 71
COST_WEIGHT: constant(uint256) = 106
REFUND_WAIT: constant(uint256) = 191
DISPUTE_WAIT: constant(uint256) = 223
WITHOUT_OWN_EFFECT: constant(uint256) = 255

# where the fields of a contribution's record begin
DEPOSIT: constant(uint256) = 96
TIME: constant(uint256) = 192
EFFECT: constant(uint256) = 232
VALIDATED: constant(uint256) = 240
ROUND: constant(uint256) = 241

# by model, from the lowest bits: time of the latest contribution (36; 0 if not open), submitted (35) and validated (35)
# contributions, cost weight (85), refund wait (32), dispute wait (32), without own effect (1)
accounts: HashMap[address, uint256]
# by model, from the lowest bits: owner wait (32), anyone wait (32)
long_waits: HashMap[address, uint256]
# by key, from the lowest bits: claimable (96), deposit (96), time (40), effect (8), validated (1), round (15)
records: HashMap[bytes32, uint256]
# by model and contributor: validated contributions
validated_of: public(HashMap[address, HashMap[address, uint256]])
# by contribution, round and reporter: time of the announcement, or PAID
reports: HashMap[bytes32, uint256]


# ---- terms ----------------------------------------------------------------------------------------------------------

@external
def open(terms: Bytes[MAX_TERMS]):
    """
    @notice Accept contributions for the calling model from now on. A model calls it once, when it is created.
    @param terms The ABI-encoded `Terms`.
    """
    t: Terms = abi_decode(terms, Terms)
    assert self.accounts[msg.sender] == 0, "self-assessment: open already"
    assert convert(t.cost_weight, uint256) <= MAX_COST_WEIGHT, "self-assessment: cost weight too large"
    assert t.refund_wait <= t.owner_wait and t.owner_wait <= t.anyone_wait, "self-assessment: waits out of order"
    # otherwise the owner could take everything before the first report pays
    assert t.dispute_wait <= t.owner_wait - t.refund_wait, "self-assessment: dispute wait ends after the owner wait"
    self.accounts[msg.sender] = (
        block.timestamp
        | (convert(t.cost_weight, uint256) << COST_WEIGHT)
        | (convert(t.refund_wait, uint256) << REFUND_WAIT)
        | (convert(t.dispute_wait, uint256) << DISPUTE_WAIT)
        | (convert(t.without_own_effect, uint256) << WITHOUT_OWN_EFFECT)
    )
    self.long_waits[msg.sender] = convert(t.owner_wait, uint256) | (convert(t.anyone_wait, uint256) << 32)
    log IIncentive.Opened(model=msg.sender)


@view
@external
def terms(model: address) -> Terms:
    """
    @notice The terms on which a model accepts contributions.
    """
    account: uint256 = self._account(model)
    long_waits: uint256 = self.long_waits[model]
    return Terms(
        cost_weight=convert((account >> COST_WEIGHT) & MASK_85, uint96),
        refund_wait=convert((account >> REFUND_WAIT) & MASK_32, uint32),
        owner_wait=convert(long_waits & MASK_32, uint32),
        anyone_wait=convert(long_waits >> 32, uint32),
        dispute_wait=convert((account >> DISPUTE_WAIT) & MASK_32, uint32),
        without_own_effect=convert(account >> WITHOUT_OWN_EFFECT, bool),
    )


@view
@external
def required_deposit(model: address) -> uint256:
    """
    @notice The deposit that a contribution needs now: cost weight · 3600 / √(seconds since the latest one), in wei.
    """
    return self._required_deposit(self._account(model))


@view
@external
def statistics(model: address) -> (uint256, uint256):
    """
    @notice The submitted and the validated contributions of a model.
    """
    account: uint256 = self._account(model)
    return (account >> SUBMITTED_ALL) & MASK_35, (account >> VALIDATED_ALL) & MASK_35


@view
@external
def contribution(model: address, contributor: address, x: Bytes[MAX_SAMPLE], y: uint256) -> Contribution:
    """
    @notice The latest contribution of a sample and label by an account.
    """
    record: uint256 = self.records[self._key(model, contributor, keccak256(x), y)]
    return Contribution(
        claimable=record & MASK_96,
        deposit=(record >> DEPOSIT) & MASK_96,
        time=(record >> TIME) & MASK_40,
        effect=(record >> EFFECT) & 255,
        validated=(record >> VALIDATED) & 1 == 1,
        round=record >> ROUND,
    )


# ---- deposit --------------------------------------------------------------------------------------------------------

@payable
@external
def add_data(model: address, x: Bytes[MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Contribute a sample. The ether sent along is the most that the caller is ready to deposit; the change comes back.
    @dev The same account can contribute the same sample and label again once the earlier contribution is settled; such a
         copy can win its deposit back, but does not count as validated a second time.
    @return What the model's `update` returned.
    """
    account: uint256 = self.accounts[model]
    assert account > 0, "self-assessment: not open for this model"
    assert y < 256, "self-assessment: no such label"
    deposit: uint256 = self._required_deposit(account)
    assert deposit <= msg.value, "self-assessment: deposit above the value sent"
    key: bytes32 = keccak256(abi_encode(model, msg.sender, y, keccak256(x)))
    record: uint256 = self.records[key]
    assert (record >> TIME) & MASK_40 == 0, "self-assessment: the same contribution is not settled yet"
    assert record >> ROUND < MAX_ROUND, "self-assessment: contributed too often"

    # safe: 35 bits of submitted contributions never fill up, and the round is below its maximum
    self.accounts[model] = unsafe_add(account & ~MASK_36, 1 << SUBMITTED_ALL) | block.timestamp
    record = (
        unsafe_add((record >> VALIDATED) << VALIDATED, 1 << ROUND)
        | (block.timestamp << TIME)
        | (deposit << DEPOSIT)
        | deposit
    )
    self.records[key] = record

    # `extcall` would pass as many bytes as x may have; this passes as many as it has
    effect: uint256 = convert(
        raw_call(model, abi_encode(x, y, method_id=method_id("update(bytes,uint256)")), max_outsize=32), uint256
    )
    if effect > 0:
        assert effect < 256, "self-assessment: unknown effect"
        assert self.records[key] == record, "self-assessment: claimed before it was added"
        self.records[key] = record | (effect << EFFECT)
    log IIncentive.AddData(
        model=model,
        contributor=msg.sender,
        facts=y | (effect << 8) | (block.timestamp << 16) | (deposit << 56),
        x=x,
    )
    if msg.value > deposit:
        send(msg.sender, unsafe_sub(msg.value, deposit), gas=msg.gas)
    return effect


# ---- refund ---------------------------------------------------------------------------------------------------------

@external
def refund(model: address, x: Bytes[MAX_SAMPLE], y: uint256):
    """
    @notice Get back what is left of the deposit of one's own contribution with which the model agrees.
    """
    account: uint256 = self.accounts[model]
    key: bytes32 = self._key(model, msg.sender, keccak256(x), y)
    record: uint256 = self._open_record(key, (account >> REFUND_WAIT) & MASK_32)
    assert contributions._agrees(
        model, x, y, (record >> EFFECT) & 255, account >> WITHOUT_OWN_EFFECT > 0
    ), "self-assessment: the model disagrees"

    if (record >> VALIDATED) & 1 == 0:
        # safe: validated contributions are no more than submitted ones
        self.validated_of[model][msg.sender] = unsafe_add(self.validated_of[model][msg.sender], 1)
        self.accounts[model] = unsafe_add(account, 1 << VALIDATED_ALL)
    self._settle(key, record | (1 << VALIDATED))
    amount: uint256 = record & MASK_96
    log Refund(model=model, contributor=msg.sender, contribution=key, amount=amount)
    self._pay(amount)


# ---- take -----------------------------------------------------------------------------------------------------------

@external
def flag(model: address, contributor: address, x: Bytes[MAX_SAMPLE], y: uint256):
    """
    @notice Announce a report, where the terms ask for a dispute wait. It must be due already, but for that wait.
    """
    account: uint256 = self.accounts[model]
    assert (account >> DISPUTE_WAIT) & MASK_32 > 0, "self-assessment: report at once, there is no dispute wait"
    key: bytes32 = self._key(model, contributor, keccak256(x), y)
    record: uint256 = self._open_record(key, (account >> REFUND_WAIT) & MASK_32)
    report_key: bytes32 = self._check_reporter(model, contributor, key, record)
    assert self.reports[report_key] == 0, "self-assessment: flagged already"
    assert not contributions._agrees(
        model, x, y, (record >> EFFECT) & 255, account >> WITHOUT_OWN_EFFECT > 0
    ), "self-assessment: the model agrees"
    self.reports[report_key] = block.timestamp
    log Flag(model=model, reporter=msg.sender, contribution=key)


@external
def report(model: address, contributor: address, x: Bytes[MAX_SAMPLE], y: uint256):
    """
    @notice Take a share of the deposit of another's contribution with which the model disagrees: the caller's part of all
            validated contributions, rounded down, at most what is left. Once for each reporter and contribution.
    """
    account: uint256 = self.accounts[model]
    key: bytes32 = self._key(model, contributor, keccak256(x), y)
    record: uint256 = self._open_record(key, (account >> REFUND_WAIT) & MASK_32)
    report_key: bytes32 = self._check_reporter(model, contributor, key, record)
    flagged: uint256 = self.reports[report_key]
    assert flagged != PAID, "self-assessment: reported already"
    dispute_wait: uint256 = (account >> DISPUTE_WAIT) & MASK_32
    if dispute_wait > 0:
        assert flagged > 0, "self-assessment: flag it first"
        assert block.timestamp >= flagged + dispute_wait, "self-assessment: too early"
    assert not contributions._agrees(
        model, x, y, (record >> EFFECT) & 255, account >> WITHOUT_OWN_EFFECT > 0
    ), "self-assessment: the model agrees"

    validated: uint256 = (account >> VALIDATED_ALL) & MASK_35
    left: uint256 = record & MASK_96
    # safe: 96 bits times 35 bits; the reporter has validated data, so the divisor is not 0
    share: uint256 = unsafe_div(unsafe_mul((record >> DEPOSIT) & MASK_96, self.validated_of[model][msg.sender]), validated)
    amount: uint256 = min(share, left)
    assert amount > 0, "self-assessment: the share rounds to nothing"
    self.reports[report_key] = PAID
    if amount == left:
        self._settle(key, record)
    else:
        self.records[key] = unsafe_sub(record, amount)  # safe: less than the lowest 96 bits
    log Report(model=model, reporter=msg.sender, contribution=key, amount=amount)
    self._pay(amount)


@external
def take(model: address, contributor: address, x: Bytes[MAX_SAMPLE], y: uint256):
    """
    @notice Take all that is left of another's contribution: as the model's owner from the owner wait on, as anyone from the
            anyone wait on. Whether the model agrees is not asked; after the anyone wait the model is not called at all.
    """
    long_waits: uint256 = self.long_waits[model]
    key: bytes32 = self._key(model, contributor, keccak256(x), y)
    record: uint256 = self._open_record(key, long_waits & MASK_32)
    assert msg.sender != contributor, "self-assessment: one's own contribution"
    if block.timestamp < ((record >> TIME) & MASK_40) + (long_waits >> 32):
        assert msg.sender == staticcall IModel(model).owner(), "self-assessment: only the owner, yet"
    amount: uint256 = record & MASK_96
    assert amount > 0, "self-assessment: nothing left"
    self._settle(key, record)
    log Take(model=model, taker=msg.sender, contribution=key, amount=amount)
    self._pay(amount)


# ---- inside ---------------------------------------------------------------------------------------------------------

@internal
@view
def _account(model: address) -> uint256:
    account: uint256 = self.accounts[model]
    assert account > 0, "self-assessment: not open for this model"
    return account


@internal
@view
def _required_deposit(account: uint256) -> uint256:
    # safe: cost weight · 3600 has 96 bits, and no block is older than the one before
    return unsafe_div(
        unsafe_mul((account >> COST_WEIGHT) & MASK_85, 3_600),
        max(1, isqrt(unsafe_sub(block.timestamp, account & MASK_36))),
    )


@internal
@pure
def _key(model: address, contributor: address, x_hash: bytes32, y: uint256) -> bytes32:
    return keccak256(abi_encode(model, contributor, y, x_hash))


@internal
@view
def _open_record(key: bytes32, wait: uint256) -> uint256:
    """
    @dev The record of a contribution that is not settled and is at least `wait` seconds old.
    """
    record: uint256 = self.records[key]
    time: uint256 = (record >> TIME) & MASK_40
    assert time > 0, "self-assessment: no such contribution, or settled already"
    assert block.timestamp >= unsafe_add(time, wait), "self-assessment: too early"
    return record


@internal
@view
def _check_reporter(model: address, contributor: address, key: bytes32, record: uint256) -> bytes32:
    assert msg.sender != contributor, "self-assessment: one's own contribution"
    assert self.validated_of[model][msg.sender] > 0, "self-assessment: no validated contribution of one's own"
    return keccak256(concat(key, convert(record >> ROUND, bytes32), convert(msg.sender, bytes32)))


@internal
def _settle(key: bytes32, record: uint256):
    """
    @dev Nothing can be claimed any more; what stays is the round and whether it was validated.
    """
    self.records[key] = (record >> VALIDATED) << VALIDATED


@internal
def _pay(amount: uint256):
    if amount > 0:
        send(msg.sender, amount, gas=msg.gas)
