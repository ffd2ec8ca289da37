"""Pictures and tables of notebooks: well-formed and harmless whatever the names are, and true to the numbers."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_client import Calculation, Documents, Record, Records, Score, Scores, Term, Word, Words
from scorelens_client.sdk.history import History
from scorelens_documents.documents import read_document
from scorelens_reading.calculation import sigmoid
from scorelens_reading.measure import fitting, width
from scorelens_reading.waterfall import steps_of, waterfall
from tests.scorelens_client.test_calculation import RECORD
from tests.scorelens_store.records import make

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert('x')</script>&\"' ]]> \x00\x1b[2J\ud800\u202e"

ONE = Calculation(
    tag="complaint",
    title="Complaint",
    explanation="exact",
    intercept=-2.0,
    terms=(Term("refund", 3.0, 0.5, 6.0), Term("thanks", -0.5, 0.25, -2.0)),
    remainder=0.25,
    remainder_terms=7,
    margin=0.75,
    link="sigmoid",
    link_parameters={},
    probability=sigmoid(0.75),
    threshold=0.5,
    selected=True,
    intermediates={},
)

NAMES = st.text(max_size=60) | st.just(HOSTILE)
NUMBERS = st.floats() | st.sampled_from((0.0, -0.0, 1e308, -1e308, 5e-324))
CALCULATIONS = st.builds(
    Calculation,
    tag=NAMES,
    title=NAMES,
    explanation=st.sampled_from(("exact", "approximate", "none")),
    intercept=NUMBERS,
    terms=st.lists(st.builds(Term, NAMES, NUMBERS, NUMBERS | st.none(), NUMBERS | st.none()), max_size=20).map(tuple),
    remainder=NUMBERS,
    remainder_terms=st.integers(0, 10**9),
    margin=NUMBERS,
    link=st.sampled_from(("sigmoid", "identity", HOSTILE)),
    link_parameters=st.dictionaries(st.sampled_from(("slope", "offset")), NUMBERS),
    probability=NUMBERS,
    threshold=NUMBERS,
    selected=st.booleans(),
    intermediates=st.just({}),
)


def parsed(picture: str) -> ElementTree.Element:
    """Return the root of a picture."""
    return ElementTree.fromstring(picture)


def words(picture: str) -> list[str]:
    """Return all text that is drawn."""
    return ["".join(text.itertext()) for text in parsed(picture).iter(f"{SVG}text")]


@given(CALCULATIONS, st.integers(0, 30))
def test_any_calculation_makes_a_well_formed_picture(one: Calculation, terms: int) -> None:
    """Names cannot break out of the picture, and no number makes a coordinate that is none."""
    picture = waterfall(one, terms)
    root = parsed(picture)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "desc", "style", "defs", "pattern", "path", "rect", "g", "text")
    }
    for element in root.iter():
        for name in ("x", "y", "width", "height", "d", "viewBox"):
            assert not re.search("nan|inf", element.get(name, "")), element.attrib
    assert "<script" not in picture


def test_the_picture_says_what_the_calculation_says() -> None:
    """Every term stands there with its sign, then the margin, the probability and the verdict."""
    shown = words(waterfall(ONE))
    for word in ("Complaint", "intercept", "refund", "+3.0000", "thanks", "−0.5000", "7 more terms", "+0.2500"):
        assert word in shown
    assert shown[shown.index("margin") + 1] == "+0.7500"
    assert "probability 67.9% ≥ threshold 50.0%: selected" in shown
    assert "0.5 × 6" in shown


def test_the_picture_can_be_told_without_colours_and_without_eyes() -> None:
    """What speaks against is striped, and title and description say the whole of it."""
    root = parsed(waterfall(ONE))
    name = root.get("aria-labelledby", "").split()
    labels = {element.get("id"): element.text for element in root if element.get("id")}
    assert root.get("role") == "img"
    assert "Complaint" in (labels[name[0]] or "")
    assert "thanks −0.5000" in (labels[name[1]] or "")
    striped = [path for path in root.iter(f"{SVG}path") if "url(#" in path.get("fill", "")]
    assert len(striped) == 2  # intercept and thanks


def test_terms_beyond_the_leading_ones_are_part_of_the_rest() -> None:
    """The steps add up to the margin however many are shown."""
    for most in range(4):
        steps = list(steps_of(ONE, most))
        assert math.fsum(step.adds for step in steps if not step.is_sum) == pytest.approx(ONE.margin)
    assert [step.label for step in steps_of(ONE, 1)][2] == "8 more terms"


def test_what_is_not_explained_is_shown() -> None:
    """Terms that do not add up leave a step that says so, by its kind of explanation."""
    rest = {
        kind: [step.label for step in steps_of(replace(ONE, margin=2.0, explanation=kind), 5)]
        for kind in ("exact", "approximate")
    }
    assert rest["exact"][-2] == "does not add up"
    assert rest["approximate"][-2] == "not explained"


@given(st.text(), st.floats(1, 40))
def test_cut_text_fits(text: str, ems: float) -> None:
    """Names are cut to the room that there is."""
    assert width(fitting(text, ems)) <= max(ems, width("…"))


class Tags(HTMLParser):
    """Collects what a browser would make of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Keep the name of a tag."""
        self.found.add(tag)


def stored(text: str) -> Record:
    """Return a record whose every text is the given one."""
    parts = {
        "titles": {"complaint": text},
        "tags": ["complaint"],
        "score": {"complaint": 0.9},
        "model": {"id": text, "version": text},
    }
    document = {"id": text, "kind": text, "title": text, "text": text, "attributes": {text: text}}
    calculation = [RECORD["calculation"][0] | {"feature": [text, text, text]}]
    snippet = {"document.text": [f"{text} \x02{text}\x03 {text}"]}
    return Record(make(1, document=document, calculation=calculation, flags=[text], **parts), 1.0, snippet)


@given(st.text() | st.just(HOSTILE))
def test_results_in_notebooks_are_escaped(text: str) -> None:
    """No text of a document, a tag or an error becomes markup."""
    plain = text.encode("utf-8", "replace").decode()
    record = stored(plain)
    document = read_document({"id": plain, "text": plain})
    shown = [
        Scores([Score(0, text, text, text, (), (), text)]),
        Records([record], 5),
        Documents([document], [text]),
        record,
        History(Records([record]), record),
        Score(0, text, text, text),
        Words([Word(text, 1, 0.5, 0, 0.0, 1.0, text)], total=2, others=3),
    ]
    for one in shown:
        page = one._repr_html_()  # type: ignore[attr-defined]
        tags = Tags()
        tags.feed(page)
        assert tags.found <= {
            *("div", "table", "thead", "tbody", "tr", "th", "td", "b", "span"),
            *("svg", "title", "desc", "style", "defs", "pattern", "path", "rect", "g", "text"),
        }
        ElementTree.fromstring(page)


def test_words_say_what_was_compared() -> None:
    """The table of words has counts and shares of both sides, and how many records these are."""
    words = Words([Word(f"w{number}", 9, 0.9, 1, 0.05, 1.0, "") for number in range(21)], total=10, others=1_234)
    page = words._repr_html_()
    assert [part in page for part in (">w0<", ">90.0%<", ">5.0%<", ">w19<", ">w20<")] == [True] * 4 + [False]
    assert "21 words, 20 shown; 10 records against 1,234 others" in page


def test_matching_words_are_marked() -> None:
    """The listing of a search shows where it matched."""
    found = Records([Record(make(1), 1.0, {"document.text": ["still no \x02refund\x03 yet"]})])
    assert "still no</span> <b>refund</b> <span>yet" in found._repr_html_()
