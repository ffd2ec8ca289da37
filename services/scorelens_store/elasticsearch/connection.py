"""The connection to one Elasticsearch, and the one place where its errors become the store's."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlsplit

import orjson
from elasticsearch import AuthenticationException, Elasticsearch, TransportError

from scorelens_runtime.errors import SettingError
from scorelens_store.elasticsearch.credentials import SignIn
from scorelens_store.elasticsearch.errors import REFUSED, not_elasticsearch, translated
from scorelens_store.elasticsearch.refusals import is_about_tls
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.errors import QueryError, StoreUnavailableError

Body = dict[str, Any]


class Connection:
    """Sends requests, each once: what was sent and not answered is for the caller to judge."""

    def __init__(self, url: str, settings: ElasticsearchSettings) -> None:
        parts = _split(url)
        default = 443 if parts.scheme == "https" else 9200
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        address = f"{parts.scheme}://{host}:{parts.port or default}{parts.path.rstrip('/')}"
        self.where = f"elasticsearch, {address}"
        self._timeout = settings.timeout
        self._address = address
        self._sign_in = SignIn([address], parts.username, parts.password, settings)
        self._renewing = threading.Lock()
        self._client = self._make_client()

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
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        options = {"request_timeout": timeout or self._timeout, "headers": headers, **_patience(path)}
        content = orjson.dumps(body) if isinstance(body, dict) else body
        with translated(self.where):
            answer = self._perform(method, path, content, options)
        # The client library looks at this only where a request succeeded.
        if answer.meta.status == 404 and answer.meta.headers.get("x-elastic-product") != "Elasticsearch":
            raise not_elasticsearch(self.where)
        return answer.meta.status, answer.body

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
            self._address,
            request_timeout=self._timeout,
            max_retries=0,
            retry_on_timeout=False,
            **self._sign_in.options(),
        )

    def _perform(self, method: str, path: str, content: bytes | None, options: dict[str, Any]) -> Any:
        """Send a request, and once more where it was refused for secrets or certificates that files have anew."""
        client = self._client
        while True:
            try:
                return client.options(ignore_status=(404, 413), **options).perform_request(
                    method, path, headers=options["headers"], body=content
                )
            except (AuthenticationException, TransportError) as exc:
                if isinstance(exc, TransportError) and not is_about_tls(exc.message):
                    raise
                renewed = self._renewed(client)
                if renewed is client:
                    raise
                client = renewed

    def _renewed(self, refused: Elasticsearch) -> Elasticsearch:
        """Return a client with what the files hold now, or the refused one where they hold the same."""
        with self._renewing:
            try:
                if self._client is refused and self._sign_in.changed():
                    self._client = self._make_client()
            except SettingError as exc:
                raise StoreUnavailableError(f"{self.where}: {exc}", REFUSED) from exc
            return self._client


def _patience(path: str) -> dict[str, Any]:
    """Let a read try again for a second or two: the index of a new period has no shard to be searched for a moment."""
    if path.partition("?")[0].endswith(("/_search", "/_count", "/_pit")):
        return {"max_retries": 4, "retry_on_status": (503,), "retry_backoff_base": 0.1, "retry_backoff_cap": 1.0}
    return {}


def _split(url: str) -> Any:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment:
        raise SettingError("the address of Elasticsearch is not http://HOST:PORT or https://HOST:PORT")
    return parts
