"""A scored document as JSON, and as it comes back from a stored record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict

from scorelens.v1 import scorer_pb2 as pb
from scorelens_client.bulk.batches import Line, Scored

_EXPLANATIONS = {"exact": pb.EXPLANATION_EXACT, "approximate": pb.EXPLANATION_APPROXIMATE, "none": pb.EXPLANATION_NONE}


def as_json(outcome: Scored, full: bool = False) -> dict[str, Any]:
    """Return what `--json` prints of a document that has a result: row, id, model, tags; names as in the contract."""
    result = outcome.result or pb.Result()
    value: dict[str, Any] = {
        "line": outcome.line.number,
        "document_id": result.document_id,
        "model": {"id": result.model.id, "version": result.model.version},
        "tags": [
            {
                "tag": tag.tag,
                "title": tag.title,
                "group": tag.group,
                "probability": tag.probability,
                "selected": tag.selected,
            }
            for tag in result.tags
        ],
    }
    if full and outcome.calculation is not None:
        part = MessageToDict(
            outcome.calculation, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        value["calculation"] = part["tags"]
    return value


def of_record(line: Line, record: Mapping[str, Any]) -> Scored:
    """Return the outcome that a stored record was made of."""
    model = pb.ModelRef(id=record["model"]["id"], version=record["model"]["version"])
    scores: Mapping[str, float] = record.get("score") or {}
    titles, groups = record.get("titles") or {}, record.get("groups") or {}
    selected = set(record.get("tags") or ())
    tags = [
        pb.TagScore(
            tag=tag,
            title=titles.get(tag, ""),
            group=groups.get(tag, ""),
            probability=probability,
            selected=tag in selected,
        )
        for tag, probability in sorted(scores.items(), key=lambda item: -item[1])
    ]
    calculation = pb.DocumentCalculation(
        document_id=line.document.id, model=model, tags=[_calculation(one) for one in record.get("calculation") or ()]
    )
    return Scored(line, pb.Result(document_id=line.document.id, model=model, tags=tags), calculation)


def _calculation(stored: Mapping[str, Any]) -> pb.Calculation:
    def numbers(name: str) -> list[float]:
        return [float("nan") if one is None else one for one in stored.get(name) or ()]

    def number(name: str) -> float:
        value = stored.get(name)
        return float("nan") if value is None else value

    return pb.Calculation(
        tag=stored["tag"],
        explanation=_EXPLANATIONS.get(stored.get("explanation", ""), pb.EXPLANATION_NONE),
        intercept=number("intercept"),
        terms=pb.Terms(
            feature=stored.get("feature") or (),
            value=numbers("value"),
            coefficient=numbers("coefficient"),
            contribution=numbers("contribution"),
        ),
        remainder=number("remainder"),
        remainder_terms=int(stored.get("remainder_terms") or 0),
        margin=number("margin"),
        link=pb.Link(name=stored.get("link") or "", parameters=stored.get("link_parameters") or {}),
        probability=number("probability"),
        threshold=number("threshold"),
        selected=bool(stored.get("selected")),
        intermediates={name: value for name, value in (stored.get("intermediates") or {}).items() if value is not None},
    )
