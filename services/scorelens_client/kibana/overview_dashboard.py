"""The end user's dashboard: what came in, what it is about, whom it reached, and what to offer whom."""

from __future__ import annotations

from typing import Final

from scorelens_client.kibana.columns import Column, average, count, dates, terms, total, unique
from scorelens_client.kibana.dashboard import Dashboard
from scorelens_client.kibana.lens import AREA, BAD, BARS, GOOD, ROWS, SHARES, chart, figure, table
from scorelens_client.kibana.lucene import PRODUCTION, UNTAGGED, tagged
from scorelens_client.kibana.panels import Listing, Panel, Words
from scorelens_client.kibana.parts import KIND, MODEL, SOURCE, TAG, TITLES, links, tags_of
from scorelens_client.kibana.view import KibanaView

_MOST_OFFERS: Final = 12
_HELP: Final = (
    "Every document here was tagged by a model. Choose a kind, a tag or a source above to narrow everything below; "
    "a click on a bar does the same. **People reached** is the sum of the documents' audiences."
)


def overview_dashboard(view: KibanaView) -> Dashboard:
    """Return the dashboard for somebody who reads tagged documents."""
    return Dashboard(
        "overview",
        TITLES["overview"],
        "Volume, tags, reach and sentiment per brand, sources, offers and the latest documents.",
        (links(), Panel("How to read this", 48, 4, Words(_HELP)), *_volume(), *_brands(view), *_offers(view), *_list()),
        (KIND, TAG, SOURCE, MODEL),
    )


def _volume() -> list[Panel]:
    kinds = terms("document.kind", "Kind", 10)
    return [
        Panel("Documents", 12, 6, figure(count())),
        Panel("People reached", 12, 6, figure(_reach())),
        Panel("Documents without a tag", 12, 6, figure(count(), UNTAGGED)),
        Panel("Customers", 12, 6, figure(unique("customer.id", "Customers"))),
        Panel("Documents over time, by kind", 24, 12, chart(BARS, dates(), [count()], split=kinds)),
        Panel("Tags over time", 24, 12, chart(AREA, dates(), [count()], split=terms("tags", "Tag", 10))),
        Panel("Tags", 16, 14, chart(ROWS, terms("tags", "Tag", 20), [count()])),
        Panel("Kinds", 16, 14, chart(ROWS, kinds, [count()])),
        Panel(
            "Sources by people reached", 16, 14, table([terms("document.source", "Source", 50)], [_reach(), count()])
        ),
    ]


def _brands(view: KibanaView) -> list[Panel]:
    good, bad = _feelings()
    brands = tags_of(view, "brand", "Brand")
    reached = total("document.audience", "People reached")
    by_brand = table([brands], [count(), reached, good, bad, reached.within(tagged("negative")).named("Reached badly")])
    return [
        Panel("Reach over time, by brand", 24, 12, chart(AREA, dates(), [_reach()], split=brands)),
        Panel("Sentiment over time", 24, 12, chart(BARS, dates(), [good, bad])),
        Panel("Sentiment by brand", 24, 12, chart(SHARES, brands, [good, bad])),
        Panel("Reach and sentiment by brand", 24, 12, by_brand),
        Panel("Sentiment by source", 48, 12, table([terms("document.source", "Source", 50)], [good, bad, _reach()])),
    ]


def _offers(view: KibanaView) -> list[Panel]:
    offers = tags_of(view, "offer", "Offer")
    customers = unique("customer.id", "Customers")
    scores = [average(f"score.{tag}", view.title(tag)) for tag in view.of_group("offer")[:_MOST_OFFERS]]
    of_customers = f"{PRODUCTION} AND customer.id:*"
    ranked = table([terms("customer.id", "Customer", 100)], [count("Scored"), *scores], lucene=of_customers)
    return [
        Panel("Offers by customers they fit", 16, 14, chart(ROWS, offers, [customers], lucene=of_customers)),
        Panel("Offers per customer", 32, 14, ranked),
    ]


def _list() -> list[Panel]:
    return [Panel("Latest documents", 48, 24, Listing("documents"))]


def _reach() -> Column:
    return total("document.audience", "People reached")


def _feelings() -> tuple[Column, Column]:
    good = count("Positive").within(tagged("positive"), GOOD)
    return good, count("Negative").within(tagged("negative"), BAD)
