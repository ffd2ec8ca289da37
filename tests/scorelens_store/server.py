"""Plain requests to an Elasticsearch server, past the store."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any


def ask(url: str, method: str, path: str, body: Any = None) -> Any:
    """Return the answer's JSON; raise AssertionError that has the server's reason."""
    status, answer = reply(url, method, path, body)
    assert status < 300, f"{method} {path}: {answer}"
    return answer


def reply(url: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Return status and JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data, {"content-type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
