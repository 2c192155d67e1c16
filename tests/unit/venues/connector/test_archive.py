"""History of a venue, page by page, through the connector."""

import sys
from itertools import pairwise

import pytest
from msgspec import json

from integrated_trading_system.domain.history import HistoryFailed, HistoryKind, HistoryPage, LoadHistory
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.intervals import LENGTHS
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import HOUR, MINUTE, SECOND, Nanos
from integrated_trading_system.venues.connector.archive import TRIES_MAX
from integrated_trading_system.venues.history import CandlePrice
from integrated_trading_system.venues.rest import MalformedReply, RateLimit, WeightedRequest
from tests.support.connector_rig import Rig
from tests.support.toy_venue import BTC, ETH, ORDERS, WEIGHT, toy_venue

PAGE = 100
DAY_START = Nanos(1_700_006_400 * 1_000_000_000)


class ToyHistory:
    """Replies are lists of opening times; it has minutes, hours and months, and funding for BTC alone."""

    intervals = ("1m", "1h", "1M")
    candles_per_page = PAGE
    funding_per_page = PAGE

    def __init__(self, weights: tuple[tuple[str, int], ...] = ()) -> None:
        self._weights = weights
        self.open_from = sys.maxsize
        """Candles that open then or later are open."""

    def candles(
        self, instrument: Instrument, interval: str, start: Nanos, end: Nanos, price: CandlePrice
    ) -> WeightedRequest | None:
        if price is CandlePrice.MARK and instrument.symbol != "BTC":
            return None
        query = f"{price}&{interval}&{start}&{end}"
        return WeightedRequest(HttpRequest(method="GET", url="https://toy/candles", query=query), self._weights)

    def decode_candles(self, instrument: Instrument, interval: str, reply: HttpReply) -> tuple[Candle, ...]:
        if reply.body == b"?":
            raise MalformedReply("question mark")
        return tuple(
            Candle(
                instrument.instrument,
                interval,
                Nanos(at),
                1.0,
                2.0,
                0.5,
                1.5,
                3.0,
                4,
                at < self.open_from,
                reply.received_at,
            )
            for at in json.decode(reply.body, type=list[int])
        )

    def funding(self, instrument: Instrument, start: Nanos, end: Nanos) -> WeightedRequest | None:
        if instrument.symbol != "BTC":
            return None
        return WeightedRequest(HttpRequest(method="GET", url="https://toy/funding", query=f"{start}&{end}"), ())

    def decode_funding(self, instrument: Instrument, reply: HttpReply) -> tuple[FundingRate, ...]:
        times = json.decode(reply.body, type=list[int])
        return tuple(FundingRate(instrument.instrument, 0.0001, Nanos(at), Nanos(0), Nanos(0)) for at in times)


def listed(history: ToyHistory | None = None, *limits: RateLimit) -> Rig:
    rig = Rig(toy_venue(history=history or ToyHistory(), rate_limits=(WEIGHT, ORDERS, *limits)))
    rig.list_instruments()
    for kind in (HistoryPage, HistoryFailed):
        rig.system.bus.subscribe(kind, rig.bus)
    return rig


def order(
    minutes: float = 60,
    *,
    kind: HistoryKind = HistoryKind.CANDLES,
    interval: str = "1m",
    instrument: InstrumentId = BTC.instrument,
) -> LoadHistory:
    end = Nanos(DAY_START + int(minutes * MINUTE))
    return LoadHistory(request="r", instrument=instrument, kind=kind, interval=interval, start=DAY_START, end=end)


def opened(first: int, last: int, every: int = MINUTE) -> str:
    return json.encode([DAY_START + number * every for number in range(first, last)]).decode()


def test_what_fits_on_one_page_is_one_page() -> None:
    rig = listed()
    rig.tell(order(60))
    rig.reply(rig.call("history"), opened(0, 60))
    (page,) = rig.bus.of(HistoryPage)
    assert (len(page.candles), page.last, page.until) == (60, True, DAY_START + HOUR)


def test_longer_times_are_loaded_page_by_page_in_order_without_overlap() -> None:
    rig = listed()
    rig.tell(order(250))
    for first in (0, 100, 200):
        call = rig.call("history")
        until = min(first + PAGE, 250)
        assert call.request.query == f"trades&1m&{DAY_START + first * MINUTE}&{DAY_START + until * MINUTE}"
        rig.reply(call, opened(first, until))
    assert rig.calls("history") == []
    pages = rig.bus.of(HistoryPage)
    assert [page.last for page in pages] == [False, False, True]
    times = [candle.opened_at for page in pages for candle in page.candles]
    assert times == [DAY_START + number * MINUTE for number in range(250)]


def test_candles_outside_of_the_window_are_left_out() -> None:
    rig = listed()
    rig.tell(order(10))
    rig.reply(rig.call("history"), opened(-5, 15))
    (page,) = rig.bus.of(HistoryPage)
    assert [candle.opened_at for candle in page.candles] == [DAY_START + number * MINUTE for number in range(10)]


def test_a_page_without_trading_is_empty_and_loading_goes_on() -> None:
    rig = listed()
    rig.tell(order(150))
    rig.reply(rig.call("history"), "[]")
    rig.reply(rig.call("history"), opened(100, 150))
    assert [len(page.candles) for page in rig.bus.of(HistoryPage)] == [0, 50]


def test_funding_is_loaded_by_windows_in_which_every_hour_may_pay() -> None:
    rig = listed()
    rig.tell(order(60 * 150, kind=HistoryKind.FUNDING))
    first = rig.call("history")
    assert first.request.query == f"{DAY_START}&{DAY_START + PAGE * HOUR}"
    rig.reply(first, opened(0, 100, HOUR))
    rig.reply(rig.call("history"), opened(100, 150, HOUR))
    assert sum(len(page.funding) for page in rig.bus.of(HistoryPage)) == 150


def test_months_are_counted_short_so_that_a_page_holds_them_all() -> None:
    rig = listed()
    rig.tell(order(60 * 24 * 31 * 400, interval="1M"))
    start, end = rig.call("history").request.query.split("&")[2:]
    assert (int(end) - int(start)) / LENGTHS["1M"] < PAGE


def test_mark_prices_are_asked_for_as_such() -> None:
    rig = listed()
    rig.tell(order(kind=HistoryKind.MARK_CANDLES))
    assert rig.call("history").request.query.startswith("mark&")


def test_a_page_that_fails_is_asked_for_again_later_and_nothing_is_told_twice() -> None:
    rig = listed()
    rig.tell(order(150))
    rig.reply(rig.call("history"), opened(0, 100))
    for status, body in ((500, ""), (200, "?")):
        rig.reply(rig.call("history"), body, status)
        rig.wait(31)
    rig.reply(rig.call("history"), opened(100, 150))
    assert [len(page.candles) for page in rig.bus.of(HistoryPage)] == [100, 50]
    assert rig.bus.of(HistoryFailed) == []


def test_after_many_failures_in_a_row_it_is_given_up_with_the_reason() -> None:
    rig = listed()
    rig.tell(order())
    for _ in range(TRIES_MAX):
        rig.reply(rig.call("history"), "", 500)
        rig.wait(31)
    assert [failed.reason for failed in rig.bus.of(HistoryFailed)] == ["status 500"]
    assert rig.calls("history") == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (order(interval="5m"), "no candles of '5m'; it has 1m, 1h, 1M"),
        (order(instrument=InstrumentId("toy:spot:NOTHING")), "does not list this instrument"),
        (order(0), "ends before it begins"),
        (order(instrument=ETH.instrument, kind=HistoryKind.FUNDING), "has no funding of this instrument"),
        (order(instrument=ETH.instrument, kind=HistoryKind.MARK_CANDLES), "has no mark candles of this instrument"),
    ],
)
def test_what_cannot_be_loaded_is_refused_at_once_with_the_reason(wrong: LoadHistory, reason: str) -> None:
    rig = listed()
    rig.tell(wrong)
    (failed,) = rig.bus.of(HistoryFailed)
    assert reason in failed.reason
    assert rig.calls("history") == []


def test_two_requests_of_one_name_are_not_mixed_up() -> None:
    rig = listed()
    rig.tell(order(), order())
    assert [failed.reason for failed in rig.bus.of(HistoryFailed)] == ["a request of this name is on its way"]
    rig.reply(rig.call("history"), opened(0, 60))
    assert [page.last for page in rig.bus.of(HistoryPage)] == [True]


def test_pages_say_what_they_are_pages_of() -> None:
    rig = listed()
    rig.tell(order(150, kind=HistoryKind.MARK_CANDLES))
    for first, last in ((0, 100), (100, 150)):
        rig.reply(rig.call("history"), opened(first, last))
    told = [(page.kind, page.interval, page.since, page.until) for page in rig.bus.of(HistoryPage)]
    edges = [DAY_START + minute * MINUTE for minute in (0, 100, 150)]
    assert told == [(HistoryKind.MARK_CANDLES, "1m", since, until) for since, until in pairwise(edges)]


def test_pages_wait_until_the_rate_limit_has_room_for_them() -> None:
    """Two pages fit into ten seconds: five of them take twenty."""
    limit = RateLimit(name="pages", capacity=20, window=Nanos(10 * SECOND), reserve=0)
    rig = listed(ToyHistory(((limit.name, 10),)), limit)
    rig.tell(order(500))
    asked: list[int] = []
    for second in range(31):
        while calls := rig.calls("history"):
            first = len(asked) * PAGE
            asked.append(second)
            rig.reply(calls[0], opened(first, first + PAGE))
        rig.wait(1)
    assert len(asked) == 5
    assert asked[0] == asked[1] == 0
    assert all(third - first >= 10 for first, third in zip(asked, asked[2:], strict=False))
    assert asked[-1] <= 22
    assert [page.last for page in rig.bus.of(HistoryPage)] == [False, False, False, False, True]
    assert rig.bus.of(HistoryFailed) == []


def test_where_the_venue_tells_its_newest_candles_alone_nothing_is_said_of_the_time_before() -> None:
    history = ToyHistory()
    history.open_from = DAY_START + 249 * MINUTE
    rig = listed(history)
    rig.tell(order(250))
    for _ in range(3):
        rig.reply(rig.call("history"), opened(150, 250))
    told = [
        ((page.since - DAY_START) // MINUTE, (page.until - DAY_START) // MINUTE) for page in rig.bus.of(HistoryPage)
    ]
    assert told == [(100, 100), (150, 200), (200, 250)]
    assert sum(len(page.candles) for page in rig.bus.of(HistoryPage)) == 100


def test_a_page_that_begins_later_because_nothing_traded_is_whole() -> None:
    history = ToyHistory()
    history.open_from = DAY_START + 149 * MINUTE
    rig = listed(history)
    rig.tell(order(150))
    rig.reply(rig.call("history"), opened(50, 100))
    rig.reply(rig.call("history"), opened(110, 150))
    assert [page.since for page in rig.bus.of(HistoryPage)] == [DAY_START, DAY_START + 100 * MINUTE]


def test_a_venue_without_history_says_so() -> None:
    rig = Rig()
    rig.list_instruments()
    rig.system.bus.subscribe(HistoryFailed, rig.bus)
    rig.tell(order())
    assert [failed.reason for failed in rig.bus.of(HistoryFailed)] == ["the venue offers no history"]


def test_stopping_gives_up_what_is_on_its_way() -> None:
    rig = listed()
    rig.tell(order(), Shutdown("stopped"))
    assert [failed.reason for failed in rig.bus.of(HistoryFailed)] == ["shutdown"]
