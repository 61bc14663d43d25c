"""Attempts to farm points: whatever is tried, a sample earns once, and nothing is earned twice."""

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from comodels.incentives.points import Points, Terms
from comodels.leaderboard import call_at
from comodels.revert import Revert
from tests.parrot import Parrot, deploy_parrot

HOUR = 3_600
TERMS = Terms(HOUR, 2 * HOUR, streak_window=6 * HOUR)
LABELS = [0, 1, 2, 251, 254]
MOST = TERMS.validated_points + TERMS.new_label_points + TERMS.rare_label_points + TERMS.streak_points

account_numbers = st.integers(0, 2)
labels = st.sampled_from(LABELS)


def machine(rpc, contract, senders):
    """A state machine on one chain; each run has a model of its own."""

    class Farmers(RuleBasedStateMachine):
        """Three accounts, of which two may belong to one person."""

        @initialize()
        def publish(self):
            self.model = deploy_parrot(rpc, senders[0], contract.address, TERMS.encode())
            self.twin = Points(Parrot(), TERMS)
            self.time = rpc.time
            self.added = []  # sample, label, account
            self.validated, self.reported = Counter(), Counter()  # by sample; by sample and label

        def attempt(self, function, account, x, y, pause=1):
            """One transaction: contract and twin must agree on whether it works, and why not."""
            self.time += pause
            try:
                getattr(self.twin, function)(senders[account], x, y, self.time)
                expected = ""
            except Revert as revert:
                expected = str(revert)
            call = contract.transaction(
                function, self.model, x, y, sender=senders[account], time=self.time, gas=600_000
            )
            [receipt] = rpc.send([call])
            assert (receipt["status"] == "0x1") == (not expected)
            if expected:
                assert rpc.why(call) == expected
            return not expected

        # ---- honest work ----

        @rule(account=account_numbers, y=labels, wrong=st.booleans())
        def contribute_something_new(self, account, y, wrong):
            x = bytes([(y + wrong) % 255, 0, 0]) + len(self.added).to_bytes(2, "big")
            assert self.attempt("add_data", account, x, y)
            self.added.append((x, y, account))

        @precondition(lambda self: self.added)
        @rule(data=st.data(), pause=st.sampled_from([1, HOUR, 2 * HOUR, 7 * HOUR]))
        def claim_in_time_or_early(self, data, pause):
            x, y, account = data.draw(st.sampled_from(self.added))
            if self.attempt("validate", account, x, y, pause):
                self.validated[x] += 1

        @precondition(lambda self: self.added)
        @rule(data=st.data(), account=account_numbers, pause=st.sampled_from([1, HOUR, 2 * HOUR]))
        def report_own_or_another_s(self, data, account, pause):
            x, y, author = data.draw(st.sampled_from(self.added))
            if self.attempt("report", account, x, y, pause):
                assert account != author
                self.reported[x, y] += 1

        # ---- farming ----

        @precondition(lambda self: self.added)
        @rule(data=st.data(), account=account_numbers)
        def copy(self, data, account):
            x, y, _ = data.draw(st.sampled_from(self.added))
            assert not self.attempt("add_data", account, x, y)

        @precondition(lambda self: self.added)
        @rule(data=st.data(), account=account_numbers, y=labels)
        def copy_with_another_label(self, data, account, y):
            x, _, _ = data.draw(st.sampled_from(self.added))
            if self.attempt("add_data", account, x, y):
                assert not self.validated[x]
                self.added.append((x, y, account))

        @precondition(lambda self: self.added)
        @rule(data=st.data(), account=account_numbers, pause=st.sampled_from([1, HOUR, 2 * HOUR]))
        def claim_what_another_contributed(self, data, account, pause):
            x, y, author = data.draw(st.sampled_from(self.added))
            if self.attempt("validate", account, x, y, pause):
                self.validated[x] += 1
                assert self.twin.contributions[x, y].contributor == senders[author]

        @precondition(lambda self: any(self.validated.values()))
        @rule(data=st.data())
        def claim_again(self, data):
            x, y, account = data.draw(st.sampled_from([a for a in self.added if self.validated[a[0]]]))
            assert not self.attempt("validate", account, x, y, HOUR)

        @precondition(lambda self: self.reported)
        @rule(data=st.data(), account=account_numbers)
        def report_again(self, data, account):
            x, y = data.draw(st.sampled_from(sorted(self.reported)))
            assert not self.attempt("report", account, x, y, 2 * HOUR)

        # ---- what always holds ----

        @invariant()
        def a_sample_earns_once_and_is_reported_once(self):
            assert max(self.validated.values(), default=0) <= 1
            assert max(self.reported.values(), default=0) <= 1

        @invariant()
        def points_are_what_work_can_earn(self):
            calls = [
                ("statistics", (self.model,)),
                *(("account", (self.model, s)) for s in senders),
                *(("badges", (self.model, s)) for s in senders),
                *(("label_count", (self.model, y)) for y in LABELS),
            ]
            statistics, *answers = call_at(contract, calls, int(rpc.rpc("eth_blockNumber"), 16))
            rows, badges, label_counts = answers[:3], answers[3:6], answers[6:]
            validated, reports = sum(r[1] for r in rows), sum(r[2] for r in rows)
            assert (validated, reports) == (sum(self.validated.values()), sum(self.reported.values()))
            assert statistics == (len(self.added), validated)
            assert sum(label_counts) == validated
            for points, own_validated, own_reports, _ in rows:
                floor = own_validated * TERMS.validated_points + own_reports * TERMS.report_points
                assert floor <= points <= own_validated * MOST + own_reports * TERMS.report_points
            accounts = [self.twin.ledger.accounts[s] for s in senders]
            assert [r[0] for r in rows] == [a.points for a in accounts]
            assert badges == [a.badges for a in accounts]

    return Farmers


@pytest.mark.parametrize(
    ("examples", "steps"), [(15, 30), pytest.param(300, 60, marks=pytest.mark.fuzz)], ids=["short", "long"]
)
def test_points__attempts_to_farm__earn_nothing(implementations, raw, rpc, accounts, examples, steps):
    senders = [str(accounts[i].address) for i in (1, 2, 3)]
    lengths = settings(max_examples=examples, stateful_step_count=steps)
    run_state_machine_as_test(machine(rpc, raw(implementations("Points")), senders), settings=lengths)
