# pragma version 0.4.3
"""
@title Points: points and badges, no money
@notice Contributors earn points and badges for samples that the model agrees with after a while, and points for reporting those that
        it disagrees with (slides, "Gamified"). Nobody deposits or is paid anything.
@dev One contract serves every model that was created with it as trainer; each model has its own terms, fixed at its creation, and
     its own points: an account's points on one model say nothing about another. All times are in seconds. Points are never lost.

     A sample earns once for each model, whoever sends it, with whatever label. Its first contribution stands in a record that only
     model and sample decide, so a copy meets that record and is refused before the model sees it. Someone who sends a sample with a
     wrong label first does not block the right one: a contribution with another label gets a record of its own, and when it is
     validated, the first record notes that the sample has earned.

     The model is called when all but its own answer is final; where it is asked, it is asked without the right to change anything.
     A model that lies harms its own points only.
"""
from ..interfaces import IIncentive
from ..modules import batch
from ..modules import contributions
from ..modules import limits
from ..modules import rounds
from ..modules import signatures

implements: IIncentive
initializes: contributions
initializes: batch[contributions := contributions]
initializes: rounds
initializes: signatures[contributions := contributions]
exports: (rounds.cancel, rounds.round_of)

struct Terms:
    validation_wait: uint32  # seconds until the contributor may have a contribution validated
    # seconds until others may report it, or have it validated: what it exceeds the validation wait by is the contributor's own time
    report_wait: uint32
    streak_window: uint32  # seconds after a validated contribution in which a further one extends the streak
    rarity_factor: uint8  # a label is rare while its share is less than the even share divided by this
    validated_points: uint16  # for a validated contribution
    report_points: uint16  # for a report
    new_label_points: uint16  # extra for a label that the contributor has not used before
    rare_label_points: uint16  # extra for a label that is rare among the model's validated contributions
    streak_points: uint16  # extra for a contribution within the streak window
    without_own_effect: bool  # judge a sample by the model without this sample's own effect

struct Contribution:
    contributor: address
    time: uint256  # when it was added
    effect: uint256  # what it did to the model
    pending: bool  # whether it can still be validated
    reported: bool
    validated: bool  # whether it has been validated
    earned: bool  # whether the sample has earned points, with this or another label

struct Account:
    points: uint256
    validated: uint256  # contributions
    reports: uint256
    latest: uint256  # the time at which the latest of the validated contributions was added, 0 if there is none

# the event of `add_data` and one of `open` stand in IIncentive

event Agreed:
    model: indexed(address)
    terms: Bytes[limits.MAX_TERMS]  # the ABI-encoded `Terms`

event Points:
    model: indexed(address)
    account: indexed(address)
    contribution: bytes32
    points: uint256
    reasons: uint256  # for what: validated (1), new label (2), rare label (4), streak (8), report (16)

event Badge:
    model: indexed(address)
    account: indexed(address)
    badge: uint256  # its bit in the word of badges
    name: String[16]

MAX_LABEL: constant(uint256) = limits.MAX_CLASSES - 1  # the highest that a model of 255 classes has

VALIDATED: constant(uint256) = 1
NEW_LABEL: constant(uint256) = 2
RARE_LABEL: constant(uint256) = 4
STREAK: constant(uint256) = 8
REPORT: constant(uint256) = 16

# Badges, one bit each: one for each label, and four milestones. 255 labels and the milestones do not fit a word, so the highest
# labels share a badge: no model is excluded, and none that is likely notices.
LAST_LABEL_BADGE: constant(uint256) = 251  # for the labels 251 to 254
FIRST_MILESTONE: constant(uint256) = 252  # for 1, then 10, 100 and 1,000 validated contributions
MILESTONES: constant(uint256[4]) = [1, 10, 100, 1_000]
LAST_COPIED_BADGE: constant(uint256) = 47

MASK_8: constant(uint256) = 2**8 - 1
MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_48: constant(uint256) = 2**48 - 1
MASK_72: constant(uint256) = 2**72 - 1
MASK_160: constant(uint256) = 2**160 - 1

# where the counts in a model's account begin
LABELS: constant(uint256) = 185
VALIDATED_COUNT: constant(uint256) = 193
ONE_LABEL: constant(uint256) = 1 << 185
ONE_VALIDATED: constant(uint256) = 1 << 193
# where the latest and the copy of badges begin in an account's score
LATEST: constant(uint256) = 168
COPIED_BADGES: constant(uint256) = 208
# where the fields of a record begin
TIME: constant(uint256) = 160
LABEL: constant(uint256) = 200
EFFECT: constant(uint256) = 208
PENDING: constant(uint256) = 1 << 224
EARNED: constant(uint256) = 1 << 225  # in a sample's first record only
SETTLED_WELL: constant(uint256) = 1 << 226
REPORTED: constant(uint256) = 1 << 227

# by model: 1 + submitted contributions, 0 where it is not open; all of the model's state that `add_data` touches
opened: HashMap[address, uint256]
# by model, from the lowest bits: validation wait, report wait, streak window (32 each), rarity factor (8), points for a validated
# contribution, a report, a new label, a rare label, a streak (16 each), without own effect (1), labels with validated
# contributions (8), validated contributions (48); all of the model's state that claims touch, but for the label's count
accounts: HashMap[address, uint256]
# by model and a fifth of the label: validated contributions with that label, five lanes of 48 bits
label_counts: HashMap[address, HashMap[uint256, uint256]]
# by key, from the lowest bits: contributor (160), time (40), label (8), effect (16), pending (1), the sample has
# earned (1), validated (1), reported (1)
records: HashMap[bytes32, uint256]
# by model and account, from the lowest bits: points (72), validated contributions (48), reports (48), latest (40), and of the
# badges those of the labels 0 to 47 (48), so that most claims need not read the badges
scores: HashMap[address, HashMap[address, uint256]]
# by model and account: a bit for each badge
badges: public(HashMap[address, HashMap[address, uint256]])


# ---- terms ----------------------------------------------------------------------------------------------------------

@external
def open(terms: Bytes[limits.MAX_TERMS]):
    """
    @notice Accept contributions for the calling model from now on. A model calls it once, when it is created.
    @param terms The ABI-encoded `Terms`.
    """
    t: Terms = abi_decode(terms, Terms)
    assert self.opened[msg.sender] == 0, "points: open already"
    # otherwise a sample could be added, learnt and validated within one transaction
    assert t.validation_wait > 0, "points: no validation wait"
    assert t.validation_wait <= t.report_wait, "points: waits out of order"
    assert t.validated_points > 0, "points: a validated contribution earns nothing"
    assert t.rarity_factor > 0, "points: rarity factor of 0"
    self.opened[msg.sender] = 1
    self.accounts[msg.sender] = (
        convert(t.validation_wait, uint256)
        | (convert(t.report_wait, uint256) << 32)
        | (convert(t.streak_window, uint256) << 64)
        | (convert(t.rarity_factor, uint256) << 96)
        | (convert(t.validated_points, uint256) << 104)
        | (convert(t.report_points, uint256) << 120)
        | (convert(t.new_label_points, uint256) << 136)
        | (convert(t.rare_label_points, uint256) << 152)
        | (convert(t.streak_points, uint256) << 168)
        | (convert(t.without_own_effect, uint256) << 184)
    )
    log IIncentive.Opened(model=msg.sender)
    log Agreed(model=msg.sender, terms=terms)


@view
@external
def terms(model: address) -> Terms:
    """
    @notice The terms on which a model accepts contributions.
    """
    account: uint256 = self._account(model)
    return Terms(
        validation_wait=convert(account & MASK_32, uint32),
        report_wait=convert((account >> 32) & MASK_32, uint32),
        streak_window=convert((account >> 64) & MASK_32, uint32),
        rarity_factor=convert((account >> 96) & MASK_8, uint8),
        validated_points=convert((account >> 104) & MASK_16, uint16),
        report_points=convert((account >> 120) & MASK_16, uint16),
        new_label_points=convert((account >> 136) & MASK_16, uint16),
        rare_label_points=convert((account >> 152) & MASK_16, uint16),
        streak_points=convert((account >> 168) & MASK_16, uint16),
        without_own_effect=(account >> 184) & 1 == 1,
    )


@view
@external
def statistics(model: address) -> (uint256, uint256):
    """
    @notice The submitted and the validated contributions of a model.
    """
    validated: uint256 = self._account(model) >> VALIDATED_COUNT
    return self.opened[model] - 1, validated


@view
@external
def label_count(model: address, y: uint256) -> uint256:
    """
    @notice The validated contributions of a model that have this label.
    """
    return self._label_count(model, y)


@view
@external
def is_rare(model: address, y: uint256) -> bool:
    """
    @notice Whether a contribution with this label would earn the extra points for a rare one now: the label's validated
            contributions · the number of labels that have any · rarity factor < all validated contributions.
    """
    return self._is_rare(self._label_count(model, y), self._account(model))


# ---- what accounts have ---------------------------------------------------------------------------------------------

@view
@external
def account(model: address, account: address) -> Account:
    """
    @notice What an account has earned and done on a model.
    """
    score: uint256 = self.scores[model][account]
    return Account(
        points=score & MASK_72,
        validated=(score >> 72) & MASK_48,
        reports=(score >> 120) & MASK_48,
        latest=(score >> LATEST) & MASK_40,
    )


@view
@external
def badge_names(model: address, account: address) -> DynArray[String[16], 256]:
    """
    @notice The names of the badges that an account has on a model: "label 3", "milestone 100".
    """
    badges: uint256 = self.badges[model][account]
    names: DynArray[String[16], 256] = []
    for badge: uint256 in range(256):
        if (badges >> badge) & 1 == 1:
            names.append(self._badge_name(badge))
    return names


@view
@external
def has_badge(model: address, account: address, name: String[16]) -> bool:
    """
    @notice Whether an account has the badge of this name on a model; False for a name that no badge has.
    """
    badges: uint256 = self.badges[model][account]
    for badge: uint256 in range(256):
        if (badges >> badge) & 1 == 1 and self._badge_name(badge) == name:
            return True
    return False


@view
@external
def busy(model: address) -> bool:
    """
    @notice Never: nothing here needs a model to keep its form.
    """
    return False


@view
@external
def contribution(model: address, x: Bytes[limits.MAX_SAMPLE], y: uint256) -> Contribution:
    """
    @notice The contribution of a sample with a label; all zero if there is none.
    """
    first: bytes32 = self._first_key(model, keccak256(x))
    first_record: uint256 = self.records[first]
    record: uint256 = self.records[self._key(first, first_record, y)]
    if record == 0:
        return empty(Contribution)
    return Contribution(
        contributor=convert(record & MASK_160, address),
        time=(record >> TIME) & MASK_40,
        effect=(record >> EFFECT) & MASK_16,
        pending=record & PENDING > 0,
        reported=record & REPORTED > 0,
        validated=record & SETTLED_WELL > 0,
        earned=first_record & EARNED > 0,
    )


# ---- contribute -----------------------------------------------------------------------------------------------------

@external
def add_data(model: address, x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Contribute a sample. A copy of a contribution, or of a sample that has earned, is refused.
    @return What the model's `update` returned.
    """
    self._begin(model, 1)
    effect: uint256 = self._add(model, msg.sender, keccak256(x), x, y)
    assert effect != contributions.REFUSED, contributions.why
    return effect


@external
def add_many(model: address, count: uint256, rows: Bytes[batch.MAX_OWN_BYTES]) -> uint256:
    """
    @notice Contribute several samples, each of which is accepted or skipped by itself.
    @param rows So many samples with their labels, as the module `batch` says.
    @return How many were accepted.
    """
    self._begin(model, count)
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
            effect = self._add(model, msg.sender, keccak256(x), x, head >> 16)
        if effect == contributions.REFUSED:
            batch._skip(model, msg.sender, i, before)
            accepted = unsafe_sub(accepted, 1)
    assert at == len(rows), "batch: another number of items"
    self._end(model, count, accepted)
    return accepted


@external
def add_signed(model: address, count: uint256, items: Bytes[batch.MAX_SIGNED_BYTES]) -> uint256:
    """
    @notice Contribute several samples that others have signed: the points are theirs. Else as `add_many`.
    @param items So many, as the module `batch` says: each with contributor, deadline (a time in seconds, until which it may be
           sent) and signature, of which the module `signatures` tells what it says. Its round is `round_of`.
    @return How many were accepted.
    """
    self._begin(model, count)
    domain: bytes32 = signatures._domain()
    named: uint256 = max_value(uint256)  # the label of the class that was asked for last, and the hash of its name
    class_hash: bytes32 = empty(bytes32)
    accepted: uint256 = count
    at: uint256 = 0
    for i: uint256 in range(count, bound=batch.MAX_ITEMS):
        before: uint256 = msg.gas
        head: uint256 = convert(slice(items, at, batch.SIGNED_HEAD), uint256)
        size: uint256 = head & MASK_16
        y: uint256 = (head >> 16) & MASK_8
        signature_size: uint256 = (head >> 24) & MASK_16
        deadline: uint256 = (head >> 40) & MASK_40
        contributor: address = convert(head >> 80, address)
        start: uint256 = unsafe_add(at, batch.SIGNED_HEAD)
        end: uint256 = unsafe_add(start, size)
        at = unsafe_add(end, signature_size)
        effect: uint256 = 0
        if size > limits.MAX_SAMPLE:
            effect = contributions._refuse(batch.TOO_LONG)
        elif signature_size > signatures.MAX_SIGNATURE:
            effect = contributions._refuse(batch.TOO_LONG)
        else:
            x: Bytes[limits.MAX_SAMPLE] = convert(slice(items, start, size), Bytes[limits.MAX_SAMPLE])
            x_hash: bytes32 = keccak256(x)
            signature: Bytes[signatures.MAX_SIGNATURE] = convert(
                slice(items, end, signature_size), Bytes[signatures.MAX_SIGNATURE]
            )
            if y != named:
                class_hash = signatures._class_hash(model, y)
                named = y
            effect = signatures._check(
                domain,
                model,
                contributor,
                x_hash,
                y,
                class_hash,
                # as `rounds.round_of`, without an internal call
                rounds.rounds[keccak256(abi_encode(model, contributor, msg.sender, y, x_hash))],
                deadline,
                signature,
            )
            if effect != contributions.REFUSED:
                effect = self._add(model, contributor, x_hash, x, y)
        if effect == contributions.REFUSED:
            batch._skip(model, contributor, i, before)
            accepted = unsafe_sub(accepted, 1)
    assert at == len(items), "batch: another number of items"
    self._end(model, count, accepted)
    return accepted


@internal
def _begin(model: address, count: uint256):
    """
    @dev So many contributions begin now.
    """
    opened: uint256 = self.opened[model]
    assert opened > 0, "points: not open for this model"
    self.opened[model] = unsafe_add(opened, count)  # safe: never fills up


@internal
def _end(model: address, count: uint256, accepted: uint256):
    """
    @dev Of `count` contributions that were begun so many were accepted.
    """
    if accepted < count:
        self.opened[model] -= unsafe_sub(count, accepted)


@internal
def _add(model: address, contributor: address, x_hash: bytes32, x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @dev Add a contribution. Its effect, or `REFUSED`, and nothing is changed.
    """
    if y > MAX_LABEL:
        return contributions._refuse("points: label above 254")
    key: bytes32 = keccak256(abi_encode(model, x_hash))  # as `_first_key`
    record: uint256 = self.records[key]
    if record > 0:
        if record & EARNED > 0:
            return contributions._refuse("points: this sample has earned already")
        key = self._key(key, record, y)
        if self.records[key] > 0:
            return contributions._refuse("points: a copy of an earlier contribution")
    record = convert(contributor, uint256) | (block.timestamp << TIME) | (y << LABEL) | PENDING
    self.records[key] = record

    # `extcall` would pass as many bytes as x may have; this passes as many as it has
    success: bool = False
    response: Bytes[contributions.MAX_RESPONSE] = b""
    success, response = raw_call(
        model,
        abi_encode(x, y, method_id=method_id("update(bytes,uint256)")),
        max_outsize=contributions.MAX_RESPONSE,
        revert_on_failure=False,
    )
    if not success:
        self.records[key] = 0  # all that was done in the call was taken back with it
        return contributions._refuse_as(response)
    # from here on a model that answers anything else is none, and undoes the whole batch
    effect: uint256 = extract32(response, 0, output_type=uint256)
    if effect > 0:
        assert effect <= MASK_16, "points: unknown effect"
        # nothing but a report or a validation changes a record, and both must wait
        self.records[key] = record | (effect << EFFECT)
    log IIncentive.AddData(
        model=model,
        contributor=contributor,
        sponsor=msg.sender,
        facts=y | (effect << 8) | (block.timestamp << 24),
        x=x,
    )
    return effect


# ---- validate -------------------------------------------------------------------------------------------------------

@external
def validate(model: address, x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Have a contribution earn its points, which go to its contributor, if the model agrees with it: the contributor from the
            validation wait on, anyone else from the report wait on.
    @dev The streak counts from the time at which the latest of the validated contributions was added to the time at which this one
         was added, and never backwards: putting validations off gains nothing, and neither do several samples in one block. The
         time that is the contributor's own lets them choose the order, on which their streaks depend.
    @return The points.
    """
    points: uint256 = 0
    account: uint256 = 0
    points, account = self._validate(model, self._account(model), x, y)
    assert points != contributions.REFUSED, contributions.why
    self.accounts[model] = account
    return points


@internal
def _validate(model: address, account: uint256, x: Bytes[limits.MAX_SAMPLE], y: uint256) -> (uint256, uint256):
    """
    @dev The points, and the model's account, which the caller stores; or `REFUSED`, and nothing is changed.
    """
    if y > MAX_LABEL:
        return contributions._refuse("points: label above 254"), account
    first: bytes32 = self._first_key(model, keccak256(x))
    first_record: uint256 = self.records[first]
    key: bytes32 = self._key(first, first_record, y)
    record: uint256 = first_record if key == first else self.records[key]
    if self._check_pending(record, account & MASK_32) == contributions.REFUSED:
        return contributions.REFUSED, account
    contributor: address = convert(record & MASK_160, address)
    time: uint256 = (record >> TIME) & MASK_40
    if msg.sender != contributor and block.timestamp < unsafe_add(time, (account >> 32) & MASK_32):
        return contributions._refuse("points: too early for anyone else"), account
    if first_record & EARNED > 0:
        return contributions._refuse("points: this sample has earned already"), account
    agrees: uint256 = contributions._agrees(model, x, y, (record >> EFFECT) & MASK_16, (account >> 184) & 1 == 1)
    if agrees == contributions.REFUSED:
        return contributions.REFUSED, account
    if agrees == 0:
        return contributions._refuse("points: the model disagrees"), account
    if key == first:
        self.records[first] = (record | EARNED | SETTLED_WELL) ^ PENDING
    else:
        self.records[first] = first_record | EARNED
        self.records[key] = (record | SETTLED_WELL) ^ PENDING
    return self._reward(model, contributor, y, time, key, account)


@internal
def _reward(
    model: address, contributor: address, y: uint256, time: uint256, key: bytes32, account: uint256
) -> (uint256, uint256):
    """
    @dev Points and badges for a validated contribution; the points, and the model's account afterwards.
         Safe: no award is above 4 · 65,535, so 2^48 contributions and as many reports make less than 2^72 points;
         no count of 48 bits ever fills up, and labels are no more than 255.
    """
    points: uint256 = (account >> 104) & MASK_16
    reasons: uint256 = VALIDATED
    score: uint256 = self.scores[model][contributor]

    if y > LAST_COPIED_BADGE or (score >> unsafe_add(COPIED_BADGES, y)) & 1 == 0:
        badge: uint256 = min(y, LAST_LABEL_BADGE)
        badges: uint256 = self.badges[model][contributor]
        if (badges >> badge) & 1 == 0:
            self.badges[model][contributor] = badges | (1 << badge)
            if y <= LAST_COPIED_BADGE:
                score |= 1 << unsafe_add(COPIED_BADGES, y)
            points = unsafe_add(points, (account >> 136) & MASK_16)
            reasons |= NEW_LABEL
            log Badge(model=model, account=contributor, badge=badge, name=self._badge_name(badge))

    lanes: uint256 = self.label_counts[model][unsafe_div(y, 5)]
    lane: uint256 = unsafe_mul(48, y % 5)
    label_count: uint256 = (lanes >> lane) & MASK_48
    if self._is_rare(label_count, account):
        points = unsafe_add(points, (account >> 152) & MASK_16)
        reasons |= RARE_LABEL
    counted: uint256 = unsafe_add(account, ONE_VALIDATED + ONE_LABEL if label_count == 0 else ONE_VALIDATED)
    self.label_counts[model][unsafe_div(y, 5)] = unsafe_add(lanes, 1 << lane)

    latest: uint256 = (score >> LATEST) & MASK_40
    if time > latest:
        if latest > 0 and unsafe_sub(time, latest) <= (account >> 64) & MASK_32:
            points = unsafe_add(points, (account >> 168) & MASK_16)
            reasons |= STREAK
        score = unsafe_add(score, unsafe_sub(time, latest) << LATEST)  # now `time` is the latest

    score = unsafe_add(score, unsafe_add(points, 1 << 72))
    self.scores[model][contributor] = score
    validated: uint256 = (score >> 72) & MASK_48
    # as `MILESTONES`, without a loop over them
    if validated <= 1_000 and (validated == 1 or validated == 10 or validated == 100 or validated == 1_000):
        self._award_milestone(model, contributor, validated)
    log Points(model=model, account=contributor, contribution=key, points=points, reasons=reasons)
    return points, counted


@internal
def _award_milestone(model: address, contributor: address, validated: uint256):
    badge: uint256 = FIRST_MILESTONE
    for milestone: uint256 in MILESTONES:
        if validated == milestone:
            self.badges[model][contributor] |= 1 << badge
            log Badge(model=model, account=contributor, badge=badge, name=self._badge_name(badge))
        badge = unsafe_add(badge, 1)


# ---- report ---------------------------------------------------------------------------------------------------------

@external
def report(model: address, x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Earn points for pointing out another's contribution with which the model disagrees, from the report wait on. Only for
            accounts with a validated contribution of their own, and once for each contribution. It does not take the contribution
            from its author, who can have it validated if the model comes to agree.
    @return The points.
    """
    points: uint256 = self._report(model, self._account(model), x, y)
    assert points != contributions.REFUSED, contributions.why
    return points


@internal
def _report(model: address, account: uint256, x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @dev The points, or `REFUSED`, and nothing is changed.
    """
    if y > MAX_LABEL:
        return contributions._refuse("points: label above 254")
    first: bytes32 = self._first_key(model, keccak256(x))
    first_record: uint256 = self.records[first]
    key: bytes32 = self._key(first, first_record, y)
    record: uint256 = first_record if key == first else self.records[key]
    if self._check_pending(record, (account >> 32) & MASK_32) == contributions.REFUSED:
        return contributions.REFUSED
    if record & REPORTED > 0:
        return contributions._refuse("points: reported already")
    if convert(msg.sender, uint256) == record & MASK_160:
        return contributions._refuse("points: one's own contribution")
    score: uint256 = self.scores[model][msg.sender]
    if (score >> 72) & MASK_48 == 0:
        return contributions._refuse("points: no validated contribution of one's own")
    agrees: uint256 = contributions._agrees(model, x, y, (record >> EFFECT) & MASK_16, (account >> 184) & 1 == 1)
    if agrees == contributions.REFUSED:
        return contributions.REFUSED
    if agrees == 1:
        return contributions._refuse("points: the model agrees")
    points: uint256 = (account >> 120) & MASK_16
    self.records[key] = record | REPORTED
    self.scores[model][msg.sender] = unsafe_add(score, unsafe_add(points, 1 << 120))  # safe: see `_reward`
    log Points(model=model, account=msg.sender, contribution=key, points=points, reasons=REPORT)
    return points


# ---- many at once ---------------------------------------------------------------------------------------------------

@external
def validate_many(model: address, count: uint256, rows: Bytes[batch.MAX_BYTES]) -> uint256:
    """
    @notice `validate` of several contributions, each of which is done or skipped by itself.
    @param rows So many samples with their labels, as the module `batch` says.
    @return How many were done.
    """
    return self._claim_many(False, model, count, rows)


@external
def report_many(model: address, count: uint256, rows: Bytes[batch.MAX_BYTES]) -> uint256:
    """
    @notice `report` of several contributions, each of which is done or skipped by itself.
    @param rows So many samples with their labels, as the module `batch` says.
    @return How many were done.
    """
    return self._claim_many(True, model, count, rows)


@internal
def _claim_many(report: bool, model: address, count: uint256, rows: Bytes[batch.MAX_BYTES]) -> uint256:
    account: uint256 = self._account(model)
    done: uint256 = count
    at: uint256 = 0
    for i: uint256 in range(count, bound=batch.MAX_ITEMS):
        before: uint256 = msg.gas
        head: uint256 = convert(slice(rows, at, batch.HEAD), uint256)
        size: uint256 = head & MASK_16
        start: uint256 = unsafe_add(at, batch.HEAD)
        at = unsafe_add(start, size)
        points: uint256 = 0
        if size > limits.MAX_SAMPLE:
            points = contributions._refuse(batch.TOO_LONG)
        else:
            x: Bytes[limits.MAX_SAMPLE] = convert(slice(rows, start, size), Bytes[limits.MAX_SAMPLE])
            if report:
                points = self._report(model, account, x, head >> 16)
            else:
                points, account = self._validate(model, account, x, head >> 16)
        if points == contributions.REFUSED:
            batch._skip(model, empty(address), i, before)
            done = unsafe_sub(done, 1)
    assert at == len(rows), "batch: another number of items"
    # nothing but the model was called, which could change nothing: it is as it was, but for what was counted here
    if not report:
        self.accounts[model] = account
    return done


# ---- inside ---------------------------------------------------------------------------------------------------------

@internal
@view
def _account(model: address) -> uint256:
    account: uint256 = self.accounts[model]
    assert account > 0, "points: not open for this model"
    return account


@internal
@pure
def _first_key(model: address, x_hash: bytes32) -> bytes32:
    """
    @dev The key of a sample's first contribution, whatever its label.
    """
    return keccak256(abi_encode(model, x_hash))


@internal
@pure
def _key(first: bytes32, first_record: uint256, y: uint256) -> bytes32:
    """
    @dev The key of the contribution of a sample with a label: the first one's, if the first one has this label.
    @param first_record The record of the first one.
    """
    assert y <= MAX_LABEL, "points: label above 254"
    if (first_record >> LABEL) & MASK_8 == y:
        return first
    return keccak256(abi_encode(first, y))


@internal
def _check_pending(record: uint256, wait: uint256) -> uint256:
    """
    @dev 0 if a contribution is pending and at least `wait` seconds old, else `REFUSED`.
    """
    if record & PENDING == 0:
        return contributions._refuse("points: no such contribution, or validated already")
    if block.timestamp < unsafe_add((record >> TIME) & MASK_40, wait):
        return contributions._refuse("points: too early")
    return 0


@internal
@view
def _label_count(model: address, y: uint256) -> uint256:
    assert y <= MAX_LABEL, "points: label above 254"
    return (self.label_counts[model][y // 5] >> (48 * (y % 5))) & MASK_48


@internal
@pure
def _is_rare(label_count: uint256, account: uint256) -> bool:
    """
    @dev Safe: 48 bits times 8 bits times 8 bits.
    """
    return (
        unsafe_mul(unsafe_mul(label_count, (account >> LABELS) & MASK_8), (account >> 96) & MASK_8)
        < account >> VALIDATED_COUNT
    )


@internal
@pure
def _badge_name(badge: uint256) -> String[16]:
    if badge >= FIRST_MILESTONE:
        return concat("milestone ", uint2str(convert(MILESTONES[badge - FIRST_MILESTONE], uint16)))
    return concat("label ", uint2str(convert(badge, uint8)))
