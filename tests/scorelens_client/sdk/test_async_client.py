"""The client for asyncio on a real gRPC server and a real store."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import grpc
import pytest

from scorelens.v1.scorer_pb2 import ScoreRequest
from scorelens_client import AsyncClient, Client, DeadlineError, NotFoundError, Score, ScorelensError, StreamEndedError
from scorelens_client.sdk.streaming import AHEAD
from scorelens_store.open import open_store
from tests.scorelens_client.sdk.server import Scorer, texts
from tests.scorelens_client.system import wait_until
from tests.scorelens_store.records import corpus


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a test's work in a loop of its own, for a minute at most."""
    return asyncio.run(asyncio.wait_for(work, 60))


async def collect(scores: AsyncIterator[Score], into: list[Score]) -> None:
    """Keep scores as they come."""
    async for score in scores:
        into.append(score)  # noqa: PERF401 - what came before an error stays


def test_both_clients_have_the_same_methods() -> None:
    """Names, parameters and defaults agree, so that what works in one is known of the other."""
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if not name.startswith("_"):
            other = inspect.signature(getattr(AsyncClient, name))
            assert [(one.name, one.default) for one in other.parameters.values()] == [
                (one.name, one.default) for one in inspect.signature(method).parameters.values()
            ], name
    assert inspect.signature(Client.__init__).parameters == inspect.signature(AsyncClient.__init__).parameters


def test_scores_keep_their_order(scorer: Scorer) -> None:
    """Several requests are in flight, and scores come in the order of the documents."""

    async def work() -> list[str]:
        async with AsyncClient(scorer.address, batch=7) as client:
            assert (await client.score("good")).tags == ("praise",)
            return [score.document_id for score in await client.score(texts(50))]

    assert run(work()) == [str(number) for number in range(50)]


def test_a_cancelled_task_cancels_its_calls(scorer: Scorer) -> None:
    """The server sees the call end, and the client goes on working."""
    begun = threading.Event()

    def hang(_: ScoreRequest, context: grpc.ServicerContext) -> None:
        begun.set()
        wait_until(lambda: not context.is_active(), "the call ends")

    scorer.difficulty = hang

    async def work() -> None:
        async with AsyncClient(scorer.address) as client:
            task = asyncio.create_task(client.score(texts(3)))
            await asyncio.to_thread(begun.wait, 30)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(scorer.ended.wait, 30)
            scorer.difficulty = lambda request, context: None
            assert (await client.score("good")).tags == ("praise",)

    run(work())


def test_a_deadline_is_for_all_tries_together(scorer: Scorer) -> None:
    """Refusals do not prolong the time that was given."""
    scorer.difficulty = lambda request, context: context.abort(grpc.StatusCode.UNAVAILABLE, "busy")

    async def work() -> None:
        async with AsyncClient(scorer.address, retries=10_000) as client:
            with pytest.raises(DeadlineError, match="timeout="):
                await client.score(texts(300), timeout=0.4)

    run(work())


def test_a_closed_client_does_not_look_like_a_cancelled_task(scorer: Scorer) -> None:
    """A call that waits while the client is closed ends with an error for people."""
    begun, release = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        begun.set()
        release.wait(30)

    scorer.difficulty = hang

    async def work() -> None:
        client = AsyncClient(scorer.address)
        task = asyncio.create_task(client.score("a"))
        await asyncio.to_thread(begun.wait, 30)
        await client.close()
        with pytest.raises(ScorelensError, match="closed"):
            await task

    run(work())
    release.set()


def test_a_stream_takes_async_documents_and_reads_a_few_batches_ahead(scorer: Scorer) -> None:
    """Scores come in order while documents are read, and reading waits for those who take them."""
    read = 0

    async def source() -> AsyncIterator[dict[str, str]]:
        nonlocal read
        for document in texts(2000):
            read += 1
            yield document

    async def work() -> None:
        taken = furthest = 0
        async with AsyncClient(scorer.address, batch=10) as client:
            async for score in client.score_stream(source()):
                furthest = max(furthest, read - taken)
                assert score.document_id == str(taken)
                taken += 1
        assert (taken, furthest <= 10 * AHEAD + 2) == (2000, True)

    run(work())


def test_a_stream_that_breaks_says_where(scorer: Scorer) -> None:
    """Of a list as well, the error tells how many documents were answered."""

    def refuse(request: ScoreRequest, context: grpc.ServicerContext) -> None:
        if int(request.documents[0].id) >= 20:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "documents[0].text: unlucky")

    scorer.difficulty = refuse

    async def work() -> StreamEndedError:
        found: list[Score] = []
        async with AsyncClient(scorer.address, batch=10) as client:
            with pytest.raises(StreamEndedError) as raised:
                await collect(client.score_stream(texts(100)), found)
        assert raised.value.answered == len(found) == 20
        return raised.value

    assert "documents[20].text: unlucky" in str(run(work()))


def test_leaving_a_stream_ends_the_call(scorer: Scorer) -> None:
    """Closing the generator ends the call at the server."""

    async def work() -> None:
        async with AsyncClient(scorer.address, batch=5) as client:
            scores = client.score_stream(texts(1000))
            assert (await anext(scores)).place == 0
            await scores.aclose()
            assert await asyncio.to_thread(scorer.ended.wait, 30)

    run(work())


def test_the_store_is_read_without_stopping_the_loop(tmp_path: Path) -> None:
    """Searching, showing, pulling and scanning are awaited, and a scan may be left early."""
    store = open_store(tmp_path / "store")
    store.put(corpus(60))
    store.close()

    async def work() -> None:
        async with AsyncClient(store=tmp_path / "store") as client:
            everything: dict[str, Any] = {"purposes": "all"}
            total = await client.count(**everything)
            found = await client.search(limit=5, **everything)
            assert (len(found), found.total) == (5, total)
            assert len([record async for record in client.scan(**everything)]) == total
            sizes = [batch.num_rows async for batch in client.scan(**everything).batches(size=20)]
            assert (sum(sizes), max(sizes)) == (total, 20)
            async with client.scan(**everything) as scan:
                assert (await anext(scan)).id
            assert (await client.show(found[0].document_id)).records
            assert len(await client.pull([found[0]])) == 1
            assert "refund" in [word.word for word in await client.words("text:refund", **everything)]
            assert len(await asyncio.gather(*(client.count("refund", **everything) for _ in range(20)))) == 20
            with pytest.raises(NotFoundError):
                await client.show("nobody")

    run(work())
