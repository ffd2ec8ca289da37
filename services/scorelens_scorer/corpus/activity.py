"""Customers of the corpus: what they did with their account, and which financial instrument fits them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

_CURRENCIES: Final = ("EUR", "EUR", "EUR", "GBP", "USD", "CHF")
_PAGES: Final = {
    "offer_mortgage": "mortgage",
    "offer_savings": "savings account",
    "offer_credit_card": "credit card",
    "offer_investment": "investment fund",
    "offer_consolidation": "consolidation loan",
    "offer_insurance": "insurance",
}


@dataclass
class Customer:
    """What drives a customer; none of it is seen but through the events."""

    income: float  # a month
    regular: float  # 0 paid now and then, 1 a salary on the same day
    thrift: float  # share of the income that stays; negative for those who live beyond it
    rents: bool
    owns: bool
    loans: int
    travels: float  # 0 to 1
    family: bool
    curious: str  # the offer whose pages this customer reads, or ""


def make(number: str, now: datetime, rng: Random) -> dict[str, Any]:
    """Make the activity of one customer over some months; `truth` has the offers that fit."""
    customer = _customer(rng)
    events = _events(customer, now, rng)
    return {
        "id": f"activity-{number}",
        "kind": "activity",
        "customer_id": f"customer-{number}",
        "source": "core-banking",
        "events": events,
        "attributes": {"branch": rng.choice(("north", "south", "online", "online", "online"))},
        "truth": sorted(tag for tag, fit in _fits(customer).items() if _logistic(3.2 * fit) > rng.random()),
    }


def _customer(rng: Random) -> Customer:
    housing = rng.random()
    regular = rng.random() ** 0.5
    return Customer(
        income=math.exp(rng.gauss(7.9, 0.5)),
        regular=regular,
        thrift=rng.gauss(0.08, 0.18),
        rents=housing < 0.55,
        owns=housing > 0.72,
        loans=int(rng.random() ** 2.2 * 5),
        travels=rng.random() ** 2,
        family=rng.random() < 0.4,
        curious=rng.choice(tuple(_PAGES)) if rng.random() < 0.45 else "",
    )


def _fits(customer: Customer) -> dict[str, float]:
    """Return how well each offer fits: above zero it does more often than not."""
    rich = math.log(customer.income / 2700)
    reads = {tag: 1.8 if customer.curious == tag else 0.0 for tag in _PAGES}
    thrift = customer.thrift * 6
    fits = {
        "offer_mortgage": -2.9 + 1.8 * customer.rents + 1.5 * rich + 1.6 * customer.regular + 0.5 * thrift,
        "offer_savings": -0.9 + 1.0 * thrift - 0.5 * rich - 0.4 * customer.loans,
        "offer_credit_card": -2.6 + 3.2 * customer.travels + 1.2 * customer.regular - 0.3 * customer.loans,
        "offer_investment": -2.7 + 1.3 * thrift + 1.9 * rich + 0.6 * customer.owns,
        "offer_consolidation": -3.4 + 1.5 * customer.loans - 0.7 * thrift,
        "offer_insurance": -2.6 + 1.6 * customer.family + 1.5 * customer.owns + 0.6 * rich,
    }
    return {tag: fit + reads[tag] for tag, fit in fits.items()}


def _events(customer: Customer, now: datetime, rng: Random) -> list[dict[str, Any]]:
    months = rng.randint(3, 6)
    ledger = [event for month in range(months) for event in _month(customer, rng, 30.4 * (months - month))]
    ledger += _browsing(customer, rng)
    ledger.sort(key=lambda row: -row[0])
    currency = rng.choice(_CURRENCIES)
    balance = customer.income * max(0.1, rng.gauss(1.0 + 4 * customer.thrift, 0.5))
    events = []
    for days, kind, amount, product in ledger:
        time = now - timedelta(days=max(days, 0.0), seconds=rng.randrange(3600))
        event: dict[str, Any] = {"type": kind, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ")}
        if amount:
            balance += amount
            event |= {"amount": round(amount, 2), "currency": currency, "balance": round(balance, 2)}
        if product:
            event["product"] = product
        events.append(event)
    return events


Row = tuple[float, str, float, str]  # days ago, type, amount, product


def _month(customer: Customer, rng: Random, ago: float) -> list[Row]:
    """Return the rows of one month that began so many days ago."""
    rows: list[Row] = []
    if rng.random() < customer.regular + 0.25:
        slip = (1 - customer.regular) * 14 * rng.random()
        rows.append((ago - 1 - slip, "salary", customer.income * rng.gauss(1, 0.02 + 0.2 * (1 - customer.regular)), ""))
    else:
        rows += [(ago - 28 * rng.random(), "transfer_in", customer.income * 0.4 * rng.random(), "") for _ in range(3)]
    if customer.rents:
        rows.append((ago - 3, "rent", -0.3 * customer.income, "rent"))
    if customer.owns:
        rows.append((ago - 3, "standing_order", -0.25 * customer.income, "house costs"))
    rows += [
        (ago - 5 - loan, "loan_payment", -0.07 * customer.income * (0.6 + rng.random()), "loan")
        for loan in range(customer.loans)
    ]
    spending = customer.income * (0.65 - 0.3 * (customer.rents or customer.owns) - 0.07 * customer.loans)
    rows += _shopping(customer, rng, ago, max(0.1 * customer.income, spending - customer.thrift * customer.income))
    if customer.thrift > 0.1 and rng.random() < 0.6:
        rows.append((ago - 6, "transfer_to_savings", -0.5 * customer.thrift * customer.income, "savings"))
    if customer.thrift < -0.05 and rng.random() < 0.5:
        rows.append((ago - 27, "overdraft_fee", -12.5, ""))
    return rows


def _shopping(customer: Customer, rng: Random, ago: float, spending: float) -> list[Row]:
    shops = ["groceries"] * 4 + ["restaurant"] * 2 + ["clothes", "fuel", "pharmacy"]
    shops += ["travel"] * int(4 * customer.travels) + ["childcare", "toys"] * customer.family
    count = rng.randint(6, 12)
    shares = [rng.random() + 0.1 for _ in range(count)]
    return [
        (ago - 29 * rng.random(), "card_payment", -spending * share / sum(shares), rng.choice(shops))
        for share in shares
    ]


def _browsing(customer: Customer, rng: Random) -> list[Row]:
    rows = [(40 * rng.random(), "page_view", 0.0, rng.choice(tuple(_PAGES.values()))) for _ in range(rng.randint(0, 3))]
    if customer.curious:
        page = _PAGES[customer.curious]
        rows += [(25 * rng.random(), "page_view", 0.0, page) for _ in range(rng.randint(2, 6))]
    return rows


def _logistic(number: float) -> float:
    return 1 / (1 + math.exp(-number))
