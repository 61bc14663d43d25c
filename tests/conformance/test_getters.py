"""Getters that no other test calls, of every model."""

import numpy as np
import pytest

from tests.conformance.test_imodel import KINDS
from tests.conftest import pack_card

NOBODY = "0x" + "00" * 20


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_model__implementation_and_successor__are_told(new_model, contract_of, trainer, kind):
    twin = KINDS[kind].twin(np.random.default_rng(0))

    card = pack_card(classes=[f"class {i}" for i in range(twin.class_count)])
    model = new_model(twin, trainer, card=card)

    assert model.call("implementation") == contract_of(twin.KIND).address
    assert model.call("successor") == NOBODY
