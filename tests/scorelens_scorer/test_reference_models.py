"""The reference models: exact for every document, right about plain cases, honest about their quality."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scorelens.v1.scorer_pb2 import ActivityEvent, Document
from scorelens_scorer.calculations import sigmoid
from scorelens_scorer.features.text import PIECE, TextFeatures
from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.model import ALL_TERMS
from scorelens_scorer.training.examples import corpus
from scorelens_scorer.training.recipes import MEDIA

relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
WORDS = ("refund", "still", "no", "terrible", "Harbourline", "mortgage", "not", "good", "😡", "!!!", "app")
known = st.lists(st.sampled_from(WORDS)).map(" ".join)
amounts = st.floats(allow_nan=False, allow_infinity=False)
events = st.builds(
    ActivityEvent,
    type=st.sampled_from(["salary", "rent", "loan_payment", "card_payment", "page_view", "overdraft_fee", "?", ""]),
    amount=amounts,
    balance=st.none() | amounts,
    product=st.sampled_from(["travel", "mortgage", "groceries", ""]),
    time=st.none()
    | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(lambda time: time.replace(tzinfo=UTC)),
)


def assert_exact(model: LinearModel, documents: Sequence[Document], terms: int) -> None:
    """Hold every calculation to its word."""
    scoring = model.score(documents, terms)
    made = scoring.calculations
    assert made is not None
    assert made.starts is not None
    assert made.remainders is not None
    shape = made.margins.shape
    added = np.array([made.contributions[a:b].sum() for a, b in zip(made.starts, made.starts[1:], strict=False)])
    np.testing.assert_allclose(made.intercepts + added.reshape(shape) + made.remainders, made.margins, atol=1e-6)
    np.testing.assert_allclose(sigmoid(made.margins), np.asarray(scoring.probabilities), atol=1e-9)
    np.testing.assert_allclose(made.values * made.coefficients, made.contributions, atol=1e-9)
    lean = model.score(documents, 0)
    np.testing.assert_array_equal(lean.probabilities, scoring.probabilities)


@relaxed
@given(st.lists(st.builds(Document, title=texts, text=texts | known), min_size=1, max_size=5), st.sampled_from([1, 20]))
def test_the_tagger_is_exact_for_any_text(tagger: LinearModel, documents: list[Document], terms: int) -> None:
    """Whatever the text, known words or none, the calculation adds up."""
    assert_exact(tagger, documents, terms)


@relaxed
@given(st.lists(events, max_size=12), st.sampled_from([1, 20, ALL_TERMS]))
def test_the_ranker_is_exact_for_any_activity(ranker: LinearModel, made: list[ActivityEvent], terms: int) -> None:
    """Whatever the events, amounts near the end of doubles included, the calculation is finite and adds up."""
    assert_exact(ranker, [Document(events=made)], terms)


def test_generated_documents_are_exact_with_every_term(tagger: LinearModel) -> None:
    """Real batches add up with all terms, and then nothing remains."""
    documents = corpus(120, 9, MEDIA).documents
    assert_exact(tagger, documents, ALL_TERMS)
    made = tagger.score(documents, ALL_TERMS).calculations
    assert made is not None
    assert made.remainders is not None
    assert not made.remainders.any()


def test_a_document_without_a_known_word_is_its_intercept(tagger: LinearModel) -> None:
    """With no term at all the margin is the intercept."""
    made = tagger.score([Document(), Document(text="☃☃☃ xqz")], 20).calculations
    assert made is not None
    assert made.starts is not None
    np.testing.assert_array_equal(made.margins[0], tagger.intercepts)
    assert made.starts[-1] == 0


def test_a_long_text_is_read_to_its_end(tagger: LinearModel) -> None:
    """Text past the piece that is counted at once has the same values as if it were counted as a whole."""
    assert isinstance(tagger.features, TextFeatures)
    text = "the app is down again and nobody answers " * (3 * PIECE // 40)
    end = "harbourline"
    long = Document(text=text + end)
    assert_exact(tagger, [long], 20)
    columns = tagger.features.matrix([long, Document(text=end)])
    assert set(columns[1].indices) <= set(columns[0].indices)
    pieces, whole = (
        columns[0].toarray(),
        [
            weigher.transform(vectorizer.transform([long.text])).toarray()
            for vectorizer, weigher in tagger.features.vectorizers
        ],
    )
    np.testing.assert_allclose(pieces[0], np.concatenate(whole, axis=1)[0], atol=2e-3)


def selected(model: LinearModel, document: Document) -> set[str]:
    """Return the tags that reach their thresholds."""
    (row,) = np.asarray(model.score([document], 0).probabilities)
    return {tag.id for tag, chance in zip(model.tags, row, strict=True) if chance >= tag.threshold}


@pytest.mark.parametrize(
    ("text", "tags", "not_tags"),
    [
        (
            "Still no refund from Harbourline after three weeks 😡",
            "refund complaint negative brand_harbourline",
            "positive",
        ),
        (
            "Quillmont approved our mortgage, what a wonderful team, thank you!",
            "mortgage positive brand_quillmont",
            "negative",
        ),
        ("somebody cloned my card and took 300, is this a scam?", "fraud card", "praise"),
        ("What a lovely, charming film. I laughed so much!", "positive", "negative complaint mortgage"),
        ("This camera is a piece of junk, the battery died, waste of money", "negative", "positive praise"),
        ("The meeting of the council starts at eight", "", "positive negative complaint praise"),
    ],
)
def test_the_tagger_gets_plain_cases_right(tagger: LinearModel, text: str, tags: str, not_tags: str) -> None:
    """Topics, brands and sentiment of plain sentences are found, and their opposites are not."""
    found = selected(tagger, Document(text=text))
    assert set(tags.split()) <= found
    assert not set(not_tags.split()) & found


def customer(*monthly: tuple[str, float, str]) -> Document:
    """Return five months of the same events, each with a balance."""
    start, balance, made = datetime(2026, 1, 1, tzinfo=UTC), 900.0, []
    for month in range(5):
        for day, (kind, amount, product) in enumerate(monthly):
            balance += amount
            time = start + timedelta(days=30 * month + day)
            event = ActivityEvent(type=kind, amount=amount, balance=balance, product=product)
            event.time.FromDatetime(time)
            made.append(event)
    return Document(kind="activity", events=made)


SALARY, RENT = ("salary", 3900.0, ""), ("rent", -1100.0, "rent")
LOANS = [("loan_payment", -250.0, "loan")] * 4
FOOD = [("card_payment", -150.0, "groceries")] * 6
TRIPS = [("card_payment", -300.0, "travel")] * 5


@pytest.mark.parametrize(
    ("document", "offer"),
    [
        (customer(SALARY, RENT, *FOOD, ("page_view", 0, "mortgage")), "offer_mortgage"),
        (customer(SALARY, RENT, *LOANS, *FOOD, *FOOD), "offer_consolidation"),
        (customer(SALARY, *FOOD, *TRIPS), "offer_credit_card"),
    ],
)
def test_the_ranker_ranks_the_fitting_offer_first(ranker: LinearModel, document: Document, offer: str) -> None:
    """A tenant with an income, a debtor and a traveller get what fits."""
    (row,) = np.asarray(ranker.score([document], 0).probabilities)
    assert ranker.tags[int(row.argmax())].id == offer


def test_the_ranker_offers_nothing_to_a_stranger(ranker: LinearModel) -> None:
    """Of a customer without any event nothing is known, and nothing fits."""
    assert selected(ranker, Document(kind="activity")) == set()


def test_models_carry_their_quality(tagger: LinearModel, ranker: LinearModel) -> None:
    """Each tag's figures on documents kept apart are in the model, well above chance, and not perfect."""
    for model, least in ((tagger, 0.95), (ranker, 0.85)):
        figures = model.facts["quality"]
        assert list(figures) == [tag.id for tag in model.tags]
        assert all(least < one["auc"] <= 1 for one in figures.values())
        assert any(one["precision"] < 0.97 for one in figures.values())


def test_probabilities_are_calibrated(tagger: LinearModel) -> None:
    """Over documents that training never saw, the mean probability of a tag is about its share."""
    unseen = corpus(1500, 77, MEDIA)
    means = np.asarray(tagger.score(unseen.documents, 0).probabilities).mean(axis=0)
    shares = [unseen.having(tag.id).mean() for tag in tagger.tags]
    np.testing.assert_allclose(means, shares, atol=0.03)
