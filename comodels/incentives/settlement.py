"""What the contributions to a prediction market earn: the slides' loop, the same in one pass, and the tree over it.

All balances are integers, in stakes times hidden rows: nothing rounds until the last division.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_utils import keccak

from comodels.wire import account_of

GROUP = 128  # contributions that share a word which tells what they are still owed together, and whether each was paid
NOTHING = bytes(32)  # what stands for what is missing in a tree


def settle_by_loop(errors: Sequence[int], rows: int, rounds: int) -> list[int]:
    """The slides' loop, line by line. It takes `rounds` times T steps: the judge of `settle`, in tests.

    Parameters
    ----------
    errors : sequence of int, length T + 1
        Wrong rows before the first contribution and after each.
    rows : int
        Hidden rows; an error rate is ``errors / rows``.
    rounds : int
        The bounty in stakes, B.

    Returns
    -------
    list of int, length T
        Balances in stakes times rows.

    Examples
    --------
    >>> settle_by_loop([50, 40, 45, 30], rows=100, rounds=2)
    [120, 95, 125]
    """
    loss = errors
    contributions = range(1, len(errors))
    b = dict.fromkeys(contributions, rows)  # balance initially equals the stake
    S = list(contributions)  # list initially contains everyone
    for _ in range(rounds):
        before = 0  # the previous participant in S, or 0 if there is none
        for t in S:
            b[t] += loss[before] - loss[t]
            before = t
        S = [t for t in S if b[t] >= rows]  # all who can stake again stay
    return [b[t] for t in contributions]


def settle(errors: Sequence[int], rows: int, rounds: int) -> list[tuple[int, int]]:
    """The same result in O(T), whatever `rounds` is: the contract's algorithm.

    What a contribution earns depends only on those before it, and on how many rounds they stay. A stack keeps those who
    stay longer than all who came after them: rounds fall from its bottom to its top. Against the same predecessor the
    gain per round is constant, so the round in which a balance falls below the stake is one division. Who stays no
    longer than the newest is popped, so all walks together take fewer than 2 T steps.

    Returns
    -------
    list of (int, int), length T
        Balances in stakes times rows, and the number of rounds each took part in.
    """
    stack: list[tuple[int, int]] = []  # errors and rounds, the rounds strictly falling
    result = []
    for error in errors[1:]:
        balance, done = rows, 0
        while True:
            its_error, its_rounds = stack[-1] if stack else (errors[0], rounds)
            gain, left = its_error - error, its_rounds - done
            if gain < 0:
                affordable = (balance - rows) // -gain + 1
                if affordable < left:
                    balance += gain * affordable
                    done += affordable
                    break
            balance += gain * left
            done = its_rounds
            if not stack:
                break
            stack.pop()
            if balance < rows:
                break
        stack.append((error, done))
        result.append((balance, done))
    return result


def shares(amount: int, stake: int) -> tuple[int, int]:
    """Of what a contribution is owed, what is who paid its stake's, and what is its contributor's, in wei.

    Examples
    --------
    >>> shares(70, stake=100), shares(130, stake=100)
    ((70, 0), (100, 30))
    """
    return min(amount, stake), max(0, amount - stake)


def payments(errors: Sequence[int], rows: int, rounds: int, stake: int) -> list[int]:
    """Wei that each contribution is paid, rounded down."""
    return [stake * balance // rows for balance, _ in settle(errors, rows, rounds)]


def owed_leaf(contributor: str, amount: int, sponsor: str | None = None) -> bytes:
    """The leaf that says what a contribution is owed; the sponsor is by default its contributor."""
    return account_of(contributor, sponsor) + amount.to_bytes(12, "big")


def owed_way(index: int, leaf: bytes, proof: Sequence[bytes]) -> list[bytes]:
    """The nodes from the leaf of a contribution, counted from 1, upwards, as far as a proof leads."""
    way = [leaf]
    for level, other in enumerate(proof):
        way.append(keccak(other + way[-1] if index - 1 >> level & 1 else way[-1] + other))
    return way


def owed_root(index: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The root to which a proof leads from the leaf of a contribution, from 1; None where it leads nowhere.

    That is the hash of the top node and the number of levels below it: with other proofs nothing leads there.
    """
    top = owed_way(index, leaf, proof)[-1]
    return None if index - 1 >> len(proof) else keccak(top + len(proof).to_bytes(32, "big"))


class OwedTree:
    """The tree over what contributions are owed, as `Settler` builds it: leaves from left to right in their order.

    Each contribution is contributor, wei, and, where another paid for it, its sponsor.

    Attributes
    ----------
    root : bytes
        See `owed_root`.
    """

    def __init__(self, owed: Sequence[tuple[str, int] | tuple[str, int, str]]):
        level = [owed_leaf(*what) for what in owed]
        self._levels = [level]
        while len(level) > 1:
            level = [keccak(b"".join(level[i : i + 2]).ljust(64, b"\0")) for i in range(0, len(level), 2)]
            self._levels.append(level)
        self.root = keccak(level[0] + (len(self._levels) - 1).to_bytes(32, "big"))

    def proof(self, index: int) -> list[bytes]:
        """The nodes beside the way from a contribution, counted from 0, to the top."""
        beside = [(level, (index >> k) ^ 1) for k, level in enumerate(self._levels[:-1])]
        return [level[i] if i < len(level) else NOTHING for level, i in beside]
