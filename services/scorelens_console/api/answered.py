"""What programs are answered, as the OpenAPI document describes it; nothing is made or checked by these."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class RecordId(BaseModel):
    """The identity of a record."""

    model_config = ConfigDict(extra="allow")
    id: str


class Record(BaseModel):
    """One scored document as docs/records.md describes it, as far as whoever asks may see it.

    Viewers see the document, its tags and their probabilities; data scientists see everything.
    """

    model_config = ConfigDict(extra="allow")
    record: RecordId
    at: str = Field(alias="@timestamp")


class Hit(BaseModel):
    """A record that was found."""

    record: Record
    score: float
    highlights: dict[str, list[str]]
    sort: list[Any]


class Found(BaseModel):
    """A page of hits; `next` is where the page after it begins, null after the last one."""

    total: int
    hits: list[Hit]
    next: list[Any] | None


class Page(BaseModel):
    """A line of the pages of a listing."""

    total: int
    hits: list[Hit]


class Count(BaseModel):
    """How many records match."""

    count: int


class Bucket(BaseModel):
    """How many records share a value: text, a number, or the start of a period."""

    key: str | float | bool
    count: int
    sum: float | None = None


class Result(BaseModel):
    """What one aggregation found: buckets of those that count, numbers by name of the others."""

    buckets: list[Bucket] | None = None
    values: dict[str, float] | None = None


class Aggregated(BaseModel):
    """What each aggregation found."""

    aggregations: dict[str, Result]


class Word(BaseModel):
    """A word, and how many of the records, and of the others, have it."""

    word: str
    count: int
    other_count: int
    score: float


class Words(BaseModel):
    """The words that mark some records against others, the most significant first."""

    total: int
    others: int
    examined: int
    others_examined: int
    words: list[Word]


class Tag(BaseModel):
    """A tag of a model."""

    id: str
    title: str
    group: str


class Model(BaseModel):
    """A model: its versions, the newest seen first, and its tags."""

    id: str
    versions: list[str]
    tags: list[Tag]


class Models(BaseModel):
    """Models whose records whoever asks may see."""

    models: list[Model]


class Me(BaseModel):
    """Who asks: a role for each model, where * is every other one, and the purposes they see, all where it is empty."""

    name: str
    method: str
    role: str
    roles: dict[str, str]
    purposes: list[str]


class Error(BaseModel):
    """What went wrong: a word for programs, a sentence for people, and the parameter or the place in a query."""

    code: str
    message: str
    field: str | None = None
    position: int | None = None


class Failed(BaseModel):
    """An error."""

    error: Error
