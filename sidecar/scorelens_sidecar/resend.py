"""Sends again what a spool still has, for a store that was lost or made anew.

    python -m scorelens_sidecar.resend --folder ~/.scorelens/sidecar --destination http://127.0.0.1:4317

sets the destination back to the oldest segment that is kept, or with `--since 2026-11-20` to the one that was the live
one at that time (UTC unless it names a zone). The sidecar has to be stopped; its next start sends. Receivers know a
record by its id, so that what they have already is a duplicate there. How long segments are kept is the setting
--spool-keep. The account of the destination begins anew at that place, and adds up as before.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from scorelens_runtime.errors import ScorelensError
from scorelens_sidecar.spool import cursor
from scorelens_sidecar.spool.account import read_account
from scorelens_sidecar.spool.counters import APPENDED
from scorelens_sidecar.spool.cursor import Cursor, Position
from scorelens_sidecar.spool.errors import SpoolError
from scorelens_sidecar.spool.folders import Lock, relay_folders
from scorelens_sidecar.spool.format import SEGMENT_HEADER_SIZE
from scorelens_sidecar.spool.reader import first_cursor
from scorelens_sidecar.spool.segments import segments_from


def resend(folder: Path, destination: str, since: datetime | None = None) -> int:
    """Set a destination back in every spool of a sidecar's folder; return how many records it will get.

    Raises SpoolLockedError while a shipper sends to it, and SpoolError where the destination is not known.
    """
    relays = relay_folders(folder)
    known = sorted({name for relay in relays for name in cursor.load_all(relay)})
    if destination not in known:
        raise SpoolError(f"{folder} has no destination {destination!r}; it has {', '.join(known) or 'none'}")
    return sum(_set_back(relay, destination, since) for relay in relays)


def _set_back(relay: Path, destination: str, since: datetime | None) -> int:
    path = cursor.cursor_path(relay, destination)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    lock = Lock(path.with_suffix(".lock"), f"the sidecar, which sends to {destination},")
    try:
        begun = _cursor_at(relay, destination, since)
        now = cursor.load(path)
        if now is None or begun.position.index < now.position.index:
            cursor.save(path, begun)
    except OSError as error:
        raise SpoolError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        lock.release()
    return next(each.spooled for each in read_account(relay, [destination]) if each.destination == destination)


def _cursor_at(relay: Path, destination: str, since: datetime | None) -> Cursor:
    found = first_cursor(relay, destination)
    if since is None:
        return found
    moment = int(since.timestamp() * 1e9)
    for segment in segments_from(relay):
        if segment.header and segment.header.created_ns <= moment:
            counts = segment.header.counters
            place = Position(counts[APPENDED], sum(counts), segment.number, SEGMENT_HEADER_SIZE)
            found = Cursor(destination, counts, place)
    return found


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 2026-11-20 or 2026-11-20T08:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def main(arguments: list[str] | None = None) -> int:
    """Set a destination back; return the process's exit status."""
    parser = argparse.ArgumentParser(
        "scorelens_sidecar.resend", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True, help="the sidecar's folder")
    parser.add_argument("--destination", required=True, help="its name, as scorelens_sidecar.status prints it")
    parser.add_argument("--since", type=_time, help="leave out segments that were ended before this time")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    try:
        records = resend(options.folder.expanduser().absolute(), options.destination, options.since)
    except ScorelensError as error:
        sys.stderr.write(f"scorelens: {error}\n")
        return error.exit_status
    text = f"{options.destination} gets {records:,} records with the next start of the sidecar"
    found = {"destination": options.destination, "records": records}
    sys.stdout.write((json.dumps(found) if options.json else text) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
