"""Framing: no two lists of parts are the same bytes, and nothing else reads as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmt_grpc.domain.framing import frame, unframe

PARTS = st.lists(st.binary(max_size=40), max_size=8)


@given(PARTS)
def test_what_was_framed_comes_back(parts: list[bytes]) -> None:
    assert list(unframe(frame(*parts))) == parts


@given(PARTS, PARTS)
def test_two_lists_that_differ_frame_differently(one: list[bytes], two: list[bytes]) -> None:
    assert (frame(*one) == frame(*two)) == (one == two)


@given(st.binary(max_size=60))
def test_whatever_reads_as_a_frame_is_that_very_frame(framed: bytes) -> None:
    try:
        parts = unframe(framed)
    except ValueError:
        return
    assert frame(*parts) == framed


@given(PARTS.filter(bool), st.data())
def test_a_frame_that_is_cut_short_is_another_or_none(parts: list[bytes], data: st.DataObject) -> None:
    framed = frame(*parts)
    cut = framed[: data.draw(st.integers(0, len(framed) - 1))]

    try:
        assert list(unframe(cut)) != parts
    except ValueError:
        assert cut


@pytest.mark.parametrize("part", ["canary", 55555, ["canary"], bytearray(b"canary")])
def test_only_bytes_are_framed_and_the_refusal_does_not_quote(part: object) -> None:
    with pytest.raises(TypeError) as refusal:
        frame(part)  # type: ignore[arg-type]  # that is the point

    assert repr(part) not in str(refusal.value)
