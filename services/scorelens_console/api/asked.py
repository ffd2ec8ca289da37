"""What programs ask: the members of requests, checked, and described by the same in the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from scorelens_console.api.trees import TREE
from scorelens_console.errors import BadRequestError
from scorelens_reading.when import parse_when
from scorelens_reading.wire import AGGREGATIONS, RELEVANCE, read_sort
from scorelens_store.contract import PAGE, Aggregation, Selection, Sort
from scorelens_store.query.as_json import read_node
from scorelens_store.query.parse import MAX_LENGTH, parse
from scorelens_store.query.tree import Node
from scorelens_store.selection import MAX_BUCKETS
from scorelens_store.significance import MOST

MOST_AGGREGATIONS: Final = 50
MOST_PERCENTS: Final = 100
LONGEST: Final = 3_000
"""Characters of a query in an address, of which servers and proxies take some ten thousand bytes."""
WHEN: Final = r"^([0-9]{1,6}[smhdw]|[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.,]+(Z|[+-][0-9:]+)?)?)$"

Lax = ConfigDict(extra="forbid")
Strict = ConfigDict(extra="forbid", strict=True)

Text = Annotated[
    str,
    Field(
        max_length=LONGEST,
        description="A query as people write it (docs/query.md); empty for all. A longer one goes into a body.",
    ),
]
Asked = Annotated[
    str | dict[str, Any],
    Field(description="A query as people write it (docs/query.md), empty for all, or its tree."),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": MAX_LENGTH}, {"$ref": f"#/components/schemas/{TREE}"}]}),
]
_PLACE: Final = {
    "minItems": 3,
    "maxItems": 3,
    "prefixItems": [{"type": ["number", "string", "boolean", "null"]}, {"type": "integer"}, {"type": "string"}],
}
Moment = Annotated[str, StringConstraints(pattern=WHEN, max_length=40)]
Purpose = Literal["production", "explain", "replay", "test", "all"]
Name = Annotated[str, Field(max_length=200)]
FieldName = Annotated[str, Field(max_length=200, examples=["document.kind"])]
NumberName = Annotated[str, Field(max_length=200, examples=["document.audience"])]
DateName = Annotated[str, Field(max_length=200, examples=["@timestamp"])]
Scalar = bool | int | float | str | None
Place = Annotated[
    list[Scalar],
    Field(max_length=3, description="`sort` of the last hit of the page before; its value, its time, its record."),
    WithJsonSchema({"type": "array", "anyOf": [{"maxItems": 0}, _PLACE], "example": []}),
]


class _Selecting(BaseModel):
    """Which records are meant."""

    query: Any = ""
    since: Moment | None = Field(None, description="Only records from this time: 30m, 2h, 7d (ago), a day, RFC 3339.")
    until: Moment | None = Field(None, description="Only records before this time.")
    purposes: list[Purpose] = Field(
        ["production"], max_length=5, description="Purposes of the calls; none is all. Others are for data scientists."
    )
    calls: bool = Field(False, description="Calls that scored no document, too; for data scientists.")

    def selection(self, now: datetime) -> Selection:
        """Return what is selected. Raises QueryError, BadRequestError."""
        purposes = () if "all" in self.purposes else tuple(self.purposes)
        since, until = _moment(self.since, "since", now), _moment(self.until, "until", now)
        return Selection(self.node(now), since, until, purposes, self.calls)

    def node(self, now: datetime) -> Node:
        """Return the query."""
        raise NotImplementedError


class SelectionText(_Selecting):
    """A selection as an address has it."""

    model_config = Lax
    query: Text = ""

    def node(self, now: datetime) -> Node:
        """Return the query. Raises QueryError."""
        return parse(self.query, now)


class SelectionBody(_Selecting):
    """A selection as a body has it."""

    model_config = Strict
    query: Asked = ""

    def node(self, now: datetime) -> Node:
        """Return the query. Raises QueryError."""
        return parse(self.query, now) if isinstance(self.query, str) else read_node(self.query)


class _Ordered(BaseModel):
    sort: Name = Field(
        f"{RELEVANCE}:desc",
        description="FIELD, the greatest first, or FIELD:asc; relevance goes by the words found.",
        examples=["@timestamp:asc"],
    )
    highlight: bool = Field(False, description="Snippets of texts, with what was found between U+0002 and U+0003.")

    def order(self) -> Sort:
        """Return the order. Raises QueryError."""
        return read_sort(self.sort)


class Search(_Ordered, SelectionText):
    """One page of hits, asked for by an address."""

    limit: int = Field(10, ge=0, le=PAGE, description="Hits of the page; 0 only counts.")
    after: str = Field("", max_length=1_000, description="`next` of the page before, as JSON.")

    def place(self) -> tuple[Any, ...]:
        """Return where the page goes on. Raises BadRequestError."""
        try:
            place = json.loads(self.after) if self.after else []
        except (ValueError, RecursionError):
            place = None
        if not isinstance(place, list):
            raise BadRequestError("after: this is not the end of a page; begin the listing anew", "after")
        return tuple(place)


class SearchBody(_Ordered, SelectionBody):
    """One page of hits."""

    limit: int = Field(10, ge=0, le=PAGE, description="Hits of the page; 0 only counts.")
    after: Place = []

    def place(self) -> tuple[Any, ...]:
        """Return where the page goes on."""
        return tuple(self.after)


class PagesBody(_Ordered, SelectionBody):
    """The first hits as of one moment."""

    limit: int = Field(ge=0, le=2**53, description="Hits in all.")


class TermsBody(BaseModel):
    """Counts by value of a keyword field, the most frequent first."""

    model_config = Strict
    field: FieldName
    limit: int = Field(10, ge=1, le=MAX_BUCKETS)
    sum_of: Name = Field("", description="A number field to add up in each bucket.")


class HistogramBody(BaseModel):
    """Counts in buckets of equal width over a number field."""

    model_config = Strict
    field: NumberName
    width: float = Field(gt=0, allow_inf_nan=False)


class DateHistogramBody(BaseModel):
    """Counts in buckets of equal duration over a date field, aligned to 1970-01-01T00:00Z."""

    model_config = Strict
    field: DateName
    seconds: int = Field(ge=1, le=2**31)
    sum_of: Name = Field("", description="A number field to add up in each bucket.")


class StatisticsBody(BaseModel):
    """Count, least, greatest, sum and mean of a number field."""

    model_config = Strict
    field: Name


class PercentilesBody(BaseModel):
    """Approximate percentiles of a number field."""

    model_config = Strict
    field: NumberName
    percents: list[Annotated[int | float, Field(ge=0, le=100)]] = Field(
        [1, 5, 25, 50, 75, 95, 99], min_length=1, max_length=MOST_PERCENTS
    )


class AggregationBody(BaseModel):
    """Exactly one of the kinds of aggregations."""

    model_config = ConfigDict(**Strict, json_schema_extra={"minProperties": 1, "maxProperties": 1})
    terms: TermsBody = Field(None)  # type: ignore[assignment]  # one of them is given
    histogram: HistogramBody = Field(None)  # type: ignore[assignment]
    date_histogram: DateHistogramBody = Field(None)  # type: ignore[assignment]
    statistics: StatisticsBody = Field(None)  # type: ignore[assignment]
    percentiles: PercentilesBody = Field(None)  # type: ignore[assignment]

    def aggregation(self, name: str) -> Aggregation:
        """Return what is asked for. Raises BadRequestError."""
        given = self.model_dump(exclude_unset=True)
        if len(given) != 1:
            at = f"aggregations.{name}"
            raise BadRequestError(f"{at}: must have one of {', '.join(AGGREGATIONS)}", at)
        ((kind, members),) = given.items()
        made: Callable[..., Aggregation] = AGGREGATIONS[kind]
        return made(**{member: tuple(one) if isinstance(one, list) else one for member, one in members.items()})


class AggregateBody(SelectionBody):
    """Counts and numbers over what is selected."""

    aggregations: dict[Annotated[str, Field(max_length=100)], AggregationBody] = Field(
        min_length=1, max_length=MOST_AGGREGATIONS, description="By a name of one's own, which the answer has as well."
    )

    def questions(self) -> Mapping[str, Aggregation]:
        """Return what is asked for. Raises BadRequestError."""
        return {name: one.aggregation(name) for name, one in self.aggregations.items()}


class WordsBody(SelectionBody):
    """Words that mark what is selected."""

    against: SelectionBody | None = Field(None, description="What to compare with; by default all other records.")
    field: Name = Field("", description="Words of this text, or values of this keyword field.")
    # The store says what is wrong with these.
    limit: int = Field(20, json_schema_extra={"minimum": 1, "maximum": MOST})
    least: int = Field(3, description="Leave out what fewer records have.", json_schema_extra={"minimum": 1})


def _moment(text: str | None, name: str, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_when(text, now)
    except ValueError as error:
        raise BadRequestError(f"{name}: {error}", name) from error
