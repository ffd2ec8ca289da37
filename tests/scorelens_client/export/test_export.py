"""Exports hold what the store holds, whenever it came, exactly once."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scorelens_client.export.registry import known
from scorelens_store.contract import Record, Selection
from scorelens_store.query.parse import parse
from scorelens_store.tables import ExportError, FolderDamagedError, FolderInUseError, forget, read_records
from scorelens_store.tables.folder import hold, make
from tests.scorelens_client.export.conftest import Source
from tests.scorelens_client.export.exporting import START, Silent, asked, assert_whole, export, exported_ids, scored
from tests.scorelens_client.system import command, environment
from tests.scorelens_store.records import corpus

RECORDS = [scored(number) for number in range(60)]  # seven hours, over midnight


def stored(source: Source) -> dict[str, Record]:
    """Return all records of a store by id."""
    everything = source.store.scan(Selection(parse("*"), purposes=(), calls=True))
    return {record["record"]["id"]: record for record in everything}


def test_an_export_gives_every_record_back(source: Source, tmp_path: Path) -> None:
    """All records of all purposes, calls among them, come back from the folder as the store has them."""
    source.store.put([*corpus(), *(scored(number) for number in range(1000, 1030))])
    report = export(source.store, tmp_path / "out", purposes=(), calls=True)
    records = list(read_records(tmp_path / "out"))
    assert report.exported == len(records) == 150
    assert {record["record"]["id"]: record for record in records} == stored(source)
    moments = [record["@timestamp"][:10] for record in records]
    assert moments == sorted(moments)


def test_a_run_adds_what_is_new_and_what_came_late(source: Source, tmp_path: Path) -> None:
    """Records that came since, in new hours, in old hours and in exported minutes, are added; nothing comes twice."""
    out = tmp_path / "out"
    source.store.put(RECORDS[10:40])
    assert export(source.store, out).exported == 30
    late = [scored(number, 0) | {"@timestamp": RECORDS[20]["@timestamp"]} for number in range(500, 520)]
    source.store.put([*RECORDS[:10], *late, *RECORDS[40:]])
    assert export(source.store, out).exported == 50
    assert_whole(out, [*RECORDS, *late])
    progress = Silent()
    assert export(source.store, out, progress=progress).exported == 0
    assert progress.read_ == 0


def test_only_minutes_that_grew_are_read_again(source: Source, tmp_path: Path) -> None:
    """Of an hour with many records, those in other minutes are not read."""
    many = [scored(number, 0) | {"@timestamp": f"2026-11-20T22:{number % 60:02}:10.000000Z"} for number in range(300)]
    source.store.put(many[:299])
    export(source.store, tmp_path / "out")
    source.store.put(many[299:])
    progress = Silent()
    assert export(source.store, tmp_path / "out", progress=progress).exported == 1
    assert progress.read_ == 5
    assert_whole(tmp_path / "out", many)


def test_since_and_until_narrow_one_run(source: Source, tmp_path: Path) -> None:
    """Runs over parts of the time, which cut hours and minutes, add up to the whole without repetition."""
    out = tmp_path / "out"
    source.store.put(RECORDS)
    cut = datetime.fromisoformat(RECORDS[30]["@timestamp"]) + timedelta(microseconds=1)
    assert export(source.store, out, since=cut - timedelta(hours=2), until=cut).exported == 18
    assert exported_ids(out) == sorted(record["record"]["id"] for record in RECORDS[13:31])
    assert export(source.store, out, until=cut).exported == 13
    assert export(source.store, out, since=cut).exported == 29
    assert export(source.store, out).exported == 0
    assert_whole(out, RECORDS)


def test_a_query_belongs_to_the_folder(source: Source, tmp_path: Path) -> None:
    """What a folder holds is remembered for runs without options, and another choice is refused."""
    source.store.put([*RECORDS[:20], *(scored(number, purpose="replay") for number in range(20, 25))])
    chosen = [record for record in RECORDS[:20] if "complaint" in record["tags"]]
    assert export(source.store, tmp_path / "out", "tag:complaint").exported == len(chosen)
    source.store.put(RECORDS[25:40])
    chosen += [record for record in RECORDS[25:40] if "complaint" in record["tags"]]
    export(source.store, tmp_path / "out")
    assert_whole(tmp_path / "out", chosen)
    with pytest.raises(ExportError, match=r"'tag:complaint'.* 'tag:praise'"):
        export(source.store, tmp_path / "out", "tag:praise")
    with pytest.raises(ExportError, match="records of replay that match"):
        export(source.store, tmp_path / "out", purposes=("replay",))


def test_what_the_store_no_longer_has_stays(source: Source, tmp_path: Path) -> None:
    """After retention the folder keeps what it has, and still takes what comes late into the same hours."""
    out = tmp_path / "out"
    source.store.put(RECORDS[:40])
    export(source.store, out)
    source.store.expire(START + timedelta(hours=3))
    assert export(source.store, out).exported == 0
    source.store.put([scored(900, 0)])
    assert export(source.store, out).exported == 1
    assert_whole(out, [*RECORDS[:40], scored(900, 0)])
    report = export(source.store, out, verify=True)
    assert (report.exported, report.only_here) == (0, 26)


def test_forgotten_records_leave_all_tables(source: Source, tmp_path: Path) -> None:
    """Records are removed by record, document or customer; the next runs do not bring them back, and go on."""
    out = tmp_path / "out"
    customer = [scored(number, customer={"id": f"c-{number % 4}"}) for number in range(40)]
    source.store.put(customer[:30])
    export(source.store, out)
    asked_for: dict[str, Any] = {
        "record_ids": [customer[0]["record"]["id"], "nowhere"],
        "document_ids": ["d-7", ""],
        "customer_ids": ["c-1", ""],
    }
    gone = {0, 7, *range(1, 40, 4)}
    assert source.store.forget(**asked_for) == forget(out, **asked_for) == len([one for one in gone if one < 30])
    assert_whole(out, [record for number, record in enumerate(customer[:30]) if number not in gone])
    assert forget(out, **asked_for) == 0
    source.store.put(customer)
    export(source.store, out)
    assert_whole(out, [record for number, record in enumerate(customer) if number not in gone])
    assert forget(out, document_ids=[record["document"]["id"] for record in customer]) == 40 - len(gone)
    assert list(read_records(out)) == []
    assert not list(out.rglob("*.parquet"))


def test_parts_do_not_pile_up(source: Source, tmp_path: Path) -> None:
    """However often a day is exported, its small parts become one."""
    for number in range(5):
        source.store.put(RECORDS[12 * number : 12 * number + 12])
        export(source.store, tmp_path / "out")
    assert_whole(tmp_path / "out", RECORDS)
    parts = Counter(path.parent for path in (tmp_path / "out").rglob("*.parquet"))
    assert len(parts) == 6
    assert set(parts.values()) == {1}


def test_missing_and_damaged_parts_are_named_and_exported_anew(source: Source, tmp_path: Path) -> None:
    """A part that is missing or damaged is told by name, the others are read, and --verify brings it back."""
    out = tmp_path / "out"
    source.store.put(RECORDS)
    export(source.store, out)
    missing = out / "scores" / "date=2026-11-20" / "part-00000.parquet"
    missing.unlink()
    with pytest.raises(FolderDamagedError, match=f"{missing} is missing"):
        export(source.store, out)
    damaged = out / "terms" / "date=2026-11-21" / "part-00000.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-200])
    read: list[Record] = []
    with pytest.raises(FolderDamagedError, match=f"{missing}.*{damaged}"):
        read.extend(read_records(out))
    assert read == []
    report = export(source.store, out, verify=True)
    assert (report.exported, len(report.mended)) == (60, 2)
    assert_whole(out, RECORDS)
    assert export(source.store, out, verify=True).exported == 0


def test_labels_follow_when_everything_is_compared(source: Source, tmp_path: Path) -> None:
    """Labels that were given after the export come with --verify, and no record twice."""
    out = tmp_path / "out"
    source.store.put(RECORDS)
    export(source.store, out)
    labelled = RECORDS[17]["record"]["id"]
    source.store.annotate(labelled, {"verdict": "wrong", "sure": True})
    assert export(source.store, out).exported == 0
    report = export(source.store, out, verify=True)
    assert (report.exported, report.relabelled) == (1, 1)
    assert_whole(out, RECORDS)
    assert {record["record"]["id"]: record for record in read_records(out)} == stored(source)
    assert asked(out, "SELECT record_id FROM {documents} WHERE labels['verdict'] = 'wrong'") == [(labelled,)]


def test_foreign_files_are_refused(source: Source, tmp_path: Path) -> None:
    """A folder of something else, and a file that readers would count along, are refused by name."""
    source.store.put(RECORDS[:5])
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").touch()
    with pytest.raises(ExportError, match=r"chapter\.tex"):
        export(source.store, tmp_path / "thesis")
    export(source.store, tmp_path / "out")
    own = next((tmp_path / "out" / "documents").rglob("*.parquet"))
    copy = own.with_name("copy.parquet")
    copy.write_bytes(own.read_bytes())
    with pytest.raises(ExportError, match=r"copy\.parquet"):
        export(source.store, tmp_path / "out")


def test_one_export_at_a_time(source: Source, tmp_path: Path) -> None:
    """While one process holds a folder, a second export of it is refused, and forgetting waits no longer than told."""
    make(tmp_path / "out")
    with hold(tmp_path / "out"):
        with pytest.raises(FolderInUseError, match="another process"):
            export(source.store, tmp_path / "out")
        with pytest.raises(FolderInUseError):
            forget(tmp_path / "out", document_ids=["d-1"], patience=0)
    assert export(source.store, tmp_path / "out").exported == 0


def test_only_the_owner_can_read(source: Source, tmp_path: Path) -> None:
    """Files and folders of an export are closed to everybody else."""
    source.store.put(RECORDS[:5])
    export(source.store, tmp_path / "out")
    paths = [tmp_path / "out", *(tmp_path / "out").rglob("*")]
    assert {oct(path.stat().st_mode & 0o777) for path in paths if path.is_dir()} == {"0o700"}
    assert {oct(path.stat().st_mode & 0o777) for path in paths if path.is_file()} == {"0o600"}


def run(source: Source, home: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `scorelens export` on the source."""
    return subprocess.run(
        command("export", *arguments, "--store", source.where),
        capture_output=True,
        text=True,
        env=environment(home) | source.variables,
        check=False,
        timeout=120,
        cwd=cwd,
    )


def test_the_command_says_what_it_did(source: Source, tmp_path: Path) -> None:
    """The command exports, prints a summary for people or as JSON, and notes the folder for forgetting."""
    source.store.put(RECORDS)
    home, out = tmp_path / "home", tmp_path / "out"
    first = run(source, home, str(out))
    assert first.returncode == 0, first.stderr
    assert "exported 60 records, of 2026-11-20 to 2026-11-21" in first.stderr
    assert "60 documents, 180 scores, 540 terms" in first.stderr
    assert first.stdout == ""
    second = json.loads(run(source, home, str(out), "--json").stdout)
    assert second["exported"] == 0
    assert second["tables"] == {"documents": 60, "scores": 180, "terms": 540}
    assert known(home) == [out]
    manifest = json.loads((out / "_scorelens" / "manifest.json").read_text())
    assert datetime.fromisoformat(manifest["exported"]) <= datetime.now(UTC)
    assert asked(out, "SELECT count(*) FROM {documents}") == [(60,)]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("out", "kind:(tweet"), "the query cannot be read"),
        (("home",), "has other files in it"),
        (("file",), "not a folder"),
    ],
)
def test_errors_are_one_sentence(tmp_path: Path, arguments: tuple[str, ...], reason: str) -> None:
    """Whatever is wrong is said without a stack trace, and nothing is begun."""
    (tmp_path / "home" / "store").mkdir(parents=True)
    (tmp_path / "file").touch()
    source = Source(None, str(tmp_path / "home" / "store"), {})  # type: ignore[arg-type]
    wrong = run(source, tmp_path / "home", *arguments, cwd=tmp_path)
    assert wrong.returncode == 1
    assert reason in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert not (tmp_path / "out").exists()
