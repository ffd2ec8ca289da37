"""The account of the indexer: what became of everything that arrived, asked of it over gRPC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import grpc

from scorelens.v1 import store_admin_pb2 as admin
from scorelens.v1.store_admin_pb2_grpc import StoreAdminStub
from scorelens_reading.channel import open_channel, translate
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import ScorelensError

TIMEOUT: Final = 3.0
PARTS: Final = {
    "stored": "records that the store holds because of them",
    "duplicates": "sent again, and there already",
    "forgotten": "kept out because they were forgotten",
    "dead_letters": "could never be stored; `scorelens dead-letters` says why",
    "ignored": "spans that are no record of their own",
    "refused": "sent back while the store was away; the sender keeps them",
}


@dataclass(frozen=True)
class Account:
    """Spans that arrived, and what became of them; `reason` says why there is no account."""

    received: int = 0
    parts: tuple[tuple[str, int, str], ...] = ()
    expired: int = 0
    reason: str = ""

    @property
    def adds_up(self) -> bool:
        """Tell whether every span is accounted for."""
        return self.received == sum(count for _, count, _ in self.parts)


def read_account(indexer: Endpoint | None) -> Account:
    """Ask an indexer for its account."""
    if indexer is None:
        return Account(reason="no indexer is named: start the console with --indexer, or with `scorelens up`")
    try:
        with open_channel(str(indexer)) as channel:
            try:
                found = StoreAdminStub(channel).GetAccount(admin.GetAccountRequest(), timeout=TIMEOUT)
            except grpc.RpcError as error:
                raise translate(error, "indexer", indexer.address) from error
    except ScorelensError as error:
        return Account(reason=str(error))
    parts = tuple((name.replace("_", " "), int(getattr(found, name)), says) for name, says in PARTS.items())
    return Account(int(found.received), parts, int(found.expired))
