"""A prediction market on chain and its twin, side by side: whatever is done is done to both, and must end alike."""

from collections import defaultdict
from itertools import chain

from eth_abi import decode
from eth_utils import keccak, to_checksum_address

from comodels.chain.abi import Transaction
from comodels.incentives.blocks import Blocks
from comodels.incentives.prediction_market import REVEALING, SETTLED, Plan, PredictionMarket, Terms
from comodels.incentives.scorers import EvaluatingScorer
from comodels.incentives.settlement import GROUP
from comodels.market import blocks_told
from comodels.market_secret import Secret
from comodels.payouts import errors_in
from comodels.revert import Revert
from comodels.rows import pack_rows
from comodels.wire import pack_contribution

CREDITED = "0x" + keccak(text="Credited(address,uint256)").hex()
HISTORY = "0x0000F90827F1C53a10cb7A02335B175320002935"  # EIP-2935

# terms by which a market may be as small as it likes
ANY = Terms(min_bounty=0, min_bond=0, max_length=2**32 - 1)
PLAN = Plan(
    stake=10**15,
    rounds=5,
    bond=3 * 10**15,
    fee=10**12,
    portions=6,
    drawn=2,
    rows=4,
    max_contributions=20,
    reveal_time=1_000,
    participation_time=2_000,
    rest_time=1_000,
    score_time=100_000,
)


def sample(*indices):
    return b"".join(i.to_bytes(2, "big") for i in indices)


def random_sample(rng, n_features=30, longest=6):
    count = int(rng.integers(1, longest + 1))
    return sample(*sorted(int(i) for i in rng.choice(n_features, count, replace=False)))


def random_portions(rng, plan=PLAN, n_features=30):
    """Rows whose label says whether low or high features prevail."""

    def row():
        x = random_sample(rng, n_features)
        indices = [int.from_bytes(x[i : i + 2], "big") for i in range(0, len(x), 2)]
        return int(sum(indices) / len(indices) > n_features / 2), x

    return [pack_rows([row() for _ in range(plan.rows)]) for _ in range(plan.portions)]


class Mirror:
    """Drives contract and twin.

    Parameters
    ----------
    rpc : comodels.chain.local.Chain
    contract : comodels.chain.local.ContractAt
        A PredictionMarket.
    accounts : sequence of str
        Whose balances are compared too.
    scorers : dict, optional
        Those with which the contract was deployed, by kind; by default all that there are.
    """

    def __init__(self, rpc, contract, accounts, scorers=None):
        self.rpc = rpc
        self.contract = contract
        self.accounts = [str(a) for a in accounts]
        self.chain_id = int(rpc.rpc("eth_chainId"), 16)
        self.twin = PredictionMarket(contract.address, self.chain_id, defaultdict(int), scorers)
        self.before = {a: rpc.balance(a) for a in self.accounts}
        self.forced = 0
        self.time = rpc.time
        self.receipt = None

    # ---- time and blocks ---------------------------------------------------------------------------------------------

    def wait(self, seconds):
        self.time += seconds

    def mine(self, blocks):
        self.rpc.rpc("anvil_mine", hex(blocks))
        self.time = max(self.time, self.rpc.time)

    def block_hash(self, number):
        """What the chain still knows of a block: 256 blocks, or 8,191 with EIP-2935."""
        latest = int(self.rpc.rpc("eth_blockNumber"), 16)
        if number > latest:
            return None
        history = self.rpc.rpc("eth_getCode", HISTORY, "latest") != "0x"
        if latest + 1 - number > (8_191 if history else 256):
            return None
        return bytes.fromhex(self.rpc.rpc("eth_getBlockByNumber", hex(number), False)["hash"][2:])

    # ---- doing -------------------------------------------------------------------------------------------------------

    def on_chain(self, function, *arguments, sender, value=0, gas=16_000_000, through=None):
        """The message with which a transaction reverts, or "" if it does not; `through` a ContractWallet, if given."""
        self.time += 1
        to, data = self.contract.address, self.contract.data(function, *arguments)
        if through is not None:
            to, data = through.address, through.data("run", to, data)
        transaction = Transaction(str(sender), to, data, value, gas, self.time)
        (self.receipt,) = self.rpc.send([transaction])
        return "" if self.receipt["status"] == "0x1" else self._reason(self.receipt)

    def _reason(self, receipt):
        trace = self.rpc.rpc("debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"})
        data = bytes.fromhex(trace.get("output", "0x")[2:])
        if data[:4] == keccak(text="Error(string)")[:4]:
            return decode(["string"], data[4:])[0]
        return f"reverted without a reason ({trace.get('error')})"

    def do(self, function, *arguments, sender, value=0, through=None, twin):
        """Do it on both; raises the `Revert` that both agree on."""
        said = self.on_chain(function, *arguments, sender=sender, value=value, through=through)
        # who takes no ether is not for the twin to know: the event tells
        credited = [log["topics"][1] for log in self.receipt["logs"] if log["topics"][0] == CREDITED]
        self.twin.refusing = {to_checksum_address(topic[-40:]) for topic in credited}
        try:
            result = twin(self.twin)
            expected = ""
        except Revert as revert:
            result, expected = None, str(revert)
        assert said == expected, f"{function}: the contract says {said!r}, the twin {expected!r}"
        self.check_money()
        self.check_order()
        if expected:
            raise Revert(expected)
        return result

    def check_order(self):
        """Both know alike how many portions are revealed, and which comes next."""
        said = self.contract.call_many("market", [(m,) for m in self.twin.markets])
        assert [(v[11], v[15]) for v in said] == [(len(m.rows), m.next) for m in self.twin.markets.values()]

    def check_money(self):
        """Both hold the same, and it is what they owe."""
        held = self.contract.call_many("held", [(m,) for m in self.twin.markets])
        for (market, m), (ours, theirs) in zip(self.twin.markets.items(), held, strict=True):
            assert (ours, theirs) == (m.provider_part, m.contributors_part), hex(market)
        groups = [
            (market, i) for market, m in self.twin.markets.items() for i in range(-(-len(m.contributions) // GROUP))
        ]
        assert self.contract.call_many("dues", groups) == [self.twin.dues(*group) for group in groups]
        credits = {a: self.contract.call("credit_of", a) for a in self.twin.credits}
        assert credits == self.twin.credits
        assert self.twin.balance == sum(a + b for a, b in held) + sum(credits.values())
        assert self.rpc.balance(self.contract.address) == self.twin.balance + self.forced
        for account in self.accounts:
            gained = self.rpc.balance(account) - self.before[account]
            assert gained == self.twin.balances[account], account

    # ---- the steps ---------------------------------------------------------------------------------------------------

    def adopt(self, model, twin, owner, terms=None):
        """A model that was created with the contract as trainer, on the usual terms: only its owner commits markets."""
        self.twin.open(model, twin, str(owner), ANY if terms is None else terms)

    def secret(self, model, provider, portions, plan=PLAN):
        return Secret.new(
            portions,
            chain_id=self.chain_id,
            contract=self.contract.address,
            model=model,
            market=self.twin.next_market(model),
            provider=str(provider),
            plan=plan,
        )

    def commit(self, sender, model, root, plan=PLAN, value=None, market=None):
        """Start the model's next market, or try to with another id; returns the id."""
        value = plan.total if value is None else value
        market = self.twin.next_market(model) if market is None else market
        block = int(self.rpc.rpc("eth_blockNumber"), 16) + 1
        self.do(
            "commit",
            market,
            root,
            plan.astuple(),
            sender=sender,
            value=value,
            twin=lambda t: t.commit(str(sender), market, root, plan, value, block),
        )
        return market

    def draw(self, sender, market):
        block = int(self.rpc.rpc("eth_blockNumber"), 16) + 1
        m = self.twin.markets.get(market)
        known = self.block_hash(m.draw_block) if m else None
        return self.do("draw", market, sender=sender, twin=lambda t: t.draw(market, block, known, self.time))

    def reveal(self, sender, *arguments):
        return self.do("reveal", *arguments, sender=sender, twin=lambda t: t.reveal(*arguments, self.time))

    def check(self, sender, market, rows=65_535, shown=None):
        """Shown the hidden portions that come next, where all are revealed, or something else."""
        if shown is None:
            m = self.twin.markets.get(market)
            ready = m is not None and len(m.rows) == m.plan.portions
            shown = self.twin.to_check(market, rows) if ready else (b"", [])
        return self.do(
            "check",
            market,
            *shown,
            rows,
            sender=sender,
            twin=lambda t: t.check(str(sender), market, rows, self.time, shown),
        )

    def prepare(self, sender, market, salt=bytes(32)):
        return self.do("prepare", market, 600, salt, sender=sender, twin=lambda t: t.prepare(market, self.time))

    def add_data(self, sender, model, x, y, value=PLAN.stake):
        return self.do(
            "add_data",
            model,
            x,
            y,
            sender=sender,
            value=value,
            twin=lambda t: t.add_data(str(sender), model, x, y, value, self.time),
        )

    def add_data_through(self, wallet, sender, model, x, y, value):
        """`sender` has a contract wallet stake on a sample, with ether that comes along."""

        def twin(t):
            t.add_data(wallet.address, model, x, y, value, self.time)
            t.balances[str(sender)] -= value
            t.balances[wallet.address] += value

        return self.do("add_data", model, x, y, sender=sender, value=value, through=wallet, twin=twin)

    def close(self, sender, market):
        return self.do("close", market, sender=sender, twin=lambda t: t.close(market, self.time))

    def carried(self, market, last, rows=65_535):
        """The blocks of hidden rows that are to be shown for contributions up to the last; all that there are fit."""
        m = self.twin.markets[market]
        if m.scorer is None or isinstance(m.scorer, EvaluatingScorer):
            return []
        blocks = Blocks([m.rows.get(i, b"") for i in m.hidden], m.plan.rows)
        scorer = self.contract.call("market", market)[5]
        for told in blocks_told(self.contract, scorer, market, 0, int(self.rpc.rpc("eth_blockNumber"), 16)):
            blocks.tell(told)
        return blocks.carried(last, rows)

    def score_many(self, sender, market, first, contributions, rows=65_535, before=None, after=None, carried=None):
        """With what is to be shown beside them, or with something else."""
        packed = b"".join(pack_contribution(*c) for c in contributions)
        there = 0 < first <= len(self.twin.markets[market].contributions)
        beside = self.twin.around(market, first, first + len(contributions) - 1) if there else (bytes(32), [])
        before, after = (beside[0] if before is None else before), (beside[1] if after is None else after)
        return self.do(
            "score_many",
            market,
            first,
            packed,
            rows,
            before,
            after,
            self.carried(market, first + len(contributions) - 1, rows) if carried is None else carried,
            sender=sender,
            twin=lambda t: t.score_many(str(sender), market, first, contributions, rows, before, after),
        )

    def score(self, sender, market, contributor, x, y, effect, rows=65_535):
        first = self.twin.markets[market].scored + 1
        return self.score_many(sender, market, first, [(str(contributor), x, y, effect)], rows)

    def score_next(self, sender, market, rows=65_535):
        m = self.twin.markets[market]
        c = m.contributions[m.scored]
        return self.score_many(sender, market, m.scored + 1, [c.given], rows)

    def errors(self, market):
        """Wrong hidden rows after each contribution that was scored, from the contract's events."""
        return list(chain.from_iterable(errors_in(self.contract, market, 0, int(self.rpc.rpc("eth_blockNumber"), 16))))

    def settle(self, sender, market, entries=None):
        """With what was scored, or with other entries."""
        entries = self.twin.entries(market) if entries is None else entries
        return self.do("settle", market, entries, sender=sender, twin=lambda t: t.settle(str(sender), market, entries))

    def withdraw(self, sender, market, claims):
        return self.do(
            "withdraw", market, claims, sender=sender, twin=lambda t: t.withdraw(str(sender), market, claims)
        )

    def withdraw_stake(
        self, sender, market, index, contributor, sponsor, x_hash, y, effect, before=bytes(32), after=()
    ):
        arguments = market, index, str(contributor), str(sponsor), x_hash, y, effect, before, after
        return self.do(
            "withdraw_stake", *arguments, sender=sender, twin=lambda t: t.withdraw_stake(str(sender), *arguments)
        )

    def withdraw_index(self, sender, market, index):
        """By proof or by record, as the market ended."""
        function, arguments = self.twin.claim(market, index)
        return getattr(self, function)(sender, *arguments)

    def withdraw_rest(self, sender, market):
        return self.do("withdraw_rest", market, sender=sender, twin=lambda t: t.withdraw_rest(str(sender), market))

    def expire(self, sender, market):
        block = int(self.rpc.rpc("eth_blockNumber"), 16) + 1
        m = self.twin.markets.get(market)
        known = self.block_hash(m.draw_block) if m else None
        return self.do(
            "expire", market, sender=sender, twin=lambda t: t.expire(str(sender), market, self.time, block, known)
        )

    # ---- many steps --------------------------------------------------------------------------------------------------

    def start(self, secret, keeper):
        """From the commitment to the participation; returns the market."""
        market = self.commit(secret.provider, secret.model, secret.tree.root, secret.plan)
        self.draw_and_reveal(secret, keeper)
        self.prepare(keeper, market)
        return market

    def draw_and_reveal(self, secret, keeper):
        self.mine(5)
        self.draw(keeper, secret.market)
        for index in sorted(self.twin.markets[secret.market].drawn):
            self.reveal(secret.provider, *secret.reveal_arguments(index))

    def reveal_rest(self, secret, keeper):
        for index in range(secret.plan.portions):
            if index not in self.twin.markets[secret.market].drawn:
                self.reveal(secret.provider, *secret.reveal_arguments(index))
        while self.twin.markets[secret.market].phase == REVEALING:
            self.check(keeper, secret.market)

    def finish(self, secret, keeper):
        """From a participation whose time is over to the settlement."""
        self.wait(secret.plan.participation_time)
        self.close(keeper, secret.market)
        self.reveal_rest(secret, keeper)
        for _ in self.twin.markets[secret.market].contributions:
            self.score_next(keeper, secret.market)
        self.settle(keeper, secret.market)

    def withdraw_all(self, keeper, market):
        """Everything that an ended market owes; nothing stays behind."""
        m = self.twin.markets[market]
        assert m.phase >= SETTLED
        for index, c in enumerate(m.contributions, 1):
            if not c.paid:
                self.withdraw_index(keeper, market, index)
        if m.provider_part:
            self.withdraw_rest(keeper, market)
        assert self.contract.call("held", market) == (0, 0)


def create_raw(chain, implementation, market, owner, twin, number=0):
    """Create a model from its twin with raw calls, for chains that Ape does not know; returns its address."""
    arguments = (
        owner,
        market,
        ANY.encode(),
        twin.parameters.pack(),
        bytes(3) + b"".join(bytes([1, 97 + y]) for y in range(twin.class_count)),
        twin.words(),
        True,
        number.to_bytes(32, "big"),
    )
    address = implementation.call("create", *arguments, sender=owner)
    (receipt,) = chain.send([implementation.transaction("create", *arguments, sender=owner)])
    assert receipt["status"] == "0x1"
    return address
