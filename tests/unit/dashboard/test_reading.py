"""What takes long is read on, and who asks is told how far it is."""

import threading

import pytest

from comodels.chain.node import Unreachable
from comodels.dashboard.reading import Readings, StillReading


def test_wait__takes_long__share_is_told_and_it_goes_on():
    readings, go_on, runs = Readings(), threading.Event(), []

    def work(task):
        runs.append(task)
        task.share = 0.4
        go_on.wait(10)

    for _ in range(3):
        with pytest.raises(StillReading) as told:
            readings.wait("a", work, 0.05)
        assert told.value.share == 0.4
    assert len(runs) == 1
    go_on.set()
    readings.wait("a", work, 5)
    assert len(runs) == 2  # what has come since the first began


def test_wait__fails__told_once_and_tried_again():
    readings, outcomes = Readings(), [Unreachable("gone"), None]

    def work(task):
        if error := outcomes.pop(0):
            raise error

    with pytest.raises(Unreachable):
        readings.wait("a", work, 5)
    readings.wait("a", work, 5)
    assert outcomes == []


def test_wait__other_keys__do_not_wait_for_each_other():
    readings, go_on = Readings(), threading.Event()
    with pytest.raises(StillReading):
        readings.wait("a", lambda task: go_on.wait(10), 0.01)
    readings.wait("b", lambda task: None, 5)
    go_on.set()
