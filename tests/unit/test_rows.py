"""Rows of samples, as bytes and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comodels.revert import Revert
from comodels.rows import iterate_rows, pack_rows

rows = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), min_size=1, max_size=8)


def test_pack_rows__two_rows__are_label_length_sample():
    packed = pack_rows([(1, b"\x00\x07"), (0, b"\xaa" * 258)])
    assert packed == b"\x01\x00\x02\x00\x07" + b"\x00\x01\x02" + b"\xaa" * 258


@given(rows)
def test_iterate_rows__packed_rows__gives_them_back(labelled):
    assert list(iterate_rows(pack_rows(labelled))) == labelled


@given(rows, st.data())
def test_iterate_rows__cut_off__is_refused_after_those_that_are_whole(labelled, data):
    packed = pack_rows(labelled)
    cut = packed[: -data.draw(st.integers(1, 2 + len(labelled[-1][1])))]
    found = iterate_rows(cut)
    assert [next(found) for _ in labelled[:-1]] == labelled[:-1]
    with pytest.raises(Revert, match="sample: row is cut off"):
        next(found)


def test_iterate_rows__sample_of_more_than_2048_bytes__is_refused():
    assert len(list(iterate_rows(pack_rows([(0, bytes(2_048))])))) == 1
    with pytest.raises(Revert, match="longer than 2,048 bytes"):
        list(iterate_rows(pack_rows([(0, bytes(2_049))])))
