"""The spec: one canonical string, and nothing else is accepted in its place."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.errors import SpecError
from encoders.spec import MAX_LENGTH, Spec, fingerprint, make_spec, parse_spec

keys = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)


def test_make_spec__parameters_in_any_order__are_sorted() -> None:
    assert make_spec("image", 1, {"unit": 127, "features": 64}, {}) == "image/1?features=64&unit=127"


def test_make_spec__fitted__shows_half_of_a_sha256() -> None:
    digest = hashlib.sha256(b'{"fitted":{"words":["a","b"]},"parameters":{"features":"2"}}').hexdigest()
    spec = make_spec("bag-of-words", 1, {"features": 2}, {"words": ["a", "b"]})
    assert spec == f"bag-of-words/1?features=2&sha256={digest[:32]}"


@given(st.dictionaries(keys, st.text(max_size=5), min_size=1, max_size=4))
def test_parse_spec__any_parameters__come_back_from_printable_ascii(parameters: dict[str, str]) -> None:
    text = str(Spec("kind", 3, parameters))
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text
    if len(text) <= MAX_LENGTH:
        assert parse_spec(text) == ("kind", 3, parameters)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "image",
        "image/1",
        "image/1?",
        "image/0?unit=1",
        "image/01?unit=1",
        "Image/1?unit=1",
        "image/1?unit=1&features=2",
        "image/1?unit=1&unit=1",
        "image/1?unit=1 ",
        " image/1?unit=1",
        "image/1?unit=%31",
        "image/1?unit",
        "image/1?unit=1&",
        "image/1?a=" + "1" * MAX_LENGTH,
    ],
)
def test_parse_spec__not_canonical__is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="not an encoder spec"):
        parse_spec(text)


def test_make_spec__longest__fits_and_one_more_is_refused() -> None:
    room = MAX_LENGTH - len("k/1?a=")
    assert len(make_spec("k", 1, {"a": "1" * room}, {})) == MAX_LENGTH
    with pytest.raises(SpecError, match="256 characters, a model keeps 255"):
        make_spec("k", 1, {"a": "1" * (room + 1)}, {})


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_fingerprint__two_floats__differ_unless_they_are_the_same_number(first: float, second: float) -> None:
    same = first.hex() == second.hex()
    assert (fingerprint({"mean": [first]}) == fingerprint({"mean": [second]})) == same
