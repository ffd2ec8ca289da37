"""`python -m scorelens_scorer.corpus --count 3000 --seed 7 > documents.jsonl`: writes a corpus, one JSON per line."""

from __future__ import annotations

import json
import sys
from datetime import datetime

import click

from scorelens_scorer.corpus import generate


@click.command()
@click.option("--count", type=click.IntRange(0), default=3000, show_default=True, help="How many documents.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Which corpus.")
@click.option(
    "--now", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), help="When the last can be published.  [default: now]"
)
def main(count: int, seed: int, now: datetime | None) -> None:
    """Write a made-up corpus to standard output, one JSON document per line."""
    for document in generate(count, seed, now):
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(prog_name="python -m scorelens_scorer.corpus")
