"""Random streams of updates: the first in `make test`, all of them in `make fuzz`."""

import pytest

STREAMS = 30


def pytest_generate_tests(metafunc):
    """Give a test that asks for `stream`, the seed of its samples, one number after the other."""
    if "stream" in metafunc.fixturenames:
        more = [pytest.param(n, marks=pytest.mark.fuzz) for n in range(1, STREAMS)]
        metafunc.parametrize("stream", [0, *more])
