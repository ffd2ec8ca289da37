"""Addresses of the same records in Kibana, where one is named (SCORELENS_KIBANA_URL) and reads the store."""

from __future__ import annotations

from starlette.requests import Request

from scorelens_console.web.context import console_of
from scorelens_reading.kibana.links import LONGEST, linked
from scorelens_store.contract import Record, Selection


def of_selection(request: Request, selection: Selection) -> str:
    """Return where a selection is, nothing where there is no Kibana or the address would be too long for browsers."""
    kibana = linked(console_of(request).settings.store)
    address = kibana.of_selection(selection) if kibana else ""
    return address if len(address) <= LONGEST else ""


def of_record(request: Request, record: Record) -> str:
    """Return where the scores of a record's document are, nothing where there is no Kibana."""
    kibana = linked(console_of(request).settings.store)
    return kibana.of_document([record], total=2) if kibana else ""  # there may be more
