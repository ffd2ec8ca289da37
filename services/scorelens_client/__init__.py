"""The `scorelens` command for people, the SDK for Python, and what they are made of.

Importing this package costs nothing: the names of the SDK are loaded when they are first used.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scorelens.v1.scorer_pb2 import Document
    from scorelens_client.sdk.async_client import AsyncClient
    from scorelens_client.sdk.client import Client
    from scorelens_client.sdk.errors import (
        DeadlineError,
        NotAllowedError,
        NotFoundError,
        RefusedError,
        ScorelensError,
        StreamEndedError,
        UnavailableError,
    )
    from scorelens_client.sdk.history import History
    from scorelens_client.sdk.records import Record
    from scorelens_client.sdk.rows import Documents, Records, Scores
    from scorelens_client.sdk.scans import AsyncScan, Scan
    from scorelens_client.sdk.scores import Score
    from scorelens_client.sdk.words import Word, Words
    from scorelens_documents.errors import DocumentError
    from scorelens_reading.calculation import Calculation, Term
    from scorelens_reading.stored import TagScore
    from scorelens_runtime.errors import MissingExtraError
    from scorelens_store.errors import QueryError, StoreError

_MODULES = {
    "AsyncClient": "scorelens_client.sdk.async_client",
    "AsyncScan": "scorelens_client.sdk.scans",
    "Calculation": "scorelens_reading.calculation",
    "Client": "scorelens_client.sdk.client",
    "DeadlineError": "scorelens_client.sdk.errors",
    "Document": "scorelens.v1.scorer_pb2",
    "DocumentError": "scorelens_documents.errors",
    "Documents": "scorelens_client.sdk.rows",
    "History": "scorelens_client.sdk.history",
    "MissingExtraError": "scorelens_runtime.errors",
    "NotAllowedError": "scorelens_client.sdk.errors",
    "NotFoundError": "scorelens_client.sdk.errors",
    "QueryError": "scorelens_store.errors",
    "Record": "scorelens_client.sdk.records",
    "Records": "scorelens_client.sdk.rows",
    "RefusedError": "scorelens_client.sdk.errors",
    "Scan": "scorelens_client.sdk.scans",
    "Score": "scorelens_client.sdk.scores",
    "ScorelensError": "scorelens_client.sdk.errors",
    "Scores": "scorelens_client.sdk.rows",
    "StoreError": "scorelens_store.errors",
    "StreamEndedError": "scorelens_client.sdk.errors",
    "TagScore": "scorelens_reading.stored",
    "Term": "scorelens_reading.calculation",
    "UnavailableError": "scorelens_client.sdk.errors",
    "Word": "scorelens_client.sdk.words",
    "Words": "scorelens_client.sdk.words",
}

__all__ = [
    "AsyncClient",
    "AsyncScan",
    "Calculation",
    "Client",
    "DeadlineError",
    "Document",
    "DocumentError",
    "Documents",
    "History",
    "MissingExtraError",
    "NotAllowedError",
    "NotFoundError",
    "QueryError",
    "Record",
    "Records",
    "RefusedError",
    "Scan",
    "Score",
    "ScorelensError",
    "Scores",
    "StoreError",
    "StreamEndedError",
    "TagScore",
    "Term",
    "UnavailableError",
    "Word",
    "Words",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with _quiet_grpc():
        return getattr(importlib.import_module(_MODULES[name]), name)


@contextmanager
def _quiet_grpc() -> Iterator[None]:
    """Keep gRPC's core from writing of servers that end into notebooks: it reads this when it is first imported.

    Processes that the user starts do not inherit it.
    """
    if "GRPC_VERBOSITY" in os.environ:
        yield
        return
    os.environ["GRPC_VERBOSITY"] = "ERROR"
    try:
        yield
    finally:
        del os.environ["GRPC_VERBOSITY"]


def __dir__() -> list[str]:
    return sorted(__all__)
