"""A document as it was sent, and the commands that send it again (pure)."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from scorelens.conventions import PURPOSE_KEY, VIEW_FULL, VIEW_KEY
from scorelens_documents.documents import document_of_record, write_document
from scorelens_reading.markup import HARMFUL
from scorelens_runtime.endpoint import Endpoint
from scorelens_store.contract import Record

PURPOSE: Final = "test"
"""Purpose of what is sent again by hand, which listings leave out."""
LONGEST_LINE: Final = 2_000
"""Characters of JSON that a command carries itself; longer ones are read from a file."""
_METHOD: Final = "scorelens.v1.Scorer/Score"
_USUAL: Final = "127.0.0.1:50051"


@dataclass(frozen=True)
class Command:
    """A line for a shell, and what it does."""

    title: str
    text: str


def document_json(record: Record) -> dict[str, Any]:
    """Return the document that a record was made of, as one would send it."""
    return write_document(document_of_record(record))


def request_json(record: Record) -> dict[str, Any]:
    """Return the request that scores it again, by the version that scored it, as JSON of the contract."""
    model = record.get("model") or {}
    named = {"model": model.get("id"), "model_version": model.get("version")}
    return {"documents": [document_json(record)]} | {name: value for name, value in named.items() if value}


def commands(record: Record, sidecar: Endpoint | None) -> Sequence[Command]:
    """Return the lines that send a document again, to a sidecar or, where none is known, to where it usually is."""
    return (_grpcurl(record, sidecar), _scorelens(record, sidecar))


def pretty(value: Any) -> str:
    """Return JSON that people read."""
    return _visible(json.dumps(value, ensure_ascii=False, indent=2))


def one_line(value: Any) -> str:
    """Return JSON on one line, as files of documents have it."""
    return _visible(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")))


def file_name(record: Record, ending: str) -> str:
    """Return a name for a file with what belongs to a record."""
    return f"{record['record']['id']}.{ending}"


def _visible(text: str) -> str:
    """Write what cannot be shown, or turns the direction of what follows, as JSON writes it in ASCII."""
    return HARMFUL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _grpcurl(record: Record, sidecar: Endpoint | None) -> Command:
    line = one_line(request_json(record))
    headers = f"-H '{VIEW_KEY}: {VIEW_FULL}' -H '{PURPOSE_KEY}: {PURPOSE}'"
    where = f"{sidecar.address if sidecar else _USUAL} {_METHOD}"
    plain = "" if sidecar and sidecar.tls else " -plaintext"
    if len(line) > LONGEST_LINE:
        text = f"grpcurl{plain} {headers} -d @ \\\n  {where} < {file_name(record, 'request.json')}"
        return Command("grpcurl, with the request downloaded below", text)
    return Command("grpcurl", f"grpcurl{plain} {headers} \\\n  -d {shlex.quote(line)} \\\n  {where}")


def _scorelens(record: Record, sidecar: Endpoint | None) -> Command:
    model = record.get("model") or {}
    wanted = [f"--model {shlex.quote(model['id'])}"] if model.get("id") else []
    wanted += [f"--model-version {shlex.quote(model['version'])}"] if wanted and model.get("version") else []
    target = [f"--target {sidecar}"] if sidecar else []
    options = " ".join(("--format jsonl", f"--purpose {PURPOSE}", *wanted, *target, "--full --json"))
    line = one_line(document_json(record))
    if len(line) > LONGEST_LINE:
        return Command(
            "scorelens, with the document downloaded below",
            f"scorelens score {file_name(record, 'document.jsonl')} {options}",
        )
    return Command("scorelens", f"printf '%s\\n' {shlex.quote(line)} |\n  scorelens score - {options}")
