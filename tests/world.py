"""Honest and hostile people around every contract at once, with a ledger beside each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
from eth_abi import encode
from eth_utils import keccak

from comodels.artifacts import NEEDS
from comodels.batch import Signed, pack_claims, pack_signed, record_key
from comodels.incentives import points, prediction_market, self_assessment
from comodels.incentives.blocks import Blocks
from comodels.incentives.chains import around
from comodels.incentives.prediction_market import Plan
from comodels.incentives.scorers import portions_for_check
from comodels.market_secret import Secret
from comodels.models import KINDS as MODEL_KINDS
from comodels.rows import count_errors, pack_rows
from comodels.wire import Facts, pack_contribution, pack_entries, pack_withdrawal
from tests.conformance.test_imodel import KINDS, card_of
from tests.consent import Consents
from tests.evm import RICH, Contract, Evm, Log, Outcome
from tests.hostile import BURNER, Hostile
from tests.ledger import Deposit, DepositLedger, Fault, Ledger, MarketLedger, PointsLedger, RegistryLedger, check

Artefact = tuple[bytes, list[dict]]  # creation code and ABI of a contract
HOUR = 3_600
PLAN = Plan(
    stake=10**15,
    rounds=7,
    bond=3 * 10**15,
    fee=10**12,
    portions=4,
    drawn=1,
    rows=3,
    max_contributions=6,
    reveal_time=1_000,
    participation_time=2_000,
    rest_time=1_000,
    score_time=90_000,
)
RUN = [{"type": "function", "name": "forward", "inputs": [], "outputs": [], "stateMutability": "view"}]


def type_of(incentive: str) -> Any:
    """The terms of an incentive."""
    modules = {"Points": points, "PredictionMarket": prediction_market, "SelfAssessment": self_assessment}
    return modules[incentive].Terms


@dataclass
class Model:
    """A model in the world, with its twin."""

    contract: Contract
    twin: Any
    kind: str
    incentive: str
    owner: str
    updates: int = 0


@dataclass
class Play:
    """A market that somebody runs, and how far they go."""

    secret: Secret
    provider: str
    honest: bool
    silent: bool
    over: bool = False
    blocks: Blocks | None = None


@dataclass
class World:
    """Everything that is deployed, and everybody.

    Parameters
    ----------
    artefact : callable
        The creation code and the ABI of a contract by its name.
    seed : int
        Decides all that happens.
    incentives : sequence of str
        Which incentives there are.
    only : str
        The one kind of models that there is; all if empty.
    """

    artefact: Callable[[str], Artefact]
    seed: int
    incentives: Sequence[str] = ("SelfAssessment", "Points", "PredictionMarket")
    only: str = ""
    models: list[Model] = field(default_factory=list)
    plays: list[Play] = field(default_factory=list)
    steps: int = 0
    succeeded: int = 0
    history: list[str] = field(default_factory=list)
    replicas: dict = field(default_factory=dict)  # by market: the copy of its model, its hidden rows
    used: set[str] = field(default_factory=set)  # incentives that took a contribution
    scorers: list[Contract] = field(default_factory=list)  # of the markets; anyone may call them
    liar: Any = None  # a model that names others' replicas as its own, where there are markets
    agreed: dict = field(default_factory=dict)  # by model, sample and label: whether it did when it came

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        evm = self.evm = Evm()
        consents = self.consents = Consents()
        self.owner, self.provider, self.keeper, *self.honest = (
            consents.account(evm, n) for n in ("owner", "provider", "keeper", "contributor", "another contributor")
        )
        self.hostile_accounts = [consents.account(evm, f"hostile {i}") for i in range(4)]
        self.contracts = {n: self.deploy(n) for n in (*self.incentives, "Registry")}
        self.wallets = [self.deploy("ContractWallet"), self.deploy("ContractWallet")]
        burner = evm.deploy("Burner", bytes.fromhex("600b380380600b5f395ff3") + BURNER, RUN, self.owner)
        self.burner = burner
        self.mocks = [self.deploy("ModelMock"), self.deploy("ModelMock")]
        for wallet in (*self.wallets, burner):
            evm.set_balance(wallet.address, RICH)
        self.ledgers: dict[str, Ledger] = {}
        for name, ledger in (
            ("PredictionMarket", MarketLedger),
            ("Points", PointsLedger),
            ("SelfAssessment", DepositLedger),
        ):
            if name in self.contracts:
                self.ledgers[self.contracts[name].address] = ledger(self.contracts[name])
        registry = self.contracts["Registry"]
        self.ledgers[registry.address] = RegistryLedger(registry, owner=registry.call("owner"))
        if "SelfAssessment" in self.contracts:
            self.ledger("SelfAssessment").born = self.born
        for each in self.ledgers.values():
            each.owner_of = self.owner_of
            each.consented = self.consented
            if isinstance(each, MarketLedger):
                each.hash_of, each.begin, each.judge = evm.hash_of, self.begin_market, self.judge
                each.committed = self.committed
        # contracts; the conformance suite has some of them twice, with other parameters
        self.kinds = [k for k in KINDS if k in MODEL_KINDS and (k == self.only or not self.only)]
        self.implementations = {}
        self.people = [self.owner, self.provider, self.keeper, *self.honest]
        self.everybody = [*self.people, *self.hostile_accounts, *(w.address for w in self.wallets), burner.address]
        self.forced = {c.address: 0 for c in self.contracts.values()}
        targets, wallets = [*self.contracts.values(), *self.scorers], [*self.wallets, burner]
        self.hostile = Hostile(self.rng, targets, self.hostile_accounts, wallets, consents)
        for mock in (*self.mocks, *self.wallets):
            self.hostile.know(mock)
        self.hostile.addresses += [*self.everybody, "0x" + "00" * 20, "0x" + "00" * 19 + "01"]
        self.before = self.balances()
        self.begin()
        self.hostile.prefer(list(self.contracts.values()))

    # ---- what there is -----------------------------------------------------------------------------------------------

    def deploy(self, name: str) -> Contract:
        code, abi = self.artefact(name)
        if name in NEEDS:
            self.scorers = [self.deploy(needed) for needed in NEEDS[name]]
            arguments = encode(["address[]"], [[scorer.address for scorer in self.scorers]])
        else:
            inputs = next((i["inputs"] for i in abi if i["type"] == "constructor"), [])
            arguments = b"".join(bytes(12) + bytes.fromhex(self.owner[2:]) for _ in inputs)
        return self.evm.deploy(name, code, abi, self.owner, arguments)

    def ledger(self, name: str) -> Any:
        return self.ledgers[self.contracts[name].address]

    def owner_of(self, model: str) -> str:
        for contract in (*(m.contract for m in self.models), *self.mocks):
            if contract.address == model:
                return contract.call("owner")
        return ""

    def implementation(self, kind: str) -> Contract:
        if kind not in self.implementations:
            self.implementations[kind] = self.deploy(kind)
            self.hostile.know(self.implementations[kind])
            registry = self.contracts["Registry"]
            self.do(self.owner, registry, "add_implementation", self.implementations[kind].address)
        return self.implementations[kind]

    def terms(self, incentive: str) -> bytes:
        rng = self.rng
        if incentive == "PredictionMarket":
            owner_only = bool(rng.random() < 0.3)
            price = 0 if owner_only else PLAN.bond
            return prediction_market.Terms(PLAN.bounty, price, 2**32 - 1, owner_only).encode()
        if incentive == "Points":
            return points.Terms(HOUR, 2 * HOUR).encode()
        dispute = HOUR * int(rng.integers(0, 2))
        common = {"cost_weight": int(rng.choice([0, 7, 10**12])), "refund_wait": HOUR, "dispute_wait": dispute}
        common["without_own_effect"] = bool(rng.random() < 0.3)
        if rng.random() < 0.4:
            return self_assessment.Terms.slides(**common, owner_wait=6 * HOUR, anyone_wait=8 * HOUR).encode()
        every, born = int(rng.integers(0, 3)), bool(rng.random() < 0.5)
        return self_assessment.Terms(**common, rest_wait=6 * HOUR, forgive_every=every, born_wrong=born).encode()

    @classmethod
    def around(cls, contract: str) -> dict[str, Any]:
        """Arguments with which a world has what one contract needs."""
        incentives = ("SelfAssessment", "Points", "PredictionMarket")
        if contract in incentives:
            return {"incentives": (contract,)}
        return {"only": contract} if contract in KINDS else {}

    def begin(self) -> None:
        """Two honest models for each incentive, and one of somebody hostile."""
        for incentive in self.incentives:
            for owner in (self.owner, self.owner, self.hostile_accounts[0]):
                self.publish(owner, self.kinds[int(self.rng.integers(len(self.kinds)))], incentive)
        for mock in self.mocks:
            incentive = self.incentives[int(self.rng.integers(len(self.incentives)))]
            if mock is self.mocks[0] and "PredictionMarket" in self.incentives:
                incentive = "PredictionMarket"
                self.liar = replace(self.models[0], contract=mock, incentive=incentive, owner=self.hostile_accounts[1])
                self.send(self.liar.owner, mock, "set_owner", self.liar.owner)
            self.hostile.add(model=mock.address, trainer=self.contracts[incentive].address, terms=self.terms(incentive))
            self.send(self.hostile_accounts[1], mock, "set_effect", (1).to_bytes(32, "big"))
            self.send(self.hostile_accounts[1], mock, "open", self.contracts[incentive].address, self.terms(incentive))

    def publish(self, owner: str, kind: str, incentive: str) -> None:
        twin = KINDS[kind].twin(self.rng)
        registry = self.contracts["Registry"]
        arguments = {
            "implementation": self.implementation(kind).address,
            "trainer": self.contracts[incentive].address,
            "terms": self.terms(incentive),
            "parameters": twin.parameters.pack(),
            "card": card_of(twin),
            "words": twin.words(),
            "sealed": True,
            "salt": self.rng.bytes(32),
        }
        outcome = self.do(owner, registry, "publish", *arguments.values())
        address = next(log.model for log in outcome.logs if log.name == "Published")
        said = self.contracts[incentive].call("terms", address)
        check(type_of(incentive)(*said).encode() == arguments["terms"], f"other terms: {said}")
        model = Model(self.evm.at(kind, address, self.artefact(kind)[1]), twin, kind, incentive, owner)
        self.models.append(model)
        self.hostile.know(model.contract)
        self.hostile.add(model=address, owner=owner, contributor=owner, newest=address, count=1, **arguments)
        self.hostile.samples += [self.draw(model) for _ in range(4)]

    def draw(self, model: Model) -> bytes:
        return KINDS[model.kind].draw(model.twin, self.rng)

    # ---- doing -------------------------------------------------------------------------------------------------------

    def send(self, sender: str, contract: Contract, function: str, *arguments: Any, value: int = 0) -> Outcome:
        """A call that may be refused; the ledgers see it."""
        outcome = self.evm.send(sender, contract.address, contract.data(function, *arguments), value)
        if outcome.ok:
            self.note(outcome.logs, sender, contract.address, value, f"{contract.name}.{function}{arguments}"[:600])
        return outcome

    def do(self, sender: str, contract: Contract, function: str, *arguments: Any, value: int = 0) -> Outcome:
        """A call that must succeed."""
        outcome = self.send(sender, contract, function, *arguments, value=value)
        if not outcome.ok:
            raise Fault(f"{contract.name}.{function}: refused to somebody honest: {outcome.reason}")
        return outcome

    def balances(self) -> dict[str, int]:
        return {a: self.evm.balance(a) for a in (*self.everybody, *self.forced)}

    def note(self, logs: Sequence[Log], sender: str, to: str, value: int, text: str) -> None:
        """What a transaction did: each ledger's opinion, then all balances."""
        self.history.append(f"{self.evm.time} {text} by {sender}, {value} wei")
        self.tell_blocks(logs)
        # a wallet calls for its sender, and whenever it is paid; a model that is no model whenever it is called
        callers = {sender, *(c.address for c in (*self.wallets, self.burner, *self.mocks))}
        for address, ledger in self.ledgers.items():
            ledger.begin_transaction([log for log in logs if log.address == address])
        for log in logs:
            if log.name == "AddData":
                self.learnt(log)
            if log.name == "ClassAdded":
                self.class_added(log)
            if log.name == "Created":
                self.hostile.add(model=log.model, owner=log.owner, trainer=log.trainer, newest=log.model)
            if log.address in self.ledgers:
                try:
                    self.ledgers[log.address].apply(log, callers, self.evm.time)
                except (KeyError, IndexError) as error:
                    raise Fault(f"an event about what there is not: {log}") from error
            if log.name == "Scored":
                self.hostile.add(market=log.market, entries=self.entries(log.market))
            if log.name == "Ended":
                self.ended(log.market)
        self.check_money(sender, to, value)

    def check_money(self, sender: str, to: str, value: int) -> None:
        after = self.balances()
        due: dict[str, int] = dict.fromkeys(after, 0)
        if to in self.everybody and value:
            due[sender] -= value
            due[to] += value
        fees = 0
        for ledger in self.ledgers.values():
            if isinstance(ledger, MarketLedger):
                fees += ledger.spent()
            fees += ledger.anyone
            ledger.anyone = 0
            for account, amount in ledger.due.items():
                check(account in due or amount == 0, f"{account}, whom nobody knows, got {amount}")
                due[account] = due.get(account, 0) + amount
            ledger.due.clear()
        got = {a: after[a] - self.before[a] - due[a] for a in self.everybody}
        for account in self.people:
            check(got[account] >= 0, f"{account} lost {-got[account]} wei that the ledger does not know")
        # they may pass ether on among themselves, and give it away
        hostile = sum(amount for account, amount in got.items() if account not in self.people)
        check(hostile <= fees, f"somebody hostile got {hostile} wei that the ledger does not know")
        check(sum(got.values()) <= fees, f"more than {fees} wei of fees were paid")
        for address in self.forced:
            owed = self.ledgers[address].owed + self.forced[address]
            check(after[address] == owed, f"{address} has {after[address]} wei and owes {owed}")
        self.before = after

    def ended(self, number: int) -> None:
        """Contributors can withdraw: hostile steps know what others would send, and what nobody should."""
        m = self.ledger("PredictionMarket").markets[number]
        claims = []
        for index, s in enumerate(m.stakes, 1):
            if m.tree is None or s.errors is None:
                names = "market", "index", "contributor", "sponsor", "x_hash", "y", "effect", "before", "after"
                self.hostile.add(**dict(zip(names, self.withdrawal(number, index)[1:], strict=True)))
                continue
            owed, proof = sum(self.ledger("PredictionMarket").claims[number, index].values()), m.tree.proof(index - 1)
            claims.append(pack_withdrawal(s.contributor, owed, index, proof, s.sponsor))
            for who, amount, place in (
                (s.contributor, owed, index),
                (self.hostile_accounts[0], owed, index),
                (s.contributor, owed + 1, index),
                (s.contributor, owed, index % len(m.stakes) + 1),
            ):
                self.hostile.add(market=number, claims=pack_withdrawal(who, amount, place, proof))
        self.hostile.add(market=number, claims=b"".join(claims))

    def learnt(self, log: Log) -> None:
        """Somebody contributed: the twin learns it, and hostile steps know it."""
        self.used.add(log.address)
        facts = Facts.unpack(log.facts)
        values = {
            "model": log.model,
            "contributor": log.contributor,
            "sponsor": log.sponsor,
            "x": log.x,
            "y": facts.label,
            "x_hash": keccak(log.x),
            "effect": facts.effect,
            "portions": 256,
            "account": log.contributor,
        }
        if log.address == getattr(self.contracts.get("PredictionMarket"), "address", None):
            values |= {"market": int(log.model, 16) << 32 | facts.more >> 16, "index": facts.more & 0xFFFF}
        self.hostile.add(**values)
        for model in self.models:
            if model.contract.address == log.model:
                check(log.address == model.contract.call("trainer"), "learnt from somebody else")
                self.agreed[log.model, log.x, facts.label] = model.twin.predict(log.x) == facts.label
                effect = model.twin.update(log.x, facts.label)
                check(effect == facts.effect, f"the effect {facts.effect} is not {effect}")

    def begin_market(self, market: int, drawn: set[int]) -> int:
        """Keep a copy of a market's model and its hidden rows; returns the errors."""
        secret = next(p.secret for p in self.plays if p.secret.market == market)
        model = next((m for m in self.models if m.contract.address == secret.model), None)
        check(model is not None, "a market began on a model that lies, with another's replica")
        rows = b"".join(rows for i, rows in enumerate(secret.portions) if i not in drawn)
        self.replicas[market] = deepcopy(model.twin), rows
        return count_errors(*self.replicas[market])

    def committed(self, market: int, index: int) -> tuple[bytes, bytes]:
        """Salt and rows of a portion to which a market's provider committed."""
        secret = next(p.secret for p in self.plays if p.secret.market == market)
        return secret.salts[index], secret.portions[index]

    def judge(self, market: int, stake: Any) -> int:
        """The errors of that copy when it has learnt one more contribution."""
        twin, rows = self.replicas[market]
        twin.update(stake.x, stake.y)
        return count_errors(twin, rows)

    def born(self, log: Log) -> bool:
        """Whether the model disagreed with what was just contributed; a model of strangers may say what it likes."""
        facts = Facts.unpack(log.facts)
        key = log.model, log.x, facts.label
        if key in self.agreed:
            return not self.agreed[key]
        record = record_key(log.model, log.contributor, log.sponsor, log.x, facts.label)
        return self.contracts["SelfAssessment"].call("record", record)[4]

    def consented(self, log: Log, round: int) -> bool:
        """Whether a contribution was sent by its contributor, or signed for who sent it."""
        what = log.address, log.model, log.contributor, log.sponsor, log.x, Facts.unpack(log.facts).label, round
        return log.contributor == log.sponsor or what in self.consents.given

    # ---- people ------------------------------------------------------------------------------------------------------

    def hostile_step(self) -> bool:
        """Whether it succeeded."""
        self.steps += 1
        step = self.hostile.step()
        outcome = self.hostile.do(self.evm, step)
        if not outcome.ok:
            return False
        self.succeeded += 1
        target = step.through.address if step.through else step.contract.address
        self.note(outcome.logs, step.sender, target, step.value, str(step))
        if self.liar and step.contract.address == self.liar.contract.address and step.function.name == "set_replica":
            # one of its own, such as a wallet that answers whatever it is asked, would spoil its own market alone
            self.send(self.liar.owner, self.liar.contract, "set_replica", "0x" + "00" * 20, [1])
        return True

    def class_added(self, log: Log) -> None:
        """The twin gets it too; no answer changes, and no market runs."""
        model = next((m for m in self.models if m.contract.address == log.address), None)
        if model is None:
            return
        check(not self.contracts[model.incentive].call("busy", log.address), "a class was added during a market")
        samples = [self.draw(model) for _ in range(5)]
        before = [model.twin.predict(x) for x in samples]
        model.twin.add_class()
        check(before == [model.twin.predict(x) for x in samples], "a class that was added changes an answer")
        check(
            before == [model.contract.call("predict", x) for x in samples], "a class that was added changes an answer"
        )

    def honest_step(self) -> None:
        """Something that an honest person would do."""
        choice = self.rng.random()
        if choice < 0.3:
            self.contribute(self.honest[int(self.rng.integers(len(self.honest)))])
        elif choice < 0.4:
            self.contribute_many()
        elif choice < 0.7 and "SelfAssessment" in self.contracts:
            self.claim()
        elif choice < 0.8 and "Points" in self.contracts:
            self.earn()
        elif "PredictionMarket" in self.contracts:
            self.markets()

    def contribute(self, account: str, model: Model | None = None) -> None:
        """An honest contribution to any model, with the label that the model gives or another."""
        model = model or self.models[int(self.rng.integers(len(self.models)))]
        x, y = self.draw(model), int(self.rng.integers(model.twin.class_count))
        incentive = self.contracts[model.incentive]
        value = 0
        if model.incentive == "SelfAssessment":
            value = incentive.call("required_deposit", model.contract.address)
        if model.incentive == "PredictionMarket":
            value = PLAN.stake
        self.send(account, incentive, "add_data", model.contract.address, x, y, value=value)

    def contribute_many(self) -> None:
        """A batch of honest contributions, one's own, or what others signed; and something signed for anybody."""
        model = self.models[int(self.rng.integers(len(self.models)))]
        incentive, address = self.contracts[model.incentive], model.contract.address
        if "add_signed" not in incentive.functions or "round_of" not in incentive.functions:
            return
        rows = [(self.draw(model), int(self.rng.integers(model.twin.class_count))) for _ in range(3)]
        sponsors = [*self.hostile_accounts, *self.people, self.wallets[0].address]

        def sign(sponsor: str, x: bytes, y: int) -> Signed:
            who = self.honest[int(self.rng.integers(len(self.honest)))]
            round = incentive.call("round_of", address, who, sponsor, keccak(x), y)
            deadline = self.evm.time + int(self.rng.integers(0, 10 * HOUR))
            return self.consents.sign(self.evm, incentive.address, address, who, x, y, round, sponsor, deadline)

        sign(sponsors[int(self.rng.integers(len(sponsors)))], *rows.pop())
        value = 0
        if model.incentive == "SelfAssessment":
            value = 2 * incentive.call("batch_deposit", address, 2)
        if model.incentive == "PredictionMarket":
            value = 2 * PLAN.stake
        if self.rng.random() < 0.5:
            arguments = "add_many", address, 2, pack_rows((y, x) for x, y in rows)
        else:
            arguments = "add_signed", address, 2, pack_signed([sign(self.keeper, *row) for row in rows])
        self.send(self.keeper, incentive, *arguments, value=value)

    def claim(self) -> None:
        """Somebody honest, or anybody for them, asks for what can be had of a deposit."""
        contract, ledger = self.contracts["SelfAssessment"], self.ledger("SelfAssessment")
        deposits = list(ledger.deposits.items())
        for i in self.rng.permutation(len(deposits))[:4]:
            key, d = deposits[i]
            model = next((m for m in self.models if m.contract.address == d.model), None)
            if model is None:  # of a model that lies nothing is known
                continue
            ledger.compare(key, d)
            if ledger.terms[d.model].without_own_effect:
                agrees = model.twin.predict_without(d.x, d.y, d.effect) == d.y
            else:
                agrees = model.twin.predict(d.x) == d.y
            may = ledger.may_refund(d, self.evm.time, agrees)
            self.expect(may, self.keeper, contract, "refund", d)
            if d.contributor in self.people and self.rng.random() < 0.5:
                may = ledger.may_forgive(d, self.evm.time, agrees)
                self.expect(may, d.contributor, contract, "forgive", d)
            reporter = self.honest[int(self.rng.integers(len(self.honest)))]
            for name in ("flag", "report"):
                may = ledger.may_report(d, reporter, self.evm.time, agrees, name == "flag")
                self.expect(may, reporter, contract, name, d)

    def expect(self, may: bool, sender: str, contract: Contract, function: str, d: Deposit) -> None:
        """What somebody honest may do works, and what they may not does not; by itself or in a batch."""
        own = d.sponsor == d.contributor
        if own and self.rng.random() < 0.5:
            outcome = self.send(sender, contract, function, d.model, d.contributor, d.x, d.y)
            done, reason = outcome.ok, outcome.reason
        else:
            done, reason = self.claim_in_batch(sender, contract, function, d)
        if done != may:
            raise Fault(f"{function} {d}: {'refused' if may else 'done'}: {reason}")

    def claim_in_batch(self, sender: str, contract: Contract, function: str, d: Deposit) -> tuple[bool, str]:
        """Whether a claim in a batch of one was done, and why not."""
        sponsor = "0x" + "00" * 20 if d.sponsor == d.contributor and self.rng.random() < 0.5 else d.sponsor
        items = pack_claims([(d.contributor, d.x, d.y)])
        outcome = self.do(sender, contract, f"{function}_many", d.model, sponsor, 1, items)
        reasons = [log.reason.decode() for log in outcome.logs if log.name == "Skipped" and log.caller == sender]
        return not reasons, "".join(reasons)

    def earn(self) -> None:
        """Somebody honest has a contribution validated, or reports one."""
        contract, ledger = self.contracts["Points"], self.ledger("Points")
        entries = list(ledger.entries.items())
        for i in self.rng.permutation(len(entries))[:4]:
            key, (address, contributor, x, y, _, effect) = entries[i]
            model = next((m for m in self.models if m.contract.address == address), None)
            if model is None:
                continue
            without = contract.call("terms", address)[9]
            agrees = (model.twin.predict_without(x, y, effect) if without else model.twin.predict(x)) == y
            who = contributor if contributor in self.people else self.keeper
            reporter = self.honest[int(self.rng.integers(len(self.honest)))]
            for may, sender, function in (
                (ledger.may_validate(key, who, self.evm.time, agrees), who, "validate"),
                (ledger.may_report(key, reporter, self.evm.time, agrees), reporter, "report"),
            ):
                outcome = self.send(sender, contract, function, address, x, y)
                check(outcome.ok == may, f"{function}: {'refused' if may else 'done'}: {outcome.reason}")

    def markets(self) -> None:
        """Providers and keepers go on with what runs."""
        market = self.contracts["PredictionMarket"]
        for model in (*self.models, self.liar):
            free = model.incentive == "PredictionMarket" and not market.call("busy", model.contract.address)
            if free and self.rng.random() < 0.5:
                self.commit(model)
        for play in self.plays:
            if not play.over:
                self.play(play)

    def commit(self, model: Model) -> None:
        market = self.contracts["PredictionMarket"]
        if model is self.liar:
            self.send(model.owner, model.contract, "set_owner", model.owner)
        honest = bool(self.rng.random() < 0.5)
        provider = model.owner if model.owner != self.owner else (self.owner if honest else self.hostile_accounts[2])
        honest = provider in self.people
        plan = replace(PLAN, min_contributions=int(self.rng.integers(1, 4)))

        def row() -> tuple[int, bytes]:
            return int(self.rng.integers(model.twin.class_count)), self.draw(model)

        secret = Secret.new(
            [pack_rows([row() for _ in range(plan.rows)]) for _ in range(plan.portions)],
            chain_id=1,
            contract=market.address,
            model=model.contract.address,
            market=market.call("next_market", model.contract.address),
            provider=provider,
            plan=plan,
        )
        outcome = self.send(
            provider, market, "commit", secret.market, secret.tree.root, plan.astuple(), value=plan.total + PLAN.bond
        )
        if outcome.ok:
            said = market.call("market", secret.market)
            check(said[:4] == (provider, secret.tree.root, plan.astuple(), self.evm.number + 4), f"other plan: {said}")
            silent = not honest and bool(self.rng.random() < 0.4)
            self.plays.append(Play(secret, provider, honest, silent))
            self.hostile.add(
                market=secret.market,
                model=model.contract.address,
                root=secret.tree.root,
                plan=plan.astuple(),
                count=600,
            )
            for i in range(plan.portions):
                values = dict(
                    zip(("market", "index", "salt", "rows", "proof"), secret.reveal_arguments(i), strict=True)
                )
                self.hostile.add(**values)

    def play(self, play: Play) -> None:
        """One step of a market, by its provider or the keeper."""
        market = self.contracts["PredictionMarket"]
        m = market.call("market", play.secret.market)
        phase, deadline = m[6], m[7]
        late = bool(deadline) and self.evm.time >= deadline
        plan = play.secret.plan
        rng = self.rng
        self.ledger("PredictionMarket").compare(play.secret.market)
        if phase == 1 and not (play.silent and rng.random() < 0.3):
            self.evm.mine(5)
            missed = self.evm.number > m[3] + 256
            self.do(self.keeper, market, "expire" if missed else "draw", play.secret.market)
        elif phase in (2, 4) and late or phase == 5 and late:
            self.do(self.keeper, market, "expire", play.secret.market)
        elif phase in (2, 4):
            if play.silent and rng.random() < 0.7:
                return
            for i in range(plan.portions):
                if (m[4] >> i & 1) == (phase == 2):
                    self.send(play.provider, market, "reveal", *play.secret.reveal_arguments(i))
            if phase == 2 and play.secret.model == self.liar.contract.address:
                self.borrow(play)
            elif phase == 2:
                count = 600 if rng.random() < 0.5 else 1
                self.do(self.keeper, market, "prepare", play.secret.market, count, rng.bytes(32))
            else:
                self.check(play)
        elif phase == 3:
            if late or m[8] == plan.max_contributions:
                self.do(self.keeper, market, "close", play.secret.market)
            else:
                model = next(x for x in self.models if x.contract.address == play.secret.model)
                everyone = [*self.honest, *self.hostile_accounts]
                self.contribute(everyone[int(rng.integers(len(everyone)))], model)
        elif phase == 5:
            stakes = self.ledger("PredictionMarket").markets[play.secret.market].stakes
            some = stakes[m[9] : m[9] + int(rng.integers(1, 4))]
            given = [s.given for s in stakes]
            beside = around(given, m[9] + 1, m[9] + len(some))
            packed = b"".join(pack_contribution(*s.given) for s in some)
            rows = int(rng.integers(0, 4))
            carried = play.blocks.carried(m[9] + len(some), rows) if play.blocks else []
            first = m[9] + 1
            self.hostile.add(market=play.secret.market, first=first, contributions=packed, carried=carried)
            if rng.random() < 0.3:  # they may come first
                return
            self.do(self.keeper, market, "score_many", play.secret.market, first, packed, rows, *beside, carried)
        elif phase == 6:
            self.do(self.keeper, market, "settle", play.secret.market, self.entries(play.secret.market))
        else:
            play.over = rng.random() < 0.5

    def tell_blocks(self, logs: Sequence[Log]) -> None:
        """What scorers say of the hidden rows of markets."""
        for log in logs:
            if log.name != "Block" or log.caller != self.contracts["PredictionMarket"].address:
                continue
            (play,) = (p for p in self.plays if p.secret.market == log.market)
            if play.blocks is None:
                drawn, plan = self.contracts["PredictionMarket"].call("market", log.market)[4], play.secret.plan
                hidden = [rows for i, rows in enumerate(play.secret.portions) if drawn >> i & 1 == 0]
                play.blocks = Blocks(hidden, plan.rows)
            play.blocks.tell(log.arguments)

    def check(self, play: Play) -> None:
        """Show the hidden portions that come next to the scorer; hostile people learn what nobody should show."""
        market, secret, rng = self.contracts["PredictionMarket"], play.secret, self.rng
        m = market.call("market", secret.market)
        hidden = [i for i in range(secret.plan.portions) if m[4] >> i & 1 == 0]
        left = [i for i in hidden if i >= m[15]]
        every = range(secret.plan.portions)
        for some in (left, hidden, left[1:], left[:1] * len(left), left[-1:] * len(left), every[-len(left) :], every):
            shown, beside = secret.check_arguments(some)
            self.hostile.add(market=secret.market, shown=shown, beside=beside, limit=int(rng.integers(0, 12)))
        if rng.random() < 0.6:  # they may come first
            return
        limit, in_blocks = int(rng.integers(1, 12)), m[5] != market.call("scorer_of", "")
        some = left[: portions_for_check([len(secret.portions[i]) for i in left], secret.plan.rows, limit, in_blocks)]
        self.do(self.keeper, market, "check", secret.market, *secret.check_arguments(some), limit)

    def borrow(self, play: Play) -> None:
        """A market on a model that lies: it names another market's replica as its own."""
        market = self.contracts["PredictionMarket"]
        _, abi = self.artefact("EvaluatingScorer")
        scorer = self.evm.at("EvaluatingScorer", market.call("scorer_of", ""), abi)
        replicas = [scorer.call("replica", market.address, p.secret.market) for p in self.plays]
        replica = replicas[int(self.rng.integers(len(replicas)))]
        self.send(play.provider, self.liar.contract, "set_replica", replica, [1] * int(self.rng.integers(1, 3)))
        outcome = self.send(play.provider, market, "prepare", play.secret.market, 1, bytes(32))
        check(not outcome.ok, f"two markets have the replica {replica}")

    def drain_deposits(self) -> None:
        contract, ledger = self.contracts["SelfAssessment"], self.ledger("SelfAssessment")
        self.evm.wait(1_000 * HOUR)  # after all waits of models that people own
        for d in list(ledger.deposits.values()):
            if d.open and d.left + d.deposit > 0:
                terms = ledger.terms[d.model]
                self.evm.wait(max(0, d.time + max(terms.rest_wait, terms.anyone_wait) - self.evm.time))
                name = "rest" if terms.rest_wait else "take"
                taker = self.keeper if self.keeper != d.sponsor else self.owner
                done, reason = self.claim_in_batch(taker, contract, name, d)
                check(done, f"{name} {d}: {reason}")

    # ---- a run -------------------------------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """So many hostile steps, with honest ones between. Raises `Fault`."""
        try:
            for _ in range(steps):
                if self.rng.random() < 0.1:
                    self.pass_time()
                if self.rng.random() < 0.2:
                    self.honest_step()
                self.hostile_step()
            self.drain()
        except Fault as fault:
            recent = "\n".join(self.history[-12:])
            raise Fault(f"{fault}\nseed {self.seed}, step {self.steps}; before it:\n{recent}") from fault

    def pass_time(self) -> None:
        choice = self.rng.random()
        moments: list[int] = []
        if choice >= 0.85:
            moments = [t for ledger in self.ledgers.values() for t in ledger.moments() if t > self.evm.time]
        if not moments:
            self.evm.wait(int(self.rng.integers(1, 15)))
        elif choice < 0.97:
            target = moments[int(self.rng.integers(len(moments)))] + int(self.rng.integers(-1, 2))
            self.evm.wait(min(target - self.evm.time, 3 * HOUR))
        else:
            self.evm.wait(int(self.rng.integers(1, 2 * HOUR)))
        if self.rng.random() < 0.02:
            self.force()

    def force(self) -> None:
        """Ether that nobody owes anybody."""
        address = list(self.forced)[int(self.rng.integers(len(self.forced)))]
        wei = int(self.rng.integers(1, 10**9))
        self.evm.set_balance(address, self.evm.balance(address) + wei)
        self.forced[address] += wei
        self.before = self.balances()

    def drain(self) -> None:
        """After all deadlines everything is fetched, by strangers, whatever the models and the payees do."""
        for name in self.incentives:
            check(self.contracts[name].address in self.used, f"{name} took no contribution at all")
        for mock in self.mocks:
            self.send(self.hostile_accounts[0], mock, "set_broken", True)
        for wallet in self.wallets:  # or it goes on contributing for ever with what comes back
            self.send(self.hostile_accounts[0], wallet, "set_callback", "0x" + "00" * 20, b"", 0)
        if "PredictionMarket" in self.contracts:
            self.drain_market()
        if "SelfAssessment" in self.contracts:
            self.drain_deposits()
        for wallet in self.wallets:
            for contract in self.contracts.values():
                if "fetch" in contract.functions:
                    self.send(self.hostile_accounts[0], wallet, "set_refusing", False)
                    call = contract.address, contract.data("fetch")
                    self.send(self.hostile_accounts[0], wallet, "run", *call)
        for address, ledger in self.ledgers.items():
            ledger.finish()
            undelivered = sum(ledger.credits.values())
            check(ledger.held == 0, f"{ledger.contract.name}: {ledger.held} wei are stuck")
            for account, amount in ledger.credits.items():
                check(account not in self.people, f"{account} was not paid {amount}")
            check(self.evm.balance(address) == undelivered + self.forced[address], "ether that belongs to nobody")
        for model in self.models:
            contract = model.contract
            said = [contract.call(name) for name in ("class_count", "version", "sealed", "trainer")]
            trainer = self.contracts[model.incentive].address
            check(said == [model.twin.class_count, model.twin.version, True, trainer], f"{model.kind}: {said}")
            check(model.owner not in self.people or contract.call("owner") == model.owner, "another owner")
            words = model.contract.call("words", 0, model.contract.call("word_count"))
            check(list(words) == model.twin.words(), f"{model.kind}: another state than the twin's")

    def entries(self, number: int) -> bytes:
        """What a market's `settle` is to be shown."""
        m = self.ledger("PredictionMarket").markets[number]
        scored = iter([(s.contributor, s.errors, s.sponsor) for s in m.stakes if s.errors is not None])
        return pack_entries(list(islice(scored, count)) for count in m.calls)

    def withdrawal(self, number: int, index: int) -> tuple:
        """What pays a contribution to a market that has ended."""
        ledger = self.ledger("PredictionMarket")
        m = ledger.markets[number]
        s = m.stakes[index - 1]
        if s.errors is None or m.tree is None:
            beside = around([t.given for t in m.stakes], index, index)
            return "withdraw_stake", number, index, s.contributor, s.sponsor, keccak(s.x), s.y, s.effect, *beside
        owed = sum(ledger.claims.get((number, index), {}).values())
        claim = s.contributor, owed, index, m.tree.proof(index - 1), s.sponsor
        return "withdraw", number, pack_withdrawal(*claim)

    def drain_market(self) -> None:
        market, ledger = self.contracts["PredictionMarket"], self.ledger("PredictionMarket")
        self.evm.mine(9_000)
        for number, m in ledger.markets.items():
            for _ in range(60):
                self.evm.wait(100_000)
                phase = market.call("market", number)[6]
                if phase >= 7:
                    break
                step = {3: "close", 6: "settle"}.get(phase, "expire")
                self.do(self.keeper, market, step, number, *([self.entries(number)] if step == "settle" else []))
            for index, s in enumerate(m.stakes, 1):
                if not s.paid:
                    self.do(self.keeper, market, *self.withdrawal(number, index))
            if m.rest:
                self.do(self.keeper, market, "withdraw_rest", number)
