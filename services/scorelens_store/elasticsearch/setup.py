"""Setting a prefix up on a server: what the indexer needs there, and what an administrator creates and upgrades."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.errors import REFUSED, NotAllowedError
from scorelens_store.elasticsearch.indices import index_pattern
from scorelens_store.elasticsearch.mapping import STANDARD
from scorelens_store.elasticsearch.plan import Plan, State, Step, make_plan, template_steps
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.elasticsearch.templates import forgotten_name
from scorelens_store.errors import QueryError, StoreUnavailableError

_log = logging.getLogger(__name__)

_LONG_WORD: Final = "a" * 40_000
_TERM_LIMIT: Final = 32_766


@contextmanager
def open_setup(url: str, settings: ElasticsearchSettings) -> Iterator[Setup]:
    """Open what an administrator sets up; the server at the address need not answer yet. Raises SettingError."""
    connection = Connection(url, settings)
    try:
        yield Setup(connection, settings)
    finally:
        connection.close()


class Setup:
    """Looks at what a server has of a prefix, and gives it what it lacks. No data is ever removed."""

    def __init__(self, connection: Connection, settings: ElasticsearchSettings) -> None:
        self._connection, self._settings = connection, settings
        self._prefix = settings.prefix
        self.where = connection.where

    def plan(self) -> Plan:
        """Return what there is to do.

        Raises StoreUnavailableError, also where the server has another period or lacks the analyzer.
        """
        template, components = self._templates()
        plan = make_plan(self._settings, State(template, components, self._indices()))
        if reason := self._refused_analyzer():
            raise StoreUnavailableError(f"setting SCORELENS_ELASTICSEARCH_ANALYZER: {reason}", REFUSED)
        return plan

    def apply(self, plan: Plan, done: Callable[[Step], None] = lambda step: None) -> None:
        """Do what is planned, and tell of each step when it is done. Doing it again does no harm."""
        for step in plan.steps:
            self._send(step)
            done(step)

    def prepare(self) -> None:
        """Have what the first record needs: put templates that are missing or older, leave those that are there.

        Without the right to do so it suffices that somebody who has it set the prefix up. Raises StoreUnavailableError.
        """
        try:
            template, components = self._templates()
        except NotAllowedError as exc:
            self._rely_on_setup(exc)
            return
        state = State(template, components, {})
        if not state.has_templates(self._settings):
            self._put_templates(state)
        elif any(template_steps(self._settings, state)):
            _log.info("templates differ from the settings; `scorelens elasticsearch setup` would change them")

    def remove_templates(self) -> None:
        """Remove what makes indices, but for what belongs to whoever runs the server."""
        self._connection.change("DELETE", f"/_index_template/{self._prefix}")
        for part in ("mappings", "settings"):
            self._connection.change("DELETE", f"/_component_template/{self._prefix}@{part}")

    def _put_templates(self, state: State) -> None:
        settings = self._settings
        if reason := self._refused_analyzer():
            _log.warning("words are found by the standard analyzer alone", extra={"reason": reason})
            settings = replace(settings, analyzer=STANDARD)
        try:
            for step in template_steps(settings, state):
                self._send(step)
        except NotAllowedError as exc:
            if state.template is None:
                raise _not_set_up(exc) from exc
            _log.warning("templates are old: run `scorelens elasticsearch setup`", extra={"reason": str(exc)})

    def _templates(self) -> tuple[Any, dict[str, Any]]:
        found = self._connection.request("GET", f"/_index_template/{self._prefix}") or {}
        template = next((each["index_template"] for each in found.get("index_templates", ())), None)
        self._check_period((template or {}).get("_meta", {}))
        found = self._connection.request("GET", f"/_component_template/{self._prefix}@*") or {}
        return template, {each["name"]: each["component_template"] for each in found.get("component_templates", ())}

    def _indices(self) -> dict[str, Any]:
        names = f"{index_pattern(self._prefix)},{forgotten_name(self._prefix)}"
        # What each tag has is not compared, and is most of what a server would tell.
        left_out = ",".join(f"-*.mappings.properties.{name}.properties" for name in ("score", "margin", "threshold"))
        path = f"/{names}?ignore_unavailable=true&filter_path=*.aliases,*.mappings,*.settings,{left_out}"
        return self._connection.request("GET", path) or {}

    def _send(self, step: Step) -> None:
        for request in step.requests:
            self._connection.change(*request)

    def _check_period(self, meta: dict[str, Any]) -> None:
        # A record's time names its index; under another naming a resend would not meet its twin.
        period = meta.get("period", self._settings.period)
        if period != self._settings.period:
            raise StoreUnavailableError(
                f"{self._connection.where} has an index per {period} under the prefix {self._prefix}, and the setting "
                f"SCORELENS_ELASTICSEARCH_PERIOD is {self._settings.period}: change it back, or take another prefix",
                REFUSED,
            )

    def _rely_on_setup(self, refusal: NotAllowedError) -> None:
        name = forgotten_name(self._prefix)
        found: dict[str, Any] = self._connection.request("GET", f"/{name}/_mapping") or {}
        mapping: dict[str, Any] = next(iter(found.values()), {})
        meta = mapping.get("mappings", {}).get("_meta", {})
        if "version" not in meta:
            raise _not_set_up(refusal) from refusal
        self._check_period(meta)

    def _refused_analyzer(self) -> str:
        """Return why the analyzer cannot be used, nothing where it can, or where that cannot be told."""
        analyzer = self._settings.analyzer
        if analyzer == STANDARD:
            return ""
        try:
            found = self._connection.request("POST", "/_analyze", {"analyzer": analyzer, "text": _LONG_WORD}) or {}
        except QueryError as exc:
            return f"{self._connection.where} has no analyzer {analyzer!r} ({exc.reason}): take another, or standard"
        except NotAllowedError:
            return ""
        if any(len(token["token"].encode()) > _TERM_LIMIT for token in found.get("tokens", ())):
            return f"{analyzer!r} makes words that are longer than an index can hold: take another, or standard"
        return ""


def _not_set_up(refusal: NotAllowedError) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"{refusal}; run `scorelens elasticsearch setup` once with credentials that have that right", REFUSED
    )
