# pragma version 0.4.3
"""
@title Sparse rows
@notice What scorers of sparse models share: the hidden rows in blocks of up to 256, the samples of contributions, and the features
        of both as words that can be looked through without a branch.
@dev Blocks are as large as portions allow: as many whole portions as have 256 rows and 16,384 bytes together, or 256 rows of a
     larger portion. Nobody can choose them: who checks rows shows as many portions as make a block, and the one after it, where that
     would have been too much for the block.
     Its rows are kept together, as code.
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

NOT_AS_MANY: constant(String[42]) = "scorer: not as many rows as a portion has"
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
BLOCKS: constant(uint256) = 96
CHECKED: constant(uint256) = 112
# where the fields of a block begin
PLANES: constant(uint256) = 16
ROWS: constant(uint256) = 32
KEPT: constant(uint256) = 64

# where the fields of the parameters begin that all sparse perceptrons have
BIAS_RATE: constant(uint256) = 16
N_FEATURES: constant(uint256) = 64

# by caller and market, from the lowest bits: the model's parameters (96), blocks that are kept (16) and checked (16)
files: HashMap[bytes32, uint256]
# by caller and market: what the model's state is kept in
states: HashMap[bytes32, address[MAX_KEPT]]
# by caller and market, and block, from the lowest bits, 16 each: contributions that it went through, planes, rows; from bit 64 on what
# its rows are kept in (160); the rest is the scorer's
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
@pure
def _next_block(sizes: DynArray[uint256, limits.MAX_PORTIONS], first: uint256, count: uint256, more: bool) -> uint256:
    """
    @dev How many portions make the next block or, where they have more rows than a block, the next blocks; 0 where that cannot be
         told yet.
    @param sizes Bytes of the portions that are shown, of which the first `first` have been taken.
    @param count Rows of each portion.
    @param more Whether other portions come after these.
    """
    if first == len(sizes):
        return 0
    size: uint256 = sizes[first]
    parts: uint256 = 1
    for i: uint256 in range(first + 1, len(sizes), bound=limits.MAX_PORTIONS):
        size += sizes[i]
        if (parts + 1) * count > BLOCK or size > limits.MAX_PORTION:
            return parts
        parts += 1
    # all that is shown: is there room for another one?
    return 0 if more and (parts + 1) * count <= BLOCK else parts


@internal
def _keep_blocks(
    key: bytes32,
    before: uint256,
    shown: Bytes[limits.MAX_SHOWN],
    sizes: DynArray[uint256, limits.MAX_PORTIONS],
    count: uint256,
    more: bool,
) -> (uint256, uint256):
    """
    @dev Keep the blocks of which all is shown, see `check` of `IScorer`. Each portion must end with the last of its rows.
    @param before The file before it.
    @return The file after it, and how many portions these are.
    """
    file: uint256 = before
    taken: uint256 = 0
    at: uint256 = 0
    start: uint256 = 0  # of the block
    rows: uint256 = 0  # of the block
    for i: uint256 in range(limits.MAX_PORTIONS):
        parts: uint256 = self._next_block(sizes, taken, count, more)
        if parts == 0:
            break
        for part: uint256 in range(taken, taken + parts, bound=limits.MAX_PORTIONS):
            end: uint256 = at + sizes[part]
            for row: uint256 in range(count, bound=limits.MAX_PORTION // sample.ROW_HEAD):
                length: uint256 = 0
                if at + sample.ROW_HEAD <= end:
                    length = convert(slice(shown, unsafe_add(at, 1), 2), uint256)
                    assert length <= limits.MAX_SAMPLE, "sample: longer than 2,048 bytes"
                at = unsafe_add(at, unsafe_add(sample.ROW_HEAD, length))
                rows = unsafe_add(rows, 1)
                if rows == BLOCK or (row == unsafe_sub(count, 1) and part == unsafe_sub(taken + parts, 1)):
                    assert at <= end, NOT_AS_MANY
                    kept: address = raw_create(concat(stored.RETURN_REST, stored.STOP, slice(shown, start, unsafe_sub(at, start))))
                    self.blocks[key][(file >> BLOCKS) & MASK_16] = (rows << ROWS) | (convert(kept, uint256) << KEPT)
                    file = unsafe_add(file, 1 << BLOCKS)
                    start = at
                    rows = 0
            assert at == end, NOT_AS_MANY
        taken = unsafe_add(taken, parts)
    return file, taken


@internal
@pure
def _padded(rows: Bytes[limits.MAX_PORTION]) -> Bytes[MAX_FOUND]:
    """
    @dev Rows, and 32 bytes more.
    """
    return concat(rows, empty(bytes32))


@internal
@view
def _found(info: uint256) -> Bytes[MAX_FOUND]:
    """
    @dev The rows of a block, and 32 bytes more.
    """
    return self._padded(stored._gather([convert((info >> KEPT) & MASK_160, address)]))


@internal
@pure
def _row_words(found: Bytes[MAX_FOUND], info: uint256) -> DynArray[uint256, MAX_ROW_WORDS]:
    """
    @dev The features of a block's rows, 15 to a word, with label and number of the row. The rows have been checked.
    """
    words: DynArray[uint256, MAX_ROW_WORDS] = []
    position: uint256 = 0
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
