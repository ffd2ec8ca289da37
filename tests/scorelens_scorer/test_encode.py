"""The bytes of answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from scorelens.v1.scorer_pb2 import Document, ModelRef, ScoreResponse
from scorelens_scorer.encode import Encoder, response
from scorelens_scorer.errors import ModelFaultError
from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.model import ALL_TERMS, Calculations, Explanation, Floats
from scorelens_scorer.served import Served
from scorelens_scorer.tags import Tag
from tests.scorelens_scorer.message_encoder import answer

NUMBERS = st.one_of(st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("-inf")]), st.floats())
CHANCES = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))
COUNTS = st.one_of(st.integers(0, 3), st.sampled_from([127, 128, 2**14, 2**31, 2**32 - 1]))
TEXTS = st.one_of(st.sampled_from(["", "a", "still no", "é" * 70, "long " * 900]), st.text(max_size=5))
# NaN has many bit patterns, and messages with one are never equal: hence bytes are compared, where maps have one entry.


@st.composite
def tags(draw: st.DrawFn) -> list[Tag]:
    """Draw some tags."""
    count = draw(st.integers(1, 3))
    return [
        Tag(f"t{place}", draw(TEXTS), draw(st.sampled_from(["", "topic"])), draw(st.sampled_from([0.0, 0.5, 1.0])))
        for place in range(count)
    ]


@st.composite
def calculations(draw: st.DrawFn, shape: tuple[int, int]) -> Calculations | None:
    """Draw whatever a model may say of a batch."""
    if draw(st.booleans()):
        return None

    def numbers(dimensions: Any, elements: Any = NUMBERS, kind: type = float) -> Any:
        return draw(arrays.arrays(kind, dimensions, elements=elements))

    counts = numbers(shape[0] * shape[1], st.integers(0, 3), int)
    starts = np.concatenate(([0], np.cumsum(counts)))
    total = int(starts[-1])
    names = draw(st.lists(TEXTS, min_size=1, max_size=4))
    columns = numbers(total, st.integers(0, len(names) - 1), int)
    by_column = draw(st.booleans())
    return Calculations(
        draw(st.sampled_from(Explanation)),
        numbers(draw(st.sampled_from([shape, shape[1:]]))),
        numbers(shape),
        draw(st.sampled_from(["sigmoid", "", "my link"])),
        draw(st.sampled_from([(), [{"slope": 2.0}] * shape[1], [{"": 0.0}] * shape[1]])),
        starts if draw(st.booleans()) else None,
        names if by_column else [names[place] for place in columns.tolist()],
        numbers(total),
        numbers(total),
        numbers(total),
        draw(st.sampled_from([None, numbers(shape)])),
        draw(st.sampled_from([None, numbers(shape, COUNTS, np.int64)])),
        draw(st.sampled_from([{}, {"votes": numbers(shape)}])),
        columns if by_column else None,
    )


def written(
    own: list[Tag], documents: list[Document], chances: Floats, made: Calculations | None, *, full: bool
) -> bytes:
    """Return the bytes of an answer."""
    results, calculations = Encoder("m", "1", own).encode(documents, chances, made, full=full)
    return response(results, calculations if full else None)


@given(st.data(), tags(), st.lists(TEXTS, min_size=1, max_size=3), st.booleans())
def test_answers_are_what_protobuf_would_write(data: st.DataObject, own: list[Tag], ids: list[str], full: bool) -> None:
    """Whatever a model says, the bytes are those of the messages: the same fields in the same order."""
    documents = [Document(id=each) for each in ids]
    shape = (len(documents), len(own))
    chances = data.draw(arrays.arrays(float, shape, elements=CHANCES))
    made = data.draw(calculations(shape))
    messages = answer(ModelRef(id="m", version="1"), own, documents, chances, made, full=full)
    assert written(own, documents, chances, made, full=full) == messages.SerializeToString()


@pytest.mark.parametrize("terms", [1, 20, ALL_TERMS])
def test_a_real_models_answer_is_what_protobuf_would_write(tagger: LinearModel, terms: int) -> None:
    """The bytes of the reference model's calculations are those of the messages, with terms of any number."""
    long = " ".join(
        f"the {word} of my card is bad, the refund {word}" for word in ["account", "loan", "app", "fee", "phone"] * 30
    )
    texts = ["", "refund", "Still no refund from Harbourline, terrible service " * 9, "thanks for the mortgage!", long]
    documents = [Document(id=str(place), text=text) for place, text in enumerate(texts)]
    served = Served.of(tagger)
    chances, made = served.score(documents, terms)
    results, calculations = served.encoder.encode(documents, chances, made, full=True)
    reference = ModelRef(id=served.id, version=served.version)
    messages = answer(reference, served.tags, documents, chances, made, full=True)
    assert response(results, calculations) == messages.SerializeToString()


def test_what_is_kept_for_the_next_batch_is_that_of_the_model() -> None:
    """One encoder writes batches whose names, links and intercepts differ, zeros of both signs included."""
    encoder, own, chances = Encoder("m", "1", [Tag("t")]), [Tag("t")], np.array([[0.5]])
    for names, link, intercept in ((["a", "b"], "sigmoid", 0.0), (["b", "a"], "identity", -0.0), (["a"], "x", 0.0)):
        one = np.ones(1)
        made = Calculations(
            Explanation.EXACT,
            np.array([intercept]),
            np.zeros((1, 1)),
            link,
            (),
            np.array([0, 1]),
            names,
            one,
            one,
            one,
            columns=np.zeros(1, int),
        )
        messages = answer(ModelRef(id="m", version="1"), own, [Document()], chances, made, full=True)
        assert response(*encoder.encode([Document()], chances, made, full=True)) == messages.SerializeToString()


def test_several_intermediate_values_all_arrive() -> None:
    """A map's entries may come in any order, and none is lost."""
    named = {"a": np.array([[1.0]]), "b": np.array([[2.0]]), "": np.array([[0.0]])}
    made = Calculations(Explanation.NONE, np.zeros(1), np.zeros((1, 1)), intermediates=named)
    answered = ScoreResponse.FromString(written([Tag("t")], [Document()], np.array([[0.5]]), made, full=True))
    assert dict(answered.calculations.documents[0].tags[0].intermediates) == {"a": 1.0, "b": 2.0, "": 0.0}


@pytest.mark.parametrize(
    "wrong",
    [
        {"features": ["\ud800"]},
        {"features": [None]},
        {"values": ["much"]},
        {"remainder_terms": np.array([[-1]])},
        {"remainder_terms": np.array([[2**32]])},
        {"remainder_terms": np.array([[0.5]])},
        {"link": "\ud800"},
        {"link": None},
        {"link_parameters": [{"slope": "steep"}]},
    ],
)
def test_what_cannot_be_written_is_the_models_fault(wrong: dict[str, Any]) -> None:
    """Names that are no text and counts that are none are told as the model's fault, not as an unknown one."""
    good: dict[str, Any] = {"starts": np.array([0, 1]), "features": ["a"]} | dict.fromkeys(
        ("values", "coefficients", "contributions"), np.ones(1)
    )
    made = Calculations(Explanation.EXACT, np.zeros(1), np.zeros((1, 1)), **(good | wrong))
    with pytest.raises(ModelFaultError):
        written([Tag("t")], [Document()], np.array([[0.5]]), made, full=True)
