"""Many small records in the embedded store: does everything stay healthy? `make volume RECORDS=10_000_000`

A process of its own puts records of about 1 KB, batch by batch, and is killed (kill -9) half way; another one goes on
where it was. A third process searches all the while. What is looked at: the time of a put and of a search over the
course of the run, the number of segments, memory of both, open files of the reader, bytes on disk, and at the end the
counts, and how long typical reads take. Ends early, with a message, when disk or memory get short.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from bench.figures import Figure, write
from bench.records import START, make, record_id
from scorelens_store.contract import DateHistogram, Outcome, Percentiles, Selection, Sort, Statistics, Terms
from scorelens_store.embedded import open_reader, open_writer
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything

BYTES_EACH: Final = 900
"""Bytes on disk of one record, as measured; the need for room is this, and as much again for merges."""
LEAST_MEMORY: Final = 1 * 2**30
LEAST_DISK: Final = 2 * 2**30
PARTS: Final = 10
QUERIES: Final = (
    "refund",
    '"mortgage rate"',
    "tag:complaint AND score.complaint:>0.9",
    'because:"fraud:login"',
    "id:d-4711",
)
EVERYTHING: Final = Selection(Everything())
BECAUSE, TAGGED = Selection(parse('because:"fraud:login"')), Selection(parse("tag:complaint"))
console = Console(width=None if sys.stdout.isatty() else 140)


class ShortError(Exception):
    """The machine has no room for more; says of what."""


@dataclass
class Course:
    """What was seen over the run: one row per batch, and one per round of searches."""

    puts: list[tuple[int, float, int]] = field(default_factory=list)  # records so far, seconds, bytes of memory
    reads: list[dict[str, Any]] = field(default_factory=list)
    segments: list[tuple[int, int]] = field(default_factory=list)


def write_records(folder: Path, start: int, stop: int, batch: int) -> None:
    """Put records and say so, a line each batch; made ahead of the clock."""
    store = open_writer(folder)
    own = psutil.Process()
    for first in range(start, stop, batch):
        records = [make(number) for number in range(first, min(first + batch, stop))]
        began = time.perf_counter()
        results = store.put(records)
        seconds = time.perf_counter() - began
        bad = [result for result in results if result.outcome not in (Outcome.STORED, Outcome.DUPLICATE)]
        if bad:
            sys.exit(f"a record was not stored: {bad[0]}")
        print(json.dumps([first + len(records), seconds, own.memory_info().rss]), flush=True)
    store.close()


def read_records(folder: Path) -> None:
    """Search until standard input ends, and say how long it took and what the process holds."""
    reader, own = open_reader(folder), psutil.Process()
    while not select.select([sys.stdin], [], [], 1.0)[0]:
        seconds = []
        for query in QUERIES:
            began = time.perf_counter()
            found = reader.search(Selection(parse(query)), limit=10)
            seconds.append(time.perf_counter() - began)
            assert found.total >= len(found.hits)
        row = {"seconds": seconds, "files": own.num_fds(), "memory": own.memory_info().rss}
        print(json.dumps(row), flush=True)


def run(folder: Path, records: int, batch: int, course: Course) -> int:
    """Fill the store, with a kill -9 half way; return how many records were acknowledged."""
    with _reader(folder, course), _bar() as progress:
        task = progress.add_task("records", total=records)
        done = 0
        for goal, kill in ((records // 2, True), (records, False)):
            done = _fill(
                folder,
                done,
                goal if not kill else records,
                goal,
                batch,
                course,
                lambda at: progress.update(task, completed=at),
                kill,
            )
            if kill:
                progress.console.print(f"killed the writer with {done:,} records acknowledged; going on")
    return done


def _fill(
    folder: Path, start: int, stop: int, goal: int, batch: int, course: Course, seen: Callable[[int], None], kill: bool
) -> int:
    done = start
    command = ["write", "--folder", str(folder), "--from", str(max(0, start - batch)), "--to", str(stop)]
    with _part(*command, "--batch", str(batch)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            done, seconds, memory = json.loads(line)
            course.puts.append((done, seconds, memory))
            course.segments.append((done, _segments(folder)))
            seen(done)
            if not console.is_terminal and done % (PARTS * batch) == 0:
                console.print(
                    f"{done:,} records, the last {batch:,} in {seconds:.2f} s, {course.segments[-1][1]} segments"
                )
            _check_room(folder, stop - done)
            if kill and done >= goal:
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
    if not kill and process.returncode:
        sys.exit(f"the writer ended with status {process.returncode}")
    return done


@contextlib.contextmanager
def _part(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "bench.volume", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@contextlib.contextmanager
def _reader(folder: Path, course: Course) -> Iterator[None]:
    with _part("read", "--folder", str(folder)) as process:
        assert process.stdout is not None
        assert process.stdin is not None

        def follow() -> None:
            for line in process.stdout or ():
                course.reads.append({"records": course.puts[-1][0] if course.puts else 0, **json.loads(line)})

        thread = threading.Thread(target=follow)
        thread.start()
        try:
            yield
            if process.poll() is not None:
                sys.exit("the reader ended")
        finally:
            process.stdin.close()
            thread.join(60)


def _segments(folder: Path) -> int:
    return len(json.loads((folder / "index" / "meta.json").read_bytes())["segments"])


def _bar() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
    )
    return Progress(*columns, TimeRemainingColumn(elapsed_when_finished=False), console=console)


def _check_room(folder: Path, left: int) -> None:
    free, memory = shutil.disk_usage(folder).free, psutil.virtual_memory().available
    need = min(left * BYTES_EACH, LEAST_DISK) + LEAST_DISK
    if free < need:
        raise ShortError(f"{free / 2**30:.1f} GiB of disk are left under {folder}")
    if memory < LEAST_MEMORY:
        raise ShortError(f"{memory / 2**30:.1f} GiB of memory are left")


def check_before(folder: Path, records: int) -> None:
    """Refuse to begin what cannot end. Raises ShortError."""
    free, need = shutil.disk_usage(folder).free, 2 * records * BYTES_EACH + LEAST_DISK
    if free < need:
        fit = int(max(0, free - LEAST_DISK) / 2 / BYTES_EACH)
        raise ShortError(
            f"{records:,} records need {need / 2**30:.0f} GiB of disk; {free / 2**30:.0f} GiB are free under {folder}: "
            f"name another with ARGS='--folder F', or make volume RECORDS={fit:_}"
        )
    if psutil.virtual_memory().available < 2 * LEAST_MEMORY:
        raise ShortError("less than 2 GiB of memory are free")


def size_of(folder: Path) -> int:
    """Return the bytes on disk of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def verify(folder: Path, records: int) -> Iterator[tuple[str, float, str]]:
    """Check the store by reading it; yield what was read, the seconds, and what came of it."""
    reader = open_reader(folder)
    noon = START.replace(hour=12)
    steps: list[tuple[str, Callable[[], Any]]] = [
        ("count all", lambda: reader.count(EVERYTHING)),
        ("get by id", lambda: reader.get(record_id(records // 3)) and 1),
        *(
            (f"search {query}", lambda query=query: reader.search(Selection(parse(query)), highlight=True).total)
            for query in QUERIES
        ),
        ("newest first", lambda: len(reader.search(EVERYTHING, sort=Sort("@timestamp")).hits)),
        ("by score", lambda: len(reader.search(EVERYTHING, sort=Sort("score.complaint")).hits)),
        (
            "an hour by score",
            lambda: reader.search(Selection(Everything(), noon, noon.replace(hour=13)), sort=Sort("score.fraud")).total,
        ),
        (
            "histogram by day",
            lambda: len(reader.aggregate(EVERYTHING, {"a": DateHistogram("@timestamp", 86_400)})["a"]),
        ),
        ("words of a reason", lambda: len(reader.significant_words(BECAUSE).words)),
        ("reasons of a tag", lambda: len(reader.significant_words(TAGGED, field="because").words)),
        ("terms of reasons", lambda: len(reader.aggregate(EVERYTHING, {"a": Terms("because", 20)})["a"])),
        ("statistics of scores", lambda: len(reader.aggregate(EVERYTHING, {"a": Statistics("score.complaint")})["a"])),
        (
            "percentiles of scores",
            lambda: len(reader.aggregate(EVERYTHING, {"a": Percentiles("score.complaint")})["a"]),
        ),
        (
            "scan 20,000 of a query",
            lambda: sum(1 for _ in islice(reader.scan(Selection(parse("tag:fraud"))), 20_000)),
        ),
    ]
    for name, step in steps:
        began = time.perf_counter()
        found = step()
        yield name, time.perf_counter() - began, f"{found:,}"
        if name == "count all" and found != records:
            sys.exit(f"the store counts {found:,} records where {records:,} were acknowledged")
    reader.close()


def show(course: Course, folder: Path, done: int) -> None:
    """Print the course of the run in tenths."""
    table = Table(
        "records",
        "put p50 ms",
        "p99 ms",
        "longest",
        "records/s",
        "segments",
        "writer MiB",
        "search p50 ms",
        "p95 ms",
        "reader MiB",
        "files",
    )
    for rows, reads in _tenths(course, done):
        seconds = [row[1] for row in rows]
        sizes = [now[0] - before[0] for before, now in pairwise(rows)] or [0]
        searched = sorted(second for read in reads for second in read["seconds"]) or [0.0]
        segments = [number for at, number in course.segments if rows[0][0] <= at <= rows[-1][0]]
        table.add_row(
            f"{rows[-1][0]:,}",
            *(
                f"{value * 1e3:,.0f}"
                for value in (statistics.median(seconds), _percentile(seconds, 0.99), max(seconds))
            ),
            f"{sum(sizes) / max(sum(seconds[1:]), 1e-9):,.0f}",
            f"{min(segments)}-{max(segments)}",
            f"{max(row[2] for row in rows) / 2**20:,.0f}",
            *(f"{value * 1e3:,.1f}" for value in (statistics.median(searched), _percentile(searched, 0.95))),
            f"{max((read['memory'] for read in reads), default=0) / 2**20:,.0f}",
            f"{max((read['files'] for read in reads), default=0)}",
        )
    console.print(table)
    size = size_of(folder)
    console.print(
        f"{size / 2**30:.2f} GiB on disk, {size / max(done, 1):,.0f} bytes a record, {_segments(folder)} segments"
    )


def _tenths(course: Course, done: int) -> Iterator[tuple[list[tuple[int, float, int]], list[dict[str, Any]]]]:
    for part in range(PARTS):
        low, high = done * part / PARTS, done * (part + 1) / PARTS
        rows = [row for row in course.puts if low < row[0] <= high]
        if rows:
            yield rows, [read for read in course.reads if low < read["records"] <= high]


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def figures(course: Course, done: int) -> Iterator[Figure]:
    """Compare the end of the run to its beginning."""
    tenths = list(_tenths(course, done))
    first, last = ([row[1] for row in tenths[at][0]] for at in (0, -1))
    yield Figure(
        f"embedded store at {done:,} records: time of a put, last tenth to first",
        statistics.median(last) / statistics.median(first),
        ours=statistics.median(last) * 1e3,
        peer=statistics.median(first) * 1e3,
        unit="ms",
    )


def main() -> None:
    """Run, or be one of the parts that the run starts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("run", "write", "read"), default="run", help=argparse.SUPPRESS)
    parser.add_argument("--records", type=lambda text: int(text.replace("_", "").replace(",", "")), default=10_000_000)
    parser.add_argument("--batch", type=int, default=5000, help="records of one put")
    parser.add_argument("--folder", type=Path, help="where the store goes; kept if named")
    parser.add_argument("--from", dest="start", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--to", dest="stop", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    if options.part == "write":
        write_records(options.folder, options.start, options.stop, options.batch)
    elif options.part == "read":
        read_records(options.folder)
    else:
        sys.exit(_main(options))


def _main(options: argparse.Namespace) -> int:
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scorelens-volume-")))
        folder.mkdir(parents=True, exist_ok=True)
        course, done = Course(), 0
        try:
            check_before(folder, options.records)
            open_writer(folder).close()
            done = run(folder, options.records, options.batch, course)
        except ShortError as error:
            console.print(f"[bold]ended early[/]: {error}")
            if not course.puts:
                return 1
            done = course.puts[-1][0]
        show(course, folder, done)
        if done == options.records:
            table = Table("read", "ms", "found")
            for name, seconds, found in verify(folder, done):
                table.add_row(name, f"{seconds * 1e3:,.1f}", found)
            console.print(table)
        write(options.json, figures(course, done))
        return 0 if done == options.records else 1


if __name__ == "__main__":
    main()
