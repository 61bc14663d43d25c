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
from ..modules import contributions

implements: IIncentive

struct Terms:
    validation_wait: uint32  # seconds until the contributor may have a contribution validated
    report_wait: uint32  # seconds until others may report it: what it exceeds the validation wait by is the contributor's own time
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
    terms: Bytes[MAX_TERMS]  # the ABI-encoded `Terms`

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

MAX_SAMPLE: constant(uint256) = 2_048
MAX_TERMS: constant(uint256) = 512
MAX_LABEL: constant(uint256) = 254  # what fits, with every effect, the facts of an `AddData` event

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
PENDING: constant(uint256) = 1 << 216
EARNED: constant(uint256) = 1 << 217  # in a sample's first record only
SETTLED_WELL: constant(uint256) = 1 << 218
REPORTED: constant(uint256) = 1 << 219

# by model: 1 + submitted contributions, 0 where it is not open; all of the model's state that `add_data` touches
opened: HashMap[address, uint256]
# by model, from the lowest bits: validation wait, report wait, streak window (32 each), rarity factor (8), points for a validated
# contribution, a report, a new label, a rare label, a streak (16 each), without own effect (1), labels with validated
# contributions (8), validated contributions (48); all of the model's state that claims touch, but for the label's count
accounts: HashMap[address, uint256]
# by model and a fifth of the label: validated contributions with that label, five lanes of 48 bits
label_counts: HashMap[address, HashMap[uint256, uint256]]
# by key, from the lowest bits: contributor (160), time (40), label (8), effect (8), pending (1), the sample has
# earned (1), validated (1), reported (1)
records: HashMap[bytes32, uint256]
# by model and account, from the lowest bits: points (72), validated contributions (48), reports (48), latest (40), and of the
# badges those of the labels 0 to 47 (48), so that most claims need not read the badges
scores: HashMap[address, HashMap[address, uint256]]
# by model and account: a bit for each badge
badges: public(HashMap[address, HashMap[address, uint256]])


# ---- terms ----------------------------------------------------------------------------------------------------------

@external
def open(terms: Bytes[MAX_TERMS]):
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
    return (self.label_counts[model][y // 5] >> (48 * (y % 5))) & MASK_48


@view
@external
def is_rare(model: address, y: uint256) -> bool:
    """
    @notice Whether a contribution with this label would earn the extra points for a rare one now: the label's validated
            contributions · the number of labels that have any · rarity factor < all validated contributions.
    """
    return self._is_rare((self.label_counts[model][y // 5] >> (48 * (y % 5))) & MASK_48, self._account(model))


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
def contribution(model: address, x: Bytes[MAX_SAMPLE], y: uint256) -> Contribution:
    """
    @notice The contribution of a sample with a label; all zero if there is none.
    """
    first: bytes32 = self._first_key(model, keccak256(x))
    record: uint256 = self.records[self._key(first, y)]
    if record == 0:
        return empty(Contribution)
    return Contribution(
        contributor=convert(record & MASK_160, address),
        time=(record >> TIME) & MASK_40,
        effect=(record >> EFFECT) & MASK_8,
        pending=record & PENDING > 0,
        reported=record & REPORTED > 0,
        validated=record & SETTLED_WELL > 0,
        earned=self.records[first] & EARNED > 0,
    )


# ---- contribute -----------------------------------------------------------------------------------------------------

@external
def add_data(model: address, x: Bytes[MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Contribute a sample. A copy of a contribution, or of a sample that has earned, is refused.
    @return What the model's `update` returned.
    """
    opened: uint256 = self.opened[model]
    assert opened > 0, "points: not open for this model"
    assert y <= MAX_LABEL, "points: label above 254"
    key: bytes32 = self._first_key(model, keccak256(x))
    record: uint256 = self.records[key]
    if record > 0:
        assert record & EARNED == 0, "points: this sample has earned already"
        key = self._key(key, y)
        assert self.records[key] == 0, "points: a copy of an earlier contribution"
    self.opened[model] = unsafe_add(opened, 1)  # safe: never fills up
    record = convert(msg.sender, uint256) | (block.timestamp << TIME) | (y << LABEL) | PENDING
    self.records[key] = record

    # `extcall` would pass as many bytes as x may have; this passes as many as it has
    effect: uint256 = convert(
        raw_call(model, abi_encode(x, y, method_id=method_id("update(bytes,uint256)")), max_outsize=32), uint256
    )
    if effect > 0:
        assert effect < 256, "points: unknown effect"
        # nothing but a report or a validation changes a record, and both must wait
        self.records[key] = record | (effect << EFFECT)
    log IIncentive.AddData(
        model=model, contributor=msg.sender, facts=y | (effect << 8) | (block.timestamp << 16), x=x
    )
    return effect


# ---- validate -------------------------------------------------------------------------------------------------------

@external
def validate(model: address, x: Bytes[MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Earn points for one's own contribution with which the model agrees, from the validation wait on.
    @dev The streak counts from the time at which the latest of the validated contributions was added to the time at which this one
         was added, and never backwards: putting validations off gains nothing, and neither do several samples in one block.
    @return The points.
    """
    account: uint256 = self._account(model)
    first: bytes32 = self._first_key(model, keccak256(x))
    key: bytes32 = self._key(first, y)
    record: uint256 = self._pending_record(key, account & MASK_32)
    assert convert(msg.sender, uint256) == record & MASK_160, "points: another's contribution"
    if key == first:
        assert record & EARNED == 0, "points: this sample has earned already"
        self.records[first] = (record | EARNED | SETTLED_WELL) ^ PENDING
    else:
        first_record: uint256 = self.records[first]
        assert first_record & EARNED == 0, "points: this sample has earned already"
        self.records[first] = first_record | EARNED
        self.records[key] = (record | SETTLED_WELL) ^ PENDING
    assert contributions._agrees(
        model, x, y, (record >> EFFECT) & MASK_8, (account >> 184) & 1 == 1
    ), "points: the model disagrees"
    return self._reward(model, y, (record >> TIME) & MASK_40, key, account)


@internal
def _reward(model: address, y: uint256, time: uint256, key: bytes32, account: uint256) -> uint256:
    """
    @dev Points and badges for a validated contribution of the caller's.
         Safe: no award is above 4 · 65,535, so 2^48 contributions and as many reports make less than 2^72 points;
         no count of 48 bits ever fills up, and labels are no more than 255.
    """
    points: uint256 = (account >> 104) & MASK_16
    reasons: uint256 = VALIDATED
    score: uint256 = self.scores[model][msg.sender]

    if y > LAST_COPIED_BADGE or (score >> unsafe_add(COPIED_BADGES, y)) & 1 == 0:
        badge: uint256 = min(y, LAST_LABEL_BADGE)
        badges: uint256 = self.badges[model][msg.sender]
        if (badges >> badge) & 1 == 0:
            self.badges[model][msg.sender] = badges | (1 << badge)
            if y <= LAST_COPIED_BADGE:
                score |= 1 << unsafe_add(COPIED_BADGES, y)
            points = unsafe_add(points, (account >> 136) & MASK_16)
            reasons |= NEW_LABEL
            log Badge(model=model, account=msg.sender, badge=badge, name=self._badge_name(badge))

    lanes: uint256 = self.label_counts[model][unsafe_div(y, 5)]
    lane: uint256 = unsafe_mul(48, y % 5)
    label_count: uint256 = (lanes >> lane) & MASK_48
    if self._is_rare(label_count, account):
        points = unsafe_add(points, (account >> 152) & MASK_16)
        reasons |= RARE_LABEL
    if label_count == 0:
        self.accounts[model] = unsafe_add(account, ONE_VALIDATED + ONE_LABEL)
    else:
        self.accounts[model] = unsafe_add(account, ONE_VALIDATED)
    self.label_counts[model][unsafe_div(y, 5)] = unsafe_add(lanes, 1 << lane)

    latest: uint256 = (score >> LATEST) & MASK_40
    if time > latest:
        if latest > 0 and unsafe_sub(time, latest) <= (account >> 64) & MASK_32:
            points = unsafe_add(points, (account >> 168) & MASK_16)
            reasons |= STREAK
        score = unsafe_add(score, unsafe_sub(time, latest) << LATEST)  # now `time` is the latest

    score = unsafe_add(score, unsafe_add(points, 1 << 72))
    self.scores[model][msg.sender] = score
    validated: uint256 = (score >> 72) & MASK_48
    if validated <= 1_000:
        self._award_milestone(model, validated)
    log Points(model=model, account=msg.sender, contribution=key, points=points, reasons=reasons)
    return points


@internal
def _award_milestone(model: address, validated: uint256):
    badge: uint256 = FIRST_MILESTONE
    for milestone: uint256 in MILESTONES:
        if validated == milestone:
            self.badges[model][msg.sender] |= 1 << badge
            log Badge(model=model, account=msg.sender, badge=badge, name=self._badge_name(badge))
        badge = unsafe_add(badge, 1)


# ---- report ---------------------------------------------------------------------------------------------------------

@external
def report(model: address, x: Bytes[MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Earn points for pointing out another's contribution with which the model disagrees, from the report wait on. Only for
            accounts with a validated contribution of their own, and once for each contribution. It does not take the contribution
            from its author, who can have it validated if the model comes to agree.
    @return The points.
    """
    account: uint256 = self._account(model)
    key: bytes32 = self._key(self._first_key(model, keccak256(x)), y)
    record: uint256 = self._pending_record(key, (account >> 32) & MASK_32)
    assert record & REPORTED == 0, "points: reported already"
    assert convert(msg.sender, uint256) != record & MASK_160, "points: one's own contribution"
    score: uint256 = self.scores[model][msg.sender]
    assert (score >> 72) & MASK_48 > 0, "points: no validated contribution of one's own"
    points: uint256 = (account >> 120) & MASK_16
    self.records[key] = record | REPORTED
    self.scores[model][msg.sender] = unsafe_add(score, unsafe_add(points, 1 << 120))  # safe: see `_reward`
    assert not contributions._agrees(
        model, x, y, (record >> EFFECT) & MASK_8, (account >> 184) & 1 == 1
    ), "points: the model agrees"
    log Points(model=model, account=msg.sender, contribution=key, points=points, reasons=REPORT)
    return points


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
@view
def _key(first: bytes32, y: uint256) -> bytes32:
    """
    @dev The key of the contribution of a sample with a label: the first one's, if the first one has this label.
    """
    if (self.records[first] >> LABEL) & MASK_8 == y:
        return first
    return keccak256(abi_encode(first, y))


@internal
@view
def _pending_record(key: bytes32, wait: uint256) -> uint256:
    """
    @dev The record of a contribution that is pending and at least `wait` seconds old.
    """
    record: uint256 = self.records[key]
    assert record & PENDING > 0, "points: no such contribution, or validated already"
    assert block.timestamp >= unsafe_add((record >> TIME) & MASK_40, wait), "points: too early"
    return record


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
