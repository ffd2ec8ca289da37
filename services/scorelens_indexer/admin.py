"""The StoreAdmin service: changes that people ask for, the account, and the dead letters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import grpc

from scorelens.v1 import store_admin_pb2 as messages
from scorelens.v1 import store_admin_pb2_grpc
from scorelens_indexer.account import Account
from scorelens_indexer.dead_letters import DeadLetters
from scorelens_indexer.errors import MalformedError
from scorelens_indexer.labels import read_labels
from scorelens_indexer.statuses import translated, translated_stream
from scorelens_indexer.writer import Writer
from scorelens_store.contract import Store

SERVICE: Final = messages.DESCRIPTOR.services_by_name["StoreAdmin"].full_name

_DEFAULT_LIMIT: Final = 100
_MOST_LETTERS: Final = 10_000
_LISTED_LENGTH: Final = 1000
_ANSWER_BYTES: Final = 3 * 2**20  # clients take 4 MiB unless they say otherwise
_LISTED: Final = tuple(field.name for field in messages.DeadLetter.DESCRIPTOR.fields)


class Admin(store_admin_pb2_grpc.StoreAdminServicer):
    """Serves StoreAdmin; changes go through the writer, in order with incoming records."""

    def __init__(self, store: Store, writer: Writer, dead_letters: DeadLetters, account: Account) -> None:
        self._store, self._writer, self._dead_letters, self._account = store, writer, dead_letters, account

    @translated
    def Annotate(self, request: messages.AnnotateRequest, context: grpc.ServicerContext) -> messages.AnnotateResponse:  # noqa: N802
        """Add labels to a record."""
        if not request.record_id:
            raise MalformedError("record_id is empty: name the record")
        labels = read_labels(request.labels)
        self._writer.change(lambda store: store.annotate(request.record_id, labels))
        return messages.AnnotateResponse()

    @translated
    def Forget(self, request: messages.ForgetRequest, context: grpc.ServicerContext) -> messages.ForgetResponse:  # noqa: N802
        """Remove records for good, among the dead letters as well."""
        field, values = _chosen(
            {
                "record_ids": request.record_ids,
                "document_ids": request.document_ids,
                "customer_ids": request.customer_ids,
            }
        )
        removed = self._writer.change(lambda store: store.forget(**{field: values}))
        self._dead_letters.forget(field.removesuffix("s"), values)
        return messages.ForgetResponse(records=removed)

    @translated_stream
    def Purge(  # noqa: N802
        self, request: messages.PurgeRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.PurgeProgress]:
        """Take what was removed out of the store's files; the store lets records in between two steps."""
        for done, total in self._store.purge():
            yield messages.PurgeProgress(done=done, total=total)

    @translated
    def GetAccount(self, request: messages.GetAccountRequest, context: grpc.ServicerContext) -> messages.IndexerAccount:  # noqa: N802
        """Tell what became of all spans."""
        return messages.IndexerAccount(
            **asdict(self._account.counts()),
            store=self._store.describe(),
            store_available=self._store.available(),
        )

    @translated
    def ListDeadLetters(  # noqa: N802
        self, request: messages.ListDeadLettersRequest, context: grpc.ServicerContext
    ) -> messages.ListDeadLettersResponse:
        """List dead letters, the newest first."""
        letters = self._dead_letters.newest(min(request.limit or _DEFAULT_LIMIT, _MOST_LETTERS))
        return messages.ListDeadLettersResponse(dead_letters=_within_an_answer(map(_listed, letters)))

    def add_to(self, server: grpc.Server) -> None:
        """Serve."""
        store_admin_pb2_grpc.add_StoreAdminServicer_to_server(self, server)


def _chosen(lists: Mapping[str, Sequence[str]]) -> tuple[str, list[str]]:
    """Return the one list that is filled; an empty id in it would mean every record that has none."""
    filled = [(name, list(values)) for name, values in lists.items() if values]
    if len(filled) != 1:
        raise MalformedError(f"fill exactly one of {', '.join(lists)}")
    name, values = filled[0]
    if "" in values:
        raise MalformedError(f"{name} has an empty id")
    return name, values


def _listed(letter: dict[str, Any]) -> messages.DeadLetter:
    """Ids of documents are cut, since a hostile one can be as long as an export."""
    return messages.DeadLetter(**{name: letter[name][:_LISTED_LENGTH] for name in _LISTED})


def _within_an_answer(letters: Iterable[messages.DeadLetter]) -> Iterator[messages.DeadLetter]:
    room = _ANSWER_BYTES
    for letter in letters:
        room -= letter.ByteSize() + 8
        if room < 0:
            return
        yield letter
