"""What a model said of one document: tags with probabilities, and the calculations behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scorelens.v1.scorer_pb2 import DocumentCalculation, Result
from scorelens_client.sdk.errors import NotFoundError
from scorelens_reading.calculation import Calculation, as_stored, read_calculation
from scorelens_reading.stored import TagScore


class Scored:
    """What a fresh score and a stored record have in common."""

    @property
    def scores(self) -> Sequence[TagScore]:
        """All tags of the model, the most probable first."""
        raise NotImplementedError

    @property
    def calculations(self) -> Sequence[Calculation]:
        """The calculation of each tag, the most probable first; empty where none is at hand."""
        raise NotImplementedError

    def __getitem__(self, tag: str) -> float:
        """Return the probability of a tag. Raises KeyError."""
        for score in self.scores:
            if score.tag == tag:
                return score.probability
        raise KeyError(
            f"{tag!r} is none of {', '.join(score.tag for score in self.scores) or 'the tags: there are none'}"
        )

    def calculation(self, tag: str | None = None) -> Calculation:
        """Return the calculation of a tag, by default of the most probable one. Raises NotFoundError."""
        for one in self.calculations:
            if tag in (None, one.tag):
                return one
        if not self.calculations:
            raise NotFoundError("no calculation came with this score: ask for it with score(…, full=True)")
        known = ", ".join(one.tag for one in self.calculations)
        raise NotFoundError(f"no calculation of {tag!r}; the tags are {known}")


@dataclass(frozen=True)
class Score(Scored):
    """What the model said of one document, or in `error` why it was not scored.

    `place` is the document's place among those that were given, from 0; `tags` are the ids of the selected tags.
    """

    place: int
    document_id: str
    model: str = ""
    version: str = ""
    scores: tuple[TagScore, ...] = ()
    calculations: tuple[Calculation, ...] = ()
    error: str = ""

    @property
    def tags(self) -> tuple[str, ...]:
        """Ids of the selected tags, the most probable first."""
        return tuple(score.tag for score in self.scores if score.selected)

    def __repr__(self) -> str:
        said = f"error={self.error!r}" if self.error else f"tags={list(self.tags)}"
        return f"Score(place={self.place}, document_id={self.document_id!r}, model={self.model!r}, {said})"

    def _repr_html_(self) -> str:
        from scorelens_client.sdk.html import score_html

        return score_html(self)


def read_score(place: int, result: Result, calculated: DocumentCalculation | None) -> Score:
    """Make the score of an answer's parts for one document."""
    titles = {tag.tag: tag.title for tag in result.tags}
    found = [read_calculation(as_stored(one), titles) for one in calculated.tags] if calculated else []
    by_tag: dict[str, Any] = {one.tag: one for one in found}
    scores = []
    for tag in result.tags:
        one = by_tag.get(tag.tag)
        own = (one.margin, one.threshold) if one else (None, None)
        scores.append(TagScore(tag.tag, tag.title or tag.tag, tag.group, tag.probability, tag.selected, *own))
    return Score(place, result.document_id, result.model.id, result.model.version, tuple(scores), tuple(found))
