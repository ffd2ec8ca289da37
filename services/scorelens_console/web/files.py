"""The files that the package ships, compressed once for browsers that take it.

Pages themselves are not compressed: they hold a secret of the session beside words of the request, which the length of
a compressed answer would tell.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

COMPRESSED: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
LEAST: Final = 1_000


class Files(StaticFiles):
    """Serves a folder's files."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, compressed where that pays."""
        answer = await super().get_response(path, scope)
        if answer.status_code != 200 or scope["method"] != "GET":
            return answer
        found, _ = self.lookup_path(path)
        kind = COMPRESSED.get(Path(found).suffix)
        answer.headers["Vary"] = "Accept-Encoding"
        if kind is None or "gzip" not in Headers(scope=scope).get("accept-encoding", ""):
            return answer
        body = _compressed(Path(found))
        if body is None:
            return answer
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding", "ETag": answer.headers["etag"]}
        return Response(body, media_type=kind, headers=headers)


@cache
def _compressed(path: Path) -> bytes | None:
    content = path.read_bytes()
    return gzip.compress(content, 9, mtime=0) if len(content) >= LEAST else None
