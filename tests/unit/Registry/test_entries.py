"""`Registry.models` and `Registry.entries`: pages from the newest to the oldest, that nobody can spoil."""

import ape
import pytest

ZERO = ape.utils.ZERO_ADDRESS


def test_entries__none_published__is_empty(registry):
    assert registry.entries(ZERO, 10) == []
    assert registry.count() == 0


def test_entries__several_pages__come_from_the_newest_to_the_oldest(registry, publish):
    for salt in range(5):
        publish(salt=salt, name=f"model {salt}")
    first = registry.entries(ZERO, 3)
    assert [entry.name for entry in first] == ["model 4", "model 3", "model 2"]
    second = registry.entries(first[-1].model, 3)
    assert [entry.name for entry in second] == ["model 2", "model 1", "model 0"]
    assert registry.models(first[-1].model, 50) == [entry.model for entry in second]
    assert registry.count() == 5


def test_entries__model_that_stopped_answering__leaves_the_others(registry, publish, stranger, rpc):
    publish(salt=1, name="before")
    publish(salt=2, name="broken")
    broken = registry.models(ZERO, 1)[0]
    publish(salt=3, name="after")
    # a model of an implementation that wastes all gas: a jump to itself
    rpc.rpc("anvil_setCode", broken, "0x5b5f56")
    entries = registry.entries(ZERO, 10)
    assert [entry.name for entry in entries] == ["after", "", "before"]
    assert entries[1].model == broken


def test_entries__start_that_is_not_published__is_refused(stranger, why):
    assert why("entries", stranger.address, 1, sender=stranger) == "registry: not published"


def test_entries__more_than_a_page__is_refused(stranger, why):
    assert why("entries", ZERO, 51, sender=stranger) == "registry: at most 50 a page"


def test_entry__not_published__is_refused(elsewhere, stranger, why):
    assert why("entry", elsewhere.address, sender=stranger) == "registry: not published"


@pytest.mark.parametrize("function", ["models", "entries"])
def test_models__count_of_0__is_empty(registry, publish, function):
    publish()
    assert getattr(registry, function)(ZERO, 0) == []
