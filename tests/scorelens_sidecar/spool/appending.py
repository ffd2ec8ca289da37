"""Appends to a spool until it is killed, and says so: `answered N` after a record, `seen N` after each step."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from scorelens_sidecar.recorder import DropReason
from scorelens_sidecar.spool.writer import SpoolWriter
from tests.scorelens_sidecar.spool.making import make_call, make_settings


def main(folder: Path, first: int, records: int, fsync: str) -> None:
    """Append records numbered from `first` in batches of many sizes, with drops and samples in between."""
    writer = SpoolWriter(folder, make_settings(segment_bytes=20_000, spool_bytes=2**30, fsync=fsync))
    chance = random.Random(first)
    number = first
    while number < first + records:
        batch = [make_call(number + each, chance.randrange(3000)) for each in range(chance.choice((1, 1, 2, 20)))]
        if writer.append(batch):
            number += len(batch)
            print("answered", number - 1, flush=True)
        if chance.random() < 0.2:
            writer.drop(chance.choice((DropReason.MEMORY, DropReason.DISK)), 3)
        if chance.random() < 0.2:
            writer.sample_out(2)
        print("seen", writer.counts["seen"], flush=True)
    writer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
