"""The newest record of a store: how far behind it is, and by which schema it was written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from scorelens.conventions import SCHEMA_VERSION
from scorelens_client.doctor.clocks import WARN_SKEW
from scorelens_client.doctor.findings import Finding, fail, ok, warn
from scorelens_client.doctor.words import age
from scorelens_store.contract import Reader, Selection, Sort
from scorelens_store.errors import QueryError, StoreError
from scorelens_store.query.tree import Everything

PART: Final = "store"
_EVERYTHING: Final = Selection(Everything(), purposes=(), calls=True)


def newest(reader: Reader) -> Iterator[Finding]:
    """Yield what the newest record tells."""
    try:
        found = reader.search(_EVERYTHING, limit=1, sort=Sort("@timestamp"))
    except (StoreError, QueryError) as error:
        yield fail(PART, "records", str(error), "")
        return
    if not found.hits:
        yield ok(PART, "records", "none yet")
        return
    yield from judged(found.hits[0].record, found.total, time.time())


def judged(record: Any, total: int, now: float) -> Iterator[Finding]:
    """Judge a record (pure)."""
    waited = now - datetime.fromisoformat(record["@timestamp"]).timestamp()
    if waited < -WARN_SKEW:
        text = f"the newest record is {age(-waited)} ahead of this machine's clock"
        yield warn(PART, "records", text, "have the clocks of the callers' machines and this one kept by NTP")
    else:
        yield ok(PART, "records", f"{total:,}, the newest {age(max(0.0, waited))} old")
    schema = int(record.get("schema_version", SCHEMA_VERSION))
    if schema > SCHEMA_VERSION:
        text = f"the newest record has schema version {schema}, and what runs here knows {SCHEMA_VERSION}"
        yield warn(PART, "schema", text, "upgrade what runs here; docs/upgrading.md has the order")
    else:
        yield ok(PART, "schema", f"records have schema version {schema}, which is known here")
