"""The API as an application within the console's: its own errors, and its description in OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Security
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from scorelens_console.api import answered
from scorelens_console.api.endpoints import ENDPOINTS, NDJSON, Endpoint
from scorelens_console.api.trees import TREE, tree_schema
from scorelens_console.errors import BadRequestError
from scorelens_console.web.bounded import Bounded
from scorelens_console.web.context import Console, identity_of
from scorelens_console.web.failures import MEANINGS, UNKNOWN, on_error, on_http_error, shown
from scorelens_runtime.errors import ScorelensError

BASE: Final = "/api/v1"
MOST_BYTES: Final = 4 * 2**20
"""Largest request: two trees as large as they may be."""

_SAYS: Final = """Documents with their tags, and for data scientists how each came about: what a store's reader does,
under the roles of the console. `scorelens console token create` makes a token, which goes with every request as
`Authorization: Bearer TOKEN`; pages of the console use their session and the header X-CSRF-Token instead.

Whoever reads documents leaves a line in the audit log. Errors are objects: `{"error": {"code": …, "message": …}}`, with
`field` where a parameter is wrong, and with `position` where a query cannot be read.
"""
_FAILURES: Final[Mapping[int, str]] = {
    400: "A parameter or the query is wrong.",
    401: "The token is missing, unknown, revoked or too old.",
    403: "It is for another role; the message says for which.",
    413: "The request is too large.",
    429: "Too many scans of one caller are under way.",
    500: "Something is wrong with the console or its store.",
    503: "The store does not answer; the same request may succeed later.",
}
_LINES: Final = 'One line each. Where it cannot go on, its last line is {"error": …} and it breaks off.'
_SAID: Final = {
    "extra_forbidden": "nothing of this name is known here",
    "missing": "is missing",
    "model_attributes_type": "must be a JSON object, with Content-Type: application/json",
}
"""What is wrong, by the type of the error, where the library says it less well."""


class Api(FastAPI):
    """An application for whoever is signed in, which takes no larger requests than it has a use for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request. Raises NotSignedInError, TooLargeError."""
        if scope["type"] == "http":
            request = Request(scope)
            identity_of(request)
            receive = Bounded(receive, MOST_BYTES)
            receive.check(int(request.headers.get("content-length", "0")))  # which the gate has found to be a number
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the description, made once."""
        if not self.openapi_schema:
            self.openapi_schema = _described(self)
        return self.openapi_schema


def make_api(console: Console) -> Api:
    """Return the application."""
    api = Api(
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        dependencies=[Security(HTTPBearer(auto_error=False, description="A token of the console."))],
        exception_handlers={
            ScorelensError: on_error,
            RequestValidationError: _on_invalid,
            HTTPException: _on_http_error,
            Exception: _on_unknown_error,
        },
    )
    for one in ENDPOINTS:
        api.add_api_route(
            one.path,
            one.answer,
            methods=[one.method],
            response_model=one.model,
            response_class=JSONResponse if one.model else Response,
            responses=_answers(one),
        )
    api.add_route("/openapi.json", _openapi, include_in_schema=False)
    api.state.console = console
    return api


def _answers(one: Endpoint) -> dict[int | str, dict[str, Any]]:
    failures = {**_FAILURES, **one.failures}
    found: dict[int | str, dict[str, Any]] = {
        status: {"description": says, "model": answered.Failed} for status, says in failures.items()
    }
    lines = {"description": _LINES, "content": {NDJSON: {"schema": {"type": "string"}}}}
    return found if one.model else found | {200: lines}


def _openapi(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


async def _on_invalid(request: Request, error: Exception) -> Response:
    """Answer a request that is not as the description has it."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return await on_error(request, BadRequestError(f"the body is no JSON: {first['ctx']['error']}"))
    name = ".".join(str(part) for part in first["loc"][1:])
    says = _SAID.get(first["type"], f"{first['msg'][:1].lower()}{first['msg'][1:]}")
    return await on_error(request, BadRequestError(f"{name or 'the body'}: {says}", name))


async def _on_http_error(request: Request, error: Exception) -> Response:
    """Answer what no endpoint answers, or a body that cannot be read because of what the gate says of it."""
    if isinstance(error.__cause__, ScorelensError):
        return await on_error(request, error.__cause__)
    answer = await on_http_error(request, error)
    if answer.status_code == 405:
        path = request.url.path.removeprefix(BASE)
        routes = [one for one in request.app.routes if isinstance(one, Route) and one.path_regex.match(path)]
        answer.headers["Allow"] = ", ".join(sorted({method for one in routes for method in one.methods or ()}))
    return answer


async def _on_unknown_error(request: Request, error: Exception) -> Response:
    """Say nothing of what nobody expected; the gate logs it."""
    return shown(request, MEANINGS[Exception], UNKNOWN)


def _described(api: FastAPI) -> dict[str, Any]:
    made = get_openapi(title="scorelens", version="1", description=_SAYS, routes=api.routes, servers=[{"url": BASE}])
    for operations in made["paths"].values():
        for operation in operations.values():
            operation["summary"] = operation.pop("description")
            operation["responses"].pop("422", None)  # which FastAPI adds, and which is 400 here
    schemas = made["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas[TREE] = tree_schema()
    return made
