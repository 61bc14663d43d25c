# pragma version 0.4.3
"""
@title Sparse rows
@notice What scorers of sparse models share: the hidden rows in blocks of up to 256, the samples of contributions, and the features
        of both as words that can be looked through without a branch.
@dev Blocks are as large as portions allow: as many whole portions as have 256 rows and 16,384 bytes together, or 256 rows of a
     larger portion. Nobody can choose them: who checks rows shows as many portions as make a block, and the one after it, where that
     would have been too much for the block.

     Nothing of a block is kept but a word: up to which contribution it is done, and a hash of all else, which is shown again to go
     on. That is, in lines of 16 words of which the last may end with zeros:
         its state: a word with the numbers of its rows, of its planes, of the lines of the state and of the rows, and what else its
         scorer knows; and its planes. The event `Block` tells it each time it changes;
         its rows, as words of features. They follow from the portions, which were revealed.
     Calldata and events cost 16 and 8 gas a byte, where code costs 200 and storage 690 to 156.
"""
from ..interfaces import IModel
from . import limits
from . import sample
from . import stored

event Block:
    caller: indexed(address)
    market: indexed(uint256)  # of the caller's
    number: uint256  # from 0
    done: uint256  # contributions that it went through
    state: DynArray[uint256, MAX_STATE]  # to be shown with its rows, see above

interface ISelf:
    # see `marked`
    def marked(
        contributions: Bytes[limits.MAX_BATCH], rows: DynArray[uint256, MAX_ROW_WORDS]
    ) -> (uint256[MAPS + 1], DynArray[uint256, MAX_SAMPLE_WORDS], uint256): view

BLOCK: constant(uint256) = 256  # rows
LINE: constant(uint256) = 16  # words that are hashed together
LINE_BYTES: constant(uint256) = 32 * LINE
MAX_STATE: constant(uint256) = 19 * LINE  # words: a head and ten classes with 29 planes
MAX_STATE_LINES: constant(uint256) = MAX_STATE // LINE
MAX_ROW_LINES: constant(uint256) = MAX_ROW_WORDS // LINE
MAX_BLOCKS: constant(uint256) = 512  # 256 portions, and what is left of 65,535 rows
MAX_COUNTS: constant(uint256) = 11  # bits of a number of features, at most 1,024
WORDS_KEPT: constant(uint256) = 640  # words of the model's state in one contract's code
MAX_KEPT: constant(uint256) = 103  # contracts for 65,537 words

# A word of features has 15 lanes of 16 bits, the first feature in the highest, and of a row its label and number in
# the lowest 16 bits. In a lane
# stands the number of the feature's map: 1 + the feature, or where there are more features than maps, what `marked` gives
# it; 0 where there is none.
LANES: constant(uint256) = 15
MAPS: constant(uint256) = 1_024  # at once: a sample has no more features
ONES: constant(uint256) = max_value(uint256) // (2**16 - 1) - 1  # 1 in each of the 15 lanes
MAX_ROW_WORDS: constant(uint256) = 832  # 16,384 bytes, and a word begun for each of 256 rows
MAX_SAMPLE_WORDS: constant(uint256) = 704  # 12,288 bytes, and a word begun for each of 256 samples

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
# the bits that change places with those of the lane 8, 4, 2 and 1 higher, see `_transposed`
SWAP_8: constant(uint256) = (2**128 - 1) // (2**16 - 1) * (2**16 - 2**8)
SWAP_4: constant(uint256) = ALL // (2**128 - 1) * ((2**64 - 1) // (2**16 - 1) * (2**16 - 2**12 + 2**8 - 2**4))
SWAP_2: constant(uint256) = ALL // (2**64 - 1) * ((2**32 - 1) // (2**16 - 1) * (2**16 // 5 * 4))
SWAP_1: constant(uint256) = ALL // (2**32 - 1) * (2**16 // 3 * 2)
# where the fields of a market's file begin
BLOCKS: constant(uint256) = 96
BEGUN: constant(uint256) = 112
OFFSET: constant(uint256) = 128
# where the fields of the first word of a block's state begin; the number of rows is the lowest
PLANES: constant(uint256) = 16
STATE_LINES: constant(uint256) = 32
ROW_LINES: constant(uint256) = 48
REST: constant(uint256) = 64  # the scorer's

# where the fields of the parameters begin that all sparse perceptrons have
BIAS_RATE: constant(uint256) = 16
N_FEATURES: constant(uint256) = 64

# by caller and market, from the lowest bits: the model's parameters (96), blocks that are checked (16); of the portion that comes
# next, where a part of it is in these: rows (16) and bytes (16) of that part
files: HashMap[bytes32, uint256]
# by caller and market: what the model's state is kept in
states: HashMap[bytes32, address[MAX_KEPT]]
# by caller and market, and block: contributions that it went through (16), and the highest 240 bits of the hash of all else
blocks: HashMap[bytes32, uint256[MAX_BLOCKS]]


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
def marked(
    contributions: Bytes[limits.MAX_BATCH], rows: DynArray[uint256, MAX_ROW_WORDS]
) -> (uint256[MAPS + 1], DynArray[uint256, MAX_SAMPLE_WORDS], uint256):
    """
    @notice Where there are more features than maps: numbers the features of the first samples from 1 on, as many samples as have
            1,024 different ones, and which rows have these.
    @dev A function of its own because of the memory for its table. Contributions are read where they stand in the calldata, as
         `score_many` has checked them; rows stand behind them, so no word that is read passes the end.
    @param contributions Packed.
    @param rows Words of features with the number of the row; words of 0 do not matter.
    @return The map of each number, of which that of 0 does not matter; the words of the samples with these numbers; and how
            many samples.
    """
    table: uint256[4096] = empty(uint256[4096])  # by feature, 16 bits each
    numbered: DynArray[uint256, MAX_SAMPLE_WORDS] = []
    taken: uint256 = 0
    count: uint256 = 0
    position: uint256 = unsafe_add(self._word(4), 36)
    end: uint256 = unsafe_add(position, len(contributions))
    for c: uint256 in range(limits.MAX_MANY):
        if position == end:
            break
        length: uint256 = (self._word(position) >> (256 - 8 * CONTRIBUTION_HEAD)) & MASK_16
        position = unsafe_add(position, CONTRIBUTION_HEAD)
        stop: uint256 = unsafe_add(position, length)
        for w: uint256 in range(limits.MAX_SAMPLE // 30 + 1):
            lanes: uint256 = self._sample_word(position, stop)
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
            position = unsafe_add(position, 2 * LANES)
            if position >= stop:
                break
        if count > MAPS:
            break
        taken = unsafe_add(c, 1)
        position = stop
    maps: uint256[MAPS + 1] = empty(uint256[MAPS + 1])
    for lanes: uint256 in rows:
        bit: uint256 = 1 << (lanes & MASK_8)
        # unrolled: fifteen_found
        maps[(table[lanes >> 244] >> ((lanes >> 236) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 228) & 4095] >> ((lanes >> 220) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 212) & 4095] >> ((lanes >> 204) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 196) & 4095] >> ((lanes >> 188) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 180) & 4095] >> ((lanes >> 172) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 164) & 4095] >> ((lanes >> 156) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 148) & 4095] >> ((lanes >> 140) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 132) & 4095] >> ((lanes >> 124) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 116) & 4095] >> ((lanes >> 108) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 100) & 4095] >> ((lanes >> 92) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 84) & 4095] >> ((lanes >> 76) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 68) & 4095] >> ((lanes >> 60) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 52) & 4095] >> ((lanes >> 44) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 36) & 4095] >> ((lanes >> 28) & 240)) & MASK_16] |= bit
        maps[(table[(lanes >> 20) & 4095] >> ((lanes >> 12) & 240)) & MASK_16] |= bit
        # end
    return maps, numbered, taken


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
@view
def _word(position: uint256) -> uint256:
    """
    @dev A word of the calldata.
    """
    return convert(slice(msg.data, position, 32), uint256)


@internal
@pure
def _link(link: bytes32, line: uint256[LINE]) -> bytes32:
    """
    @dev What the lines so far hash to, after one more.
    @param link Before it; of none: 0.
    """
    return keccak256(abi_encode(link, line))


@internal
@pure
def _turned(rows_link: bytes32) -> bytes32:
    """
    @dev What the lines of a state go on from. It differs from what lines of rows go on from, or a line of rows, which a provider
         chooses, could be shown as the first of a state.
    """
    return convert(~convert(rows_link, uint256), bytes32)


@internal
@view
def _shown() -> (uint256, uint256):
    """
    @dev Where the rows that are shown, the second argument of `check`, begin in the calldata, and where they end.
    """
    begin: uint256 = unsafe_add(self._word(36), 36)
    return begin, unsafe_add(begin, self._word(unsafe_sub(begin, 32)))


@internal
@view
def _carried() -> (uint256, uint256):
    """
    @dev Where the blocks that are shown, the last argument of `score_many`, begin in the calldata, and where they end.
    """
    start: uint256 = unsafe_add(self._word(196), 4)
    return unsafe_add(start, 32), unsafe_add(start, unsafe_mul(32, unsafe_add(self._word(start), 1)))


@internal
@view
def _line(position: uint256) -> uint256[LINE]:
    """
    @dev 16 words of the calldata.
    """
    return abi_decode(slice(msg.data, position, LINE_BYTES), uint256[LINE])


@internal
@view
def _state(position: uint256, info: uint256, rows_link: bytes32) -> DynArray[uint256, MAX_STATE]:
    """
    @dev The state of the block that is shown at a place in the calldata.
    @param info What is kept of the block.
    @param rows_link What its rows hash to.
    """
    link: bytes32 = self._turned(rows_link)
    state: DynArray[uint256, MAX_STATE] = []
    at: uint256 = position
    for i: uint256 in range((self._word(position) >> STATE_LINES) & MASK_16, bound=MAX_STATE_LINES):
        line: uint256[LINE] = self._line(at)
        link = self._link(link, line)
        for word: uint256 in line:
            state.append(word)
        at = unsafe_add(at, LINE_BYTES)
    if (convert(link, uint256) ^ info) >> 16 > 0:
        self._refuse("scorer: not the block that comes next")
    return state


@internal
@view
def _row_words(position: uint256, lines: uint256) -> DynArray[uint256, MAX_ROW_WORDS]:
    """
    @dev The rows of a block that stand at a place in the calldata, and zeros behind them.
    """
    words: DynArray[uint256, MAX_ROW_WORDS] = []
    at: uint256 = position
    for i: uint256 in range(LINE * lines, bound=MAX_ROW_WORDS):
        words.append(self._word(at))
        at = unsafe_add(at, 32)
    return words


@internal
def _keep(
    key: bytes32, market: uint256, number: uint256, done: uint256, rows_link: bytes32, state: DynArray[uint256, MAX_STATE]
):
    """
    @dev Keep what a block is now, and tell its state.
    @param rows_link What its rows hash to.
    @param state Whole lines.
    """
    link: bytes32 = self._turned(rows_link)
    for i: uint256 in range(len(state) // LINE, bound=MAX_STATE_LINES):
        line: uint256[LINE] = empty(uint256[LINE])
        for j: uint256 in range(LINE):
            line[j] = state[unsafe_add(unsafe_mul(LINE, i), j)]
        link = self._link(link, line)
    self.blocks[key][number] = (convert(link, uint256) >> 16 << 16) | done
    log Block(caller=msg.sender, market=market, number=number, done=done, state=state)


@internal
@pure
def _transposed(rows: uint256) -> uint256:
    """
    @dev Of 16 lanes of 16 bits, bit b of lane l, both counted from the lowest, as bit l of lane b.
    """
    word: uint256 = rows
    swapped: uint256 = (word ^ (word >> 120)) & SWAP_8
    word ^= swapped ^ (swapped << 120)
    swapped = (word ^ (word >> 60)) & SWAP_4
    word ^= swapped ^ (swapped << 60)
    swapped = (word ^ (word >> 30)) & SWAP_2
    word ^= swapped ^ (swapped << 30)
    swapped = (word ^ (word >> 15)) & SWAP_1
    return word ^ swapped ^ (swapped << 15)


@internal
@view
def _contributions() -> (uint256, uint256):
    """
    @dev Where the contributions, the third argument of `score_many`, begin in the calldata, and how many they are.
    """
    begin: uint256 = unsafe_add(self._word(68), 36)
    end: uint256 = unsafe_add(begin, self._word(unsafe_sub(begin, 32)))
    position: uint256 = begin
    count: uint256 = 0
    for c: uint256 in range(limits.MAX_MANY):
        if position == end:
            break
        length: uint256 = (self._word(position) >> (256 - 8 * CONTRIBUTION_HEAD)) & MASK_16
        position = unsafe_add(position, unsafe_add(CONTRIBUTION_HEAD, length))
        if length == 0 or position > end:
            self._refuse("scorer: contributions are cut off")
        count = unsafe_add(count, 1)
    return begin, count


@internal
@view
def _word_count(begin: uint256, count: uint256) -> uint256:
    """
    @dev How many words of features the samples of so many contributions have.
    @param begin Where in the calldata the contributions begin.
    """
    position: uint256 = begin
    words: uint256 = 0
    for c: uint256 in range(count, bound=limits.MAX_MANY):
        length: uint256 = (self._word(position) >> (256 - 8 * CONTRIBUTION_HEAD)) & MASK_16
        position = unsafe_add(position, unsafe_add(CONTRIBUTION_HEAD, length))
        words = unsafe_add(words, unsafe_div(unsafe_add(length, 2 * LANES - 1), 2 * LANES))
    return words


@internal
@view
def _sample_word(position: uint256, stop: uint256) -> uint256:
    """
    @dev Up to 15 features of a sample that ends at `stop`, from a place in the calldata on.
    """
    used: uint256 = ALL << unsafe_sub(256, min(240, unsafe_sub(stop, position) << 3))
    return unsafe_add(self._word(position) & used, ONES & used)


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
def _refuse(why: String[44]):
    """
    @dev A function of its own, because each reason would be packed by code of its own, and contracts have a limit.
    """
    raise why
