"""Prediction markets: phases, stakes, and what is paid."""

from __future__ import annotations

from dashboard.incentives.base import Due, Incentive, Row, Rows, Terms, Transaction, all_of, event_topic, following
from dashboard.reader import Contribution, Model, Reader
from dashboard.rpc import Call, calldata, hashed
from dashboard.words import ether

WITHDRAWN = event_topic("Withdrawn(uint256,address,uint256,uint256)")
PHASES = {
    0: "no market yet: its provider has to commit one",
    1: "committed: anyone may draw the portions to reveal",
    2: "drawn: the provider reveals the drawn portions",
    3: "participating: you can stake on samples",
    4: "revealing: the provider reveals the rest of the test set",
    5: "scoring: anyone may replay the contributions",
    6: "settling: anyone may compute who gets what",
    7: "settled: everyone can withdraw",
    8: "void: the draw or the drawn portions were missed; there are no contributions",
    9: "cancelled, too few contributions: everyone gets the stake back",
    10: "the provider stayed silent: contributors get their stakes, and share bounty and bond",
    11: "the scoring was abandoned: contributors get their stakes, and share the bounty",
}
LATEST = 20  # markets of a model of which the provider is told what is left
SETTLED = 7  # this phase and the following are final
PARTICIPATING = 3
PLAN = "(uint96,uint24,uint96,uint64,uint16,uint16,uint16,uint16,uint16,uint32,uint32,uint32,uint32)"
MARKET = f"(address,bytes32,{PLAN},uint256,uint256,address," + ",".join(["uint256"] * 9) + ")"


class PredictionMarket(Incentive):
    name = "PredictionMarket"
    title = "Prediction market: accuracy on a hidden test set"
    about = (
        "A provider pays for accuracy on a test set that stays secret until the end. You put one stake on each sample; "
        "in the end you are paid by how much your sample improved the model, which can be more or less than the stake."
    )
    can_train = True
    has_deposit = True
    deposit_name = "Stake"
    claim_tab = "Withdraw"
    claim_help = "Your contributions to this model's markets, and what you are owed when a market has ended."
    reward_help = (
        "In a market there is nothing to take from others: who made the model worse pays those who made it better."
    )

    @classmethod
    def probe(cls, model: str, trainer: str) -> Call:
        return Call(trainer, "next_market(address)(uint256)", [model])

    def _market(self, reader: Reader, model: Model) -> tuple[int, tuple | None]:
        """The id and the state of the model's latest market."""
        market = reader.node.view(self.address, "latest_market(address)(uint256)", model.address)
        if market == 0:
            return 0, None
        return market, reader.node.view(self.address, f"market(uint256)({MARKET})", market)

    def terms(self, reader: Reader, model: Model) -> Terms:
        _, market = self._market(reader, model)
        submitted = len(reader.history(model).contributions)
        if market is None:
            return Terms([("phase", PHASES[0])], submitted)
        plan, phase, deadline = market[2], market[6], market[7]
        stake, rounds, bond, _, portions, drawn, rows, least, most = plan[:9]
        lines = [("phase", PHASES.get(phase, "unknown"))]
        if deadline and phase < SETTLED:
            lines.append(("until", f"{{time:{deadline}}}"))
        lines += [
            ("stake on each sample", ether(stake)),
            ("bounty", f"{ether(stake * rounds)}, {rounds:,} stakes"),
            ("what the provider loses by silence", ether(bond)),
            ("test set", f"{portions} portions of {rows} samples; {drawn} of them are drawn and revealed before"),
            ("contributions", f"{market[8]:,}; at least {least:,} or it is cancelled, at most {most:,}"),
        ]
        if market[9]:
            hidden = (portions - drawn) * rows
            lines.append(
                ("errors on the hidden test set", f"{market[13]:,} before, {market[14]:,} after, of {hidden:,}")
            )
            lines.append(("scored and settled", f"{market[9]:,} and {market[10]:,} of {market[8]:,}"))
        return Terms(lines, submitted, required=stake)

    def add_data(self, model: Model, x: bytes, y: int, value: int) -> Transaction:
        return Transaction(
            self.address,
            calldata("add_data(address,bytes,uint256)", [model.address, x, y]),
            value,
            f"Stake on a sample labelled “{model.class_name(y)}” for “{model.name}”",
        )

    @staticmethod
    def _place(model: Model, contribution: Contribution) -> tuple[int, int]:
        """The market of a contribution, and its index there."""
        return int(model.address, 16) << 32 | contribution.more >> 16 & 2**32 - 1, contribution.more & 2**16 - 1

    def action(self, model: Model, contribution: Contribution, name: str) -> Transaction:
        if name != "withdraw":
            raise KeyError(name)
        c = contribution
        market, index = self._place(model, c)
        arguments = [market, index, c.contributor, hashed(c.x), c.label, c.effect]
        data = calldata("withdraw(uint256,uint256,address,bytes32,uint256,uint256)", arguments)
        return Transaction(self.address, data, 0, f"Withdraw what contribution {c.id + 1} is owed")

    def due(self, reader: Reader, model: Model, account: str) -> list[Due]:
        """What is left of bounty and bond, for the provider of the latest markets."""
        latest = reader.node.view(self.address, "latest_market(address)(uint256)", model.address)
        first = max(latest - LATEST, int(model.address, 16) << 32) + 1
        markets = range(first, latest + 1) if latest else []
        states = all_of(reader.node.views([Call(self.address, f"market(uint256)({MARKET})", [m]) for m in markets]))
        held = all_of(reader.node.views([Call(self.address, "held(uint256)(uint256,uint256)", [m]) for m in markets]))
        return [
            Due(
                f"You were the provider of market {m & 2**32 - 1}; of bounty, bond and fees {ether(rest)} are yours.",
                f"withdraw_rest {m}",
                "Withdraw the rest",
            )
            for m, state, (rest, _) in zip(markets, states, held, strict=True)
            if rest and state[6] >= SETTLED and state[0].lower() == account.lower()
        ]

    def model_action(self, model: Model, name: str) -> Transaction:
        name, _, market = name.partition(" ")
        if name != "withdraw_rest" or not market.isdecimal() or int(market) >> 32 != int(model.address, 16):
            raise KeyError(name)
        data = calldata("withdraw_rest(uint256)", [int(market)])
        return Transaction(self.address, data, 0, f"Withdraw the provider's rest of market {int(market) & 2**32 - 1}")

    def mine(self, reader: Reader, model: Model, account: str, begin: int, count: int) -> Rows:
        history = reader.history(model)
        own = [c for c in reversed(history.contributions) if c.contributor == account]
        page = own[begin : begin + count]
        places = [self._place(model, c) for c in page]
        markets = sorted({market for market, _ in places})
        found = dict(
            zip(
                markets,
                all_of(reader.node.views([Call(self.address, f"market(uint256)({MARKET})", [m]) for m in markets])),
                strict=True,
            )
        )
        states = all_of(
            reader.node.views(
                [Call(self.address, "contribution(uint256,uint256)((uint256,uint256,uint256))", p) for p in places]
            )
        )
        rows = []
        for c, (market, _), (_, rounds, owed) in zip(page, places, states, strict=True):
            phase = found[market][6]
            row = Row(c, ether(c.deposit), state=PHASES.get(phase, "unknown"))
            if phase >= SETTLED and owed:
                row.left = ether(owed)
                row.state = f"took part in {rounds:,} rounds; {ether(owed)} can be withdrawn now"
                row.actions = [("withdraw", "Withdraw")]
            elif phase >= SETTLED:
                row.state = "paid, or nothing is left of the stake"
            rows.append(row)
        return Rows(rows, len(own), following=following(begin, count, len(own)))

    def account_lines(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        rows = self.mine(reader, model, account, 0, 10_000).rows
        staked = sum(row.contribution.deposit for row in rows)
        return [
            ("contributions", f"{len(rows):,}"),
            ("staked", ether(staked)),
            ("ready to be withdrawn", f"{sum(bool(row.actions) for row in rows):,} contributions"),
        ]
