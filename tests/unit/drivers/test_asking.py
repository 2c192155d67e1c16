"""One question, one answer, without a core; and nothing that could change anything passes."""

import asyncio

import pytest

from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.drivers.asking import Asker, QuestionsOnly, Unanswered
from integrated_trading_system.drivers.loop import Clock
from tests.support.raw_server import free_port
from tests.support.served import ServedMarket

VENUE = VenueId("binance:spot")


@pytest.mark.parametrize(
    ("tag", "passes"), [(Tag.DATA, True), (Tag.QUERY, True), (Tag.ORDER, False), (Tag.CANCEL, False)]
)
def test_only_questions_pass(tag: Tag, passes: bool) -> None:
    assert QuestionsOnly().allows(tag) is passes


async def test_answers_come_back_to_their_questions_with_the_times_of_both() -> None:
    clock = Clock()
    async with ServedMarket(str(VENUE)) as served:
        url = f"http://127.0.0.1:{served.ports[VENUE]}/api/v3"
        asker = Asker({}, clock.now, "tests")
        try:
            requests = [HttpRequest(method="GET", url=f"{url}/{name}") for name in ("ping", "time")]
            ping, time = await asyncio.gather(*(asker.ask(VENUE, request, seconds=5) for request in requests))
        finally:
            await asker.close()
    assert ping.body == b"{}"
    assert b"serverTime" in time.body
    assert 0 < time.sent_at <= time.received_at <= clock.now()


async def test_without_an_answer_it_says_why() -> None:
    asker = Asker({}, Clock().now, "tests")
    nobody = HttpRequest(method="GET", url=f"http://127.0.0.1:{free_port()}/")
    try:
        with pytest.raises(Unanswered, match="refused"):
            await asker.ask(VENUE, nobody, seconds=5)
        async with ServedMarket(str(VENUE)) as served:
            signed = HttpRequest(method="GET", url=f"http://127.0.0.1:{served.ports[VENUE]}/api/v3/account")
            with pytest.raises(Unanswered, match="no-key"):
                await asker.ask(VENUE, signed, seconds=5, account=AccountId("nobody"))
    finally:
        await asker.close()


async def test_a_question_that_nobody_waits_for_any_more_does_no_harm() -> None:
    asker = Asker({}, Clock().now, "tests")
    nobody = HttpRequest(method="GET", url=f"http://127.0.0.1:{free_port()}/")
    question = asyncio.create_task(asker.ask(VENUE, nobody, seconds=5))
    await asyncio.sleep(0)
    question.cancel()
    await asyncio.gather(question, return_exceptions=True)
    await asker.close()
    assert question.cancelled()
