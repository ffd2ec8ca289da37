"""Requests to a console: signed in, tried again where that is safe, with errors as a store's reader raises them."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Final, TypeVar

import httpx
import orjson

from scorelens_client.console.settings import AccessSettings
from scorelens_client.sdk.errors import NotAllowedError
from scorelens_runtime.errors import ScorelensError, SettingError
from scorelens_store.errors import QueryError, StoreDamagedError, StoreError, StoreUnavailableError

BASE: Final = "/api/v1"
PAUSES: Final = (0.2, 1.0)
"""Seconds before each further try; reading changes nothing, so that every request may be sent again."""
LONGEST_PAUSE: Final = 3.0
CONNECT: Final = 10.0
_BUSY: Final = (429, 502, 503, 504)

Json = dict[str, Any]
Found = TypeVar("Found")
Read = Callable[[Json], Found]


class Line:
    """The connections to one console, which several threads may share."""

    def __init__(self, access: AccessSettings) -> None:
        """Read the token and the certificates. Raises SettingError."""
        self.url = access.url
        headers = {"Authorization": f"Bearer {access.secret()}", "User-Agent": f"scorelens/{version('scorelens')}"}
        timeout = httpx.Timeout(access.timeout, connect=min(CONNECT, access.timeout))
        self._client = httpx.Client(
            base_url=access.url + BASE, headers=headers, timeout=timeout, verify=_trusted(access)
        )

    def get(self, path: str, read: Read[Found]) -> Found:
        """Return what is at a path, as it is read. Raises StoreError, QueryError, NotAllowedError, MissingError."""
        return self._patiently(lambda: self._answer(self._client.get(path), read))

    def post(self, path: str, body: Json, read: Read[Found]) -> Found:
        """Return the answer to a body. Raises StoreError, QueryError, NotAllowedError."""
        content = _encoded(body)
        return self._patiently(lambda: self._answer(self._client.post(path, content=content, headers=_JSON), read))

    def lines(self, path: str, body: Json, read: Read[Found]) -> Iterator[Found]:
        """Yield the lines of the answer to a body as they come; what was begun is not begun anew.

        Raises StoreError, QueryError, NotAllowedError.
        """
        content = _encoded(body)

        def begin() -> httpx.Response:
            answer = self._client.send(
                self._client.build_request("POST", path, content=content, headers=_JSON), stream=True
            )
            if answer.status_code != 200:
                try:
                    answer.read()
                    raise self._refused(answer)
                finally:
                    answer.close()
            return answer

        answer = self._patiently(begin)
        try:
            with self._translated():
                for line in _lines(answer.iter_bytes()):
                    found = self._object(line)
                    if set(found) == {"error"}:
                        raise self._error(503, found["error"])
                    yield self._read(found, read)
        finally:
            answer.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _patiently(self, ask: Callable[[], Found]) -> Found:
        for pause in PAUSES:
            try:
                with self._translated():
                    return ask()
            except _TryAgainError as error:
                time.sleep(min(max(pause, error.retry_after), LONGEST_PAUSE))
        with self._translated():
            return ask()

    def _answer(self, answer: httpx.Response, read: Read[Found]) -> Found:
        if answer.status_code != 200:
            raise self._refused(answer)
        return self._read(self._object(answer.content), read)

    def _object(self, content: bytes) -> Json:
        try:
            found = orjson.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._stranger()
        return found

    def _read(self, found: Json, read: Read[Found]) -> Found:
        try:
            return read(found)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise self._stranger() from error

    def _stranger(self, what: str = "") -> StoreError:
        return StoreError(f"{self.url} does not answer as a console does{what}: is it the address of one?")

    def _refused(self, answer: httpx.Response) -> ScorelensError:
        try:
            told = orjson.loads(answer.content)["error"]
            told = {"code": str(told["code"]), **told}
        except (ValueError, LookupError, TypeError):
            told = {"code": "", "message": f"it answers with status {answer.status_code}"}
            if answer.status_code not in _BUSY:
                return self._stranger(f" ({told['message']})")
        return self._error(answer.status_code, told, answer.headers.get("retry-after", ""))

    def _error(self, status: int, told: Json, retry_after: str = "") -> ScorelensError:
        message = str(told.get("message", ""))
        code = str(told.get("code", ""))
        match code:
            case "not_signed_in":
                return NotAllowedError(f"{self.url}: {message} (SCORELENS_CONSOLE_TOKEN, SCORELENS_CONSOLE_TOKEN_FILE)")
            case "not_allowed":
                return NotAllowedError(message)
            case "not_found":
                return MissingError(message)
            case "query" | "bad_request" | "too_large":
                return QueryError(message)
            case "damaged":
                return StoreDamagedError(f"{self.url}: {message}")
        if status in _BUSY:
            seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
            return _TryAgainError(f"the console {self.url} cannot read the records now: {message}", seconds)
        return StoreError(f"the console {self.url} cannot answer: {message}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise StoreUnavailableError(f"the console {self.url} did not answer in time") from error
        except httpx.RemoteProtocolError as error:
            raise _TryAgainError(f"the console {self.url} broke its answer off", 0.0) from error
        except httpx.RequestError as error:
            raise _TryAgainError(f"the console {self.url} does not answer: {_cause(error)}", 0.0) from error
        except RuntimeError as error:
            if not self._client.is_closed:
                raise
            raise ScorelensError("the reader is closed; open another one") from error


class _TryAgainError(StoreUnavailableError):
    """What another try may mend."""


class MissingError(ScorelensError):
    """What is asked for is not there."""


_JSON: Final = {"Content-Type": "application/json"}


def _encoded(body: Json) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError as error:  # such as half of a character
        raise QueryError("it holds what JSON cannot hold") from error


def _lines(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what stands between line feeds; other characters that end lines are part of texts."""
    held: list[bytes] = []
    for part in parts:
        *whole, rest = part.split(b"\n")
        for line in whole:
            held.append(line)
            yield b"".join(held)
            held = []
        if rest:
            held.append(rest)
    if held:
        yield b"".join(held)


def _trusted(access: AccessSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=access.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(
            f"setting SCORELENS_CONSOLE_CA_FILE: {access.ca_file} holds no certificates: {error}"
        ) from error


def _cause(error: Exception) -> str:
    return str(error) or type(error).__name__
