"""Reach and brand perception, read off a store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scorelens_client.perception import Perception, perception
from scorelens_store.contract import Reader
from scorelens_store.open import open_store

DOCUMENTS = [
    (("brand_acme", "positive"), 100),
    (("brand_acme", "negative"), 10),
    (("brand_acme",), 0),
    (("brand_bolt", "negative"), 5000),
    (("complaint", "negative"), 7),
]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A store with a few documents that mention brands."""
    store = open_store(tmp_path)
    groups = {"brand_acme": "brand", "brand_bolt": "brand", "positive": "sentiment", "negative": "sentiment"}
    store.put(
        [
            {
                "@timestamp": "2026-11-22T10:00:00Z",
                "record": {"id": f"{number:032x}", "type": "document"},
                "purpose": "production",
                "document": {"id": str(number), "kind": "tweet", "text": "", "length": 0, "audience": audience},
                "tags": list(tags),
                "titles": {"brand_acme": "Acme"},
                "groups": groups,
            }
            for number, (tags, audience) in enumerate(DOCUMENTS)
        ]
    )
    yield store
    store.close()


def test_brands_are_read_off_the_records(reader: Reader) -> None:
    """A brand's reach is the audience of all documents that mention it; its perception is their sentiment."""
    assert perception(reader) == [
        Perception("brand_bolt", documents=1, reach=5000, positive=0, negative=1),
        Perception("Acme", documents=3, reach=110, positive=1, negative=1),
    ]
