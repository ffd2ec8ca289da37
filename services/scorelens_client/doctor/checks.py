"""All checks, in the order in which they are told: along the way of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from scorelens_client.doctor import parts, tools, web
from scorelens_client.doctor.findings import Finding, fail, skipped, warn
from scorelens_client.doctor.folders import folders
from scorelens_client.doctor.places import VARIABLES, Places
from scorelens_client.doctor.registry import kept_models
from scorelens_client.doctor.run import Group
from scorelens_store.open import is_url

PARTS: Final = ("sidecar", "scorer", "indexer", "console")


def groups(places: Places, *, call: bool) -> Sequence[Group]:
    """Return the checks; with `call` one call is made through the sidecar, which is recorded with purpose test."""
    return [
        Group("system", lambda: _stopped(places)),
        Group("sidecar", lambda: parts.sidecar(places, call=call)),
        Group("sidecar", lambda: web.admin(places, "sidecar")),
        Group("sidecar", lambda: tools.sidecar_account(places)),
        Group("scorer", lambda: parts.scorer(places)),
        Group("scorer", lambda: web.admin(places, "scorer")),
        Group("models", lambda: kept_models(places)),
        Group("indexer", lambda: parts.indexer(places)),
        Group("indexer", lambda: web.admin(places, "indexer")),
        Group("store", lambda: _store(places)),
        Group("console", lambda: web.console(places)),
        Group("console", lambda: web.admin(places, "console")),
        Group("folders", lambda: folders(places)),
    ]


def nothing_named(places: Places) -> Finding | None:
    """Return a failure where nothing says what to check. Raises SettingError."""
    if any(places.parts(part) for part in PARTS) or places.store()[0] or any(places.folders()):
        return None
    variables = ", ".join(VARIABLES[part][0] for part in (*PARTS, "store"))
    text = f"no system runs in {places.home.path}, and nothing names a part"
    return fail(
        "system", "places", text, f"start one with `scorelens up`, name its folder (--home), or set {variables}"
    )


def _stopped(places: Places) -> Iterator[Finding]:
    if places.has_stopped():
        text = f"the system in {places.home.path} does not run"
        yield warn("system", "running", text, "start it with `scorelens up`; its parts are not checked")


def _store(places: Places) -> Iterator[Finding]:
    where, named_by = places.store()
    if not where:
        yield skipped("store", "address", "set SCORELENS_INDEXER_STORE or SCORELENS_ELASTICSEARCH_URL")
        return
    try:
        check = _check(places, where, named_by)
    except ModuleNotFoundError as error:
        yield skipped("store", "address", f"needs {error.name}: pip install 'scorelens[store]'")
        return
    yield from check()


def _check(places: Places, where: str, named_by: str) -> Callable[[], Iterable[Finding]]:
    # Each store's library is imported only where it is used, and is missing where neither store is.
    if is_url(where):
        from scorelens_client.doctor.elasticsearch import elasticsearch

        return lambda: elasticsearch(places, where, named_by)
    from scorelens_client.doctor.embedded import embedded

    return lambda: embedded(Path(where), named_by)
