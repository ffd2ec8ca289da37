"""The connection to the servers of one cluster, and the one place where their errors become the store's.

Requests go to the servers in turn, but for those that did not answer lately. One that a server did not answer goes to
the next: everything that is asked here can be asked twice, since what is written carries its id. One that a server took
and was too slow for does not, as that would double the work.
"""

from __future__ import annotations

import gc
import random
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import orjson
from elastic_transport import JsonSerializer
from elasticsearch import AuthenticationException, Elasticsearch, TransportError

from scorelens_runtime.errors import SettingError
from scorelens_store.elasticsearch.credentials import SignIn
from scorelens_store.elasticsearch.errors import (
    REFUSED,
    NoAnswerError,
    after,
    asked_pause,
    from_answer,
    not_elasticsearch,
    reason,
    translated,
)
from scorelens_store.elasticsearch.nodes import Node, address, address_of, split
from scorelens_store.elasticsearch.refusals import is_about_tls
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.errors import QueryError, StoreUnavailableError

Body = dict[str, Any]
_Options = tuple[float, tuple[int, ...]]
"""Seconds that a request may take, and statuses that are answers."""


_ANSWERS: Final = (404, 413)
_PAUSES: Final = (0.1, 0.2, 0.4, 0.8)
"""Seconds between the tries of a read: the index of a new period has no shard to be searched for a moment."""


_LENIENT: Final = "ignore_unavailable=true"
"""By which an index that is not there is no error."""


def _has_nothing(body: Any) -> bool:
    shards = body.get("_shards") if isinstance(body, dict) else None
    return isinstance(shards, dict) and shards.get("total") == 0


@dataclass(frozen=True)
class Reply:
    """What a server answered; `retry_after` is the pause in seconds that it asks for."""

    where: str
    status: int
    body: Any
    retry_after: float

    def error(self) -> StoreUnavailableError:
        """Return the error that it means."""
        error = from_answer(self.where, self.status, self.body)
        if isinstance(error, QueryError):
            error = StoreUnavailableError(f"{self.where} answers {self.status}: {error.reason}")
        after(error, self.retry_after)
        return error

    def reason(self) -> str:
        """Return what the server says went wrong."""
        return reason(self.body)


class _Json(JsonSerializer):
    """Reads answers three times as fast as the library does by itself."""

    def json_loads(self, data: bytes) -> Any:
        # None of what is read is garbage; looking for some among it time and again takes as long as reading it.
        collecting = gc.isenabled()
        gc.disable()
        try:
            return orjson.loads(data)
        finally:
            if collecting:
                gc.enable()


class Connection:
    """Sends requests."""

    def __init__(self, urls: str, settings: ElasticsearchSettings) -> None:
        parts = split(urls)
        self._addresses = list(dict.fromkeys(address(part) for part in parts))
        self.nodes = len(self._addresses)
        self.where = f"elasticsearch, {', '.join(self._addresses)}"
        self._timeout = settings.timeout
        self.within = f"{max(1, round(settings.timeout * 600))}ms"
        """How long a server may wait for shards, so that it can still say which ones are missing."""
        known = next((part for part in parts if part.username), parts[0])
        self._sign_in = SignIn(self._addresses, known.username, known.password, settings)
        self._renewing = threading.Lock()
        self._client = self._make_client()
        self._optioned: dict[_Options, tuple[Elasticsearch, Elasticsearch]] = {}

    def request(self, method: str, path: str, body: Body | bytes | None = None, *, timeout: float = 0.0) -> Any:
        """Return the body of an answer, None where there is no such thing.

        Raises StoreUnavailableError, or QueryError for what the server cannot read.
        """
        status, answer = self.ask(method, path, body, timeout=timeout)
        if status == 413:
            raise QueryError("it is larger than the server takes (http.max_content_length)")
        return answer if status != 404 else None

    def ask(self, method: str, path: str, body: Body | bytes | None = None, *, timeout: float = 0.0) -> tuple[int, Any]:
        """Return status and body of an answer; a missing thing (404) and a too large request (413) are answers."""
        reply = self.ask_patiently(method, path, body, timeout=timeout)
        if reply.status >= 300 and reply.status not in _ANSWERS:
            raise reply.error()
        if _LENIENT in path and _has_nothing(reply.body):
            self._check_rights(path)
        return reply.status, reply.body

    def send(
        self,
        method: str,
        path: str,
        body: Body | bytes | None = None,
        *,
        timeout: float = 0.0,
        answers: tuple[int, ...] = (),
    ) -> Reply:
        """Send a request to one server; statuses of `answers` are no errors. Raises NoAnswerError, too."""
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        content = orjson.dumps(body) if isinstance(body, dict) else body
        with translated(self.where):
            answer = self._perform(method, path, content, headers, (timeout or self._timeout, _ANSWERS + answers))
        meta = answer.meta
        # The client library looks at this only where a request succeeded.
        if meta.status == 404 and meta.headers.get("x-elastic-product") != "Elasticsearch":
            raise not_elasticsearch(f"elasticsearch, {address_of(answer)}")
        return Reply(f"elasticsearch, {address_of(answer)}", meta.status, answer.body, asked_pause(meta.headers))

    def _check_rights(self, path: str) -> None:
        """Raise NotAllowedError where there may be an index, and only the right to read it is missing.

        Asked to pass over what is not there, a server passes over what somebody may not see, too.
        """
        index = path.split("/")[1]
        reply = self.send("GET", f"/{index}/_count?terminate_after=1")
        if reply.status >= 300 and reply.status not in _ANSWERS:
            raise reply.error()

    def ask_patiently(self, method: str, path: str, body: Body | bytes | None = None, *, timeout: float = 0.0) -> Reply:
        """Return an answer of `ask`, or the one that shards are missing (503) where they stay so."""
        starting = (503,) if path.partition("?")[0].endswith(("/_search", "/_count", "/_pit")) else ()
        for pause in _PAUSES if starting else ():
            reply = self._ask_each(method, path, body, timeout, starting)
            if reply.status not in starting:
                return reply
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
        return self._ask_each(method, path, body, timeout, starting)

    def _ask_each(
        self, method: str, path: str, body: Body | bytes | None, timeout: float, answers: tuple[int, ...]
    ) -> Reply:
        for _ in range(self.nodes - 1):
            try:
                return self.send(method, path, body, timeout=timeout, answers=answers)
            except NoAnswerError as error:
                if error.slow:
                    raise
        return self.send(method, path, body, timeout=timeout, answers=answers)

    def change(self, method: str, path: str, body: Body | None = None, *, timeout: float = 0.0) -> Any:
        """Send a request that a correct server takes. Raises StoreUnavailableError for whatever else it says."""
        try:
            return self.request(method, path, body, timeout=timeout)
        except QueryError as exc:
            raise StoreUnavailableError(f"{self.where} refuses {method} {path}: {exc.reason}", REFUSED) from exc

    def close(self) -> None:
        """Close the sockets."""
        self._client.close()

    def _make_client(self) -> Elasticsearch:
        return Elasticsearch(
            self._addresses,
            node_class=Node,
            serializers={"application/json": _Json()},
            request_timeout=self._timeout,
            max_retries=0,
            retry_on_timeout=False,
            **self._sign_in.options(),
        )

    def _perform(
        self, method: str, path: str, content: bytes | None, headers: dict[str, str], options: _Options
    ) -> Any:
        """Send a request, and once more where it was refused for secrets or certificates that files have anew."""
        client = self._client
        while True:
            try:
                return self._with(client, options).perform_request(method, path, headers=headers, body=content)
            except (AuthenticationException, TransportError) as exc:
                if isinstance(exc, TransportError) and not is_about_tls(exc.message):
                    raise
                renewed = self._renewed(client)
                if renewed is client:
                    raise
                client = renewed

    def _with(self, client: Elasticsearch, options: _Options) -> Elasticsearch:
        """Return a client that has the options already: to make one takes as long as to read a page of hits."""
        kept = self._optioned.get(options)
        if kept is None or kept[0] is not client:
            timeout, ignored = options
            kept = self._optioned[options] = client, client.options(request_timeout=timeout, ignore_status=ignored)
        return kept[1]

    def _renewed(self, refused: Elasticsearch) -> Elasticsearch:
        """Return a client with what the files hold now, or the refused one where they hold the same."""
        with self._renewing:
            try:
                if self._client is refused and self._sign_in.changed():
                    self._client = self._make_client()
            except SettingError as exc:
                raise StoreUnavailableError(f"{self.where}: {exc}", REFUSED) from exc
            return self._client
