"""Reads a spool and acknowledges until it is killed, and says so: `read N`, then `acknowledged N`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from scorelens_sidecar.spool.cleanup import cleanup
from scorelens_sidecar.spool.reader import SpoolReader
from tests.scorelens_sidecar.spool.making import number_of


def main(folder: Path, destination: str, batch: int) -> None:
    """Follow for one destination and delete what it has."""
    reader = SpoolReader(folder, destination)
    while True:
        records = reader.read(batch, 2**20)
        if not records:
            time.sleep(0.001)
            continue
        print("read", *map(number_of, records), flush=True)
        reader.acknowledge(records[-1].position)
        print("acknowledged", number_of(records[-1]), flush=True)
        cleanup(folder, [destination])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
