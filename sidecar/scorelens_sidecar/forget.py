"""Forgetting documents: out of a sidecar's folder, whether the sidecar runs or not; docs/forget.md tells how.

    python -m scorelens_sidecar.forget --folder FOLDER --document ID --customer ID --record ID [--dry-run] [--json]

Each may be repeated; `--ids -` reads more of them from standard input, which shows them to nobody:
{"document": ["d-17"], "customer": ["c-9"], "record": []}. With --json it prints

    {"folder": "/.../sidecar", "dry_run": false,
     "spool": {"records": 2, "documents": 3, "whole": 0},      whole: records of which all documents had to go
     "calculation_log": 3, "dead_letters": 0,                  lines
     "destinations": ["http://127.0.0.1:4317"],                who may have got the documents before
     "names": {"document": ["5f0c..."], "customer": []},       what redaction calls them everywhere else
     "left": [{"place": "...", "reason": "..."}]}              what could not be reached; run it again

Without --json the same as a short text. The status is 0, or 1 where anything is left.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scorelens_runtime.errors import ScorelensError, SettingError
from scorelens_sidecar import calculation_log, dead_letters
from scorelens_sidecar.forgetting.blanking import Blanking
from scorelens_sidecar.forgetting.lines import Listed, blank_lines
from scorelens_sidecar.forgetting.spool import Found, blank_spool
from scorelens_sidecar.forgetting.tombstones import Tombstones
from scorelens_sidecar.forgetting.wanted import KINDS, Wanted
from scorelens_sidecar.redaction import hashed_names
from scorelens_sidecar.spool import cursor
from scorelens_sidecar.spool.folders import make_private, relay_folders


def forget(folder: Path, wanted: Wanted, *, dry_run: bool = False) -> dict[str, Any]:
    """Return what the module's docstring describes; every place that can be reached is done, whatever others say."""
    named = {kind: hashed_names(folder, getattr(wanted, kind)) for kind in ("document", "customer")}
    everywhere = wanted.with_names(Wanted.of(named))
    spool, left = Found(), list[dict[str, str]]()
    report: dict[str, Any] = {"folder": str(folder), "dry_run": dry_run, "calculation_log": 0, "dead_letters": 0}

    def reach(place: Path, action: Callable[[], object]) -> Any:
        try:
            return action()
        except (OSError, ScorelensError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            left.append({"place": str(place), "reason": reason})
            return 0

    if folder.is_dir():
        if not dry_run:
            reach(folder, lambda: _keep_out(folder, everywhere))
        for relay in relay_folders(folder):
            reach(relay, lambda relay=relay: blank_spool(relay, Blanking(wanted), spool, dry_run=dry_run))  # type: ignore[misc]
        for name, (newest, listed) in _files(folder).items():
            report[name] = reach(newest, lambda listed=listed: _blank_lines(folder, listed, everywhere, dry_run))  # type: ignore[misc]
    return report | {"spool": asdict(spool), "destinations": _destinations(folder), "names": named, "left": left}


def as_text(report: dict[str, Any]) -> str:
    """Put a report in words."""
    spool, verb = report["spool"], "are" if report["dry_run"] else "were"
    lines = [
        f"{report['folder']}: {spool['documents']} documents in {spool['records']} records of the spool, "
        f"{report['calculation_log']} lines of the calculation log and {report['dead_letters']} dead letters "
        f"{verb} concerned"
    ]
    if spool["whole"]:
        lines.append(f"  {spool['whole']} of the records could only be emptied as a whole")
    return "\n".join([*lines, *(f"  NOT REACHED: {each['place']}: {each['reason']}" for each in report["left"])])


def _keep_out(folder: Path, wanted: Wanted) -> None:
    make_private(folder)
    Tombstones(folder).add(wanted)


def _files(folder: Path) -> dict[str, tuple[Path, Listed]]:
    """Return the files of lines: the one that is being written, and what lists all of them."""
    letters = [folder / dead_letters.FILE, folder / dead_letters.OLDER_FILE]
    return {
        "calculation_log": (folder / calculation_log.FILE, lambda: calculation_log.log_files(folder)),
        "dead_letters": (letters[0], lambda: letters),
    }


def _blank_lines(folder: Path, listed: Listed, wanted: Wanted, dry_run: bool) -> int:
    still = None if dry_run else Tombstones(folder).still()  # a look needs no right to write, and so no lock
    return blank_lines(listed, lambda line: wanted.matches(*_ids_of(line)), still=still, dry_run=dry_run)


def _ids_of(line: dict[str, Any]) -> tuple[str, str, str]:
    """Return the ids of a line of the calculation log, or of a dead letter."""
    found = []
    for kind in KINDS:
        part = line.get(kind)
        one = part.get("id") if isinstance(part, dict) else line.get(f"{kind}_id")
        found.append(one if isinstance(one, str) else "")
    return found[0], found[1], found[2]


def _destinations(folder: Path) -> list[str]:
    return sorted({name for relay in relay_folders(folder) for name in cursor.load_all(relay)})


def _wanted(options: argparse.Namespace) -> Wanted:
    ids: dict[str, list[str]] = {kind: list(getattr(options, kind)) for kind in KINDS}
    if options.ids:
        for kind, more in _read_ids(options.ids).items():
            ids[kind] += more
    if any(not one for some in ids.values() for one in some):
        raise SettingError("an id is empty: that would mean everything that has none")
    wanted = Wanted.of(ids)
    if not wanted:
        raise SettingError("name what to forget: --document ID, --customer ID, --record ID or --ids -")
    return wanted


def _read_ids(name: str) -> dict[str, list[str]]:
    try:
        read = json.loads(sys.stdin.read() if name == "-" else Path(name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingError(f"--ids {name} cannot be read: {error}") from error
    if not isinstance(read, dict) or not all(kind in KINDS and _are_texts(some) for kind, some in read.items()):
        raise SettingError(f"--ids {name} is not an object with lists of ids under {', '.join(KINDS)}")
    return read


def _are_texts(some: object) -> bool:
    return isinstance(some, list) and all(isinstance(one, str) for one in some)


def main(arguments: Iterable[str] | None = None) -> int:
    """Forget, and say what was done; return the process's exit status."""
    parser = argparse.ArgumentParser("scorelens_sidecar.forget", description="Forget documents in a sidecar's folder.")
    parser.add_argument("--folder", type=Path, required=True, help="the sidecar's folder")
    for kind in KINDS:
        text = f"id of a {kind} to forget; may be repeated"
        parser.add_argument(f"--{kind}", action="append", default=[], metavar="ID", help=text)
    parser.add_argument("--ids", metavar="FILE", help="JSON object with lists of more ids; - reads standard input")
    parser.add_argument("--dry-run", action="store_true", help="change nothing, only say what is concerned")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(None if arguments is None else list(arguments))
    try:
        report = forget(options.folder.expanduser().absolute(), _wanted(options), dry_run=options.dry_run)
    except ScorelensError as error:
        sys.stderr.write(f"scorelens: {error}\n")
        return error.exit_status
    with suppress(BrokenPipeError):
        sys.stdout.write((json.dumps(report) if options.json else as_text(report)) + "\n")
    return 1 if report["left"] else 0


if __name__ == "__main__":
    sys.exit(main())
