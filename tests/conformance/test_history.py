"""The past: requests stay inside what was asked for, pages are sorted, and only what is over is closed."""

import re
from datetime import datetime
from itertools import pairwise
from urllib.parse import unquote

import pytest

from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.intervals import INTERVALS, LENGTHS, next_opened_at
from integrated_trading_system.domain.time import HOUR, MINUTE, SECOND, Nanos
from integrated_trading_system.venues.history import CandlePrice, History
from tests.conformance.description import SENT
from tests.conformance.subjects import Subject

UNITS = {10: SECOND, 13: 10**6, 16: 10**3, 19: 1}
NUMBER = re.compile(r"(?<![\d.])1[5-9]\d{8}(?:\d{3}){0,3}(?![\d.])")
STAMP = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?")
START = Nanos(SENT - SENT % HOUR - 24 * HOUR)


@pytest.fixture
def history(subject: Subject) -> History:
    offered = subject.listed().history
    if offered is None:
        pytest.skip("the venue shows no past")
    return offered


def times(request: HttpRequest) -> list[int]:
    """Every instant that is named in a request, in nanoseconds."""
    said = unquote(f"{request.url} {request.query} {request.body}")
    found = [int(text) * UNITS[len(text)] for text in NUMBER.findall(said)]
    for text in STAMP.findall(said):
        whole, _, rest = text.rstrip("Z").partition(".")
        second = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
        found.append(second * SECOND + int(rest.ljust(9, "0")[:9] or 0))
    return found


def test_its_intervals_are_spelled_as_everywhere(history: History) -> None:
    assert history.intervals
    assert set(history.intervals) <= set(INTERVALS)
    assert list(history.intervals) == sorted(history.intervals, key=INTERVALS.index)
    assert history.candles_per_page > 0
    assert history.funding_per_page >= 0


def test_every_interval_on_offer_can_be_asked_for_and_no_other(subject: Subject, history: History) -> None:
    for interval in INTERVALS:
        asked = history.candles(
            subject.instrument, interval, START, Nanos(START + LENGTHS[interval]), CandlePrice.TRADES
        )
        assert (asked is not None) == (interval in history.intervals), interval


def test_a_page_stays_inside_what_was_asked_for(subject: Subject, history: History) -> None:
    for interval in set(history.intervals) - {"1M"}:
        length = LENGTHS[interval]
        start = Nanos(START - START % length)
        end = Nanos(start + history.candles_per_page * length)
        for price in CandlePrice:
            asked = history.candles(subject.instrument, interval, start, end, price)
            if asked is not None:
                named = times(asked.request)
                assert named, asked.request.target
                # A venue that leaves the bound itself out is given one a second earlier, or an interval.
                assert all(start - max(length, SECOND) <= at <= end for at in named), asked.request.target
                assert asked == history.candles(subject.instrument, interval, start, end, price)


def test_candles_come_oldest_first_and_closed_once_they_are_over(subject: Subject, history: History) -> None:
    answer = subject.traffic.candles
    if answer is None:
        pytest.skip("no candles are known")
    found = history.decode_candles(subject.instrument, "1m", answer.reply)
    assert found
    assert all(one.opened_at < other.opened_at for one, other in pairwise(found))
    for candle in found:
        assert (candle.instrument, candle.interval) == (subject.instrument.instrument, "1m")
        assert candle.opened_at % MINUTE == 0
        assert candle.closed == (next_opened_at("1m", candle.opened_at) <= answer.sent_at)
        assert 0 < candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
        assert candle.volume >= 0


def test_only_what_pays_funding_is_asked_for_it(subject: Subject, history: History) -> None:
    asked = history.funding(subject.instrument, START, SENT)
    if subject.instrument.kind is Kind.SPOT:
        assert asked is None
    assert (subject.traffic.funding is not None) == (asked is not None)
    if asked is not None:
        assert history.funding_per_page > 0
        named = times(asked.request)  # none where the venue gives its whole past in one page
        assert all(START - SECOND <= at <= SENT for at in named), asked.request.target


def test_funding_comes_oldest_first(subject: Subject, history: History) -> None:
    answer = subject.traffic.funding
    if answer is None:
        pytest.skip("nothing here pays funding")
    found = history.decode_funding(subject.instrument, answer.reply)
    assert all(one.funding_at < other.funding_at for one, other in pairwise(found))
    assert all(rate.instrument == subject.instrument.instrument for rate in found)
    assert all(abs(rate.rate) < 0.1 for rate in found)
    assert len(found) <= history.funding_per_page
