# pragma version 0.4.3
"""
@title EvaluatingScorer
@notice Scores contributions to markets on any model: a copy of the model, as it was before the first contribution, learns the
        contributions again, one by one; after each its errors on the hidden rows are counted.
@dev Everything goes on from where it was left, down to a single row: however dear a model's evaluation gets by what it learns,
     what one row takes is bounded by the sizes of models and samples, and fits in a transaction.
     What a model answers, and whether it does, its own markets alone depend on.
"""
from ..interfaces import IModel
from ..modules import limits
from ..modules import sample
from ..modules import stored

# the kinds whose learning depends on the number of updates so far, and where it stands in word 0 of a replica
LEVELS: constant(bytes32) = keccak256("LevelPerceptron")
MANY_LEVELS: constant(bytes32) = keccak256("MulticlassLevelPerceptron")
VERSION: constant(uint256) = 224
NOT_AS_MANY: constant(String[42]) = "scorer: not as many rows as a portion has"
MAX_PARTS: constant(uint256) = 64  # portions that are read at once
# code that takes an ABI-encoded list of addresses and returns what follows the first byte of their code, one after the other:
#     6040 5f                     i = 64; o = 0
#     5b 81 36 11 600c 57         3: if i < calldatasize: go to 12
#     5f f3                       return the o bytes from 0 on
#     5b 81 35 6001 81 3b 03      12: a = calldata[i]; n = size of the code of a - 1
#     80 6001 84 84 3c 90 50 01   copy n bytes of the code of a from 1 on to o; o += n
#     90 6020 01 90 6003 56       i += 32; go to 3
GATHER_CODE: constant(Bytes[37]) = x"60405f5b813611600c575ff35b81356001813b0380600184843c9050019060200190600356"

CONTRIBUTION_HEAD: constant(uint256) = 25  # bytes of a packed contribution before its sample

MASK_16: constant(uint256) = 2**16 - 1
MASK_160: constant(uint256) = 2**160 - 1

# what a file says
struct File:
    parts: uint256
    cursor: uint256
    offset: uint256
    scored: uint256
    checked: bool

# by caller and market: the copy of the model on which contributions are replayed
replicas: HashMap[bytes32, address]
# by replica: whether a market has it
taken: HashMap[address, bool]
# by caller and market: what the portions are kept in (160), and how many rows each has (16)
portions: HashMap[bytes32, uint256[limits.MAX_PORTIONS]]
# by caller and market, from the lowest bits: portions (16); 1 + the portion from which to go on, or 0, where the replica is to
# learn the next contribution first (16); bytes of that portion that were evaluated already (16); contributions that are
# scored (16); whether the rows are checked (1)
files: HashMap[bytes32, uint256]

# the contract with GATHER_CODE
GATHER: immutable(address)


@deploy
def __init__():
    GATHER = raw_create(concat(stored.RETURN_REST, GATHER_CODE))


@view
@external
def kind() -> String[32]:
    """
    @notice Empty: the scorer is for models of all kinds.
    """
    return ""


@view
@external
def fits(model: address) -> bool:
    """
    @notice Whether the scorer can serve a market on this model: on any.
    """
    return True


@view
@external
def replica(caller: address, market: uint256) -> address:
    """
    @notice The copy of a market's model, which only the scorer trains.
    """
    return self.replicas[keccak256(abi_encode(caller, market))]


@external
def prepare(market: uint256, model: address, start: uint256, count: uint256, salt: bytes32) -> (uint256, bool):
    """
    @notice Copy the next words of a model's state to the replica; with the last one it is sealed.
    @param count How many words at most; 600 new words take about 15 million gas.
    @param salt Decides, when the first words are copied, the replica's address, together with who calls.
    """
    key: bytes32 = self._key(market)
    replica: address = self.replicas[key]
    if replica == empty(address):
        replica = extcall IModel(model).create_replica(keccak256(abi_encode(key, salt)))
        # a model that lies could name that of another market, which would be loaded and sealed for both
        assert not self.taken[replica], "scorer: the replica of another market"
        self.taken[replica] = True
        self.replicas[key] = replica
    total: uint256 = staticcall IModel(model).word_count()
    size: uint256 = min(min(count, limits.MAX_WORDS), total - start)
    words: DynArray[uint256, limits.MAX_WORDS] = staticcall IModel(model).words(start, size)
    if start == 0 and len(words) > 0:
        kind: bytes32 = keccak256(staticcall IModel(model).kind())
        if kind == LEVELS or kind == MANY_LEVELS:
            words[0] |= (staticcall IModel(model).version()) << VERSION
    extcall IModel(replica).load(start, words)
    done: bool = start + size == total
    if done:
        extcall IModel(replica).seal()
    return start + size, done


@external
def check(
    market: uint256,
    shown: Bytes[limits.MAX_SHOWN],
    sizes: DynArray[uint256, limits.MAX_PORTIONS],
    count: uint256,
    more: bool,
    limit: uint256,
) -> (uint256, uint256, uint256, bool):
    """
    @notice Keep the portions that are shown, and count the errors before the first contribution on what is kept. The replica checks
            each row. See `IScorer`.
    @param limit How many rows to evaluate at most; the next call goes on from there, and needs no rows where all are kept.
    """
    key: bytes32 = self._key(market)
    file: File = self._file(key)
    assert not file.checked, "scorer: checked already"
    at: uint256 = 0
    for size: uint256 in sizes:
        rows: Bytes[limits.MAX_PORTION] = convert(slice(shown, at, size), Bytes[limits.MAX_PORTION])
        self._check_row_count(rows, count)
        self.portions[key][file.parts] = convert(stored._keep(rows), uint256) | (count << 160)
        file.parts += 1
        at += size
    file.cursor = max(file.cursor, 1)
    errors: uint256 = 0
    evaluated: uint256 = 0
    errors, evaluated, file = self._evaluated(key, file, limit)
    assert evaluated > 0 or len(sizes) > 0, "scorer: nothing to check"
    if file.cursor == 0 and more:
        # goes on with what is kept next
        file.cursor = file.parts + 1
    file.checked = file.cursor == 0
    self._save(key, file)
    return errors, evaluated, len(sizes), file.checked


@external
def score_many(
    market: uint256,
    first: uint256,
    contributions: Bytes[limits.MAX_BATCH],
    rows: uint256,
    before: bytes32,
    after: DynArray[bytes32, limits.MAX_AFTER],
    carried: DynArray[uint256, 1],
) -> (uint256[limits.MANY_WORDS], uint256, uint256, uint256):
    """
    @notice Have the replica learn the first of the contributions, unless it has begun with it, and evaluate it. See `IScorer`.
    @param rows How many rows to evaluate at most; the next call goes on from there. With 0 the replica only learns.
    @param carried Nothing: the scorer keeps all itself. `IScorer` has room for more; here it would cost each call 20,000 gas.
    """
    key: bytes32 = self._key(market)
    file: File = self._file(key)
    assert file.checked and first == file.scored + 1, "scorer: not the contribution that comes next"
    if file.cursor == 0:
        self._learn(self.replicas[key], contributions)
        file.cursor = 1
    errors: uint256[limits.MANY_WORDS] = empty(uint256[limits.MANY_WORDS])
    count: uint256 = 0
    errors[0], count, file = self._evaluated(key, file, rows)
    scored: uint256 = 0
    if file.cursor == 0:
        file.scored += 1
        scored = first
    self._save(key, file)
    return errors, 1, count, scored


# ---- inside ---------------------------------------------------------------------------------------------------------

@internal
@view
def _key(market: uint256) -> bytes32:
    return keccak256(abi_encode(msg.sender, market))


@internal
@view
def _file(key: bytes32) -> File:
    packed: uint256 = self.files[key]
    return File(
        parts=packed & MASK_16,
        cursor=(packed >> 16) & MASK_16,
        offset=(packed >> 32) & MASK_16,
        scored=(packed >> 48) & MASK_16,
        checked=packed >> 64 == 1,
    )


@internal
def _save(key: bytes32, file: File):
    self.files[key] = (
        file.parts | (file.cursor << 16) | (file.offset << 32) | (file.scored << 48) | (convert(file.checked, uint256) << 64)
    )


@internal
def _learn(replica: address, contributions: Bytes[limits.MAX_BATCH]):
    """
    @dev Have the replica learn the first of the contributions: it is what the model was, so it learns what the model learnt. A call that
         fails, also for lack of gas, undoes everything. A function of its own, whose memory others use before and after it.
    """
    head: uint256 = convert(slice(contributions, 0, CONTRIBUTION_HEAD), uint256)
    x: Bytes[limits.MAX_BATCH] = slice(contributions, CONTRIBUTION_HEAD, head & MASK_16)
    raw_call(replica, abi_encode(x, (head >> 16) & 255, method_id=method_id("update(bytes,uint256)")))


@internal
def _evaluated(key: bytes32, before: File, limit: uint256) -> (uint256, uint256, File):
    """
    @dev Goes on with the evaluation of the hidden rows: with whole portions or, where the limit is less than one has or one was
         begun, with a piece of one. So there is always a step that is small enough for a transaction: a row.
    @return The errors that the replica made, how many rows were evaluated, and how far it is: the cursor is 0 after the last row.
    """
    file: File = before
    if limit == 0:
        return 0, 0, file
    first: uint256 = file.cursor - 1
    next: uint256 = first
    size: uint256 = 0
    rows: uint256 = 0
    parts: DynArray[address, MAX_PARTS] = []
    for i: uint256 in range(first, file.parts, bound=limits.MAX_PORTIONS):
        portion: uint256 = self.portions[key][i]
        part: address = convert(portion & MASK_160, address)
        more: uint256 = portion >> 160
        size += part.codesize - 1
        if i > first and (
            file.offset > 0 or rows + more > limit or len(parts) == MAX_PARTS or size > limits.MAX_PORTION
        ):
            break
        rows += more
        parts.append(part)
        next = i + 1
    # here and not in a function of its own: it would have these bytes twice
    found: Bytes[limits.MAX_PORTION] = raw_call(
        GATHER, abi_encode(parts), max_outsize=limits.MAX_PORTION, is_static_call=True
    )
    if file.offset > 0 or rows > limit:
        # a piece of one portion
        begin: uint256 = file.offset
        end: uint256 = begin
        rows = 0
        for i: uint256 in range(min(limit, MASK_16), bound=MASK_16):
            if end == len(found):
                break
            # the rows have been counted when they were kept, so they end where the portion does
            end += sample.ROW_HEAD + convert(slice(found, end + 1, 2), uint256)
            rows += 1
        if end < len(found):
            next = first
            file.offset = end
        else:
            file.offset = 0
        found = slice(found, begin, end - begin)
    file.cursor = 0 if next == file.parts else next + 1
    # not a static call: a model's `evaluate` may keep what it computed
    answer: Bytes[32] = raw_call(self.replicas[key], abi_encode(found, method_id=method_id("evaluate(bytes)")), max_outsize=32)
    assert len(answer) == 32, "scorer: the model does not answer"
    errors: uint256 = convert(answer, uint256)
    # a model that lies cannot tell more errors than there are rows
    assert errors <= rows, "scorer: more errors than rows"
    return errors, rows, file


@internal
@pure
def _check_row_count(rows: Bytes[limits.MAX_PORTION], count: uint256):
    """
    @dev That a portion ends with the last of so many rows: pieces of it are told by that.
    """
    end: uint256 = 0
    for i: uint256 in range(count, bound=limits.MAX_PORTION // sample.ROW_HEAD):
        assert end + sample.ROW_HEAD <= len(rows), NOT_AS_MANY
        length: uint256 = convert(slice(rows, end + 1, 2), uint256)
        assert length <= limits.MAX_SAMPLE, "sample: longer than 2,048 bytes"
        end += sample.ROW_HEAD + length
    assert end == len(rows), NOT_AS_MANY
