"""What indexing anew costs, and how long writers wait for it. `python -m bench.reindex`

Records lie in the index of one day. It is made anew as by `scorelens elasticsearch reindex`, end to end, against
putting the same records into the same server through the store. While writes are blocked nothing may depend on how
large an index is: that time is compared for an index and for one of a tenth of its records.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.figures import Figure, report, write
from bench.store import make_load, new_prefix, server
from scorelens_store.contract import Record
from scorelens_store.elasticsearch.reindexing.run import open_reindexing
from scorelens_store.errors import StoreUnavailableError

TOGETHER: Final = 500
SHARE: Final = 10


@dataclass(frozen=True)
class Round:
    """Records per second of putting and of indexing anew, and the seconds that writers waited."""

    put: float
    anew: float
    waited: float


class Silent:
    """Watches a run."""

    def step(self, what: str, done: int, total: int) -> None:
        """Show nothing."""

    def wait(self, error: StoreUnavailableError) -> None:
        """A server that goes away makes the figures worthless."""
        raise error


def measure(url: str, records: Sequence[Record]) -> Round:
    """Put records into an index of their own, and make it anew."""
    with new_prefix(url) as store:
        parts = [records[start : start + TOGETHER] for start in range(0, len(records), TOGETHER)]
        started = time.perf_counter()
        with ThreadPoolExecutor(store.parallel_puts) as pool:
            list(pool.map(store.put, parts))
        put = time.perf_counter() - started
        with open_reindexing(url, store.settings) as reindexing, reindexing.held():
            (index,) = reindexing.indices()
            started = time.perf_counter()
            result = reindexing.reindex(index, Silent())
            anew = time.perf_counter() - started
        if result.records != len(records):
            sys.exit(f"{result.records} of {len(records)} records are in the new index")
    return Round(len(records) / put, len(records) / anew, result.waited)


def figures(url: str, records: Sequence[Record], rounds: int) -> Iterator[Figure]:
    """Measure a large index and a small one in turn."""
    measure(url, records[: len(records) // SHARE])  # the server compiles what it runs often
    large, small = [], []
    for _ in range(rounds):
        small.append(measure(url, records[: len(records) // SHARE]))
        large.append(measure(url, records))
        print(
            f"  put {large[-1].put:,.0f}/s, anew {large[-1].anew:,.0f}/s, writers waited {large[-1].waited:.3f} s, "
            f"with a tenth of the records {small[-1].waited:.3f} s",
            flush=True,
        )
    ratio = statistics.median(each.anew / each.put for each in large)
    rates = (statistics.median(each.anew for each in large), statistics.median(each.put for each in large))
    yield Figure("reindex: records per second", ratio, "", *rates, "records/s", "peer: putting them through the store")
    waits = (statistics.median(each.waited for each in large), statistics.median(each.waited for each in small))
    note = f"peer: the same with {len(records) // SHARE:,} records instead of {len(records):,}"
    yield Figure("reindex: how long writers wait", waits[0] / waits[1], "<= 2", *waits, "s", note)


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--tags", type=int, default=10)
    parser.add_argument("--terms", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--elasticsearch", metavar="URL", help="a server to use instead of one of our own")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    records = make_load(options.documents, options.tags, options.terms).records
    with server(options.elasticsearch) as url:
        found = list(figures(url, records, options.rounds))
    write(options.json, found)
    for each in found:
        print(f"{each.name}: {each.ratio:.2f} of the peer's {each.gate and f'(gate {each.gate})'} {each.note}")
    sys.exit(report(found))


if __name__ == "__main__":
    main()
