"""Which offers fit a customer, as the ranker says after their activity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from scorelens_console.core.charts import Chart, bars_by_name
from scorelens_console.core.counting import both, buckets, quoted
from scorelens_console.core.scores import Score, scores_of
from scorelens_console.core.tagbook import Tagbook
from scorelens_store.contract import Reader, Record, Selection, Sort, Terms
from scorelens_store.fields import FIELDS
from scorelens_store.query.tree import Any as AnyOf
from scorelens_store.query.tree import Equals, Exists

OFFER: Final = "offer"
LISTED: Final = 50
SHOWN: Final = 4


@dataclass(frozen=True)
class Customer:
    """One customer's latest activity and the offers for them, the most fitting first."""

    id: str
    record: Record
    offers: Sequence[Score]

    @property
    def address(self) -> str:
        """Return where all of their documents are."""
        query = f"customer:{quoted(self.id)}"
        return f"/documents?{urlencode({'q': query})}"


def read_customers(reader: Reader, selection: Selection, customer: str = "") -> tuple[list[Customer], int]:
    """Return the customers whose activity was scored last, each once, and how many such records there are."""
    node = Equals(FIELDS["customer.id"], customer) if customer else Exists(FIELDS["customer.id"])
    found = reader.search(both(selection, node), limit=LISTED, sort=Sort("@timestamp"))
    customers: dict[str, Customer] = {}
    for hit in found.hits:
        name = str(hit.record["customer"]["id"])
        offers = [score for score in scores_of(hit.record) if score.group == OFFER]
        if offers and (customer or name not in customers):
            key = f"{name} {len(customers)}" if customer else name
            customers[key] = Customer(name, hit.record, offers)
    return list(customers.values()), found.total


def read_chart(reader: Reader, tagbook: Tagbook, selection: Selection) -> Chart | None:
    """Return how often each offer was made; None where no model makes any."""
    offers = {tag.id: tag.title for tag in tagbook.of_group(OFFER)}
    if not offers:
        return None
    chosen = both(selection, AnyOf(tuple(Equals(FIELDS["tags"], tag) for tag in offers)))
    counted = buckets(reader.aggregate(chosen, {"tags": Terms("tags", 500)})["tags"])
    rows = [(offers[str(one.key)], one.count) for one in counted if str(one.key) in offers]
    return bars_by_name("Offers", "to how many customers' activity each was made", rows, "offer")
