# pragma version 0.4.3
"""
@title SelfAssessment: deposit, refund, and report
@notice Contributors put down a deposit with each sample. If the model agrees with the sample after a while, they get it back; if
        not, others who have contributed good data may report it and take a share (slides, "Self-Assessment"). There are two
        rules for the rest. By the default one (`rest_wait` above 0) it goes back to whom it belongs; only what the model disagreed
        with when it came can be reported, so that nobody can turn the model and take what was right; and who has contributed
        good data is forgiven a mistake now and then. By the slides' rule (`rest_wait` of 0) all can be reported, and in the end
        the model's owner, and later anyone, takes the rest: also of good data whose refund nobody asked for in time.
@dev One contract serves every model that was created with it as trainer; each model has its own terms, fixed at its creation.
     All amounts are in wei, all times in seconds. Divisions round towards zero.

     What depends on whether the model agrees (`refund`, `forgive`, `flag`, `report`) is refused in a second in which it learnt: who
     turns the model for a claim has to leave it so over a block, in which others can answer. Who contributes in every block
     keeps all of these off, for a deposit in each; `rest` and `take` do not depend on it, and nobody can keep them off.

     Money leaves as the last thing that a function does: by then the state is final, and a call back into this contract finds
     nothing left to take. The model is called when all but its own answer is final, and what it just answered can be used in a
     later second only. The balance is the sum of `claimable` over all contributions and of `credit_of` over all accounts; ether
     that is forced in changes nothing.
"""
from ..interfaces import IIncentive
from ..interfaces import IModel
from ..modules import batch
from ..modules import contributions
from ..modules import limits
from ..modules import payments
from ..modules import signatures

implements: IIncentive
initializes: contributions
initializes: batch[contributions := contributions]
initializes: signatures[contributions := contributions]
initializes: payments
exports: (payments.credit_of, payments.fetch)

struct Terms:
    cost_weight: uint96  # wei: the deposit required one hour after a contribution is 60 times less than one second after it
    refund_wait: uint32  # seconds until a contribution can be refunded, and others may report it
    dispute_wait: uint32  # seconds between the announcement of a report and the report, 0: none needed
    rest_wait: uint32  # seconds until nobody may report any more and what is left goes back; 0: the slides' rule
    owner_wait: uint32  # by the slides' rule, seconds until the model's owner may take what is left
    anyone_wait: uint32  # by the slides' rule, seconds until anyone may take what is left
    forgive_every: uint8  # for so many validated contributions, one is given back although the model disagrees; 0: never
    born_wrong: bool  # only what the model disagreed with when it came can be reported
    without_own_effect: bool  # judge a sample by the model without this sample's own effect

struct Contribution:
    claimable: uint256  # wei that can still be claimed
    deposit: uint256  # wei
    time: uint256  # when it was added, 0 if there is nothing to claim
    effect: uint256  # what it did to the model
    born_wrong: bool  # whether the model disagreed with it when it came; False where the terms do not ask
    validated: bool  # whether its author's count of validated contributions contains this sample and label already
    round: uint256  # how often it was contributed, this time included, or a signature for it cancelled

# `Opened` and `AddData` stand in IIncentive

event Refund:
    model: indexed(address)
    contributor: indexed(address)
    contribution: bytes32
    amount: uint256

event Forgive:
    model: indexed(address)
    contributor: indexed(address)
    contribution: bytes32
    amount: uint256

event Rest:
    model: indexed(address)
    contributor: indexed(address)
    contribution: bytes32
    amount: uint256

event Flag:
    model: indexed(address)
    reporter: indexed(address)
    contributions: DynArray[bytes32, batch.MAX_FLAGS]

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

event KeeperNamed:
    contributor: indexed(address)
    keeper: indexed(address)

event Cancelled:
    model: indexed(address)
    contributor: indexed(address)
    sponsor: indexed(address)
    contribution: bytes32
    round: uint256  # what can no longer be used is a signature for it

PAID: constant(uint256) = max_value(uint256)

NO_SUCH: constant(String[57]) = "self-assessment: no such contribution, or settled already"
TOO_EARLY: constant(String[26]) = "self-assessment: too early"

MASK_6: constant(uint256) = 2**6 - 1
MASK_16: constant(uint256) = 2**16 - 1
MASK_26: constant(uint256) = 2**26 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_36: constant(uint256) = 2**36 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_70: constant(uint256) = 2**70 - 1
MASK_88: constant(uint256) = 2**88 - 1
MASK_160: constant(uint256) = 2**160 - 1

# the most that the time since the latest contribution counts for a batch of several
MAX_QUIET: constant(uint256) = 86_400

# payees of batches that are being paid at once: one within the other, as a payee may claim in turn
MAX_OWED: constant(uint256) = 2 * batch.MAX_ITEMS

# what can be done with a contribution: up to REPORT, the model is asked; from FLAG to REPORT, by somebody with validated data
REFUND: constant(uint256) = 0
FORGIVE: constant(uint256) = 1
FLAG: constant(uint256) = 2
REPORT: constant(uint256) = 3
REST: constant(uint256) = 4
TAKE: constant(uint256) = 5

# where the fields of a model's account begin; the time of the latest contribution is the lowest
VALIDATED_ALL: constant(uint256) = 36
COST_WEIGHT: constant(uint256) = 68
REFUND_WAIT: constant(uint256) = 138
DISPUTE_WAIT: constant(uint256) = 164
REST_WAIT: constant(uint256) = 190
FORGIVE_EVERY: constant(uint256) = 216
BORN_WRONG_ONLY: constant(uint256) = 1 << 222
WITHOUT_OWN_EFFECT: constant(uint256) = 1 << 223
SUBMITTED_ALL: constant(uint256) = 224

# where the fields of a contribution's record begin; what is claimable is the lowest
DEPOSIT: constant(uint256) = 88
TIME: constant(uint256) = 176
EFFECT: constant(uint256) = 212
BORN_WRONG: constant(uint256) = 1 << 228
VALIDATED: constant(uint256) = 1 << 229
ROUND: constant(uint256) = 230

# where an account's forgiven contributions begin; the validated ones are the lowest
FORGIVEN: constant(uint256) = 32

# by model, from the lowest bits: time of the latest contribution (36; 0 if not open), validated contributions (32), cost weight
# (70), refund, dispute and rest wait (26 each), forgive every (6), born wrong (1), without own effect (1), submitted
# contributions (32): all of the model's state that adding, refunding and reporting need
accounts: HashMap[address, uint256]
# by model, from the lowest bits: owner wait (32), anyone wait (32); 0 where nobody takes
long_waits: HashMap[address, uint256]
# by key, from the lowest bits: claimable (88), deposit (88), time (36), effect (16), born wrong (1), validated (1), round (26)
records: HashMap[bytes32, uint256]
# by model and contributor, from the lowest bits: validated (32), forgiven contributions (32)
standings: HashMap[address, HashMap[address, uint256]]
# by contribution, its time and reporter: time of the announcement, or PAID
reports: HashMap[bytes32, uint256]
# who is to be paid when all of a batch is done, from the lowest bits: account (160), wei (96)
owed: transient(DynArray[uint256, MAX_OWED])
# by contributor: who else may spend what is forgiven
keeper_of: public(HashMap[address, address])


# ---- terms ----------------------------------------------------------------------------------------------------------

@external
def open(terms: Bytes[limits.MAX_TERMS]):
    """
    @notice Accept contributions for the calling model from now on. A model calls it once, when it is created.
    @param terms The ABI-encoded `Terms`.
    """
    t: Terms = abi_decode(terms, Terms)
    assert self.accounts[msg.sender] == 0, "self-assessment: open already"
    cost_weight: uint256 = convert(t.cost_weight, uint256)
    refund_wait: uint256 = convert(t.refund_wait, uint256)
    dispute_wait: uint256 = convert(t.dispute_wait, uint256)
    rest_wait: uint256 = convert(t.rest_wait, uint256)
    owner_wait: uint256 = convert(t.owner_wait, uint256)
    anyone_wait: uint256 = convert(t.anyone_wait, uint256)
    forgive_every: uint256 = convert(t.forgive_every, uint256)
    assert (
        cost_weight <= MASK_70 and max(refund_wait, max(dispute_wait, rest_wait)) <= MASK_26 and forgive_every <= MASK_6
    ), "self-assessment: a term is too large"
    # otherwise a sample could be added, learnt and refunded within one block
    assert refund_wait > 0, "self-assessment: no refund wait"
    end: uint256 = rest_wait
    if rest_wait > 0:
        assert owner_wait == 0 and anyone_wait == 0, "self-assessment: the rest cannot both go back and be taken"
    else:
        assert owner_wait <= anyone_wait, "self-assessment: the owner's wait is above anyone's"
        assert (
            forgive_every == 0 and not t.born_wrong
        ), "self-assessment: nothing is forgiven, and all can be reported, without a rest wait"
        end = owner_wait
    # who announces a report at the first moment has another dispute wait for the report itself
    assert (
        refund_wait + 2 * dispute_wait < end
    ), "self-assessment: reports need more time: a longer rest wait (slides: owner wait)"

    self.accounts[msg.sender] = (
        block.timestamp
        | (cost_weight << COST_WEIGHT)
        | (refund_wait << REFUND_WAIT)
        | (dispute_wait << DISPUTE_WAIT)
        | (rest_wait << REST_WAIT)
        | (forgive_every << FORGIVE_EVERY)
        | (convert(t.born_wrong, uint256) * BORN_WRONG_ONLY)
        | (convert(t.without_own_effect, uint256) * WITHOUT_OWN_EFFECT)
    )
    self.long_waits[msg.sender] = owner_wait | (anyone_wait << 32)
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
        cost_weight=convert((account >> COST_WEIGHT) & MASK_70, uint96),
        refund_wait=convert((account >> REFUND_WAIT) & MASK_26, uint32),
        dispute_wait=convert((account >> DISPUTE_WAIT) & MASK_26, uint32),
        rest_wait=convert((account >> REST_WAIT) & MASK_26, uint32),
        owner_wait=convert(long_waits & MASK_32, uint32),
        anyone_wait=convert(long_waits >> 32, uint32),
        forgive_every=convert((account >> FORGIVE_EVERY) & MASK_6, uint8),
        born_wrong=account & BORN_WRONG_ONLY > 0,
        without_own_effect=account & WITHOUT_OWN_EFFECT > 0,
    )


@view
@external
def busy(model: address) -> bool:
    """
    @notice Never: nothing here needs a model to keep its form.
    """
    return False


@view
@external
def required_deposit(model: address) -> uint256:
    """
    @notice The deposit that a contribution needs now: cost weight · 3600 / √(seconds since the latest one), in wei.
    """
    account: uint256 = self._account(model)
    return self._deposit(account, self._quiet(account))


@view
@external
def batch_deposit(model: address, count: uint256) -> uint256:
    """
    @notice The deposit that each of `count` contributions in one batch needs now: as if they came evenly in the seconds since the
            latest one, of which a day counts at most; in wei.
    """
    return self._batch_deposit(self._account(model), count)


@view
@external
def statistics(model: address) -> (uint256, uint256):
    """
    @notice The submitted and the validated contributions of a model.
    """
    account: uint256 = self._account(model)
    return account >> SUBMITTED_ALL, (account >> VALIDATED_ALL) & MASK_32


@view
@external
def validated_of(model: address, account: address) -> uint256:
    """
    @notice The validated contributions of an account to a model.
    """
    return self.standings[model][account] & MASK_32


@view
@external
def forgiven_of(model: address, account: address) -> uint256:
    """
    @notice The contributions of an account to a model that were given back although the model disagreed.
    """
    return self.standings[model][account] >> FORGIVEN


@view
@external
def contribution(model: address, contributor: address, x: Bytes[limits.MAX_SAMPLE], y: uint256) -> Contribution:
    """
    @notice The latest contribution of a sample and label by an account that paid for it.
    """
    return self._contribution(self._key(model, contributor, contributor, keccak256(x), y))


@view
@external
def record(contribution: bytes32) -> Contribution:
    """
    @notice A contribution, whoever paid for it.
    @param contribution keccak256 of the ABI-encoded model, contributor, sponsor, label and keccak256 of the sample.
    """
    return self._contribution(contribution)


@view
@external
def flagged(model: address, contributor: address, x: Bytes[limits.MAX_SAMPLE], y: uint256, reporter: address) -> uint256:
    """
    @notice When an account announced a report of an open contribution; 0 if it did not, 2**256 - 1 if it reported already.
    """
    return self._flagged(self._key(model, contributor, contributor, keccak256(x), y), reporter)


@view
@external
def record_flagged(contribution: bytes32, reporter: address) -> uint256:
    """
    @notice As `flagged`, of a contribution by what `record` takes.
    """
    return self._flagged(contribution, reporter)


# ---- deposit ------------------------------------------------------------------------------------------------------------

@payable
@external
def add_data(model: address, x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Contribute a sample. The ether sent along is the most that the caller is ready to deposit; the change comes back.
    @dev The same account can contribute the same sample and label again once the earlier contribution is settled; such a
         copy can win its deposit back, but does not count as validated a second time.
    @return The effect that the sample had on the model.
    """
    account: uint256 = self._account(model)
    deposit: uint256 = self._deposit(account, unsafe_sub(block.timestamp, account & MASK_36))
    assert deposit <= msg.value, "self-assessment: deposit above the value sent"
    # the highest field counts the submitted contributions: one too many for it reverts
    self.accounts[model] = (account ^ (account & MASK_36) | block.timestamp) + (1 << SUBMITTED_ALL)
    key: bytes32 = self._key(model, msg.sender, msg.sender, keccak256(x), y)
    effect: uint256 = self._add(
        model, msg.sender, key, self.records[key], deposit, account & BORN_WRONG_ONLY > 0, x, y
    )
    assert effect != contributions.REFUSED, contributions.why
    payments._pay(msg.sender, unsafe_sub(msg.value, deposit))  # safe: see the assertion above
    return effect


@payable
@external
def add_many(model: address, count: uint256, rows: Bytes[batch.MAX_OWN_BYTES]) -> uint256:
    """
    @notice Contribute several samples. Each is accepted or skipped by itself; what was sent and is not deposited comes back. The
            ether sent along must be enough for all of them, at the price of `batch_deposit`.
    @param rows So many samples with their labels, as the module `batch` says.
    @return How many were accepted.
    """
    account: uint256 = self._account(model)
    deposit: uint256 = self._batch_deposit(account, count)
    assert count * deposit <= msg.value, "self-assessment: deposits above the value sent"
    self._begin(model, account, count)
    ask: bool = account & BORN_WRONG_ONLY > 0
    accepted: uint256 = count
    at: uint256 = 0
    for i: uint256 in range(count, bound=batch.MAX_ITEMS):
        before: uint256 = msg.gas
        head: uint256 = convert(slice(rows, at, batch.HEAD), uint256)
        size: uint256 = head & MASK_16
        start: uint256 = unsafe_add(at, batch.HEAD)  # safe, as all positions here: the last is compared with the length
        at = unsafe_add(start, size)
        effect: uint256 = 0
        if size > limits.MAX_SAMPLE:
            effect = contributions._refuse(batch.TOO_LONG)
        else:
            x: Bytes[limits.MAX_SAMPLE] = convert(slice(rows, start, size), Bytes[limits.MAX_SAMPLE])
            # as `_key`; a label has 8 bits here
            key: bytes32 = keccak256(abi_encode(model, msg.sender, msg.sender, head >> 16, keccak256(x)))
            effect = self._add(model, msg.sender, key, self.records[key], deposit, ask, x, head >> 16)
        if effect == contributions.REFUSED:
            batch._skip(model, msg.sender, i, before)
            accepted = unsafe_sub(accepted, 1)
    assert at == len(rows), "batch: another number of items"
    self._end(model, account, count, accepted)
    payments._pay(msg.sender, unsafe_sub(msg.value, unsafe_mul(accepted, deposit)))  # safe: see the assertion above
    return accepted


@payable
@external
def add_signed(model: address, count: uint256, items: Bytes[batch.MAX_SIGNED_BYTES]) -> uint256:
    """
    @notice Contribute several samples that others have signed, and pay for them: deposits come back to the caller, validated
            contributions and shares are the contributors'. Else as `add_many`.
    @param items So many, as the module `batch` says: each with contributor, deadline (a time in seconds, until which it may be
           sent) and signature, of which the module `signatures` tells what it says. Its round is `round_of`. In the order of their
           labels they are cheapest: then the model is asked once for the name of each class.
    @return How many were accepted.
    """
    account: uint256 = self._account(model)
    deposit: uint256 = self._batch_deposit(account, count)
    assert count * deposit <= msg.value, "self-assessment: deposits above the value sent"
    self._begin(model, account, count)
    domain: bytes32 = signatures._domain()
    named: uint256 = max_value(uint256)  # the label of the class that was asked for last, and the hash of its name
    class_hash: bytes32 = empty(bytes32)
    ask: bool = account & BORN_WRONG_ONLY > 0
    accepted: uint256 = count
    at: uint256 = 0
    for i: uint256 in range(count, bound=batch.MAX_ITEMS):
        before: uint256 = msg.gas
        head: uint256 = convert(slice(items, at, batch.SIGNED_HEAD), uint256)
        size: uint256 = head & MASK_16
        y: uint256 = (head >> 16) & 255
        signature_size: uint256 = (head >> 24) & MASK_16
        deadline: uint256 = (head >> 40) & MASK_40
        contributor: address = convert(head >> 80, address)
        start: uint256 = unsafe_add(at, batch.SIGNED_HEAD)
        end: uint256 = unsafe_add(start, size)
        at = unsafe_add(end, signature_size)
        effect: uint256 = 0
        if size > limits.MAX_SAMPLE or signature_size > signatures.MAX_SIGNATURE:
            effect = contributions._refuse(batch.TOO_LONG)
        else:
            x: Bytes[limits.MAX_SAMPLE] = convert(slice(items, start, size), Bytes[limits.MAX_SAMPLE])
            x_hash: bytes32 = keccak256(x)
            key: bytes32 = keccak256(abi_encode(model, contributor, msg.sender, y, x_hash))  # as `_key`, see above
            record: uint256 = self.records[key]
            signature: Bytes[signatures.MAX_SIGNATURE] = convert(
                slice(items, end, signature_size), Bytes[signatures.MAX_SIGNATURE]
            )
            if y != named:
                class_hash = signatures._class_hash(model, y)
                named = y
            effect = signatures._check(
                domain, model, contributor, x_hash, y, class_hash, record >> ROUND, deadline, signature
            )
            if effect != contributions.REFUSED:
                effect = self._add(model, contributor, key, record, deposit, ask, x, y)
        if effect == contributions.REFUSED:
            batch._skip(model, contributor, i, before)
            accepted = unsafe_sub(accepted, 1)
    assert at == len(items), "batch: another number of items"
    self._end(model, account, count, accepted)
    payments._pay(msg.sender, unsafe_sub(msg.value, unsafe_mul(accepted, deposit)))  # safe: see the assertion above
    return accepted


@external
def cancel(model: address, sponsor: address, x_hash: bytes32, y: uint256):
    """
    @notice Take back one's signature for a contribution by a sponsor: the one of the present round.
    @param x_hash keccak256 of the sample.
    """
    key: bytes32 = self._key(model, msg.sender, sponsor, x_hash, y)
    round: uint256 = self.records[key] >> ROUND
    self.records[key] += 1 << ROUND
    log Cancelled(model=model, contributor=msg.sender, sponsor=sponsor, contribution=key, round=round)


@view
@external
def round_of(model: address, contributor: address, sponsor: address, x_hash: bytes32, y: uint256) -> uint256:
    """
    @notice The round that a signature for a contribution by a sponsor must name now.
    @param x_hash keccak256 of the sample.
    """
    return self.records[self._key(model, contributor, sponsor, x_hash, y)] >> ROUND


@internal
def _add(
    model: address,
    contributor: address,
    key: bytes32,
    past: uint256,
    deposit: uint256,
    ask: bool,
    x: Bytes[limits.MAX_SAMPLE],
    y: uint256,
) -> uint256:
    """
    @dev Add a contribution for which the caller pays. Its effect, or `REFUSED`, and nothing is changed.
    @param past The record of `key`.
    @param ask Whether the model is to tell what it answered before.
    """
    if past & (MASK_36 << TIME) > 0:
        return contributions._refuse("self-assessment: the same contribution is not settled yet")
    # what is settled has nothing below the validated bit; one round too many reverts
    record: uint256 = (past + (1 << ROUND)) | (block.timestamp << TIME) | unsafe_mul(deposit, (1 << DEPOSIT) | 1)
    self.records[key] = record

    # `extcall` would pass as many bytes as x may have; this passes as many as it has
    success: bool = False
    response: Bytes[contributions.MAX_RESPONSE] = b""
    if ask:
        success, response = raw_call(
            model,
            abi_encode(x, y, method_id=method_id("learn(bytes,uint256)")),
            max_outsize=contributions.MAX_RESPONSE,
            revert_on_failure=False,
        )
    else:
        success, response = raw_call(
            model,
            abi_encode(x, y, method_id=method_id("update(bytes,uint256)")),
            max_outsize=contributions.MAX_RESPONSE,
            revert_on_failure=False,
        )
    if not success:
        # all that was done in the call was taken back with it
        self.records[key] = past
        return contributions._refuse_as(response)
    # from here on a model that answers anything else is none, and undoes the whole batch
    effect: uint256 = extract32(response, 0, output_type=uint256)
    assert effect <= MASK_16, "self-assessment: unknown effect"
    learnt: uint256 = effect << EFFECT
    if ask:
        if extract32(response, 32, output_type=uint256) != y:
            learnt |= BORN_WRONG
    if learnt > 0:
        # nothing can be claimed of a record in the second in which it was made, so it is as it was before the call
        self.records[key] = record | learnt
    log IIncentive.AddData(
        model=model,
        contributor=contributor,
        sponsor=msg.sender,
        facts=y | (effect << 8) | (block.timestamp << 24) | (deposit << 64),
        x=x,
    )
    return effect


# ---- back to whom it belongs --------------------------------------------------------------------------------------------

@external
def refund(model: address, contributor: address, x: Bytes[limits.MAX_SAMPLE], y: uint256):
    """
    @notice Give back to its contributor what is left of the deposit of a contribution with which the model agrees, and count it
            as validated. Anyone may ask for it, from the refund wait on.
    """
    account: uint256 = self.accounts[model]
    amount: uint256 = 0
    counts: uint256 = 0
    amount, counts = self._refund(model, account, contributor, contributor, x, y)
    assert amount != contributions.REFUSED, contributions.why
    if counts > 0:
        self.accounts[model] = unsafe_add(account, 1 << VALIDATED_ALL)  # safe: see `_refund`
    payments._pay(contributor, amount)


@external
def forgive(model: address, contributor: address, x: Bytes[limits.MAX_SAMPLE], y: uint256):
    """
    @notice Give back to its contributor what is left of the deposit of a contribution with which the model disagrees: one for each
            `forgive_every` contributions of theirs that were validated. Only the contributor may ask for it, or the keeper
            whom they named, from the refund wait to the rest wait, from when on it comes back anyway.
    """
    amount: uint256 = self._forgive(model, self.accounts[model], contributor, contributor, x, y)
    assert amount != contributions.REFUSED, contributions.why
    payments._pay(contributor, amount)


@external
def name_keeper(keeper: address):
    """
    @notice Let an account, besides the caller, spend what is forgiven to the caller; the zero address for nobody. What comes back
            goes to the caller all the same.
    """
    self.keeper_of[msg.sender] = keeper
    log KeeperNamed(contributor=msg.sender, keeper=keeper)


@external
def rest(model: address, contributor: address, x: Bytes[limits.MAX_SAMPLE], y: uint256):
    """
    @notice Give back to its contributor what is left of the deposit of a contribution that nobody reported in time. Anyone may ask
            for it, from the rest wait on. The model is not asked, and the contribution does not count as validated: who wants it
            to count asks for its `refund`, which anyone may from the refund wait on.
    """
    amount: uint256 = self._rest(model, contributor, contributor, keccak256(x), y)
    assert amount != contributions.REFUSED, contributions.why
    payments._pay(contributor, amount)


# ---- to others ----------------------------------------------------------------------------------------------------------

@external
def flag(model: address, contributor: address, x: Bytes[limits.MAX_SAMPLE], y: uint256):
    """
    @notice Announce a report, where the terms ask for a dispute wait. It must be due already, but for that wait.
    """
    key: uint256 = self._flag(model, self.accounts[model], self._validated(model), contributor, contributor, x, y)
    assert key != contributions.REFUSED, contributions.why
    log Flag(model=model, reporter=msg.sender, contributions=[convert(key, bytes32)])


@external
def report(model: address, contributor: address, x: Bytes[limits.MAX_SAMPLE], y: uint256):
    """
    @notice Take a share of the deposit of another's contribution with which the model disagrees: the caller's part of all
            validated contributions, rounded down, at most what is left. Once for each reporter and contribution.
    """
    amount: uint256 = self._report(model, self.accounts[model], self._validated(model), contributor, contributor, x, y)
    assert amount != contributions.REFUSED, contributions.why
    payments._pay(msg.sender, amount)


@external
def take(model: address, contributor: address, x: Bytes[limits.MAX_SAMPLE], y: uint256):
    """
    @notice By the slides' rule, take all that is left of another's contribution: as the model's owner from the owner wait on, as
            anyone from the anyone wait on. Whether the model agrees is not asked; after the anyone wait it is not called at all.
    """
    amount: uint256 = self._take(model, contributor, contributor, keccak256(x), y)
    assert amount != contributions.REFUSED, contributions.why
    payments._pay(msg.sender, amount)


# ---- many at once ---------------------------------------------------------------------------------------------------

@external
def refund_many(model: address, sponsor: address, count: uint256, items: Bytes[batch.MAX_BYTES]) -> uint256:
    """
    @notice `refund` of several contributions, see `_claim_many`.
    """
    return self._claim_many(REFUND, model, sponsor, count, items)


@external
def forgive_many(model: address, sponsor: address, count: uint256, items: Bytes[batch.MAX_BYTES]) -> uint256:
    """
    @notice `forgive` several contributions, see `_claim_many`.
    """
    return self._claim_many(FORGIVE, model, sponsor, count, items)


@external
def rest_many(model: address, sponsor: address, count: uint256, items: Bytes[batch.MAX_BYTES]) -> uint256:
    """
    @notice `rest` of several contributions, see `_claim_many`.
    """
    return self._claim_many(REST, model, sponsor, count, items)


@external
def flag_many(model: address, sponsor: address, count: uint256, items: Bytes[batch.MAX_BYTES]) -> uint256:
    """
    @notice `flag` several contributions, see `_claim_many`: 100 at most, of which one event tells.
    """
    return self._claim_many(FLAG, model, sponsor, count, items)


@external
def report_many(model: address, sponsor: address, count: uint256, items: Bytes[batch.MAX_BYTES]) -> uint256:
    """
    @notice `report` several contributions, see `_claim_many`.
    """
    return self._claim_many(REPORT, model, sponsor, count, items)


@external
def take_many(model: address, sponsor: address, count: uint256, items: Bytes[batch.MAX_BYTES]) -> uint256:
    """
    @notice `take` several contributions, see `_claim_many`.
    """
    return self._claim_many(TAKE, model, sponsor, count, items)


@internal
def _claim_many(
    claim: uint256, model: address, sponsor: address, count: uint256, items: Bytes[batch.MAX_BYTES]
) -> uint256:
    """
    @notice Do the same with several contributions, each of which is done or skipped by itself.
    @dev Nobody is paid before all are done, so between them nothing is called but the model, which can change nothing: no payee
         can stop what comes after. What follows on each other and belongs to the same account is paid at once.
    @param sponsor Who paid for them all; the zero address: their contributors.
    @param items So many contributions, each with its contributor, as the module `batch` says.
    @return How many were done.
    """
    account: uint256 = self.accounts[model] if claim <= REPORT else 0
    validated: uint256 = self._validated(model) if claim == FLAG or claim == REPORT else 0
    done: uint256 = count
    counted: uint256 = 0
    payees: uint256 = 0
    payee: address = msg.sender
    owed: uint256 = 0
    at: uint256 = 0
    flags: DynArray[bytes32, batch.MAX_FLAGS] = []
    for i: uint256 in range(count, bound=batch.MAX_ITEMS):
        before: uint256 = msg.gas
        head: uint256 = convert(slice(items, at, batch.CLAIM_HEAD), uint256)
        size: uint256 = head & MASK_16
        y: uint256 = (head >> 16) & 255
        contributor: address = convert(head >> 24, address)
        start: uint256 = unsafe_add(at, batch.CLAIM_HEAD)
        at = unsafe_add(start, size)
        payer: address = contributor if sponsor == empty(address) else sponsor
        to: address = payer
        amount: uint256 = 0
        if size > limits.MAX_SAMPLE:
            amount = contributions._refuse(batch.TOO_LONG)
        else:
            x: Bytes[limits.MAX_SAMPLE] = convert(slice(items, start, size), Bytes[limits.MAX_SAMPLE])
            if claim == REFUND:
                counts: uint256 = 0
                amount, counts = self._refund(model, account, contributor, payer, x, y)
                counted = unsafe_add(counted, counts)
            elif claim == REST:
                amount = self._rest(model, contributor, payer, keccak256(x), y)
            elif claim == FORGIVE:
                amount = self._forgive(model, account, contributor, payer, x, y)
            else:
                to = msg.sender
                if claim == TAKE:
                    amount = self._take(model, contributor, payer, keccak256(x), y)
                elif claim == FLAG:
                    key: uint256 = self._flag(model, account, validated, contributor, payer, x, y)
                    if key == contributions.REFUSED:
                        amount = key
                    else:
                        flags.append(convert(key, bytes32))
                else:
                    amount = self._report(model, account, validated, contributor, payer, x, y)
        if amount == contributions.REFUSED:
            batch._skip(model, contributor, i, before)
            done = unsafe_sub(done, 1)
        elif to == payee:
            owed = unsafe_add(owed, amount)  # safe: the contract has as much
        else:
            self.owed.append(convert(payee, uint256) | (owed << 160))  # all ether has less than 96 bits
            payees = unsafe_add(payees, 1)
            payee = to
            owed = amount
    assert at == len(items), "batch: another number of items"
    if len(flags) > 0:
        log Flag(model=model, reporter=msg.sender, contributions=flags)
    if counted > 0:
        self.accounts[model] = unsafe_add(account, counted << VALIDATED_ALL)  # safe: see `_refund`
    payments._pay(payee, owed)
    for i: uint256 in range(payees, bound=batch.MAX_ITEMS):
        # a payee may claim in turn: what that puts on top is gone when it is paid
        next: uint256 = self.owed.pop()
        payments._pay(convert(next & MASK_160, address), next >> 160)
    return done


# ---- what can be done -----------------------------------------------------------------------------------------------

@internal
def _refund(
    model: address, account: uint256, contributor: address, sponsor: address, x: Bytes[limits.MAX_SAMPLE], y: uint256
) -> (uint256, uint256):
    """
    @dev As all that follow: the wei that are to be paid, or `REFUSED`, and nothing is changed. Also 1 if the caller has to count
         one more validated contribution of the model, else 0: no field fills up by it, as they are no more than the submitted.
    @param account The model's.
    """
    key: bytes32 = self._key(model, contributor, sponsor, keccak256(x), y)
    record: uint256 = self._askable_record(key, account)
    if record == contributions.REFUSED:
        return contributions.REFUSED, 0
    agrees: uint256 = contributions._agrees(
        model, x, y, (record >> EFFECT) & MASK_16, account & WITHOUT_OWN_EFFECT > 0
    )
    if agrees == contributions.REFUSED:
        return contributions.REFUSED, 0
    if agrees == 0:
        return contributions._refuse("self-assessment: the model disagrees"), 0

    amount: uint256 = record & MASK_88
    counts: uint256 = 0
    if record & VALIDATED == 0 and (
        sponsor == contributor or self._counts(model, contributor, keccak256(x), y)
    ):
        self.standings[model][contributor] += 1
        counts = 1
    self._settle(key, record | VALIDATED)
    log Refund(model=model, contributor=contributor, contribution=key, amount=amount)
    return amount, counts


@internal
def _counts(model: address, contributor: address, x_hash: bytes32, y: uint256) -> bool:
    """
    @dev Whether a sample and label that a sponsor paid for counts for its contributor when it is validated: once, whoever paid.
         It is noted in the record of the same contribution at the contributor's own cost, which may be there for nothing else.
         So sponsors who are one person gain nothing by sending it several times.
    """
    own: bytes32 = self._key(model, contributor, contributor, x_hash, y)
    record: uint256 = self.records[own]
    if record & VALIDATED > 0:
        return False
    self.records[own] = record | VALIDATED
    return True


@internal
def _forgive(
    model: address, account: uint256, contributor: address, sponsor: address, x: Bytes[limits.MAX_SAMPLE], y: uint256
) -> uint256:
    every: uint256 = (account >> FORGIVE_EVERY) & MASK_6
    if every == 0:
        return contributions._refuse("self-assessment: nothing is forgiven on these terms")
    key: bytes32 = self._key(model, contributor, sponsor, keccak256(x), y)
    record: uint256 = self._askable_record(key, account)
    if record == contributions.REFUSED:
        return contributions.REFUSED
    if block.timestamp >= unsafe_add((record >> TIME) & MASK_36, (account >> REST_WAIT) & MASK_26):
        return contributions._refuse("self-assessment: too late, and not needed: the rest goes back")
    if msg.sender != contributor and msg.sender != self.keeper_of[contributor]:
        return contributions._refuse("self-assessment: only the contributor, or the keeper whom they named")
    standing: uint256 = self.standings[model][contributor]
    # safe: no more contributions are forgiven than validated, and these are fewer than 2^32
    if standing & MASK_32 < unsafe_mul(every, unsafe_add(standing >> FORGIVEN, 1)):
        return contributions._refuse("self-assessment: too few validated contributions")
    agrees: uint256 = contributions._agrees(
        model, x, y, (record >> EFFECT) & MASK_16, account & WITHOUT_OWN_EFFECT > 0
    )
    if agrees == contributions.REFUSED:
        return contributions.REFUSED
    if agrees == 1:
        return contributions._refuse("self-assessment: model agrees")

    self.standings[model][contributor] = unsafe_add(standing, 1 << FORGIVEN)
    self._settle(key, record)
    amount: uint256 = record & MASK_88
    log Forgive(model=model, contributor=contributor, contribution=key, amount=amount)
    return amount


@internal
def _rest(model: address, contributor: address, sponsor: address, x_hash: bytes32, y: uint256) -> uint256:
    rest_wait: uint256 = (self.accounts[model] >> REST_WAIT) & MASK_26
    if rest_wait == 0:
        return contributions._refuse("self-assessment: nothing goes back by itself on these terms")
    key: bytes32 = self._key(model, contributor, sponsor, x_hash, y)
    record: uint256 = self._open_record(key, rest_wait)
    if record == contributions.REFUSED:
        return contributions.REFUSED
    self._settle(key, record)
    amount: uint256 = record & MASK_88
    log Rest(model=model, contributor=contributor, contribution=key, amount=amount)
    return amount


@internal
def _flag(
    model: address,
    account: uint256,
    validated: uint256,
    contributor: address,
    sponsor: address,
    x: Bytes[limits.MAX_SAMPLE],
    y: uint256,
) -> uint256:
    """
    @param validated The caller's contributions that were validated.
    """
    if (account >> DISPUTE_WAIT) & MASK_26 == 0:
        return contributions._refuse("self-assessment: report at once, there is no dispute wait")
    key: bytes32 = self._key(model, contributor, sponsor, keccak256(x), y)
    record: uint256 = self._reportable_record(contributor, sponsor, key, account, validated)
    if record == contributions.REFUSED:
        return contributions.REFUSED
    report_key: bytes32 = self._report_key(key, record, msg.sender)
    if self.reports[report_key] > 0:
        return contributions._refuse("self-assessment: flagged already")
    agrees: uint256 = contributions._agrees(
        model, x, y, (record >> EFFECT) & MASK_16, account & WITHOUT_OWN_EFFECT > 0
    )
    if agrees == contributions.REFUSED:
        return contributions.REFUSED
    if agrees == 1:
        return contributions._refuse("self-assessment: model agrees")
    self.reports[report_key] = block.timestamp
    return convert(key, uint256)


@internal
def _report(
    model: address,
    account: uint256,
    validated: uint256,
    contributor: address,
    sponsor: address,
    x: Bytes[limits.MAX_SAMPLE],
    y: uint256,
) -> uint256:
    """
    @param validated The caller's contributions that were validated.
    """
    key: bytes32 = self._key(model, contributor, sponsor, keccak256(x), y)
    record: uint256 = self._reportable_record(contributor, sponsor, key, account, validated)
    if record == contributions.REFUSED:
        return contributions.REFUSED
    report_key: bytes32 = self._report_key(key, record, msg.sender)
    flagged: uint256 = self.reports[report_key]
    if flagged == PAID:
        return contributions._refuse("self-assessment: reported already")
    dispute_wait: uint256 = (account >> DISPUTE_WAIT) & MASK_26
    if dispute_wait > 0:
        if flagged == 0:
            return contributions._refuse("self-assessment: flag it first")
        if block.timestamp < unsafe_add(flagged, dispute_wait):
            return contributions._refuse(TOO_EARLY)
    agrees: uint256 = contributions._agrees(
        model, x, y, (record >> EFFECT) & MASK_16, account & WITHOUT_OWN_EFFECT > 0
    )
    if agrees == contributions.REFUSED:
        return contributions.REFUSED
    if agrees == 1:
        return contributions._refuse("self-assessment: model agrees")

    left: uint256 = record & MASK_88
    # safe: 88 bits times 32 bits; the reporter has validated data, so the divisor is not 0
    share: uint256 = unsafe_div(
        unsafe_mul((record >> DEPOSIT) & MASK_88, validated), (account >> VALIDATED_ALL) & MASK_32
    )
    amount: uint256 = min(share, left)
    if amount == 0:
        return contributions._refuse("self-assessment: the share rounds to nothing")
    if amount == left:
        # a settled record cannot be reported, and its next round has report keys of its own
        self.reports[report_key] = 0
        self._settle(key, record)
    else:
        self.reports[report_key] = PAID
        self.records[key] = unsafe_sub(record, amount)  # safe: less than the lowest 88 bits
    log Report(model=model, reporter=msg.sender, contribution=key, amount=amount)
    return amount


@internal
def _take(model: address, contributor: address, sponsor: address, x_hash: bytes32, y: uint256) -> uint256:
    long_waits: uint256 = self.long_waits[model]
    if long_waits == 0:
        return contributions._refuse("self-assessment: nobody takes on these terms")
    key: bytes32 = self._key(model, contributor, sponsor, x_hash, y)
    record: uint256 = self._open_record(key, long_waits & MASK_32)
    if record == contributions.REFUSED:
        return contributions.REFUSED
    if msg.sender == contributor or msg.sender == sponsor:
        return contributions._refuse("self-assessment: one's own contribution")
    if block.timestamp < unsafe_add((record >> TIME) & MASK_36, long_waits >> 32):  # safe: 36 bits and 32 bits
        if msg.sender != staticcall IModel(model).owner():
            return contributions._refuse("self-assessment: only the owner, yet")
    amount: uint256 = record & MASK_88
    if amount == 0:
        return contributions._refuse("self-assessment: nothing left")
    self._settle(key, record)
    log Take(model=model, taker=msg.sender, contribution=key, amount=amount)
    return amount


# ---- inside -------------------------------------------------------------------------------------------------------------

@internal
@view
def _account(model: address) -> uint256:
    account: uint256 = self.accounts[model]
    assert account > 0, "self-assessment: not open for this model"
    return account


@internal
@view
def _validated(model: address) -> uint256:
    """
    @dev The caller's contributions that were validated.
    """
    return self.standings[model][msg.sender] & MASK_32


@internal
@view
def _contribution(key: bytes32) -> Contribution:
    record: uint256 = self.records[key]
    return Contribution(
        claimable=record & MASK_88,
        deposit=(record >> DEPOSIT) & MASK_88,
        time=(record >> TIME) & MASK_36,
        effect=(record >> EFFECT) & MASK_16,
        born_wrong=record & BORN_WRONG > 0,
        validated=record & VALIDATED > 0,
        round=record >> ROUND,
    )


@internal
@view
def _flagged(key: bytes32, reporter: address) -> uint256:
    return self.reports[self._report_key(key, self.records[key], reporter)]


@internal
@pure
def _deposit(account: uint256, quiet: uint256) -> uint256:
    """
    @param quiet Seconds since the contribution before.
    """
    # safe: cost weight · 3600 has 82 bits
    return unsafe_div(unsafe_mul((account >> COST_WEIGHT) & MASK_70, 3_600), max(1, isqrt(quiet)))


@internal
@view
def _batch_deposit(account: uint256, count: uint256) -> uint256:
    """
    @dev Of each of `count` contributions at once: as if they had come evenly since the latest one. The time that counts for
         several is limited, so that nobody can save up calm for a flood. One alone costs what it does in a single call.
    """
    quiet: uint256 = self._quiet(account)
    if count > 1:
        quiet = unsafe_div(min(quiet, MAX_QUIET), count)
    return self._deposit(account, quiet)


@internal
@view
def _quiet(account: uint256) -> uint256:
    return unsafe_sub(block.timestamp, account & MASK_36)  # safe: no block is older than the one before


@internal
def _begin(model: address, account: uint256, count: uint256):
    """
    @dev So many contributions begin now. The highest field counts them: one too many for it reverts.
    """
    self.accounts[model] = (account ^ (account & MASK_36) | block.timestamp) + (count << SUBMITTED_ALL)


@internal
def _end(model: address, account: uint256, count: uint256, accepted: uint256):
    """
    @dev Of `count` contributions that were begun so many were accepted.
    @param account As it was before.
    """
    if accepted == 0:
        # the model failed every time, so nothing else has happened
        self.accounts[model] = account
    elif accepted < count:
        self.accounts[model] -= unsafe_sub(count, accepted) << SUBMITTED_ALL


@internal
@pure
def _key(model: address, contributor: address, sponsor: address, x_hash: bytes32, y: uint256) -> bytes32:
    """
    @dev The key of a record: no two sets of arguments share one.
    """
    assert y < 256, "self-assessment: no such label"
    return keccak256(abi_encode(model, contributor, sponsor, y, x_hash))


@internal
@pure
def _report_key(key: bytes32, record: uint256, reporter: address) -> bytes32:
    """
    @dev By its time, because a contribution that is made again after it was settled has another: reports of the former one say
         nothing of it.
    """
    return keccak256(abi_encode(key, (record >> TIME) & MASK_36, reporter))


@internal
def _open_record(key: bytes32, wait: uint256) -> uint256:
    """
    @dev The record of a contribution that is not settled and is at least `wait` seconds old, or `REFUSED`, which is no record.
    """
    record: uint256 = self.records[key]
    time: uint256 = (record >> TIME) & MASK_36
    if time == 0:
        return contributions._refuse(NO_SUCH)
    if block.timestamp < unsafe_add(time, wait):
        return contributions._refuse(TOO_EARLY)
    return record


@internal
def _askable_record(key: bytes32, account: uint256) -> uint256:
    """
    @dev As `_open_record`, from the refund wait on; the model can be asked about it: not in a second in which it learnt.
    """
    record: uint256 = self.records[key]
    time: uint256 = (record >> TIME) & MASK_36
    if time == 0:
        return contributions._refuse(NO_SUCH)
    if block.timestamp < unsafe_add(time, (account >> REFUND_WAIT) & MASK_26):
        return contributions._refuse(TOO_EARLY)
    if account & MASK_36 >= block.timestamp:
        return contributions._refuse("self-assessment: the model learnt just now, ask in a later block")
    return record


@internal
def _reportable_record(
    contributor: address, sponsor: address, key: bytes32, account: uint256, validated: uint256
) -> uint256:
    """
    @dev The record of another's contribution that can be reported at this time, if the model disagrees with it.
    """
    record: uint256 = self._askable_record(key, account)
    if record == contributions.REFUSED:
        return contributions.REFUSED
    rest_wait: uint256 = (account >> REST_WAIT) & MASK_26
    if rest_wait > 0 and block.timestamp >= unsafe_add((record >> TIME) & MASK_36, rest_wait):
        return contributions._refuse("self-assessment: too late, the rest goes back")
    if account & BORN_WRONG_ONLY > 0 and record & BORN_WRONG == 0:
        return contributions._refuse("self-assessment: the model agreed when it came")
    if msg.sender == contributor or msg.sender == sponsor:
        return contributions._refuse("self-assessment: one's own contribution")
    if validated == 0:
        return contributions._refuse("self-assessment: no validated contribution of one's own")
    return record


@internal
def _settle(key: bytes32, record: uint256):
    """
    @dev Nothing can be claimed any more; what stays is the round and whether it was validated.
    """
    self.records[key] = record & ~(VALIDATED - 1)
