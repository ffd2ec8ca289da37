"""The client for asyncio: the methods of Client under the same names."""

# ruff: noqa: ASYNC109 - the time covers all tries and is told to the server, which asyncio.timeout would not do

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from typing import Self, overload

from scorelens.conventions import DEFAULT_PURPOSE
from scorelens.v1.scorer_pb2 import ListModelsRequest
from scorelens_client.sdk import task_stream
from scorelens_client.sdk.archive import Archive, Names, references
from scorelens_client.sdk.errors import ScorelensError
from scorelens_client.sdk.history import History
from scorelens_client.sdk.inputs import ManyDocuments, OneDocument, stream_documents
from scorelens_client.sdk.models import ServedModel, read_model
from scorelens_client.sdk.places import Places
from scorelens_client.sdk.rows import Documents, Records, Scores
from scorelens_client.sdk.scans import AsyncScan
from scorelens_client.sdk.scores import Score
from scorelens_client.sdk.selecting import Moment, selected
from scorelens_client.sdk.settings import (
    OnError,
    Settings,
    TermCount,
    asking_for,
    check_seconds,
    finished,
    metadata_for,
    outcome,
    plan,
    stream_parts,
    terms_of,
)
from scorelens_client.sdk.steps import Batch, called, metadata_of, scored
from scorelens_client.sdk.tasks import AsyncLine, Threads, in_order, run
from scorelens_client.sdk.words import Words
from scorelens_reading.resolver import Resolver
from scorelens_store.contract import Aggregation, AggregationResult


class AsyncClient:
    """Scores documents, and finds what was scored, within one event loop; arguments and errors are those of Client.

    Cancelling a task cancels its calls. The store is read in threads, at most `parallel` at once.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        home: str | os.PathLike[str] | None = None,
        store: str | os.PathLike[str] | None = None,
        console: str | None = None,
        token: str | None = None,
        timeout: float = 60.0,
        retries: int = 12,
        purpose: str = DEFAULT_PURPOSE,
        batch: int = 100,
        parallel: int = 4,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = Settings(timeout, retries, purpose, batch, parallel, dict(metadata or {}))
        places = Places.of(target, home, store, console, token)
        self._line, self._archive = AsyncLine(places), Archive(places)
        self._threads = Threads(parallel)

    @overload  # a text is one document, though it is iterable, too
    async def score(  # type: ignore[overload-overlap]
        self,
        documents: OneDocument,
        *,
        model: str = ...,
        model_version: str = ...,
        full: bool = ...,
        terms: TermCount | None = ...,
        purpose: str | None = ...,
        timeout: float | None = ...,
        columns: Mapping[str, str] | None = ...,
        errors: OnError = ...,
    ) -> Score: ...
    @overload
    async def score(
        self,
        documents: ManyDocuments,
        *,
        model: str = ...,
        model_version: str = ...,
        full: bool = ...,
        terms: TermCount | None = ...,
        purpose: str | None = ...,
        timeout: float | None = ...,
        columns: Mapping[str, str] | None = ...,
        errors: OnError = ...,
    ) -> Scores: ...
    async def score(
        self,
        documents: OneDocument | ManyDocuments,
        *,
        model: str = "",
        model_version: str = "",
        full: bool = False,
        terms: TermCount | None = None,
        purpose: str | None = None,
        timeout: float | None = None,
        columns: Mapping[str, str] | None = None,
        errors: OnError = "raise",
    ) -> Score | Scores:
        """Score one document, or several in the order in which they are given.

        Documents are dicts, Documents, dataclasses or texts, or a table (pandas, polars, Arrow) whose columns have the
        names of the contract's fields or of `columns` ({"text": "body"}). All are checked before the first is sent.
        `full` brings the calculations, with `terms` leading terms of each or "all". `timeout` is for the whole call; by
        default only each request has one. With errors="keep" a document that cannot be read or is not scored gets a
        Score whose `error` says why; with "raise" the first such document ends the call.

        Raises DocumentError, RefusedError, NotFoundError (no such model), UnavailableError, DeadlineError.
        """
        scoring = plan(
            self._settings, documents, asking_for(model, model_version, full, terms, errors), purpose, columns
        )
        if not scoring.documents:
            return outcome(scoring, [])
        self._line.stub()
        sending = terms_of(self._settings, timeout, self._line.address)

        async def send(batch: Batch) -> list[Score]:
            return await run(self._line, scoring.metadata, scored(batch, scoring.asking, sending))

        done: list[Score] = []
        try:
            async for scores in in_order(send, scoring.batches, scoring.parallel):
                done += scores
        except ScorelensError as error:
            finished(scoring, done, error)
        return outcome(scoring, done)

    def score_stream(
        self,
        documents: ManyDocuments | AsyncIterable[OneDocument],
        *,
        model: str = "",
        model_version: str = "",
        full: bool = False,
        terms: TermCount | None = None,
        purpose: str | None = None,
        timeout: float | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[Score, None]:
        """Yield the score of each document, in order, while documents are still being read, in constant memory.

        Documents are read in a task of their own, a few batches ahead of the scores that are taken, and go as soon as
        they are there; where reading waits, give an async iterable, since others are read on the event loop. A stream
        that breaks is not resumed: StreamEndedError says how many documents were answered.
        """
        asking = asking_for(model, model_version, full, terms)
        backlog, pending = stream_parts(self._settings, asking)
        if timeout is not None:
            check_seconds("timeout", timeout)
        given = stream_documents(documents, columns)
        metadata = metadata_for(self._settings, asking, purpose)
        return task_stream.stream(self._line, given, backlog, pending, metadata, timeout)

    async def models(self) -> tuple[ServedModel, ...]:
        """Return the models that are served, the version in use of each first."""
        self._line.stub()
        sending = terms_of(self._settings, None, self._line.address)
        metadata = metadata_of(self._settings.purpose, False, self._settings.metadata)
        answer = await run(self._line, metadata, called("ListModels", ListModelsRequest(), sending))
        return tuple(map(read_model, answer.models))

    async def search(
        self,
        query: str = "",
        *,
        limit: int = 10,
        sort: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        purposes: str | Sequence[str] = DEFAULT_PURPOSE,
        calls: bool = False,
        highlight: bool = True,
    ) -> Records:
        """Return the first records that match a query (docs/query.md), and how many there are in all.

        `sort` is a field, the greatest first, or `FIELD:asc`; by default relevance decides. `since` and `until` are
        about when a document was scored: a datetime, "7d" (ago), a day or RFC 3339. `purposes` may be "all"; `calls`
        adds calls without documents. Raises QueryError, UnavailableError.
        """
        selection = selected(query, since=since, until=until, purposes=purposes, calls=calls)
        return await self._threads.run(self._archive.search, selection, limit, sort, highlight)

    async def count(
        self,
        query: str = "",
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        purposes: str | Sequence[str] = DEFAULT_PURPOSE,
        calls: bool = False,
    ) -> int:
        """Return how many records match a query."""
        selection = selected(query, since=since, until=until, purposes=purposes, calls=calls)
        return await self._threads.run(self._archive.count, selection)

    async def aggregate(
        self,
        query: str = "",
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        purposes: str | Sequence[str] = DEFAULT_PURPOSE,
        calls: bool = False,
        **aggregations: Aggregation,
    ) -> dict[str, AggregationResult]:
        """Return the result of each aggregation (scorelens_store.contract: Terms, Histogram, Statistics …) by name."""
        selection = selected(query, since=since, until=until, purposes=purposes, calls=calls)
        return await self._threads.run(self._archive.aggregate, selection, aggregations)

    async def words(
        self,
        query: str,
        *,
        against: str | None = None,
        field: str = "",
        limit: int = 20,
        least: int = 3,
        since: Moment | None = None,
        until: Moment | None = None,
        purposes: str | Sequence[str] = DEFAULT_PURPOSE,
        calls: bool = False,
    ) -> Words:
        """Return the words that mark the records of a query: more frequent there than among others, beyond chance.

        The others are what matches `against` and not the query, by default all other records. Words are those of
        title, text and activity, or of a `field`: of a text, or the values of a keyword field such as "because". Those
        that fewer than `least` records have are left out. Raises QueryError, UnavailableError.
        """
        selection = selected(query, since=since, until=until, purposes=purposes, calls=calls)
        other = None if against is None else selected(against, since=since, until=until, purposes=purposes, calls=calls)
        return await self._threads.run(self._archive.words, query, selection, other, field, limit, least)

    async def show(self, name: str | int, *, record_id: str | None = None, all_terms: bool = False) -> History:
        """Return a document with its scores and the calculation behind one of them, by document id or record id.

        It is the latest score, or that of `record_id`; `all_terms` calculates it again with every term, by the version
        that scored it. Raises NotFoundError, UnavailableError.
        """
        return await self._threads.run(self._archive.show, name, record_id, all_terms)

    async def kibana_link(self, name: str | None = None, *, query: str | None = None) -> str:
        """Return the address of a document with its scores in Kibana, or of a query in Discover, as Client does."""
        return await self._threads.run(self._archive.kibana_link, name, query)

    async def pull(
        self,
        ids: Names | None = None,
        *,
        query: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        purposes: str | Sequence[str] = DEFAULT_PURPOSE,
        resolver: Resolver | str | None = None,
    ) -> Documents:
        """Return documents by id (of documents or records, URIs, Records), or those that match a query, each once.

        `missing` names those that were not found. A `resolver` of your own asks the system that owns the documents.
        """
        if (ids is None) == (query is None and since is None and until is None):
            raise ScorelensError("pull: name ids, or a query (or since, until), and not both")
        if ids is not None:
            named = references(ids)
            return await self._threads.run(self._archive.pull, lambda: named, resolver)
        selection = selected(query or "", since=since, until=until, purposes=purposes)
        return await self._threads.run(self._archive.pull, lambda: self._archive.selected(selection), resolver)

    def scan(
        self,
        query: str = "",
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        purposes: str | Sequence[str] = DEFAULT_PURPOSE,
        calls: bool = False,
        progress: bool = False,
    ) -> AsyncScan:
        """Return an iterator over every record that matches, by time, in constant memory, also as Arrow batches."""
        selection = selected(query, since=since, until=until, purposes=purposes, calls=calls)
        return AsyncScan(self._archive.scan(selection, progress), self._threads)

    async def close(self) -> None:
        """End what is running and close the connections."""
        await self._line.close()
        await self._threads.run(self._archive.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
