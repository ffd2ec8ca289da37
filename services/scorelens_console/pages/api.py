"""What the API does, for people who write programs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse

from scorelens_console.api.app import BASE, Api
from scorelens_console.core.api_page import aggregations_of, failures_of, operations_of, trees_of
from scorelens_console.web.context import console_of, identity_of
from scorelens_console.web.rendering import page


def api(request: Request) -> HTMLResponse:
    """Show every endpoint with its parameters, read off its description in OpenAPI."""
    identity_of(request)
    own, described = console_of(request).settings.public_url, _described(request)
    return page(
        request,
        "api.html",
        base=BASE,
        console=own.origin if own else str(request.base_url).rstrip("/"),
        operations=operations_of(described),
        aggregations=aggregations_of(described),
        trees=trees_of(described),
        failures=failures_of(described),
    )


def _described(request: Request) -> dict[str, object]:
    found: Api = request.app.state.api
    return found.openapi()
