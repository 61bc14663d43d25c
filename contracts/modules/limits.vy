# pragma version 0.4.3
"""
@title Limits
@notice Sizes that interfaces, models and incentives share. They are types: a change of one changes all contracts.
"""

MAX_SAMPLE: constant(uint256) = 2_048  # bytes: 1,024 sparse features or 2,048 dense ones
MAX_CLASSES: constant(uint256) = 255
MAX_ROWS: constant(uint256) = 24_576  # bytes of rows in one `evaluate`: what one contract's code can hold (EIP-170)
MAX_TERMS: constant(uint256) = 512  # bytes
MAX_CARD: constant(uint256) = 4_096  # bytes: room for 255 class names of 12 bytes
MAX_TEXT: constant(uint256) = 255  # bytes of a name, a description, a spec
MAX_WORDS: constant(uint256) = 640  # state words in one transaction: 640 new slots take 14.2 of the 16.7 million gas allowed
# state words in the transaction that publishes: a model takes more at a time, but room for them, used or not, is dear
MAX_FIRST_WORDS: constant(uint256) = 256
# bytes of rows in a portion of a test set. A contract's code could hold half as much again, but every byte of these buffers
# costs each step a little: memory grows with the square
MAX_PORTION: constant(uint256) = 16_384
MAX_SHOWN: constant(uint256) = 32_768  # bytes of hidden rows that one transaction shows: two portions or more
MAX_PORTIONS: constant(uint256) = 256  # of a test set: the bits of a word; also the leaves that the module `merkle` can count
MAX_CARRIED: constant(uint256) = 2_304  # words of hidden rows and their scores in it, see `IScorer`
MAX_BATCH: constant(uint256) = 12_288  # bytes of packed contributions in one transaction that scores them
MAX_MANY: constant(uint256) = 256  # contributions in it
MANY_WORDS: constant(uint256) = MAX_MANY // 16  # of 16 numbers of 16 bits
# settling walks over all contributions at once, and may walk back over all of them
MAX_CONTRIBUTIONS: constant(uint256) = 4_096
MAX_LEVELS: constant(uint256) = 12  # levels of a tree over so many
# contributions that share a word which tells what they are still owed together, and whether each was paid
GROUP_BITS: constant(uint256) = 7
GROUP: constant(uint256) = 2**GROUP_BITS
MAX_GROUPS: constant(uint256) = MAX_CONTRIBUTIONS >> GROUP_BITS
# bytes of what settling is shown, all in one transaction: 22 for each contribution, and one for its line, see `ISettler`. With a word for each
# there would be more than 131,072, and nodes do not pass on such transactions
MAX_ENTRIES: constant(uint256) = MAX_CONTRIBUTIONS * 23
CHAIN: constant(uint256) = 16  # contributions that share a slot, see `market_settlement`
MAX_AFTER: constant(uint256) = CHAIN - 1  # those that come after one in its slot
