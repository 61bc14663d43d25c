"""Prediction markets on a chain: where they stand, and what moves them on."""

import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from eth_utils import to_checksum_address

from comodels.artifacts import artifact
from comodels.chain.abi import word
from comodels.chain.account import Refused, TooDear, address_of
from comodels.chain.contract import ContractAt
from comodels.chain.logs import block_of
from comodels.chain.node import RpcError, Unreachable
from comodels.claims import owner_of
from comodels.errors import ComodelsError
from comodels.incentives import prediction_market as p
from comodels.incentives.blocks import Blocks
from comodels.incentives.chains import Given, around
from comodels.incentives.commitment import Commitment
from comodels.incentives.scorers import MAX_MANY, fitting, portions_for_check
from comodels.market_secret import Secret, SecretError, cut, fingerprint, path_in, row_count
from comodels.models import twin_in
from comodels.payouts import Payout, Stake, View, calls, entries, errors_in, payouts, stakes_in, unpaid
from comodels.published import PublishedModel, encoded_rows, words_of
from comodels.revert import Revert
from comodels.units import ether, time_span

SPARE_PORTION_GAS = 14_000_000  # what evaluating a portion may take, so that it can be revealed in one transaction
ROWS_A_CALL = 4_096  # no call evaluates more: rows have 4 bytes or more, and a call takes 16,384
FEW = 16  # contributions in a transaction, below which it is better to take fewer rows
TRIES = 3  # how often `run` tries a step again that is refused
POLL = 2.0  # seconds between looks at a transaction that is not mined yet


class StepRefused(Refused):
    """A transaction reverted, or would; the text says why."""


class TooMuchGas(StepRefused):
    """A step does not fit in one transaction."""


class MarketDriver:
    """Moves a market on. Each function looks at the chain first, and does only what is left to do.

    Parameters
    ----------
    contract : ContractAt
        The prediction market.
    account : comodels.chain.account.Account
        Who sends.
    secret, path
        The test set and its file; None for who does not have it.
    number : int, optional
        Of the model's market; by default the one that the file is for, or the latest.
    say : callable
        Told what is done, a line at a time.
    """

    def __init__(self, contract: ContractAt, model: str, account, secret=None, path=None, number=None, say=print):
        self.contract, self.model, self.account = contract, model, account
        self.secret, self.path, self.say = secret, path, say
        self.number = number
        self.rows = p.MAX_ROWS  # that the next `check` or `score_many` evaluates at most
        self._stakes: list[Stake] = []
        self._first = -1  # see `first_block`
        self.many = MAX_MANY  # contributions that the next `score_many` takes at most
        self._revealed: Commitment | None = None  # see `committed_rows`
        self._blocks: Blocks | None = None  # see `blocks`
        self._blocks_from = -1  # the block of the chain from which on they are to be asked for
        self._learnt = 0  # the contribution of the last `score_many` in which the copy of the model only learnt

    @property
    def node(self):
        return self.contract.chain

    @property
    def market(self) -> int:
        """The id of the market; 0 if there is none."""
        if self.number is not None:
            return p.market_id(self.model, self.number)
        return self.secret.market if self.secret else self.contract.call("latest_market", self.model)

    def view(self) -> View | None:
        """The market as it is now; None if it was never committed."""
        if not self.market or self.market > self.contract.call("latest_market", self.model):
            return None
        return View.of(self.contract.call("market", self.market))

    @property
    def committed(self) -> View:
        """The market as it is now; raises `ComodelsError` if it was never committed."""
        view = self.view()
        if view is None:
            raise ComodelsError("The market was never committed: `ape run market commit` begins one.")
        return view

    # ---- sending -----------------------------------------------------------------------------------------------------

    def send(self, what: str, function: str, *arguments, value: int = 0) -> dict:
        """Send a transaction, noted in the provider's file as soon as it is signed; its receipt when it is mined.

        Whatever fails in between, nothing is done twice: while the account has a transaction that may still be mined,
        no other is signed, and one that the node has forgotten has the nonce of whatever is sent in its place.

        Raises
        ------
        StepRefused
            It reverted, or would have.
        """
        try:
            return self.contract.transact(
                function,
                *arguments,
                account=self.account,
                value=value,
                nonce=self._nonce(),
                signed_as=lambda name: self.secret and self.secret.note(self.path, what, name),
            )
        except (Refused, RpcError) as error:
            reason = str(error).removeprefix("execution reverted").lstrip(": ")
            # a call inside that runs out of gas reverts without a reason
            raise (TooMuchGas if not reason or "gas" in reason else StepRefused)(f"{what}: {reason}") from error

    def _nonce(self) -> int:
        """The account's next nonce, as soon as all that it has sent is mined."""
        address, told = address_of(self.account), False
        while True:
            mined, sent = self.node.sent(address)
            if sent <= mined:
                return mined
            if not told:
                self.say(f"Waiting for transactions of {address} that are not mined yet ...")
                told = True
            time.sleep(0.05 if self.node.is_local else POLL)

    def first_block(self, view: View) -> int:
        """The block before which the market had no event that is looked for, by the node's own numbers."""
        if self._first < 0:
            self._first = block_of(self.node, view.draw_block, self.model)
        return self._first

    def _told(self, view: View, event: str) -> Iterator[dict[str, Any]]:
        """The arguments of the market's events of a name."""
        place = self.first_block(view), self.node.block
        return (values for _, values in self.contract.past_events([event], *place, word(self.market)))

    def stakes(self, view: View) -> list[Stake]:
        """All contributions to the market in their order, from events; what had no effect staked nothing."""
        if len(self._stakes) < view.contributions:
            self._stakes = stakes_in(self.contract, self.model, self.market, self.first_block(view), self.node.block)
        return self._stakes

    def scored(self, view: View) -> list[list[int]]:
        """Wrong hidden rows after each contribution that was scored, by the calls that scored them, from events."""
        return errors_in(self.contract, self.market, self.first_block(view), self.node.block) if view.scored else []

    def errors(self, view: View) -> list[int]:
        """The same for all in one list."""
        return list(chain.from_iterable(self.scored(view)))

    def payouts(self, view: View) -> list[Payout]:
        """What is owed for contributions to a market that has ended, and not paid yet."""
        stakes = self.stakes(view)
        found = payouts(view.phase, view.plan, view.initial_errors, stakes, self.errors(view))
        return unpaid(self.contract, self.market, found)

    # ---- a new market ------------------------------------------------------------------------------------------------

    def write_secret(self, rows: Sequence[tuple[int, bytes]], folder: Path, portions: int, **plan: int) -> None:
        """Cut (label, sample) rows into portions, and write the provider's file for the model's next market.

        `plan` has the fields of `Plan`, but for the number of rows. Raises `ComodelsError` if rows or plan do not fit.
        """
        packed = cut(rows, portions)
        planned = p.Plan(portions=portions, rows=row_count(packed[0]), **plan)
        try:
            planned.check(p.Terms(*self.contract.call("terms", self.model)))
        except Revert as error:
            least = f" (--score-time: at least {planned.least_score_time}s)" if "score" in str(error) else ""
            raise ComodelsError(f"The contract would refuse this market: {error}{least}.") from error
        market = self.contract.call("next_market", self.model)
        self.secret = Secret.new(
            packed,
            chain_id=self.node.chain_id,
            contract=self.contract.address,
            model=self.model,
            market=market,
            provider=address_of(self.account),
            plan=planned,
            source=fingerprint(rows),
        )
        self.path = path_in(folder, market)
        self.secret.save(self.path)
        size = planned.rows
        left_out = len(rows) - portions * size
        more = f"; {left_out} rows that do not divide are left out." if left_out else "."
        self.say(f"{portions} portions of {size} rows{more}")
        self.say(f"The test set is in {self.path}: keep it secret, and do not lose it.")

    def start(self, deployed: PublishedModel, data: str | None, folder: Path, **plan: int) -> bool:
        """Commit, unless that is done, with the file that is there already or a new one in `folder`, of a data file.

        Returns False, without a new market, if the market before had the same test set: everybody has seen its rows.
        Raises `ComodelsError` where there is nothing to commit to.
        """
        view = self.view()
        if view is not None and not view.ended:
            if self.secret is None:
                raise ComodelsError(f"Market {self.market & 2**32 - 1} of {view.provider} is running.")
            self.say("The commitment is on the chain.")
            return True
        pending = self.secret is not None and view is None  # the file is of a commitment that is not on the chain
        if pending and (data is None or self.secret.transactions):
            self.say(f"Going on with the commitment in {self.path}: its test set and its plan.")
        elif data is None:
            raise ComodelsError("Name the hidden test set: --data FILE (with labels and texts, or a set).")
        else:
            rows = [(y, x) for x, y in encoded_rows(deployed, data, self.say)]
            if self.secret is not None and not pending and self.secret.source == fingerprint(rows):
                self.say(f"{data} was the test set of market {self.market & 2**32 - 1}: everybody has seen its rows.")
                return False
            secrets.SystemRandom().shuffle(rows)
            self.write_secret(rows, folder, **plan)
        self.test_portions(deployed.contract)
        self.commit()
        return True

    # ---- steps -------------------------------------------------------------------------------------------------------

    @property
    def overtaken(self) -> bool:
        """Whether the market that the file is for is another one's."""
        view = self.view()
        return view is not None and view.root != self.secret.tree.root

    def commit(self) -> None:
        """Send the commitment, unless it is on the chain already."""
        if self.overtaken:
            raise SecretError(f"{self.path} is for a commitment that was never made: another one took its number.")
        if self.view() is not None:
            self.say("The commitment is on the chain.")
            return
        plan, price = self.secret.plan, self.price(self.secret.provider)
        if price:
            self.say(f"The model is another one's: {ether(price)} go to its owner, and do not come back.")
        parts = f"{ether(plan.bounty)} bounty, {ether(plan.bond)} bond, the rest for scoring"
        self.say(f"{ether(plan.total)} go into the market: {parts}.")
        self.send("commit", "commit", self.market, self.secret.tree.root, plan.astuple(), value=plan.total + price)
        self.say(f"Committed to {plan.portions} portions of {plan.rows} rows; {plan.drawn} will be drawn.")

    def price(self, provider: str) -> int:
        """Wei that a provider pays the model's owner for a market: the least bond, or nothing if they are the owner."""
        _, least_bond, _, _ = self.contract.call("terms", self.model)
        return 0 if owner_of(self.node, self.model) == to_checksum_address(provider) else least_bond

    def test_portions(self, model) -> None:
        """Have the model evaluate each portion, for free: it refuses now what it would refuse when it is revealed."""
        answers = self._evaluations(model, self.secret.portions)
        for i, answer in enumerate(answers):
            if isinstance(answer, RpcError):
                raise SecretError(
                    f"The model cannot evaluate portion {i} of {len(answers)} in one transaction ({answer}): "
                    "make more portions, or check the rows."
                )

    def draw(self) -> None:
        self.send("draw", "draw", self.market)
        self.say(f"Drawn: portions {', '.join(map(str, self.committed.drawn))}.")

    def reveal(self) -> None:
        """Reveal what is to be revealed now."""
        from tqdm import tqdm

        if self.secret is None:
            raise SecretError("Only who has the provider's file can reveal: name it with --file.")
        view = self.committed
        wanted = view.to_reveal
        for index in tqdm(wanted, desc="Revealing", unit="portion", disable=len(wanted) < 2):
            self.send(f"reveal {index}", "reveal", *self.secret.reveal_arguments(index))
        self.say(f"Revealed: portions {', '.join(map(str, wanted))}.")

    def prepare(self, count: int = 500) -> None:
        """Copy the model to the replica, in steps; then the participation is open."""
        while (view := self.committed).phase == p.DRAWN:
            self.send(f"prepare {view.copied}", "prepare", self.market, count, secrets.token_bytes(32))
        self.say("The replica is ready, and the market open for contributions.")

    def check(self) -> None:
        in_blocks = int(self.committed.scorer, 16) != int(self.contract.call("scorer_of", ""), 16)
        while (view := self.committed).phase == p.REVEALING:
            left = [i for i in view.hidden if i >= view.next]
            self._check(self.committed_rows(view), left, view.plan.rows, in_blocks)
        rows = view.plan.hidden_rows
        self.say(f"Before the first contribution {view.initial_errors} of {rows} hidden rows are wrong.")

    def close(self) -> None:
        self.send("close", "close", self.market)
        self.say(f"Closed. Contributions: {self.committed.contributions}.")

    def score(self, limit: int | None = None) -> None:
        """Score the contributions that are not scored yet."""
        from tqdm import tqdm

        view = self.committed
        end = view.contributions if limit is None else min(view.scored + limit, view.contributions)
        with tqdm(total=end, initial=view.scored, desc="Scoring", unit="contribution", disable=end < 2) as bar:
            while view.phase == p.SCORING and view.scored < end:
                begin = view.scored
                self._score(begin + 1, [stake.given for stake in self.stakes(view)], end)
                view = self.committed
                bar.update(view.scored - begin)
        self.say(f"Scored {view.scored} of {view.contributions} contributions.")

    def settle(self) -> None:
        """Work out what each contribution that was scored is owed."""
        view = self.committed
        self.send("settle", "settle", self.market, entries(self.stakes(view), self.scored(view)))
        self.say("Settled.")

    def withdraw(self, account: str | None = None) -> int:
        """Have everything paid that is owed, or what is owed to one account; returns the wei.

        Who paid for a contribution of another, and who contributed it, are paid at once.

        Who refuses to be paid, as a contract may, keeps nobody else waiting.
        """
        from tqdm import tqdm

        view = self.view()
        if view is None or not view.ended:
            raise ComodelsError("The market has not ended: `ape run market status` tells what comes next.")
        mine = [payout for payout in self.payouts(view) if account is None or account in payout.accounts]
        due = [
            (
                f"withdraw {paid[0].stake.index}",
                sum(payout.amount if account is None else payout.to(account) for payout in paid),
                call,
            )
            for paid, call in calls(self.market, mine)
        ]
        rest = self.contract.call("held", self.market)[0]
        if rest and account in (None, view.provider):
            due.append(("withdraw the rest", rest, ("withdraw_rest", self.market)))
        total = 0
        for what, amount, call in tqdm(due, desc="Withdrawing", unit="payment", disable=len(due) < 2):
            try:
                self.send(what, *call)
                total += amount
            except StepRefused as error:
                self.say(f"Not paid: {error}")
        return total

    def expire(self) -> None:
        self.send("expire", "expire", self.market)
        view = self.committed
        if not view.ended:
            self.say(f"The scoring has ended: {view.scored} of {view.contributions} contributions are settled next.")

    def tell_ending(self) -> None:
        """Say how the market ended and what each account got; nothing as long as it goes on."""
        for line in self.ending():
            self.say(line)

    def ending(self) -> list[str]:
        """How the market ended, and a line for each account: what it paid in, got, and can still withdraw.

        Empty as long as the market goes on.
        """
        view = self.view()
        if view is None or not view.ended:
            return []
        paid: Counter[str] = Counter({view.provider: view.plan.total})
        got: Counter[str] = Counter()
        due: Counter[str] = Counter()
        for stake in self.stakes(view):
            paid[stake.sponsor] += view.plan.stake
        for payout in self.payouts(view):
            for account in payout.accounts:
                due[account] += payout.to(account)
        due[view.provider] += self.contract.call("held", self.market)[0]
        for values in self._told(view, "Withdrawn"):
            got[to_checksum_address(values["account"])] += values["amount"]
        lines = [f"Market {self.market & 2**32 - 1} has ended as {p.ENDINGS[view.phase]}."]
        for account in dict.fromkeys([*paid, *got, *due]):
            amount = paid[account]
            who = f"{account} (provider)" if account == view.provider else account
            rest = f", and can withdraw {ether(due[account], 9)}" if due[account] else ""
            lines.append(f"  {who} paid in {ether(amount, 9)}, got {ether(got[account], 9)}{rest}")
        fees = paid.total() - got.total() - due.total()
        return [*lines, f"  who scored and settled got the fees for it, {ether(fees, 9)}"] if fees else lines

    def committed_rows(self, view: View) -> Commitment:
        """The rows of a market of which all are revealed: from the provider's file, or from events.

        Raises `ComodelsError` where the node leaves out events, and where the provider's tree is none that can be made
        again from its leaves.
        """
        if self.secret is not None:
            return self.secret
        if self._revealed is None:
            told = sorted(self._told(view, "Revealed"), key=lambda values: values["index"])
            if len(told) != view.plan.portions:
                raise ComodelsError(
                    f"The node tells the rows of {len(told)} of {view.plan.portions} portions that were revealed: take "
                    "one that has all events since the commitment."
                )
            self._revealed = Commitment(
                chain_id=self.node.chain_id,
                contract=self.contract.address,
                market=self.market,
                portions=[bytes(values["rows"]) for values in told],
                salts=[bytes(values["salt"]) for values in told],
            )
            if self._revealed.tree.root != view.root:
                raise ComodelsError("The provider's tree is not OpenZeppelin's standard tree: only they can go on.")
        return self._revealed

    def _check(self, rows: Commitment, left: Sequence[int], count: int, in_blocks: bool) -> None:
        """`check` of the portions that are left, of `count` rows, with as many as fit in one transaction."""
        sizes = [len(rows.portions[i]) for i in left]
        while True:
            some = left[: portions_for_check(sizes, count, self.rows, in_blocks)]
            try:
                self.send("check", "check", self.market, *rows.check_arguments(some), self.rows)
                return
            except TooMuchGas:
                if self.rows == 1:
                    raise
            self.rows = min(self.rows, ROWS_A_CALL) // 2

    def blocks(self, view: View) -> Blocks | None:
        """The hidden rows as the scorer is shown them, with what it told; None where it keeps them itself."""
        if int(view.scorer, 16) == int(self.contract.call("scorer_of", ""), 16):
            return None
        if self._blocks is None:
            portions = self.committed_rows(view).portions
            self._blocks = Blocks([portions[i] for i in view.hidden], view.plan.rows)
            self._blocks_from = self.first_block(view)
        last = self.node.block
        for told in blocks_told(self.contract, view.scorer, self.market, self._blocks_from, last):
            self._blocks.tell(told)
        self._blocks_from = last + 1
        if not all(self._blocks.states):
            self._blocks = None
            # or is behind: `run` asks again
            raise StepRefused(
                "The node leaves out events of the market's scorer: take one that has all since the rows were checked."
            )
        return self._blocks

    def _score(self, first: int, contributions: Sequence[Given], end: int) -> None:
        """`score_many` of those from `first` to `end`, as many, and hidden rows, as fit in one transaction."""
        stakes = contributions[first - 1 : end]
        while True:
            taken, packed = fitting(stakes[: self.many])
            last = first + len(taken) - 1
            beside = around(contributions, first, last)
            blocks = self.blocks(self.committed)
            carried = blocks.carried(last, self.rows) if blocks else []
            try:
                self.send("score", "score_many", self.market, first, packed, self.rows, *beside, carried)
                return
            except TooMuchGas:
                # fewer contributions are fewer in vain; rows are presented anew for each transaction
                if self.many > FEW and len(stakes) > FEW:
                    self.many = min(self.many, len(stakes)) // 2
                elif self.rows > 1:
                    self.rows = min(self.rows, ROWS_A_CALL) // 2
                elif self.many > 1 and len(stakes) > 1:
                    self.many = min(self.many, len(stakes)) // 2
                elif self._learnt == first or blocks:
                    raise
                else:
                    break
        # not even one row: let the copy of the model learn first
        self.send("score", "score_many", self.market, first, packed, 0, *beside, [])
        self._learnt = first

    # ---- before one contributes --------------------------------------------------------------------------------------

    def shown_portions(self, view: View) -> dict[int, bytes]:
        """The rows of the drawn portions, from events: a random part of the test set, which all can see."""
        shown = {values["index"]: bytes(values["rows"]) for values in self._told(view, "Revealed")}
        return {index: shown[index] for index in view.drawn if index in shown}

    def shown_rows(self, view: View) -> bytes:
        """The same, one portion after the other."""
        return b"".join(self.shown_portions(view).values())

    def malformed(self, model: ContractAt, view: View) -> list[int]:
        """Drawn portions that the model refuses to evaluate, or with other numbers of rows than the plan says.

        Nothing on the chain reads drawn portions; but where these are malformed, hidden ones may be, and then the
        market ends as silent.
        """
        shown = self.shown_portions(view)
        answers = self._evaluations(model, list(shown.values()))
        return [
            index
            for (index, rows), answer in zip(shown.items(), answers, strict=True)
            if isinstance(answer, RpcError) or row_count(rows) != view.plan.rows
        ]

    def _evaluations(self, model: ContractAt, portions: Sequence[bytes]) -> list[Any]:
        """What the model answers to portions, or the `RpcError` with which it refuses one."""
        calls = [
            {"to": model.address, "data": "0x" + model.data("evaluate", rows).hex(), "gas": hex(SPARE_PORTION_GAS)}
            for rows in portions
        ]
        return self.node.many([("eth_call", [call, "latest"]) for call in calls])

    def try_sample(self, model: ContractAt, x: bytes, y: int) -> tuple[int, int, int]:
        """What a sample would do to the shown rows: how many they are, and how many are wrong before and after it.

        A provider can make a model on which right samples do harm (see docs/market.md); this tells, free of charge.
        """
        view = self.view()
        if view is None or not view.scorer.strip("0x"):
            raise ComodelsError("No portion was shown yet: `ape run market status` tells what comes next.")
        if malformed := self.malformed(model, view):
            raise ComodelsError(f"The model cannot evaluate shown portions: {', '.join(map(str, malformed))}.")
        rows = self.shown_rows(view)
        twin = twin_in(model.call("kind"), model.call("parameters"), words_of(model, model.call("word_count")))
        before = twin.evaluate(rows)
        twin.update(x, y)
        return row_count(rows), before, twin.evaluate(rows)

    # ---- time --------------------------------------------------------------------------------------------------------

    def pass_time(self, view: View) -> None:
        """On a local chain: go to the block of the draw, or to the deadline; what is passed over is said."""
        if view.phase == p.PARTICIPATING:
            left, count = time_span(max(0, view.deadline - self.node.time)), view.contributions
            self.say(f"--jump passes over {left} in which anybody could contribute; contributions so far: {count}.")
        if view.draw_block >= self.node.block:
            self.node.rpc("anvil_mine", hex(view.draw_block + 1 - self.node.block))
        elif view.deadline > self.node.time:
            self.node.rpc("evm_setNextBlockTimestamp", view.deadline)
            self.node.rpc("anvil_mine", "0x1")

    # ---- what comes next ---------------------------------------------------------------------------------------------

    def _would(self, function: str) -> bool:
        """Whether the contract would do a step in the next block: on some chains it sees other blocks than the node."""
        (answer,) = self.contract.views([(function, (self.market,))], "pending")
        return not isinstance(answer, RpcError)

    def next_step(self, view: View | None) -> tuple[str, str | None]:
        """What comes next, in words, and the method that does it; None if it is time that must pass."""
        if view is None:
            return "commit", "commit" if self.secret else None
        now, full = self.node.next_time, view.plan.max_contributions
        if view.phase == p.COMMITTED:
            if self._would("draw"):
                return "draw", "draw"
            if self._would("expire"):
                return "expire: the draw was missed", "expire"
            return f"wait for block {view.draw_block + 1}, as the contract counts, then draw", None
        if view.phase == p.DRAWN:
            if now >= view.deadline:
                return "expire: the drawn portions were not revealed in time", "expire"
            if view.revealed < view.plan.drawn:
                return "reveal the drawn portions", "reveal" if self.secret else None
            return "open (copy the model to the replica)", "prepare"
        if view.phase == p.PARTICIPATING:
            count = view.contributions
            if now >= view.deadline or count == full:
                return "close", "close"
            return f"contribute ({count} of at most {full} so far), until the time is over", None
        if view.phase == p.REVEALING:
            if now >= view.deadline:
                return "expire: the rest was not revealed in time", "expire"
            if view.revealed < view.plan.portions:
                return "reveal the rest", "reveal" if self.secret else None
            return "check the hidden rows", "check"
        if view.phase == p.SCORING:
            return "score" if now < view.deadline else "score; anyone may also end the scoring here", "score"
        if view.phase == p.SETTLING:
            return "settle", "settle"
        return (
            ("withdraw", "withdraw") if any(self.contract.call("held", self.market)) else ("nothing: all is paid", None)
        )

    def step(self, method: str) -> None:
        """Do one step; `ComodelsError` if it is not what comes next, but for ``expire``, which the contract judges.

        Where the market has ended nothing is left to do, and how it ended is said.
        """
        view = self.view()
        if view is None:
            raise ComodelsError("There is no market on this model yet: `ape run market commit` starts one.")
        if view.ended:
            return self.tell_ending()
        expected, following = self.next_step(view)
        if method not in (following, "expire"):
            raise ComodelsError(f"That is not what comes next. Next: {expected}.")
        getattr(self, method)()
        return self.tell_ending()

    def waiter(self, poll: float, jump: bool = False):
        """What `run` waits with: says what comes next, then lets `poll` seconds pass, or on a local chain all."""
        told = None

        def wait(view: View | None) -> None:
            nonlocal told
            if view is not None and (text := self.next_step(view)[0]) != told:
                self.say(f"Next: {text}.")
                told = text
            if view is not None and jump:
                self.pass_time(view)
            else:
                time.sleep(min(poll, 1) if view is None else poll)

        return wait

    def run(self, wait, account: str | None = None, until_withdrawn: bool = True) -> None:
        """Drive the market to its end.

        Parameters
        ----------
        wait : callable
            Lets time pass, given the market's `View`; given None, just waits before something is tried again.
        account : str, optional
            Who is paid in the end; by default everybody.
        until_withdrawn : bool
            Whether to pay in the end.
        """
        tries, refused_at = 0, None
        while True:
            view = None
            try:
                view = self.view()
                _, method = self.next_step(view)
                if view is not None and view.ended:
                    if until_withdrawn and method is not None:
                        self.withdraw(account)
                    return
                if method is not None:
                    getattr(self, method)()
                    continue
                wait(view)
            except TooDear as error:
                self.say(f"{error}.")
                wait(view)
            except Unreachable as error:
                self.say(f"The chain does not answer ({error}). Trying again ...")
                wait(None)
            except (StepRefused, RpcError):
                # somebody else may have done the step meanwhile, the node may be behind, or blocks were undone
                tries = tries + 1 if view == refused_at else 1
                refused_at = view
                self._stakes.clear()
                self._blocks = None
                if tries > TRIES:
                    raise
                wait(None)


def blocks_told(contract: ContractAt, scorer: str, market: int, first: int, last: int) -> list[dict[str, Any]]:
    """What a market's scorer told of its blocks of hidden rows, from events of the chain's blocks `first` to `last`."""
    at = ContractAt(contract.chain, scorer, artifact("SparseScorer").abi)
    return [values for _, values in at.past_events(["Block"], first, last, word(contract.address), word(market))]


def open_market(
    deployed: PublishedModel, account, folder: Path, file: Path | None = None, number: int | None = None, say=print
) -> MarketDriver:
    """The driver of a model's market, by default of the latest, with the provider's file if it is in the folder.

    Raises `ComodelsError` if the model has no markets, `SecretError` if the file is for another one.
    """
    if deployed.incentive is None or deployed.incentive_kind != "PredictionMarket":
        raise ComodelsError(
            f"{deployed.name} was not published for markets: `ape run deploy --incentive prediction-market` does so."
        )
    driver = MarketDriver(deployed.incentive, deployed.address, account, number=number, say=say)
    if file is not None:
        paths = [file]
    else:
        latest = [deployed.incentive.call("next_market", deployed.address), driver.market]
        markets = latest if number is None else [driver.market]
        paths = [path for path in (path_in(folder, market) for market in markets) if path.is_file()]
    for path in paths:
        secret = Secret.load(path)
        here = deployed.node.chain_id, driver.contract.address, deployed.address
        if (secret.chain_id, secret.contract, secret.model) != here:
            raise SecretError(f"{path} is for another chain, contract or model. Name the right one: --file")
        driver.secret, driver.path = secret, path
        if file is not None or not driver.overtaken:
            break
        say(f"{path} is for a commitment that was never made: another one took its number.")
        driver.secret, driver.path = None, None
    return driver
