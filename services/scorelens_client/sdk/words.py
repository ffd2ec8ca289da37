"""The words that mark some records against others, as rows and tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final, Self

from scorelens_client.sdk.rows import Results, as_pandas
from scorelens_client.sdk.tables import table_of_rows
from scorelens_reading.extras import polars
from scorelens_store.contract import Reader, Selection
from scorelens_store.query.narrow import narrowed

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

COLUMNS: Final = {
    "word": "text",
    "count": "whole",
    "share": "number",
    "other_count": "whole",
    "other_share": "number",
    "score": "number",
    "query": "text",
}
"""Name and kind of each column of a table of words."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word, or a value of a keyword field, that marks some records.

    `count` and `other_count` are how many of them, and of the others, have it, the shares which part of all these are;
    `query` finds the records.
    """

    word: str
    count: int
    share: float
    other_count: int
    other_share: float
    score: float
    query: str


class Words(Results[Word]):
    """Words by how much they mark `total` records against `others`.

    They were looked for in `examined` and `others_examined` of these, and counted in all.
    """

    def __init__(
        self,
        items: Iterable[Word] = (),
        *,
        total: int = 0,
        others: int = 0,
        examined: int = 0,
        others_examined: int = 0,
    ) -> None:
        super().__init__(items)
        self.total, self.others = total, others
        self.examined, self.others_examined = examined, others_examined

    def __repr__(self) -> str:
        return f"<Words: {len(self):,} of {self.total:,} records against {self.others:,}>"

    def to_arrow(self) -> pa.Table:
        """Return a table of pyarrow with one row per word."""
        return table_of_rows(COLUMNS, map(astuple, self))

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame of pandas."""
        return as_pandas(self.to_arrow())

    def to_polars(self) -> pl.DataFrame:
        """Return a DataFrame of polars."""
        frame: pl.DataFrame = polars("to_polars()").from_arrow(self.to_arrow())
        return frame

    def _part(self, items: Iterable[Word]) -> Self:
        numbers = {"total": self.total, "others": self.others}
        return type(self)(items, **numbers, examined=self.examined, others_examined=self.others_examined)

    def _repr_html_(self) -> str:
        from scorelens_client.sdk.html import words_html

        return words_html(self)


def find_words(
    reader: Reader, query: str, selection: Selection, against: Selection | None, field: str, limit: int, least: int
) -> Words:
    """Return the words that mark a selection, which `query` has made, against others."""
    found = reader.significant_words(selection, against, field=field, limit=limit, least=least)
    words = (
        Word(
            one.word,
            one.count,
            one.count / found.total,
            one.other_count,
            one.other_count / found.others,
            one.score,
            narrowed(query, field, one.word),
        )
        for one in found.words
    )
    return Words(
        words,
        total=found.total,
        others=found.others,
        examined=found.examined,
        others_examined=found.others_examined,
    )
