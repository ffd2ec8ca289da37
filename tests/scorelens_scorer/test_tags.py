"""Tags and the ids they are served under."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens.tag_names import tag_id
from scorelens_scorer.errors import ModelRefusedError
from scorelens_scorer.tags import Tag, served_tags


@pytest.mark.parametrize("name", ["refund", "brand_oakrise", "a-1", "x" * 64])
def test_an_id_stays_as_it_is(name: str) -> None:
    """A name of the allowed letters is its own id."""
    assert tag_id(name) == name


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("fast.loan now", "fast-loan-now-"),
        ("Élan", "elan-"),
        ("ипотека", "tag-"),
        ("x" * 65, "x" * 55 + "-"),
        ("A", "a-"),
    ],
)
def test_a_foreign_name_becomes_a_slug_and_a_hash(name: str, slug: str) -> None:
    """Dots, spaces, capitals and other scripts give a slug and eight hexadecimal digits."""
    assert re.fullmatch(re.escape(slug) + "[0-9a-f]{8}", tag_id(name))


@given(st.text(min_size=1).filter(lambda name: not any("\ud800" <= letter <= "\udfff" for letter in name)))
def test_every_name_has_an_id_that_is_its_own_id(name: str) -> None:
    """Any name gives an allowed id, and that id again gives itself."""
    made = tag_id(name)
    assert re.fullmatch("[a-z0-9_-]{1,64}", made)
    assert tag_id(made) == made


def test_the_name_stays_as_title() -> None:
    """A foreign name is the title where the model gives none."""
    foreign, titled = served_tags([Tag("Fast loan"), Tag("Slow loan", "Slow")], "m 1")
    assert (foreign.title, titled.title) == ("Fast loan", "Slow")


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ([Tag("a"), Tag("a")], "same id, a"),
        ([Tag("Fast loan"), Tag(tag_id("Fast loan"))], "same id, fast-loan-"),
        ([Tag("")], "no id"),
        ([], "no tags"),
        ([Tag("a", threshold=1.5)], "threshold 1.5"),
        ([Tag("a", threshold=float("nan"))], "threshold nan"),
    ],
)
def test_tags_that_cannot_be_served_are_refused(tags: list[Tag], text: str) -> None:
    """Colliding, nameless and missing tags and impossible thresholds are refused by name of the model."""
    with pytest.raises(ModelRefusedError, match=f"model m 1.*{text}"):
        served_tags(tags, "m 1")
