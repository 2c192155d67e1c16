"""What another normaliser made of raw messages of four venues is what our codecs make of them.

Of 80 cases, those in a protocol that a venue has retired, and those of a kind that we have no message for, are named
in a table with the reason; of them must come nothing, and above all nothing wrong.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from integrated_trading_system.domain.health import BookBroken
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import (
    BookDelta,
    BookSnapshot,
    FundingRate,
    MarketEvent,
    MarkPrice,
    Quote,
    Statistics,
    Trade,
)
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.capture import Kind, Line
from integrated_trading_system.simulation.formats import in_todays_words
from integrated_trading_system.venues.venue import Codec, Ignored, VenueEvent
from tests.support import bybit, coinbase, kraken, okx

AT = Nanos(7)
CASES = 80
MARKET = (Quote, Trade, BookSnapshot, BookDelta, Statistics, MarkPrice, FundingRate)
VENUES = {"okex": "okx", "okex-futures": "okx", "okex-swap": "okx", "bybit-spot": "bybit"}
CHANNELS = {"books-l2-tbt": "books", "trades-all": "trades"}
"""OKX's channels for customers of a high grade, with the messages of those for everybody."""

OKX_V3: Final = "OKX version 3, switched off in 2022: another protocol, of which there is no recording"
LIQUIDATION: Final = "a liquidation: none of our messages tells one"
LIMITS: Final = "the limits of an order's price: none of our messages tells them"
BYBIT_V2: Final = "Bybit version 2, retired: only its books of 25 levels and its trades are in a recording"
BYBIT_SPOT_V1: Final = "Bybit's first spot interface, retired: of it there is no recording"
CANNOT_APPLY: Final = {
    "okx table": (OKX_V3, 20),
    "okx price-limit": (LIMITS, 1),
    "okx liquidations": (LIQUIDATION, 1),
    "okx liquidation-orders": (LIQUIDATION, 1),
    "bybit liquidation": (LIQUIDATION, 4),
    "bybit allLiquidation": (LIQUIDATION, 1),
    "bybit instrument_info": (BYBIT_V2, 4),
    "bybit orderBook_200": (BYBIT_V2, 2),
    "bybit depth": (BYBIT_SPOT_V1, 2),
    "bybit bookTicker": (BYBIT_SPOT_V1, 1),
}
"""By kind of message: why not, and how many."""
TOLD_ELSEWHERE: Final = {("okx tickers", "book_ticker"): "best prices are those of bbo-tbt, which are not conflated"}
SAYS_NOTHING: Final = {"okx funding-rate": "without a rate: it announces the one after the next"}

Case = dict[str, Any]


@pytest.fixture(scope="module")
def cases(recordings: Path) -> list[Case]:
    path = recordings / "normalizer_cases" / "tardis_node_raw_to_normalized.json"
    found: list[Case] = json.loads(path.read_text())
    return found


def venue_of(case: Case) -> str:
    exchange: str = case["exchange"]
    return VENUES.get(exchange, exchange)


def kind_of(case: Case) -> str:
    """Venue, and what its messages of this kind are called."""
    raw = case["raw"]
    if isinstance(raw, list):
        name = raw[-2]
    elif "table" in raw:
        name = "table"
    elif "arg" in raw:
        name = raw["arg"]["channel"]
    else:
        name = str(raw.get("topic") or raw.get("channel") or raw.get("type") or "answer")
    return f"{venue_of(case)} {name.partition('.')[0]}"


# -- through the codec ---------------------------------------------------------------------------


def symbol_of(case: Case) -> str:
    named = [row["symbol"] for row in case["expected"]]
    return named[0].replace("XBT", "BTC") if named else {"kraken": "BTC/USD", "okx": "BTC-USDT"}.get(venue_of(case), "")


def codec_of(venue: str, symbol: str) -> Codec:
    flavour = "spot" if symbol.count("-") == 1 else "swap"
    instrument: Instrument
    match venue:
        case "okx":
            codec, instrument = okx.venue(flavour).codec, okx.instrument(flavour, symbol)
        case "bybit":
            codec, instrument = bybit.venue("linear").codec, bybit.instrument("linear", symbol)
        case "kraken":
            codec, instrument = kraken.venue().codec, kraken.instrument(symbol)
        case _:
            codec, instrument = coinbase.venue("exchange").codec, coinbase.instrument("exchange", symbol)
    codec.list([instrument])
    return codec


def before(case: Case) -> list[Any]:
    """Messages that had come before it, without which it would say nothing."""
    raw = case["raw"]
    if kind_of(case) == "bybit orderbook" and raw["topic"].startswith("orderbook.1.") and raw["type"] == "delta":
        (wanted,) = case["expected"]
        whole = {"b": [["1", "1"]], "a": [[str(wanted["askPrice"]), str(wanted["askAmount"])]], "u": 1, "seq": 1}
        return [{"topic": raw["topic"], "type": "snapshot", "ts": 1, "data": whole}]
    if isinstance(raw, list) and raw[-2].startswith("book"):
        return [[raw[0], {"as": [["99999.0", "1.00000000", "1000000000.0"]], "bs": []}, *raw[2:]]]
    return []


def checked(case: Case) -> Any:
    """A change of a book from before checksums was without one."""
    raw = case["raw"]
    if isinstance(raw, list) and raw[-2].startswith("book") and "c" not in raw[-3]:
        return [raw[0], raw[1] | {"c": "4294967295"}, *raw[2:]]
    if "arg" in raw:
        channel = raw["arg"]["channel"]
        return raw | {"arg": raw["arg"] | {"channel": CHANNELS.get(channel, channel)}}
    return raw


def events_of(case: Case) -> Sequence[VenueEvent]:
    """A book that is cut short cannot have its checksum: it gets the one that it has."""
    venue = venue_of(case)
    messages = [json.dumps(raw, separators=(",", ":")).encode() for raw in (*before(case), checked(case))]
    lines = [Line(AT, Kind.FRAME, "", message) for message in messages]
    frames = [line.payload for line in in_todays_words(VenueId(f"{venue}:any"), lines)]
    events = _decoded(venue, symbol_of(case), frames)
    if len(events) == 1 and isinstance(events[0], BookBroken):
        said, found = (str(number).encode() for number in (events[0].expected, events[0].received))
        assert frames[-1].count(said) == 1
        frames[-1] = frames[-1].replace(said, found)
        events = _decoded(venue, symbol_of(case), frames)
    return events


def _decoded(venue: str, symbol: str, frames: Sequence[bytes]) -> Sequence[VenueEvent]:
    codec = codec_of(venue, symbol)
    return [codec.decode(frame, AT) for frame in frames][-1]


# -- in the words of the other -------------------------------------------------------------------


def in_their_words(event: MarketEvent) -> dict[str, Any]:
    """Their type of record, and every field of it that the message has."""
    match event:
        case Trade():
            told = {"type": "trade", "id": event.trade_id, "price": event.price, "amount": event.quantity}
            return told | {"side": event.side.value, "timestamp": event.venue_time}
        case Quote():
            told = {"type": "book_ticker", "bidPrice": event.bid, "bidAmount": event.bid_size}
            return told | {"askPrice": event.ask, "askAmount": event.ask_size, "timestamp": event.venue_time}
        case BookSnapshot() | BookDelta():
            bids, asks = (
                [{"price": price, "amount": size} for price, size in side] for side in (event.bids, event.asks)
            )
            told = {"type": "book_change", "isSnapshot": isinstance(event, BookSnapshot), "bids": bids, "asks": asks}
            return told | {"timestamp": event.venue_time}
        case Statistics():
            return {"type": "derivative_ticker", "lastPrice": event.last_price}
        case MarkPrice():
            index = {"indexPrice": event.index_price} if event.index_price else {}
            return {"type": "derivative_ticker", "markPrice": event.mark_price} | index
        case FundingRate():
            return {"type": "derivative_ticker", "fundingRate": event.rate, "fundingTimestamp": event.funding_at}
        case _:
            raise AssertionError(event)


def theirs(row: dict[str, Any], ours: dict[str, Any], exact_to: timedelta) -> dict[str, Any]:
    """The fields of their record that ours has; their times as ours, where they differ by less than `exact_to`.

    Of what the message does not tell, they make their own: the time of receipt for its time, and no id of a trade.
    """
    found = {name: row[name] for name in ours}
    if ours.get("timestamp") == 0 or row.get("id", "") is None:
        untold = "timestamp" if ours["timestamp"] == 0 else "id"
        found[untold] = ours[untold]
    for name in ("timestamp", "fundingTimestamp"):
        if isinstance(found.get(name), str):
            then = datetime.fromisoformat(found[name]) - datetime(1970, 1, 1, tzinfo=UTC)
            nanos = then // timedelta(microseconds=1) * 1_000
            close = abs(nanos - ours[name]) < exact_to // timedelta(microseconds=1) * 1_000
            found[name] = ours[name] if close else nanos
    return found


@pytest.mark.parametrize("index", range(CASES))
def test_what_another_normaliser_made_of_a_message_is_what_we_make_of_it(cases: list[Case], index: int) -> None:
    case = cases[index]
    kind, events = kind_of(case), [event for event in events_of(case) if isinstance(event, MARKET)]
    if kind in CANNOT_APPLY:
        assert events == [], CANNOT_APPLY[kind]
        return
    found = [in_their_words(event) for event in events]
    # Bybit's stamps are in milliseconds today; those of its second interface were finer.
    exact_to = timedelta(milliseconds=1) if kind.startswith("bybit") else timedelta(microseconds=1)
    wanted = [row for row in case["expected"] if (kind, row["type"]) not in TOLD_ELSEWHERE]
    if any(event == Ignored("incomplete") for event in events_of(case)):
        assert kind in SAYS_NOTHING
        return
    if kind == "coinbase ticker":  # the day's figures are ours alone; one without sizes is no quote of ours
        found = [row for row in found if row["type"] == "book_ticker"]
        wanted = [row for row in wanted if row["bidAmount"] is not None]
    elif found and found[0]["type"] == "derivative_ticker":  # they put together what several of ours tell
        wanted *= len(found)
    assert found == [theirs(row, ours, exact_to) for row, ours in zip(wanted, found, strict=True)]


def test_every_case_is_either_checked_or_named_with_its_reason(cases: list[Case]) -> None:
    counted = Counter(kind_of(case) for case in cases)
    assert sum(counted.values()) == CASES
    named = {kind: number for kind, (_, number) in CANNOT_APPLY.items()}
    assert {kind: counted[kind] for kind in CANNOT_APPLY} == named
    assert CASES - sum(number for _, number in CANNOT_APPLY.values()) == 43
