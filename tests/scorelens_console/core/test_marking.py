"""Marks of words: strength and direction are those of the terms, and the text stays as it was."""

from __future__ import annotations

import math
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from scorelens_console.core.marked_text import marked_text
from scorelens_console.core.marking import LEVELS, mark, pieces, within
from scorelens_reading.calculation import Term
from scorelens_reading.markup import shown

NAMES = ("refund", "still no", "~efun", "~_no_", "no", "!!", "a property", "👍", "शिकायत", "رد", "<b>")
WORDS = st.one_of(
    st.sampled_from(["Still no refund!!", "refund", "İno", "👨‍👩‍👧 👍🏽", "शिकायत", "رد", "<b>&amp;"]),
    st.text(max_size=5),
)
TEXTS = st.lists(WORDS, max_size=10).map(" ".join)
NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, math.nan, math.inf, 1e308, -1e308, 5e-324]))
TERMS = st.lists(st.builds(Term, st.sampled_from(NAMES), NUMBERS, NUMBERS, NUMBERS), max_size=8)
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4)


class _Text(HTMLParser):
    """Gathers the text of HTML, and the titles of its elements."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.titles: list[str] = []
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in ("span", "mark")
        self.titles += [value or "" for name, value in attributes if name == "title"]


@given(TEXTS, TERMS, SPANS)
def test_marking_never_changes_the_text(text: str, terms: list[Term], found: list[tuple[int, int]]) -> None:
    """Whatever is marked, the text of the HTML is the text, and no element is one that the text brought."""
    html = marked_text(text, mark(text, terms).words, terms, found)
    assert _Text(str(html)).text == shown(text)
    assert len(shown(text)) == len(text)


@given(TEXTS, st.lists(st.builds(Term, st.sampled_from(NAMES), st.floats(-100, 100)), max_size=8))
def test_words_add_up_to_the_terms_that_stand_in_the_text(text: str, terms: list[Term]) -> None:
    """What the words add is what the terms with a place add, and each word adds what its own terms add there."""
    marks = mark(text, terms)
    placed = math.fsum(terms[number].contribution for number in marks.places)
    assert math.isclose(math.fsum(word.adds for word in marks.words), placed, abs_tol=1e-6)
    for word in marks.words:
        assert math.isclose(word.adds, math.fsum(word.terms.values()), abs_tol=1e-9)


@given(TEXTS, TERMS, SPANS)
def test_pieces_are_the_text(text: str, terms: list[Term], found: list[tuple[int, int]]) -> None:
    """Pieces follow each other without gap, and each is within one word or none."""
    cut = list(pieces(text, mark(text, terms).words, found))
    assert "".join(piece.text for piece in cut) == text
    for word in {id(piece.word): piece.word for piece in cut if piece.word}.values():
        assert "".join(piece.text for piece in cut if piece.word is word) == text[word.start : word.end]


def test_strength_and_direction_are_those_of_the_terms() -> None:
    """The strongest word has the highest level, what speaks against has its own kind, and a term is shared."""
    text = "Refund! No refund? horrible"
    marks = mark(text, [Term("refund", 4.0), Term("no", -1.0), Term("horrible", 0.01), Term("a property", 9.0)])
    said = [(text[word.start : word.end], word.adds, word.level, word.speaks_for) for word in marks.words]
    assert said == [
        ("Refund", 2.0, LEVELS, True),
        ("No", -1.0, 2, False),
        ("refund", 2.0, LEVELS, True),
        ("horrible", 0.01, 0, True),
    ]
    assert marks.places == {0: 2, 1: 1, 2: 1}


def test_marks_are_told_without_colour_and_in_words() -> None:
    """Direction and strength are classes, and a title tells the sum and each term with its factors."""
    terms = [Term("refund", 1.5, 0.5, 3.0), Term("~efun", -0.25, 0.125, -2.0)]
    text = "a refund"
    html = marked_text(text, mark(text, terms).words, terms, [(2, 5)])
    assert html == (
        'a <span class="w for s4" tabindex="-1" title="adds +1.25\n'
        'refund\t+1.50 (0.5 × 3)\n~efun\t−0.25 (0.125 × −2)"><mark>ref</mark>und</span>'
    )


def test_a_term_over_two_words_marks_both() -> None:
    """Two words share what a pair of words adds; what is only part of a word counts for the word."""
    text = "no refunds"
    marks = mark(text, [Term("no refunds", 1.0), Term("~efun", 0.5)])
    assert [(text[word.start : word.end], word.adds) for word in marks.words] == [("no", 0.5), ("refunds", 1.0)]


def test_words_of_a_part_are_counted_from_its_beginning() -> None:
    """A title and a text are marked together and shown apart."""
    whole = "Refund\nstill no refund"
    words = mark(whole, [Term("refund", 2.0)]).words
    assert [(word.start, word.end) for word in within(words, 7, len(whole))] == [(9, 15)]
    assert [(word.start, word.end) for word in within(words, 0, 6)] == [(0, 6)]
