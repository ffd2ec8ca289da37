"""Scoring a stored record again, to see all of its calculation."""

from __future__ import annotations

import math
from typing import Any

import grpc

from scorelens.conventions import PURPOSE_KEY, VIEW_FULL, VIEW_KEY
from scorelens.v1.scorer_pb2 import ScoreRequest
from scorelens.v1.scorer_pb2_grpc import ScorerStub
from scorelens_documents.documents import document_of_record
from scorelens_reading.calculation import as_stored
from scorelens_reading.channel import open_channel, translate
from scorelens_runtime.errors import ScorelensError

TIMEOUT = 60.0
TOLERANCE = 1e-6


def explain_again(record: dict[str, Any], address: str) -> dict[str, Any]:
    """Return the record with every term, calculated by the version that scored it.

    Raises ScorelensError where that version is not served any more, or does not say the same of the document now.
    """
    if "text_truncated" in (record.get("flags") or ()):
        raise ScorelensError("only a part of this text was recorded, so it cannot be scored again with --all")
    model = record.get("model") or {}
    request = ScoreRequest(
        documents=[document_of_record(record)],
        model=model.get("id", ""),
        model_version=model.get("version", ""),
        all_terms=True,
    )
    metadata = ((VIEW_KEY, VIEW_FULL), (PURPOSE_KEY, "explain"))
    with open_channel(address) as channel:
        try:
            answer = ScorerStub(channel).Score(request, metadata=metadata, timeout=TIMEOUT)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise ScorelensError(
                    f"{model.get('id')} {model.get('version')} scored this and is not served any more, so that not "
                    f"every term can be shown: {error.details()}"
                ) from error
            raise translate(error, "sidecar", address) from error
    if not answer.calculations.documents:
        raise ScorelensError(f"{address} does not let callers have calculations (setting --clients-may-ask)")
    again = record | {"calculation": [as_stored(one) for one in answer.calculations.documents[0].tags]}
    _compare(record, again)
    return again


def _compare(before: dict[str, Any], after: dict[str, Any]) -> None:
    margins = {one["tag"]: one["margin"] for one in before.get("calculation") or ()}
    for one in after["calculation"]:
        margin = margins.get(one["tag"], one["margin"])
        if not math.isclose(margin, one["margin"], rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            model = before["model"]
            raise ScorelensError(
                f"{model['id']} {model['version']} gives {one['tag']} the margin {one['margin']:.6f} now and gave it "
                f"{margin:.6f} then: the model changed under its version, or the recorded text was redacted"
            )
