"""Dead letters are durable, listed once, bounded, and can be replayed or forgotten."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from scorelens_indexer.dead_letters import DeadLetters, Letter
from scorelens_indexer.identity import Identity
from scorelens_indexer.intake import convert
from scorelens_runtime.errors import UnavailableError
from tests.scorelens_indexer.spans import document, export, raw


def letter(number: int, size: int = 10) -> Letter:
    """Return a letter of a document and a customer of its own."""
    identity = Identity(f"{number:032x}", f"d-{number}", f"c-{number}", "aa" * 16, "bb" * 8)
    return Letter(identity, f"reason {number}", bytes(size))


def listed(letters: DeadLetters, limit: int = 100) -> list[str]:
    """Return the reasons of the listed letters."""
    return [line["reason"] for line in letters.newest(limit)]


def test_newest_first(tmp_path: Path) -> None:
    """Letters are listed with the newest first, as many as asked for."""
    letters = DeadLetters(tmp_path, 10_000, 2)
    letters.add([letter(1), letter(2)])
    letters.add([letter(3)])
    assert listed(letters) == ["reason 3", "reason 2", "reason 1"]
    assert listed(letters, 2) == ["reason 3", "reason 2"]


def test_resends_are_listed_once(tmp_path: Path) -> None:
    """A letter that comes again, in the same batch, later or after a restart, is not listed twice."""
    letters = DeadLetters(tmp_path, 10_000, 2)
    assert letters.add([letter(1), letter(1)]) == 1
    assert letters.add([letter(1), letter(2)]) == 1
    assert DeadLetters(tmp_path, 10_000, 2).add([letter(1), letter(2), letter(3)]) == 1
    assert listed(letters) == ["reason 3", "reason 2", "reason 1"]


def test_size_is_bounded(tmp_path: Path) -> None:
    """Files rotate and the oldest go, so that the folder stays within its bound and the newest letters stay."""
    letters = DeadLetters(tmp_path, 2000, 3)
    for number in range(50):
        letters.add([letter(number, 300)])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3 * 2000
    assert len(list(tmp_path.iterdir())) == 3
    assert listed(letters, 3) == ["reason 49", "reason 48", "reason 47"]
    assert listed(DeadLetters(tmp_path, 2000, 3)) == listed(letters)


def test_a_letter_that_went_is_listed_again(tmp_path: Path) -> None:
    """Only what is kept is remembered: a letter whose file has gone counts as new."""
    letters = DeadLetters(tmp_path, 500, 1)
    letters.add([letter(1, 100)])
    letters.add([letter(2, 100)])
    assert letters.add([letter(1, 100)]) == 1


def test_a_span_larger_than_a_file_is_listed_without_its_content(tmp_path: Path) -> None:
    """A span that exceeds the bound of a whole file leaves its identity and reason."""
    letters = DeadLetters(tmp_path, 1000, 2)
    letters.add([letter(1, 5000)])
    assert letters.newest(1)[0]["export"] is None
    assert listed(letters) == ["reason 1"]


def test_torn_lines_are_cut_off(tmp_path: Path) -> None:
    """A line that a crash left unfinished is neither listed nor glued to the next one."""
    letters = DeadLetters(tmp_path, 10_000, 2)
    letters.add([letter(1)])
    with (tmp_path / "dead-letters.jsonl").open("ab") as file:
        file.write(b'{"record_id": "torn", "rea')
    letters = DeadLetters(tmp_path, 10_000, 2)
    letters.add([letter(2)])
    assert listed(letters) == ["reason 2", "reason 1"]


@pytest.mark.parametrize(
    ("field", "value"), [("record_id", f"{2:032x}"), ("document_id", "d-2"), ("customer_id", "c-2")]
)
def test_forgotten_letters_are_gone_for_good(tmp_path: Path, field: str, value: str) -> None:
    """Forgetting removes every trace of content from the files, and a resend does not bring it back."""
    letters = DeadLetters(tmp_path, 700, 9)
    letters.add([letter(number, 100) for number in range(4)])
    letters.forget(field, [value])
    assert listed(letters) == ["reason 3", "reason 1", "reason 0"]
    assert not any(b"d-2" in path.read_bytes() for path in tmp_path.iterdir())
    for known in (letters, DeadLetters(tmp_path, 700, 9)):
        assert known.add([letter(2)]) == 0


def test_what_cannot_be_written_is_not_acknowledged(tmp_path: Path) -> None:
    """When the folder is gone the sender has to keep the span, and once it is back the span is taken."""
    folder = tmp_path / "folder"
    folder.mkdir()
    letters = DeadLetters(folder, 1000, 2)
    folder.rmdir()
    with pytest.raises(UnavailableError, match="dead letters cannot be written"):
        letters.add([letter(1)])
    folder.mkdir()
    assert letters.add([letter(1)]) == 1


def test_a_letter_can_be_replayed(tmp_path: Path) -> None:
    """A letter holds the span with its resource and scope, so that sending it again gives the same dead letter."""
    request = export(document(1, {"scorelens.document.text": 5}), resource={"service.name": "x"})
    letters = DeadLetters(tmp_path, 10_000, 2)
    letters.add(convert(raw(request)).letters)
    again = ExportTraceServiceRequest.FromString(base64.b64decode(letters.newest(1)[0]["export"]))
    assert again == request


def test_letters_do_not_multiply_a_large_resource(tmp_path: Path) -> None:
    """Of many bad spans with a resource of megabytes, the first keep it and the later ones only themselves."""
    spans = [document(number, {"scorelens.document.text": 5}) for number in range(200)]
    request = export(*spans, resource={"huge": "x" * 1_000_000})
    letters = convert(raw(request)).letters
    assert len(letters) == 200
    assert sum(len(each.export) for each in letters) < 40e6
    for each, span in zip(letters, spans, strict=True):
        [of_resource] = ExportTraceServiceRequest.FromString(each.export).resource_spans
        assert list(of_resource.scope_spans[0].spans) == [span]
