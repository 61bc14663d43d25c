"""What the script of the pages asks: transactions to sign, what became of them, prices, and what is due."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from eth_utils import to_checksum_address

from comodels.chain.logs import Contribution
from comodels.dashboard.incentives import Incentive, Sent, Transaction
from comodels.dashboard.outbox import OutboxError, Parcel, describe
from comodels.dashboard.reader import Model, is_address
from comodels.dashboard.safe import clean
from comodels.dashboard.say import ether, exact, moment, number, parse_ether, percent, say
from comodels.dashboard.site import Site
from comodels.dashboard.sponsors import Sponsor, SponsorGone
from comodels.dashboard.store import InputError
from comodels.dashboard.words import explain

MOST_AT_ONCE = 500  # claims that are asked for together
MOST_PREPARED = 50  # transactions of them: each is one more question of the wallet
LONGEST_MOVE = 31 * 86_400  # seconds by which the clock of a local chain can be moved


def _grouped(text: str) -> dict[tuple[str, str], list[str]]:
    """The contributions of a JSON list of [model, action, contribution], each once, by model and action."""
    items = json.loads(text)
    if not isinstance(items, list) or not all(isinstance(item, list) and len(item) == 3 for item in items):
        raise InputError(say("error.no_action"))
    groups: dict[tuple[str, str], list[str]] = {}
    for model, action, contribution in dict.fromkeys(tuple(map(str, item)) for item in items[:MOST_AT_ONCE]):
        groups.setdefault((model, action), []).append(contribution)
    return groups


class Api:
    """The answers; each takes who asks, and the fields of a form, and gives what becomes JSON."""

    def __init__(self, site: Site):
        self.site = site

    def prepare(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """A transaction that has been tried out, with all that a person must know before signing it."""
        account = self._account(form)
        action, notes, words = form.get("action", ""), [], None
        if action == "create":
            plan = self.site.plans.get(form.get("plan", ""))
            transaction = self.site.plans.transaction(plan, account, int(form.get("step", "0")))
            address = self.site.plans.address(plan, account)
            notes.append(say("confirm.public_model"))
        else:
            model = self.site.reader.model(form.get("model", ""))
            incentive = self.site.incentives.of(model)
            address = model.address
            if action == "train":
                transaction, notes, words = self._contribution(model, incentive, form)
            else:
                transaction = self._transaction(model, incentive, account, action, form)
        parcel = self.site.outbox.prepare(visitor, account, transaction, address, words)
        return self._described(parcel, notes)

    @staticmethod
    def _account(form: Mapping[str, Any]) -> str:
        account = form.get("account", "")
        if not is_address(account):
            raise InputError(say("error.no_account"))
        return to_checksum_address(account)

    def _described(self, parcel: Parcel, notes: list[str]) -> dict[str, Any]:
        transaction = parcel.transaction
        fee = say("confirm.fee", fee=ether(parcel.fee))
        if money := self.site.in_money(parcel.fee):
            fee += " " + say("confirm.money", money=money)
        return {
            "token": parcel.token,
            "what": transaction.what,
            "lines": [*notes, fee],
            "details": [
                say("confirm.from", account=parcel.account),
                say("confirm.to", account=transaction.to),
                say("confirm.value", amount=exact(transaction.value)),
                say("confirm.gas", gas=number(parcel.gas)),
            ],
            "transaction": parcel.fields(self.site.reader.chain_id),
        }

    def _transaction(
        self, model: Model, incentive: Incentive, account: str, action: str, form: Mapping[str, Any]
    ) -> Transaction:
        """What claims something, or moves something on."""
        try:
            if "contribution" not in form:
                return incentive.model_action(self.site.reader, model, account, action, form)
            return incentive.action(self.site.reader, model, self._chosen(model, form["contribution"]), action)
        except KeyError:
            raise InputError(say("error.no_action")) from None

    def _chosen(self, model: Model, number: str) -> Contribution:
        contributions = self.site.reader.history(model).contributions
        if not number.isdecimal() or int(number) >= len(contributions):
            raise InputError(say("error.no_contribution"))
        return contributions[int(number)]

    def prepare_all(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """The transactions of many claims, as few as possible, and why some cannot be made.

        ``items`` is a JSON list of [model, action, contribution]; the last is empty where it is about the whole model.
        """
        account = self._account(form)
        transactions: dict[tuple[str, bytes], tuple[Transaction, str]] = {}
        for (address, action), group in _grouped(form.get("items", "")).items():
            model = self.site.reader.model(address)
            incentive = self.site.incentives.of(model)
            try:
                if group == [""]:
                    made = [incentive.model_action(self.site.reader, model, account, action, {})]
                else:
                    chosen = [self._chosen(model, number) for number in group]
                    made = incentive.actions(self.site.reader, model, chosen, action)
            except KeyError:
                raise InputError(say("error.no_action")) from None
            for t in made:  # each once: a credit waits in the contract for all of its models
                transactions.setdefault((t.to, t.data), (t, address))
        prepared, failed = [], []
        for t, address in list(transactions.values())[:MOST_PREPARED]:
            try:
                prepared.append(self._described(self.site.outbox.prepare(visitor, account, t, address), []))
            except OutboxError as error:
                failed.append(f"{t.what}: {error}")
        if len(transactions) > MOST_PREPARED:
            failed.append(say("claim.more", n=len(transactions) - MOST_PREPARED))
        if not prepared:
            raise InputError("\n".join(failed) or say("error.no_action"))
        return {"parcels": prepared, "failed": failed}

    def _contribution(
        self, model: Model, incentive: Incentive, form: Mapping[str, Any]
    ) -> tuple[Transaction, list[str], tuple[bytes, str] | None]:
        """The transaction of a contribution, what is risked by it, and the words to keep if it arrives."""
        x, y = self._sample(model, incentive, form)
        value = parse_ether(form.get("maximum", "") or "0") if incentive.has_deposit else 0
        answer = self.site.reader.answer(model, x)
        sent = Sent(x, y, value, None if answer is None else answer == y)
        notes = [
            *self._seen(model, x, y),
            *incentive.consent(self.site.reader, model, sent),
            say("confirm.public"),
        ]
        text = self._kept_text(form)
        return incentive.add_data(model, x, y, value), notes, (x, text) if text else None

    def _sample(self, model: Model, incentive: Incentive, form: Mapping[str, Any]) -> tuple[bytes, int]:
        """What is contributed: the sample, and the index of its class."""
        if not incentive.can_train:
            raise InputError(incentive.text("about"))
        label = form.get("label", "")
        if not label.isdecimal() or int(label) >= len(model.class_names):
            raise InputError(say("error.no_label"))
        given = form.get("text", ""), form.get("picture", b""), form.get("raw", "")
        return self.site.store.encode(model.encoder_spec, *given), int(label)

    def _seen(self, model: Model, x: bytes, y: int) -> list[str]:
        return [
            say("confirm.label", label=model.class_name(y), index=y),
            say("confirm.seen", sample=self.site.store.show(x, model.encoder_spec).text),
        ]

    @staticmethod
    def _kept_text(form: Mapping[str, Any]) -> str:
        """The words that are kept on this machine once the sample is on the chain; none if nobody wants that."""
        return form.get("text", "").strip() if form.get("remember") and not form.get("raw", "").strip() else ""

    # ---- paid for by a sponsor ---------------------------------------------------------------------------------------

    def to_sign(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """What a wallet is asked to sign for a sponsor to send, with all that a person must know before."""
        account, model = self._account(form), self.site.reader.model(form.get("model", ""))
        incentive, sponsor = self.site.incentives.of(model), self._sponsor(model)
        x, y = self._sample(model, incentive, form)
        if sponsor.agreeing and self.site.reader.answer(model, x) != y:
            raise InputError(say("sponsor.only_agreeing"))
        typed = self.site.sponsors.typed(model, sponsor, account, x, y)
        message = typed["message"]
        return {
            "what": incentive.add_data(model, x, y, 0).what,
            "lines": [
                *self._seen(model, x, y),
                say("sponsor.pays" if incentive.has_deposit else "sponsor.pays_free", sponsor=sponsor.account),
                say("sponsor.yours"),
                say("sponsor.until", when=moment(message["deadline"])),
                say("confirm.public"),
            ],
            "details": [f"{name}: {clean(message[name])}" for name in ("model", "class", "sample")],
            "typed": typed,
            "letter": {
                "contributor": account,
                "sample": x.hex(),
                "text": self._kept_text(form),
                **{name: message[name] for name in ("model", "label", "round", "deadline")},
            },
        }

    def _sponsor(self, model: Model) -> Sponsor:
        sponsor = self.site.sponsors.of(model)
        if sponsor is None:
            raise SponsorGone(say("sponsor.gone"))
        return sponsor

    def sign_locally(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """Let the node of a local chain sign it."""
        account = self._account(form)
        if account not in self.site.reader.local_accounts():
            raise InputError(say("error.not_local"))
        typed = json.loads(form.get("typed", ""))
        return {"signature": self.site.node.rpc("eth_signTypedData_v4", account, typed)}

    def hand_in(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """Give the sponsor what was signed."""
        model = self.site.reader.model(form.get("model", ""))
        signature = bytes.fromhex(form.get("signature", "").removeprefix("0x"))
        if len(signature) == 65 and signature[64] < 2:  # some wallets count v from 0
            signature = signature[:64] + bytes([27 + signature[64]])
        contribution = {
            "contributor": form.get("contributor", ""),
            "sample": form.get("sample", ""),
            **{name: int(form.get(name, "")) for name in ("label", "round", "deadline")},
            "signature": signature.hex(),
        }
        return {"number": self.site.sponsors.hand_in(self._sponsor(model), contribution)}

    def handed_in(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """What became of what was signed, and whether that is all that becomes of it."""
        model = self.site.reader.model(form.get("model", ""))
        became = self.site.sponsors.became(self._sponsor(model), int(form.get("number", "")))
        state, transaction = str(became.get("state")), clean(str(became.get("transaction")), 66)
        if state not in ("queued", "sent", "accepted", "skipped", "returned", "settled"):
            raise InputError(say("sponsor.unknown"))
        if state in ("accepted", "returned", "settled"):
            self._remember(model, form)
        why = explain(str(became.get("reason", ""))[:300])
        return {
            "text": say(f"sponsor.{state}", transaction=transaction, why=why),
            "state": state,
            "final": state not in ("queued", "sent"),
            "good": state in ("accepted", "returned"),
        }

    def _remember(self, model: Model, form: Mapping[str, Any]) -> None:
        """Keep the words of what is on the chain."""
        text, sample = form.get("text", ""), form.get("sample", "")
        arrived = any(c.x.hex() == sample for c in self.site.reader.history(model).contributions)
        if text and arrived and self.site.store.encode(model.encoder_spec, text).hex() == sample:
            self.site.store.remember(bytes.fromhex(sample), text)

    # ---- on its way --------------------------------------------------------------------------------------------------

    def claim(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """Reserve a transaction for the wallet that is asked next."""
        return describe(self.site.outbox.claim(form.get("token", "")))

    def rejected(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """The wallet did not send it."""
        self.site.outbox.rejected(form.get("token", ""), form.get("message", "")[:300])
        return {}

    def sent(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """The wallet sent it."""
        transaction_hash = form.get("hash", "")
        if not re.fullmatch(r"0x[0-9a-fA-F]{64}", transaction_hash):
            raise InputError(say("error.no_hash"))
        self.site.outbox.sent(form.get("token", ""), transaction_hash)
        return {}

    def local(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """Let the node of a local chain send it."""
        parcel = self.site.outbox.get(form.get("token", ""))
        if parcel.account not in self.site.reader.local_accounts():
            raise InputError(say("error.not_local"))
        return describe(self.site.outbox.send_locally(parcel.token))

    def status(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """What became of it."""
        before = self.site.outbox.get(form.get("token", "")).state
        parcel = self.site.outbox.status(form.get("token", ""))
        if parcel.state == "done" and before != "done":
            if parcel.words is not None:
                self.site.store.remember(*parcel.words)
            parcel.message += self._improvement(visitor, parcel)
        return describe(parcel) | {"link": self.site.explorer(parcel.hash)}

    def _improvement(self, visitor: str, parcel: Parcel) -> str:
        """What a contribution did to the accuracy, where there is a test set; else nothing."""
        test_set = self.site.test_set(visitor, parcel.model)
        if test_set is None:
            return ""
        model = self.site.reader.model(parcel.model)
        before = self.site.accuracy(model, test_set, parcel.block - 1)
        after = self.site.accuracy(model, test_set, parcel.block)
        if before is None or after is None:
            return ""
        return " " + say("sent.accuracy", before=percent(before), after=percent(after))

    # ---- what pages keep up to date ----------------------------------------------------------------------------------

    def price(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """What a contribution needs now."""
        model = self.site.reader.model(form.get("model", ""))
        (required,) = self.site.incentives.of(model).prices(self.site.reader, [model.address])
        return {"required": "" if required is None else ether(required), "now": self.site.reader.now()}

    def due(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """What the header shows: what can be had now, what runs out first, what comes next."""
        summary = self.site.dues.of(self._account(form))
        parts = []
        if summary.count:
            key = "due.claims" if summary.wei else "due.steps"
            parts.append(say(key, amount=ether(summary.wei), n=summary.count))
        if summary.loss:
            parts.append(say("due.runs_out", when=f"{{span:{summary.loss.time}}}"))
        elif summary.gain and not parts:
            parts.append(say("due.next", when=f"{{span:{summary.gain.time}}}"))
        loss = summary.loss
        return {
            "text": " ".join(parts),
            "count": summary.count,
            "urgent": bool(loss),
            "warning": f"{loss.model.name}: {loss.text}" if loss else "",
            "at": loss.time if loss else 0,
            "now": self.site.reader.now(),
        }

    def clock(self, visitor: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """Move the clock of a local chain ahead, to see what happens after the waits."""
        if not self.site.reader.is_local:
            raise InputError(say("error.clock_not_local"))
        seconds = form.get("seconds", "")
        if not seconds.isdecimal() or not 0 < int(seconds) <= LONGEST_MOVE:
            raise InputError(say("error.clock_range"))
        self.site.node.rpc("evm_increaseTime", int(seconds))
        self.site.node.rpc("evm_mine")
        return {"now": self.site.reader.now()}
