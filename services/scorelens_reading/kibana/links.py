"""Addresses of pages of Kibana: Discover with a query, and dashboards (pure, but for `kibana_of`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from scorelens_reading.kibana.ids import dashboard_id, data_view_id
from scorelens_reading.kibana.rison import Value, encode
from scorelens_reading.kibana.settings import KibanaSettings, from_environment
from scorelens_runtime.errors import SettingError
from scorelens_store.contract import Selection
from scorelens_store.open import is_url

Record = Mapping[str, Any]

LONGEST: Final = 8_000
"""Characters of an address that everything on its way takes."""

COLUMNS: Final = ("document.id", "document.kind", "document.text", "tags", "model.version")
_ALWAYS: Final = ("now-10y", "now+1d")
_AROUND: Final = timedelta(minutes=1)
# Signs with a meaning in Rison stay readable; what ends an address in running text does not.
_SAFE: Final = "(),:!*@/"


@dataclass(frozen=True)
class Kibana:
    """A Kibana, the prefix of the records that it shows, and whether a language's analyzer finds their words, too."""

    settings: KibanaSettings
    prefix: str = "scorelens"
    analyzed: bool = False

    def discover(self, query: str, time: tuple[str, str], columns: Sequence[str] = COLUMNS) -> str:
        """Return the address of Discover with a query in Lucene's syntax."""
        view = data_view_id(self.prefix)
        state: dict[str, Value] = {
            "columns": list(columns),
            # Versions before 8.15 know the first, later ones the second.
            "index": view,
            "dataSource": {"dataViewId": view, "type": "dataView"},
            "query": {"language": "lucene", "query": query},
            "sort": [["@timestamp", "desc"]],
        }
        return f"{self.settings.base}/app/discover#/?{_state('_g', _time(time))}&{_state('_a', state)}"

    def dashboard(self, name: str, query: str = "", time: tuple[str, str] | None = None) -> str:
        """Return the address of a dashboard, filtered by a query in Lucene's syntax where one is given."""
        states = [_state("_g", _time(time))] if time else []
        if query:
            states.append(_state("_a", {"query": {"language": "lucene", "query": query}}))
        page = f"{self.settings.base}/app/dashboards#/view/{dashboard_id(self.prefix, name)}"
        return page + ("?" + "&".join(states) if states else "")

    def dashboards(self) -> str:
        """Return the address of the list of dashboards."""
        return f"{self.settings.base}/app/dashboards"

    def of_document(self, records: Sequence[Record], total: int = 0) -> str:
        """Return where the scores of a document are, by the latest of its records and how many there are in all."""
        return self.discover(_same_document(records[0]), _ALWAYS if total > len(records) else _span(records))

    def of_selection(self, selection: Selection) -> str:
        """Return where the same records are that a selection finds."""
        from scorelens_store.elasticsearch.lucene import to_lucene
        from scorelens_store.selection import complete

        timeless = replace(selection, since=None, until=None)
        return self.discover(to_lucene(complete(timeless), analyzed=self.analyzed), _bounds(selection))


def kibana_of(store: str, settings: KibanaSettings) -> Kibana:
    """Return the Kibana that shows a store. Raises SettingError where none is named or it cannot read the store."""
    settings.require_url()
    return Kibana(settings, prefix_of(store), _is_analyzed())


def linked(store: str) -> Kibana | None:
    """Return the Kibana of the environment, None where none is named or it cannot read the store."""
    settings = from_environment()
    return kibana_of(store, settings) if settings.url and is_url(store) else None


def prefix_of(store: str) -> str:
    """Return the prefix of the records in a store: of its address, or the one that is set.

    Raises SettingError for a folder.
    """
    if not is_url(store):
        raise SettingError(
            f"the records are in the folder {store}, which Kibana cannot read; name an Elasticsearch with --store, "
            "such as https://es.example:9200 (`scorelens migrate` brings records there)"
        )
    from scorelens_store.elasticsearch.settings import from_environment as store_settings
    from scorelens_store.elasticsearch.settings import read_prefix

    _, mark, prefix = store.partition("#")
    return read_prefix(prefix) if mark else store_settings().prefix


def _is_analyzed() -> bool:
    from scorelens_store.elasticsearch.mapping import STANDARD
    from scorelens_store.elasticsearch.settings import from_environment as store_settings

    return store_settings().analyzer != STANDARD


def caveats_of(selection: Selection) -> Iterable[str]:
    """Return what a link to a selection finds otherwise than the store does, a sentence each."""
    from scorelens_store.elasticsearch.lucene import caveats

    return dict.fromkeys(caveats(selection.query))


def _same_document(record: Record) -> str:
    name = (record.get("document") or {}).get("id")
    field, value = ("document.id", name) if name else ("record.id", record["record"]["id"])
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{field}:"{escaped}"'


def _span(records: Sequence[Record]) -> tuple[str, str]:
    times = [datetime.fromisoformat(record["@timestamp"]) for record in records]
    return _moment(min(times) - _AROUND), _moment(max(times) + _AROUND)


def _bounds(selection: Selection) -> tuple[str, str]:
    first, last = _ALWAYS
    return (
        _moment(selection.since) if selection.since else first,
        _moment(selection.until) if selection.until else last,
    )


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(bounds: tuple[str, str]) -> Value:
    return {"time": {"from": bounds[0], "to": bounds[1]}}


def _state(name: str, state: Value) -> str:
    return f"{name}={quote(encode(state), safe=_SAFE)}"
