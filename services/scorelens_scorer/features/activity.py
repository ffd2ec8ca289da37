"""What a customer's activity says: income, spending, debts, habits and interests, as ratios and counts a month."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from scipy import sparse

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.features import Names

PAGES: Final = ("mortgage", "savings account", "credit card", "investment fund", "consolidation loan", "insurance")
MONTH: Final = 30.4 * 86400
"""Seconds."""


class Event(NamedTuple):
    """What is looked at of one event; `time` is in seconds of Unix time, None where it is unknown."""

    type: str
    time: float | None
    amount: float
    product: str


class Ledger:
    """The events of one customer, and what is read off them; money is in units of the account's currency."""

    def __init__(self, document: Document) -> None:
        """Read a document's events, once: reading them out of protobuf is what takes time."""
        self.events = [
            Event(event.type, event.time.seconds if event.HasField("time") else None, event.amount, event.product)
            for event in document.events
        ]
        self.balances = [event.balance for event in document.events if event.HasField("balance")]
        times = [event.time for event in self.events if event.time is not None]
        self.now = max(times, default=0.0)
        self.months = max(1.0, (self.now - min(times)) / MONTH) if times else 1.0
        self._of_type: dict[str, list[Event]] = {}
        for event in self.events:
            self._of_type.setdefault(event.type, []).append(event)

    @cached_property
    def income(self) -> float:
        """Money that came in, a month."""
        return sum(event.amount for event in self.events if event.amount > 0) / self.months

    @cached_property
    def spending(self) -> float:
        """Money that went out, a month, without transfers to savings."""
        out = [event.amount for event in self.events if event.amount < 0 and event.type != "transfer_to_savings"]
        return -sum(out) / self.months

    @cached_property
    def card(self) -> Mapping[str, float]:
        """Share of card payments by product."""
        paid: dict[str, float] = {}
        for event in self.of_type("card_payment"):
            paid[event.product] = paid.get(event.product, 0.0) + max(0.0, -event.amount)
        total = sum(paid.values())
        return {product: ratio(amount, total, 1.0) for product, amount in paid.items()}

    @cached_property
    def interest(self) -> Mapping[str, float]:
        """How many views each page had, the recent ones counted more, on a logarithmic scale."""
        seen: dict[str, float] = {}
        for event in self.of_type("page_view"):
            recent = 0.5 if event.time is None else math.exp((event.time - self.now) / MONTH)
            seen[event.product] = seen.get(event.product, 0.0) + recent
        return {page: math.log1p(views) for page, views in seen.items()}

    def of_type(self, kind: str) -> Sequence[Event]:
        """Return the events of a type."""
        return self._of_type.get(kind, ())

    def share(self, kind: str) -> float:
        """Return what part of the income goes to events of a type."""
        return ratio(-sum(event.amount for event in self.of_type(kind)) / self.months, self.income, 2.0)

    def a_month(self, kind: str) -> float:
        """Return how many events of a type there are a month."""
        return ratio(len(self.of_type(kind)), self.months, 10.0)


def ratio(part: float, whole: float, most: float) -> float:
    """Divide, bounded by `most` either way; 0 where nothing sensible comes out, such as of infinite sums."""
    value = part / whole if whole else 0.0
    return min(most, max(-most, value)) if math.isfinite(value) else 0.0


def _log_income(ledger: Ledger) -> float:
    """Return how often the income doubles 2,000 a month; about -3.5 for none at all."""
    return math.log2((ledger.income + 200) / 2200) if math.isfinite(ledger.income) else 0.0


def _steadiness(ledger: Ledger) -> float:
    """Tell how alike the salaries are: 1 for always the same, 0 for none or wildly different ones."""
    salaries = [event.amount for event in ledger.of_type("salary")]
    if len(salaries) < 2:
        return 0.5 * len(salaries)
    mean = sum(salaries) / len(salaries)
    spread = sum(abs(salary - mean) for salary in salaries) / len(salaries)
    return 1.0 - ratio(spread, abs(mean), 1.0)


def _punctuality(ledger: Ledger) -> float:
    """Tell how alike the gaps between salaries are: 1 for the same number of days."""
    times = [event.time for event in ledger.of_type("salary") if event.time is not None]
    gaps = [(after - before) / MONTH for before, after in pairwise(times)]
    if len(gaps) < 2:
        return 0.5 * len(gaps)
    return 1.0 - ratio(max(gaps) - min(gaps), 1.0, 1.0)


def _trend(ledger: Ledger) -> float:
    """Return what the balance gains a month, in monthly incomes: the mean of the last third less that of the first."""
    third = len(ledger.balances) // 3
    if not third:
        return 0.0
    gain = sum(ledger.balances[-third:]) / third - sum(ledger.balances[:third]) / third
    return ratio(gain / ledger.months, ledger.income, 3.0)


def _cushion(ledger: Ledger) -> float:
    """Return the last balance in monthly incomes."""
    return ratio(ledger.balances[-1], ledger.income, 6.0) if ledger.balances else 0.0


def _lowest(ledger: Ledger) -> float:
    return ratio(min(ledger.balances), ledger.income, 3.0) if ledger.balances else 0.0


FEATURES: Final[Mapping[str, Callable[[Ledger], float]]] = {
    "has events": lambda ledger: 1.0,
    "income, doublings of 2000 a month": _log_income,
    "salaries a month": lambda ledger: min(2.0, ledger.a_month("salary")),
    "income regularity": _punctuality,
    "income steadiness": _steadiness,
    "share of income spent": lambda ledger: ratio(ledger.spending, ledger.income, 3.0),
    "balance trend": _trend,
    "balance in incomes": _cushion,
    "lowest balance in incomes": _lowest,
    "rent share of income": lambda ledger: ledger.share("rent"),
    "pays rent": lambda ledger: float(bool(ledger.of_type("rent"))),
    "has house costs": lambda ledger: float(bool(ledger.of_type("standing_order"))),
    "loan payments a month": lambda ledger: ledger.a_month("loan_payment"),
    "loan share of income": lambda ledger: ledger.share("loan_payment"),
    "overdraft fees a month": lambda ledger: ledger.a_month("overdraft_fee"),
    "transfers to savings a month": lambda ledger: ledger.a_month("transfer_to_savings"),
    "card payments a month, log": lambda ledger: math.log1p(ledger.a_month("card_payment")),
    "spending mix: travel": lambda ledger: ledger.card.get("travel", 0.0),
    "spending mix: groceries": lambda ledger: ledger.card.get("groceries", 0.0),
    "spending mix: restaurant": lambda ledger: ledger.card.get("restaurant", 0.0),
    "spending mix: children": lambda ledger: ledger.card.get("childcare", 0.0) + ledger.card.get("toys", 0.0),
} | {f"recent interest: {page}": lambda ledger, page=page: ledger.interest.get(page, 0.0) for page in PAGES}
"""What is read off a ledger, by the name under which people see it."""


class ActivityFeatures:
    """The values of FEATURES for the events of documents; text is not looked at."""

    names: Names = np.array(list(FEATURES), dtype=object)

    def matrix(self, documents: Sequence[Document]) -> Any:
        """Return the values as a SciPy CSR matrix (documents, features)."""
        rows = [_row(document) for document in documents]
        return sparse.csr_matrix(np.array(rows))


def _row(document: Document) -> list[float]:
    if not document.events:
        return [0.0] * len(FEATURES)
    ledger = Ledger(document)
    return [read(ledger) for read in FEATURES.values()]
