"""The console as an application: which address leads to which page."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from scorelens_console.api.app import BASE, make_api
from scorelens_console.pages import (
    api,
    document,
    document_panels,
    documents,
    export,
    offers,
    patterns,
    production,
    pull,
    reach,
    signing,
    suggest,
    views,
)
from scorelens_console.pages.explaining import Kept
from scorelens_console.web.context import Console
from scorelens_console.web.failures import on_error, on_http_error, on_unknown_error
from scorelens_console.web.files import Files
from scorelens_console.web.gate import Gate
from scorelens_console.web.measured import Measured
from scorelens_console.web.rendering import STATIC
from scorelens_runtime.errors import ScorelensError

PUBLIC = ("/signin", "/static/", "/health")
"""Addresses that need nobody to be signed in; a test holds that no other answers without."""


def make_app(console: Console) -> Starlette:
    """Return the application."""
    made = make_api(console)
    app = Starlette(
        routes=[
            Route("/", _home),
            Route("/health", _health),
            Route("/signin", signing.sign_in),
            Route("/signin", signing.by_password, methods=["POST"]),
            Route("/signin/oidc", signing.to_provider),
            Route(signing.BACK, signing.from_provider),
            Route("/signout", signing.sign_out, methods=["POST"]),
            Route("/documents", documents.documents),
            Route("/documents/new", documents.new_documents),
            Route("/documents/export", export.export),
            Route("/documents/{name:path}", document.document),
            Route("/document", document.by_name),
            *document_panels.ROUTES,
            Route("/reach", reach.reach),
            Route("/offers", offers.offers),
            Route("/suggest", suggest.suggest),
            *views.ROUTES,
            *pull.ROUTES,
            Route("/patterns", patterns.patterns),
            Route("/production", production.production),
            Route("/api", api.api),
            Mount(BASE, made),
            Mount("/static", Files(directory=STATIC)),
        ],
        middleware=[Middleware(Measured, measures=console.measures), Middleware(Gate, console=console)],
        exception_handlers={
            ScorelensError: on_error,
            HTTPException: on_http_error,
            Exception: on_unknown_error,
        },
    )
    app.state.console = console
    app.state.api = made
    app.state.explained = Kept()
    return app


def _home(request: Request) -> Response:
    return RedirectResponse("/documents", 303)


def _health(request: Request) -> Response:
    """Tell that the console serves; whether the store does is on its pages."""
    return PlainTextResponse("serving\n")
