"""What may name a district, and thereby a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import InvalidRequest
from backfill.model import normalize_district, refuse_collisions
from foundation_samples import bounded, district_names


@bounded
@given(district_names)
def test_a_normal_form_stays_as_it_is(name: str) -> None:
    """Blanks around an identifier go, and the normal form of a normal form is itself. [R2.1, R7.1]"""
    assert normalize_district(f"  {name}\t") == name
    assert normalize_district(normalize_district(name)) == name


@bounded
@given(st.text(max_size=80))
def test_a_name_is_safe_in_any_path_or_refused(text: str) -> None:
    """Whatever text comes in, what comes out can neither leave a folder nor hide in it. [R7.4]"""
    try:
        name = normalize_district(text)
    except InvalidRequest as error:
        assert error.value == text  # noqa: PT017 - either outcome is right, and this says what each must be
    else:
        assert name.isascii()
        assert name.isprintable()
        assert 1 <= len(name) <= 64
        assert not name.startswith(".")
        assert not set(name) & set('/\\:*?"<>| ')


@pytest.mark.parametrize(
    "bad",
    ["", "   ", "../etc", "..", ".61", "6/1", "6\\1", "6 1", "6\n1", "6\x001", "6\x1b[2J", "C:", "x" * 65, "é", "\uff16\uff11", None, 61, ["61"], b"61"],
)  # fmt: skip
def test_what_cannot_name_a_district_is_refused(bad: object) -> None:
    """Parent folders, control characters, leading dots, 65 characters and other types are refused with rule and remedy. [R7.4]"""
    with pytest.raises(InvalidRequest) as caught:
        normalize_district(bad)
    assert (caught.value.field, caught.value.value) == ("district", bad)
    assert "a district is" in caught.value.rule
    assert "write" in caught.value.remedy


def test_the_longest_name_has_64_characters() -> None:
    """Sixty-four characters are allowed. [R7.4]"""
    assert normalize_district("x" * 64) == "x" * 64


def test_names_that_differ_in_case_only_collide() -> None:
    """Two spellings of one file name are refused together; the same spelling twice is not. [R7.4]"""
    refuse_collisions(["F", "61", "F"])
    with pytest.raises(InvalidRequest, match="upper and lower case") as caught:
        refuse_collisions(["61", "f", "F"])
    assert caught.value.value == ("f", "F")
