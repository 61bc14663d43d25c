# pragma version 0.4.3
"""
@title Sparse rows
@notice What scorers of sparse models share: the hidden rows in blocks of up to 256, the samples of contributions, and the features
        of both as words that can be looked through without a branch.
@dev Blocks are as large as portions allow: as many whole portions as have 256 rows and 16,384 bytes together, or 256 rows of a
     larger portion. Nobody can choose them.
"""
from ..interfaces import IModel
from . import limits
from . import sample
from . import stored

initializes: stored

interface ISelf:
    # see `translated`
    def translated(
        rows: DynArray[uint256, MAX_ROW_WORDS], samples: DynArray[uint256, MAX_SAMPLE_WORDS], ends: DynArray[uint256, MAX_ENDS]
    ) -> (DynArray[uint256, MAX_ROW_WORDS], DynArray[uint256, MAX_SAMPLE_WORDS], uint256): view

MAX_PARTS: constant(uint256) = 256  # portions of a market
BLOCK: constant(uint256) = 256  # rows
MAX_FOUND: constant(uint256) = limits.MAX_PORTION + 32
MAX_BLOCKS: constant(uint256) = 512  # 256 portions, and what is left of 65,535 rows
MAX_COUNTS: constant(uint256) = 11  # bits of a number of features, at most 1,024
WORDS_KEPT: constant(uint256) = 640  # words of the model's state in one contract's code
MAX_KEPT: constant(uint256) = 103  # contracts for 65,537 words

# A word of features has 15 lanes of 16 bits, the first feature in the highest, and of a row its label and number in
# the lowest 16 bits. In a lane
# stands the number of the feature's map: 1 + the feature, or where there are more features than maps, what `translated` gives
# it; 0 where there is none.
LANES: constant(uint256) = 15
MAPS: constant(uint256) = 1_024  # at once: a sample has no more features
ONES: constant(uint256) = max_value(uint256) // (2**16 - 1) - 1  # 1 in each of the 15 lanes
MAX_ROW_WORDS: constant(uint256) = 832  # 16,384 bytes, and a word begun for each of 256 rows
MAX_SAMPLE_WORDS: constant(uint256) = 704  # 12,288 bytes, and a word begun for each of 256 samples
MAX_ENDS: constant(uint256) = limits.MAX_MANY + 1

CONTRIBUTION_HEAD: constant(uint256) = 25  # bytes of a packed contribution before its sample

ALL: constant(uint256) = max_value(uint256)
MASK_8: constant(uint256) = 2**8 - 1
MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_64: constant(uint256) = 2**64 - 1
MASK_96: constant(uint256) = 2**96 - 1
MASK_160: constant(uint256) = 2**160 - 1

# for counting bits: 1, 2, 4 and 8 of every 2, 4, 8 and 16 bits; and what adds up lanes of 16 bits in the highest
PAIRS: constant(uint256) = ALL // 3
QUARTERS: constant(uint256) = ALL // 15 * 3
BYTES: constant(uint256) = ALL // 255 * 15
HALVES: constant(uint256) = ALL // (2**16 - 1) * 255
SUM_16: constant(uint256) = ALL // (2**16 - 1)
# where the fields of a market's file begin
PARTS: constant(uint256) = 96
NEXT_PART: constant(uint256) = 112
NEXT_ROW: constant(uint256) = 128
OFFSET: constant(uint256) = 144
BLOCKS: constant(uint256) = 160
# where the fields of a block begin
PLANES: constant(uint256) = 16
ROWS: constant(uint256) = 32
FIRST: constant(uint256) = 48
COUNT: constant(uint256) = 64
BEGIN: constant(uint256) = 80

# where the fields of the parameters begin that all sparse perceptrons have
BIAS_RATE: constant(uint256) = 16
N_FEATURES: constant(uint256) = 64

# by caller and market, from the lowest bits: the model's parameters (96), portions (16), the portion that is checked next
# (16), and how many rows (16) and bytes (16) of it were checked, blocks (16)
files: HashMap[bytes32, uint256]
# by caller and market: what the model's state is kept in
states: HashMap[bytes32, address[MAX_KEPT]]
# by caller and market: what the portions are kept in (160), and how many rows each has (16)
portions: HashMap[bytes32, uint256[MAX_PARTS]]
# by caller and market, and block, from the lowest bits, 16 each: contributions that it went through, planes, rows, first portion,
# how many portions, where in these its rows begin; the rest is the scorer's
blocks: HashMap[bytes32, uint256[MAX_BLOCKS]]


@deploy
def __init__():
    stored.__init__()


# ---- externals ------------------------------------------------------------------------------------------------------

@external
def prepare(market: uint256, model: address, start: uint256, count: uint256, salt: bytes32) -> (uint256, bool):
    """
    @notice Copy the next words of a model's state, as code: 640, or all that are left.
    """
    key: bytes32 = self._key(market)
    if start == 0:
        self.files[key] = staticcall IModel(model).parameters()
    total: uint256 = staticcall IModel(model).word_count()
    assert start % WORDS_KEPT == 0 and start < total, "scorer: not the next words"
    size: uint256 = min(WORDS_KEPT, total - start)
    words: DynArray[uint256, limits.MAX_WORDS] = staticcall IModel(model).words(start, size)
    assert len(words) == size, "scorer: the model does not answer"
    self.states[key][start // WORDS_KEPT] = stored._keep(abi_encode(words))
    return start + size, start + size == total


@external
def show(market: uint256, rows: Bytes[limits.MAX_PORTION], count: uint256):
    """
    @notice Take the next hidden rows. Whoever calls knows that they are `count` rows as the model's `evaluate` takes them.
    """
    key: bytes32 = self._key(market)
    file: uint256 = self.files[key]
    part: uint256 = (file >> PARTS) & MASK_16
    assert part < MAX_PARTS and count > 0 and count <= MASK_16, "scorer: no more portions"
    # as `stored._keep`, whose buffers are larger and would stand before the rows: 18,000 gas of memory
    kept: address = raw_create(concat(stored.RETURN_REST, stored.STOP, rows))
    self.portions[key][part] = convert(kept, uint256) | (count << 160)
    self.files[key] = file + (1 << PARTS)


@view
@external
def translated(
    rows: DynArray[uint256, MAX_ROW_WORDS], samples: DynArray[uint256, MAX_SAMPLE_WORDS], ends: DynArray[uint256, MAX_ENDS]
) -> (DynArray[uint256, MAX_ROW_WORDS], DynArray[uint256, MAX_SAMPLE_WORDS], uint256):
    """
    @notice Numbers the features of the first samples from 1 on, as many samples as have 1,024 different ones.
    @dev A function of its own because of the memory for its table.
    @param ends Where in `samples` each sample begins, and where the last one ends.
    @return Rows and samples with these numbers, 0 in the rows for all other features; and how many samples.
    """
    table: uint256[4096] = empty(uint256[4096])  # by feature, 16 bits each
    numbered: DynArray[uint256, MAX_SAMPLE_WORDS] = []
    taken: uint256 = 0
    count: uint256 = 0
    for c: uint256 in range(1, len(ends), bound=MAX_ENDS):
        for w: uint256 in range(ends[c - 1], ends[c], bound=MAX_SAMPLE_WORDS):
            lanes: uint256 = samples[w]
            new: uint256 = 0
            for i: uint256 in range(LANES):
                feature: uint256 = lanes >> 240
                number: uint256 = 0
                if feature > 0:
                    number = (table[feature >> 4] >> ((feature & 15) << 4)) & MASK_16
                    if number == 0:
                        count += 1
                        number = count
                        if count <= MAPS:
                            table[feature >> 4] |= number << ((feature & 15) << 4)
                new = (new | number) << 16
                lanes <<= 16
            numbered.append(new)
        if count > MAPS:
            break
        taken = c
    marked: DynArray[uint256, MAX_ROW_WORDS] = []
    for lanes: uint256 in rows:
        # unrolled: fifteen_numbers
        numbers: uint256 = 0
        numbers |= ((table[lanes >> 244] >> ((lanes >> 236) & 240)) & MASK_16) << 240
        numbers |= ((table[(lanes >> 228) & 4095] >> ((lanes >> 220) & 240)) & MASK_16) << 224
        numbers |= ((table[(lanes >> 212) & 4095] >> ((lanes >> 204) & 240)) & MASK_16) << 208
        numbers |= ((table[(lanes >> 196) & 4095] >> ((lanes >> 188) & 240)) & MASK_16) << 192
        numbers |= ((table[(lanes >> 180) & 4095] >> ((lanes >> 172) & 240)) & MASK_16) << 176
        numbers |= ((table[(lanes >> 164) & 4095] >> ((lanes >> 156) & 240)) & MASK_16) << 160
        numbers |= ((table[(lanes >> 148) & 4095] >> ((lanes >> 140) & 240)) & MASK_16) << 144
        numbers |= ((table[(lanes >> 132) & 4095] >> ((lanes >> 124) & 240)) & MASK_16) << 128
        numbers |= ((table[(lanes >> 116) & 4095] >> ((lanes >> 108) & 240)) & MASK_16) << 112
        numbers |= ((table[(lanes >> 100) & 4095] >> ((lanes >> 92) & 240)) & MASK_16) << 96
        numbers |= ((table[(lanes >> 84) & 4095] >> ((lanes >> 76) & 240)) & MASK_16) << 80
        numbers |= ((table[(lanes >> 68) & 4095] >> ((lanes >> 60) & 240)) & MASK_16) << 64
        numbers |= ((table[(lanes >> 52) & 4095] >> ((lanes >> 44) & 240)) & MASK_16) << 48
        numbers |= ((table[(lanes >> 36) & 4095] >> ((lanes >> 28) & 240)) & MASK_16) << 32
        numbers |= ((table[(lanes >> 20) & 4095] >> ((lanes >> 12) & 240)) & MASK_16) << 16
        # end
        marked.append(numbers | (lanes & MASK_16))
    return marked, numbered, taken


# ---- inside ---------------------------------------------------------------------------------------------------------

@internal
@view
def _key(market: uint256) -> bytes32:
    return keccak256(abi_encode(msg.sender, market))


@internal
@view
def _state_word(key: bytes32, word: uint256) -> uint256:
    """
    @dev A word of the model's state, which is kept as an ABI-encoded list.
    """
    return self._word_in(self.states[key][word // WORDS_KEPT], word)


@internal
@view
def _word_in(kept: address, word: uint256) -> uint256:
    """
    @dev The same, where it is known what it is kept in. The list stands behind the first byte of the code, its own place, and its
         length.
    """
    return convert(slice(kept.code, unsafe_add(65, unsafe_mul(32, word % WORDS_KEPT)), 32), uint256)


@internal
@view
def _next_block(key: bytes32, file: uint256) -> uint256:
    """
    @dev Rows, first portion, how many portions and where in them the rows begin, of the block that comes next.
    """
    first: uint256 = (file >> NEXT_PART) & MASK_16
    begun: uint256 = (file >> NEXT_ROW) & MASK_16
    part: uint256 = self.portions[key][first]
    rows: uint256 = (part >> 160) - begun
    count: uint256 = 1
    if rows > BLOCK:
        rows = BLOCK
    elif begun == 0:
        size: uint256 = convert(part & MASK_160, address).codesize - 1
        for i: uint256 in range(first + 1, min((file >> PARTS) & MASK_16, first + stored.MAX_PARTS), bound=stored.MAX_PARTS):
            part = self.portions[key][i]
            size += convert(part & MASK_160, address).codesize - 1
            if rows + (part >> 160) > BLOCK or size > limits.MAX_PORTION:
                break
            rows += part >> 160
            count += 1
    return (rows << ROWS) | (first << FIRST) | (count << COUNT) | (((file >> OFFSET) & MASK_16) << BEGIN)


@internal
@view
def _found(key: bytes32, info: uint256) -> Bytes[MAX_FOUND]:
    """
    @dev The portions of a block, one after the other, and 32 bytes more.
    """
    parts: DynArray[address, stored.MAX_PARTS] = []
    first: uint256 = (info >> FIRST) & MASK_16
    for i: uint256 in range(first, first + ((info >> COUNT) & MASK_16), bound=stored.MAX_PARTS):
        parts.append(convert(self.portions[key][i] & MASK_160, address))
    return concat(stored._gather(parts), empty(bytes32))


@internal
@pure
def _row_words(found: Bytes[MAX_FOUND], info: uint256) -> DynArray[uint256, MAX_ROW_WORDS]:
    """
    @dev The features of a block's rows, 15 to a word, with label and number of the row. The rows have been checked.
    """
    words: DynArray[uint256, MAX_ROW_WORDS] = []
    position: uint256 = (info >> BEGIN) & MASK_16
    for row: uint256 in range((info >> ROWS) & MASK_16, bound=BLOCK):
        position = unsafe_add(position, sample.ROW_HEAD)
        head: uint256 = extract32(found, unsafe_sub(position, sample.ROW_HEAD), output_type=uint256)
        stop: uint256 = unsafe_add(position, (head >> 232) & MASK_16)
        tag: uint256 = ((head >> 248) << 8) | row
        for j: uint256 in range(limits.MAX_SAMPLE // 30 + 1):
            used: uint256 = ALL << unsafe_sub(256, min(240, unsafe_sub(stop, position) << 3))
            words.append(unsafe_add(extract32(found, position, output_type=uint256) & used, ONES & used) | tag)
            position = unsafe_add(position, 2 * LANES)
            if position >= stop:
                break
        position = stop
    return words


@internal
@pure
def _samples(
    contributions: Bytes[limits.MAX_BATCH]
) -> (DynArray[uint256, MAX_SAMPLE_WORDS], DynArray[uint256, MAX_ENDS], DynArray[uint256, limits.MAX_MANY]):
    """
    @dev The features of the samples, 15 to a word; where in these each sample begins, and where the last one ends; and the heads
         of the contributions.
    """
    words: DynArray[uint256, MAX_SAMPLE_WORDS] = []
    ends: DynArray[uint256, MAX_ENDS] = [0]
    heads: DynArray[uint256, limits.MAX_MANY] = []
    packed: Bytes[limits.MAX_BATCH + 32] = concat(contributions, empty(bytes32))
    position: uint256 = 0
    for c: uint256 in range(limits.MAX_MANY):
        if position == len(contributions):
            break
        head: uint256 = extract32(packed, position, output_type=uint256) >> (256 - 8 * CONTRIBUTION_HEAD)
        position += CONTRIBUTION_HEAD
        stop: uint256 = position + (head & MASK_16)
        assert position < stop and stop <= len(contributions), "scorer: contributions are cut off"
        heads.append(head)
        for j: uint256 in range(limits.MAX_SAMPLE // 30 + 1):
            used: uint256 = ALL << unsafe_sub(256, min(240, unsafe_sub(stop, position) << 3))
            words.append(unsafe_add(extract32(packed, position, output_type=uint256) & used, ONES & used))
            position = unsafe_add(position, 2 * LANES)
            if position >= stop:
                break
        position = stop
        ends.append(len(words))
    return words, ends, heads


@internal
@pure
def _count(bits: uint256) -> uint256:
    """
    @dev How many bits are set.
    """
    pairs: uint256 = unsafe_sub(bits, (bits >> 1) & PAIRS)
    quarters: uint256 = unsafe_add(pairs & QUARTERS, (pairs >> 2) & QUARTERS)
    bytes: uint256 = unsafe_add(quarters, quarters >> 4) & BYTES
    # in lanes of 16 bits, because the sum may be 256
    return unsafe_mul(unsafe_add(bytes & HALVES, (bytes >> 8) & HALVES), SUM_16) >> 240


@internal
@pure
def _after(file: uint256, info: uint256, part_rows: uint256, position: uint256, end: uint256) -> uint256:
    """
    @dev The file after a block was checked.
    @param part_rows The rows of the block's first portion.
    @param position Where the block ended in its portions, which end at `end`.
    """
    first: uint256 = (info >> FIRST) & MASK_16
    begun: uint256 = ((file >> NEXT_ROW) & MASK_16) + ((info >> ROWS) & MASK_16)
    cleared: uint256 = file & ~((MASK_16 << NEXT_PART) | (MASK_16 << NEXT_ROW) | (MASK_16 << OFFSET))
    if begun < part_rows:
        return (cleared | (first << NEXT_PART) | (begun << NEXT_ROW) | (position << OFFSET)) + (1 << BLOCKS)
    assert position == end, "scorer: more rows than there are"
    return (cleared | ((first + ((info >> COUNT) & MASK_16)) << NEXT_PART)) + (1 << BLOCKS)
