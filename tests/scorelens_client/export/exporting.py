"""Exports of a store within the test's process, and what DuckDB finds in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from scorelens_client.export.run import Report, Run, choose_scope, selection_of
from scorelens_store.contract import Reader, Record
from scorelens_store.tables.folder import hold, make
from scorelens_store.tables.manifest import Manifest
from tests.scorelens_store.records import make as make_record

START = datetime(2026, 11, 20, 22, 15, tzinfo=UTC)
TAGS = ("complaint", "praise", "mortgage")
WORDS = ("refund", "still no", "thanks", "rate", "late", "card")


class Silent:
    """Counts what an export says of its progress."""

    expected = read_ = 0

    def expect(self, records: int) -> None:
        """Keep how many are expected."""
        self.expected = records

    def read(self, is_new: bool) -> None:
        """Count one."""
        self.read_ += 1


def scored(number: int, minutes: int = 7, **parts: Any) -> Record:
    """Return a record with a calculation for three tags."""
    moment = START + timedelta(minutes=minutes * number, microseconds=number)
    calculation = [_calculation(number, place, tag) for place, tag in enumerate(TAGS)]
    by_tag = {
        name: {one["tag"]: one[key] for one in calculation}
        for name, key in (("score", "probability"), ("margin", "margin"), ("threshold", "threshold"))
    }
    tags = [one["tag"] for one in calculation if one["selected"]]
    time = moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return make_record(number, **{"@timestamp": time}, tags=tags, calculation=calculation, **by_tag, **parts)


def _calculation(number: int, place: int, tag: str) -> dict[str, Any]:
    features = [WORDS[(number + place + step) % len(WORDS)] for step in range(3)]
    values = [0.25 * (1 + (number + step) % 4) for step in range(3)]
    coefficients = [2.0 + place, -1.0, 0.5 * (number % 3)]
    contributions = [value * coefficient for value, coefficient in zip(values, coefficients, strict=True)]
    probability = round(((number * 7 + place * 31) % 100) / 100, 2)
    return {
        "tag": tag,
        "explanation": "exact",
        "intercept": -1.0,
        "feature": features,
        "value": values,
        "coefficient": coefficients,
        "contribution": contributions,
        "remainder": 0.25,
        "remainder_terms": 4,
        "margin": sum(contributions) - 0.75,
        "link": "sigmoid",
        "link_parameters": {},
        "probability": probability,
        "threshold": 0.5,
        "selected": probability >= 0.5,
        "intermediates": {},
    }


def export(
    reader: Reader,
    folder: Path,
    query: str = "",
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    purposes: tuple[str, ...] | None = None,
    calls: bool = False,
    verify: bool = False,
    progress: Silent | None = None,
) -> Report:
    """Export as the command does."""
    make(folder)
    with hold(folder) as held:
        manifest = held.manifest()
        scope = choose_scope(manifest, query, purposes, calls)
        if manifest is None:
            held.save(Manifest(scope))
        return Run(reader, selection_of(scope, since, until), held, progress or Silent(), verify).export()


def asked(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask DuckDB; `{documents}`, `{scores}` and `{terms}` stand for the tables."""
    tables = {name: f"read_parquet('{folder}/{name}/*/*.parquet')" for name in ("documents", "scores", "terms")}
    with duckdb.connect() as connection:
        return connection.execute(sql.format(**tables)).fetchall()


def exported_ids(folder: Path) -> list[str]:
    """Return the record ids in the folder, in order, each as often as it is there."""
    return [str(name) for (name,) in asked(folder, "SELECT record_id FROM {documents} ORDER BY ALL")]


def assert_whole(folder: Path, records: list[Record]) -> None:
    """Check that the folder has exactly these records in all of its tables."""
    assert exported_ids(folder) == sorted(record["record"]["id"] for record in records)
    due = {
        "scores": sum(len(record.get("score", ())) for record in records),
        "terms": sum(len(one["feature"]) for record in records for one in record.get("calculation", ())),
    }
    for table, count in due.items():
        keys = "tag" if table == "scores" else "tag, rank"
        sql = f"SELECT count(*), count(DISTINCT (record_id, {keys})) FROM {{{table}}}"
        assert asked(folder, sql) == [(count, count)]
