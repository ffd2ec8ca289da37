"""Requests to Kibana, and the one place where its answers become errors for people."""

from __future__ import annotations

import json
import logging
import re
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, ProtocolError, SSLError
from urllib3.exceptions import TimeoutError as SlowError
from urllib3.filepost import encode_multipart_formdata

from scorelens_client.terminal import clean
from scorelens_reading.kibana.settings import KibanaSettings
from scorelens_runtime.endpoint import is_loopback
from scorelens_runtime.errors import ScorelensError, SettingError, UnavailableError

Body = dict[str, Any]

FILE: Final = "scorelens.ndjson"
IMPORT: Final = "/api/saved_objects/_import"
RESOLVE: Final = "/api/saved_objects/_resolve_import_errors"
_ERRNO: Final = re.compile(r"^\[Errno -?\d+\] ")
_log = logging.getLogger(__name__)


class NotReadyError(UnavailableError):
    """Kibana, or what stands before it, is starting or overloaded."""


class KibanaClient:
    """Speaks to one Kibana; follows no redirect, so that credentials go nowhere else."""

    def __init__(self, settings: KibanaSettings) -> None:
        """Prepare; nothing is sent yet. Raises SettingError for files that hold something else."""
        self._settings = settings
        self.url = settings.require_url()
        self.where = f"kibana, {self.url}"
        self._headers = {"kbn-xsrf": "scorelens", "accept": "application/json", **_sign_in(settings)}
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(settings.timeout), retries=False, ssl_context=_tls(settings)
        )

    def status(self) -> Body:
        """Return what Kibana says of itself. Raises NotReadyError, UnavailableError, ScorelensError."""
        status, body = self._ask("GET", f"{self.url}/api/status")
        overall = body.get("status") if isinstance(body, dict) else None
        if not isinstance(overall, dict) or "overall" not in overall:
            raise self._not_kibana(f"answers {status} to /api/status")
        if status != 200:
            raise NotReadyError(f"{self.where} is not ready: {overall['overall'].get('summary') or 'no reason given'}")
        return dict(body)

    def space(self, name: str) -> Body | None:
        """Return a space, None where there is no such one. Raises as `status`."""
        status, body = self._ask("GET", f"{self.url}/api/spaces/space/{name}")
        return None if status == 404 else self._answer(status, body, "opening the space")

    def create_space(self, name: str) -> None:
        """Create a space; one that is there already stays as it is. Raises as `status`."""
        content = json.dumps({"id": name, "name": name}).encode()
        status, body = self._ask("POST", f"{self.url}/api/spaces/space", content, "application/json")
        if status != 409:
            self._answer(status, body, "creating a space")

    def import_objects(self, objects: bytes, *, overwrite: bool) -> Body:
        """Send saved objects, one per line, into the space of the settings. Raises as `status`."""
        path = f"{IMPORT}?overwrite=true" if overwrite else IMPORT
        return self._send(path, {"file": (FILE, objects.decode(), "application/ndjson")})

    def import_some(self, objects: bytes, retries: Sequence[Mapping[str, str]]) -> Body:
        """Send saved objects of which only some, by type and id, are taken. Raises as `status`."""
        file = (FILE, objects.decode(), "application/ndjson")
        return self._send(RESOLVE, {"file": file, "retries": json.dumps(list(retries))})

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _send(self, path: str, fields: Mapping[str, Any]) -> Body:
        content, kind = encode_multipart_formdata(fields)
        status, body = self._ask("POST", self._settings.base + path, content, kind)
        return self._answer(status, body, "importing")

    def _ask(self, method: str, url: str, content: bytes | None = None, kind: str = "") -> tuple[int, Any]:
        """Return status and body, of JSON or as text. Raises what means the same for every request."""
        headers = self._headers | ({"content-type": kind} if kind else {})
        with _translated(self.where, url):
            answer = self._pool.request(method, url, body=content, headers=headers, redirect=False)
        if 300 <= answer.status < 400:
            raise self._not_kibana(f"redirects to {_short(answer.headers.get('location', 'nowhere'))}")
        body = _body(answer.data)
        if answer.status in (401, 413, 502, 504) or (answer.status == 503 and not _is_status(body)):
            self._answer(answer.status, body, "")
        return answer.status, body

    def _answer(self, status: int, body: Any, doing: str) -> Body:
        """Return the object that a request is answered with. Raises for everything else."""
        if status == 200 and isinstance(body, dict):
            return body
        raise self._error(status, body, doing)

    def _error(self, status: int, body: Any, doing: str) -> ScorelensError:
        cause = _reason(body)
        match status:
            case 200:
                return self._not_kibana("answers with a page instead of an object")
            case 401:
                return UnavailableError(f"{self.where} {self._refused()}: {cause}")
            case 403:
                return UnavailableError(f"{self.where} does not allow {doing}: {cause}; {_RIGHTS}")
            case 404:
                return self._not_kibana(f"knows no path for {doing}")
            case 413:
                return ScorelensError(
                    f"{self.where} or a proxy before it takes no file of this size: raise "
                    "savedObjects.maxImportPayloadBytes there, or name fewer tags with --tag"
                )
            case 502 | 503 | 504:
                return NotReadyError(f"{self.where} is not ready: {cause}")
        return ScorelensError(f"{self.where} answers {status} to {doing}: {cause}")

    def _refused(self) -> str:
        if "authorization" in self._headers:
            return "refuses the credentials (SCORELENS_KIBANA_API_KEY_FILE, or _USERNAME and _PASSWORD_FILE)"
        return "wants credentials; set SCORELENS_KIBANA_API_KEY_FILE, or SCORELENS_KIBANA_USERNAME and _PASSWORD_FILE"

    def _not_kibana(self, what: str) -> ScorelensError:
        return ScorelensError(
            f"{self.url} {what}, as Kibana does not; name Kibana itself, with its base path (server.basePath) where it "
            "has one, and no login page before it"
        )


_RIGHTS: Final = (
    'the role needs "All" for Saved Objects Management in this space, and to create spaces "All" in all spaces '
    "(Stack Management > Roles > Kibana privileges)"
)


@contextmanager
def _translated(where: str, url: str) -> Iterator[None]:
    try:
        yield
    except HTTPError as exc:
        raise UnavailableError(f"{where} {_trouble(exc, url)}") from exc


def _trouble(cause: HTTPError, url: str) -> str:
    if isinstance(cause, SSLError):
        return f"cannot be trusted: {_tls_trouble(str(cause))}"
    if isinstance(cause, SlowError) and not isinstance(cause, ConnectTimeoutError):
        return "did not answer in time (SCORELENS_KIBANA_TIMEOUT)"
    if isinstance(cause, ProtocolError):
        hint = "" if url.startswith("https") else "; does its address begin with https://?"
        return f"broke its answer off{hint}"
    reason = _ERRNO.sub("", str(cause).rpartition(": ")[2])
    return f"cannot be reached: {reason or type(cause).__name__}"


def _tls_trouble(text: str) -> str:
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text.lower():
        return "it does not speak TLS; does its address begin with http://?"
    reason = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or text
    return f"{reason}; SCORELENS_KIBANA_CA_FILE names the authority that its certificate is from"


def _tls(settings: KibanaSettings) -> ssl.SSLContext | None:
    if not settings.url.startswith("https://"):
        if settings.ca_file:
            raise SettingError("setting SCORELENS_KIBANA_CA_FILE: the address has no TLS; does it begin with https://?")
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (ssl.SSLError, ValueError) as exc:
        raise SettingError(
            f"setting SCORELENS_KIBANA_CA_FILE: {settings.ca_file} holds no certificates in PEM form"
        ) from exc


def _sign_in(settings: KibanaSettings) -> dict[str, str]:
    headers = {}
    if key := settings.secret("api_key"):
        headers = {"authorization": f"ApiKey {_sendable(key, 'API_KEY')}"}
    elif settings.username:
        basic = f"{settings.username}:{settings.secret('password')}"
        headers = {"authorization": f"Basic {b64encode(basic.encode()).decode()}"}
    host = urlsplit(settings.url)
    if headers and host.scheme == "http" and not is_loopback(host.hostname or ""):
        _log.warning("credentials go unencrypted over the network; use https", extra={"address": settings.url})
    return headers


def _sendable(key: str, name: str) -> str:
    if not (key.isascii() and key.isprintable()):
        raise SettingError(f"setting SCORELENS_KIBANA_{name}: it has characters that no encoded key has")
    return key


def _body(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def _is_status(body: Any) -> bool:
    return isinstance(body, dict) and isinstance(body.get("status"), dict)


def _reason(body: Any) -> str:
    """Return what an answer says of itself, as one line; pages for people say nothing."""
    text = body.get("message") or body.get("error") if isinstance(body, dict) else body
    if not isinstance(text, str) or not text.strip() or text.lstrip().startswith("<"):
        return "no reason given"
    return _short(text.strip().partition("\n")[0])


def _short(text: str) -> str:
    return clean(text if len(text) <= 300 else text[:300] + " …")
