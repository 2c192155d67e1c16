"""Real OKX traffic and other people's samples of it: every message becomes what independent facts say it is."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.execution import BalancesReported, Fill, OpenOrdersListed, OrderDone
from integrated_trading_system.domain.health import BookBroken, Quarantined
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import CallId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.market import (
    BookDelta,
    BookSnapshot,
    Candle,
    FundingRate,
    MarkPrice,
    Quote,
    Statistics,
    Trade,
)
from integrated_trading_system.domain.money import from_float
from integrated_trading_system.domain.order import OrderStatus
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.feed.machine import BookMachine, Outcome
from integrated_trading_system.orchestrator.commands.replaying import play, read_captures, settings_for
from integrated_trading_system.orchestrator.shown.summary import summarise
from integrated_trading_system.simulation.capture import Kind as LineKind
from integrated_trading_system.simulation.capture import Line, Problems, read_lines
from integrated_trading_system.venues.okx.signing import sign_request
from integrated_trading_system.venues.venue import Codec, Credentials, VenueEvent
from tests.support import okx

AT = Nanos(1)


def lines(recordings: Path, name: str) -> Iterator[Line]:
    with gzip.open(recordings / "cryptofeed" / name) as file:
        problems = Problems(name)
        yield from read_lines(file, problems)
    assert problems.count == 0


@pytest.fixture(scope="module")
def facts(recordings: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((recordings / "FACTS.json").read_text())["cryptofeed"]["OKX"]["BTC-USDT"]
    return found


def codec_of(flavour: str, *symbols: str) -> Codec:
    codec = okx.venue(flavour).codec
    codec.list([okx.instrument(flavour, symbol) for symbol in symbols])
    return codec


def decoded(recordings: Path, alter: str = "") -> Iterator[VenueEvent]:
    """Everything that the recorded stream says; `alter` is a text of the 40th book message that is replaced."""
    codec, books = codec_of("spot", "BTC-USDT"), 0
    for line in lines(recordings, "OKX.ws.1.0.gz"):
        if line.kind is LineKind.FRAME:
            payload = line.payload
            books += b'"action"' in payload
            if alter and books == 40 and b'"action"' in payload:
                payload = payload.replace(alter.encode(), b'"checksum":12345')
            yield from codec.decode(payload, line.at)


# -- the transcript ----------------------------------------------------------------------------------


def test_the_recorded_stream_reconstructs_with_every_checksum(recordings: Path, facts: dict[str, Any]) -> None:
    machine, counted = BookMachine(1000), Counter[str]()
    for event in decoded(recordings):
        counted[type(event).__name__] += 1
        if isinstance(event, BookSnapshot):
            assert machine.snapshot(event) is Outcome.APPLIED
        elif isinstance(event, BookDelta):
            assert machine.delta(event) is Outcome.APPLIED
    messages = facts["messages"]
    assert counted["Statistics"] == messages["tickers"]
    assert counted["Trade"] == messages["trades"]
    assert counted["BookSnapshot"] + counted["BookDelta"] == messages["books"] == facts["checksum_ok"]
    assert set(counted) == {"Statistics", "Trade", "BookSnapshot", "BookDelta", "Acknowledged"}
    assert machine.top is not None
    assert [from_float(value) for value in machine.top] == [Decimal(text) for text in facts["final_bbo"]]


def test_one_altered_checksum_breaks_the_book_once_and_nothing_else(recordings: Path, facts: dict[str, Any]) -> None:
    original = [line.payload for line in lines(recordings, "OKX.ws.1.0.gz") if b'"action"' in line.payload][39]
    said = msgspec.json.decode(original)["data"][0]["checksum"]
    events = list(decoded(recordings, alter=f'"checksum":{said}'))
    (broken,) = [event for event in events if isinstance(event, BookBroken)]
    assert (broken.expected, broken.received) == (12345, said)
    assert sum(isinstance(event, BookDelta) for event in events) == facts["messages"]["books"] - 2


@pytest.mark.parametrize("flavour", ["spot", "swap"])
def test_everything_that_was_listed_is_understood(recordings: Path, flavour: str) -> None:
    product = {"spot": "SPOT", "swap": "SWAP"}[flavour]
    answer = next(line for line in lines(recordings, "OKX.0.gz") if line.url.endswith(f"instType={product}"))
    reply = HttpReply(
        call=CallId("c"), status=200, headers={}, body=answer.payload, sent_at=answer.at, received_at=answer.at
    )
    found, _ = okx.venue(flavour).market.decode_instruments(reply)
    rows = {row["instId"]: row for row in json.loads(answer.payload)["data"]}
    assert {instrument.symbol for instrument in found} == set(rows)
    for instrument in found:
        row = rows[instrument.symbol]
        assert (instrument.tick, instrument.lot) == (Decimal(row["tickSz"]), Decimal(row["lotSz"]))
        assert instrument.quantity_min == Decimal(row["minSz"])
        assert instrument.tradable == (row["state"] == "live")
        if flavour == "swap":
            assert instrument.kind == Kind(row["ctType"])
            assert instrument.multiplier == Decimal(row["ctVal"]) * Decimal(row["ctMult"])
            assert instrument.settle == row["settleCcy"]


@pytest.mark.parametrize("venue", ["okx:spot", "okx:swap"])
def test_the_transcript_replays_through_the_whole_platform(recordings: Path, facts: dict[str, Any], venue: str) -> None:
    """Its streams are those of a spot pair; what was not listed is inferred, so either name can play them."""
    captures = read_captures([f"{venue}={recordings / 'cryptofeed' / 'OKX.ws.1.0.gz'}"])
    base = PlatformSettings.model_validate({"mode": "paper", "venues": {venue: {}}})
    outcome, _ = play(settings_for(base, captures), captures)
    summary = summarise(outcome)
    book, counted = summary["books"][f"{venue}:BTC-USDT"], summary["venues"][venue]
    assert book["state"] == "valid"
    assert [from_float(value) for value in book["best_bid"] + book["best_ask"]] == [
        Decimal(text) for text in facts["final_bbo"]
    ]
    assert (book["updates"], book["gaps"], book["crossed"]) == (facts["messages"]["books"] - 1, 0, 0)
    assert (counted["quarantined"], counted["gaps"], counted["ignored"]) == (0, 0, {})


def test_with_its_lists_the_transcript_replays_on_the_recorded_instruments(
    recordings: Path, facts: dict[str, Any]
) -> None:
    parts = [f"okx:spot={recordings / 'cryptofeed' / name}" for name in ("OKX.0.gz", "OKX.ws.1.0.gz")]
    captures = read_captures(parts)
    base = PlatformSettings.model_validate({"mode": "paper", "venues": {"okx:spot": {}}})
    outcome, _ = play(settings_for(base, captures), captures)
    book = summarise(outcome)["books"]["okx:spot:BTC-USDT"]
    assert (book["state"], book["updates"]) == ("valid", facts["messages"]["books"] - 1)
    assert list(book["levels"]) == [400, 400]


# -- other people's samples ----------------------------------------------------------------------------


def sample(recordings: Path, name: str) -> bytes:
    return (recordings / "fixtures_nautilus" / "okx" / f"{name}.json").read_bytes()


def reply(recordings: Path, name: str) -> HttpReply:
    return okx.reply(sample(recordings, name))


def streamed(recordings: Path, name: str, flavour: str = "spot") -> list[VenueEvent]:
    frame = sample(recordings, name)
    return list(codec_of(flavour, msgspec.json.decode(frame)["arg"]["instId"]).decode(frame, AT))


def test_the_sample_quote(recordings: Path) -> None:
    (quote,) = streamed(recordings, "ws_bbo_tbt")
    at = from_millis(1597026383085)
    assert quote == Quote(okx.instrument("spot").instrument, 8476.97, 256.0, 8476.98, 415.0, 1597026383085, at, AT)


def test_the_sample_books_whose_checksum_is_of_a_longer_book_are_found_out(recordings: Path) -> None:
    """The published sample shows 8 levels of the 400 that its checksum was made of."""
    (broken,) = streamed(recordings, "ws_books_snapshot")
    assert isinstance(broken, BookBroken)
    assert (broken.expected, broken.received) == (-855196043, -2102840145)
    (delta,) = streamed(recordings, "ws_books_update")
    assert isinstance(delta, BookDelta)
    assert (len(delta.bids), len(delta.asks)) == (8, 8)


def test_the_sample_trade(recordings: Path) -> None:
    (trade,) = streamed(recordings, "ws_trades")
    assert isinstance(trade, Trade)
    assert (trade.trade_id, trade.price, trade.quantity) == ("130639474", 42219.9, 0.12060306)
    assert trade.venue_time == from_millis(1630048897897)


def test_the_sample_ticker(recordings: Path) -> None:
    (statistics,) = streamed(recordings, "ws_tickers")
    assert isinstance(statistics, Statistics)
    assert (statistics.last_price, statistics.volume, statistics.quote_volume) == (9999.99, 2222.0, 2222.0)
    assert statistics.change_pct == pytest.approx((9999.99 / 9000 - 1) * 100)


def test_the_sample_funding_rate(recordings: Path) -> None:
    row = json.loads(sample(recordings, "ws_funding_rate"))["data"][0]
    (rate,) = streamed(recordings, "ws_funding_rate", "swap")
    assert isinstance(rate, FundingRate)
    assert rate.rate == float(row["fundingRate"])
    assert rate.funding_at == from_millis(int(row["fundingTime"]))
    assert rate.venue_time == from_millis(int(row.get("ts", 0)))


def test_the_sample_candle(recordings: Path) -> None:
    message = json.loads(sample(recordings, "ws_candle"))
    row = message["data"][0]
    frame = msgspec.json.encode(message | {"arg": message["arg"] | {"channel": "candle1m"}})
    (candle,) = codec_of("spot", message["arg"]["instId"]).decode(frame, AT)
    assert isinstance(candle, Candle)
    assert candle.opened_at == from_millis(int(row[0]))
    assert [candle.open, candle.high, candle.low, candle.close, candle.volume] == [float(text) for text in row[1:6]]
    assert (candle.quote_volume, candle.closed) == (float(row[7]), row[8] == "1")


def test_the_sample_order_is_a_fill_and_its_end(recordings: Path) -> None:
    codec = okx.venue("swap").user_codec
    assert codec is not None
    fill, done = codec.decode(sample(recordings, "ws_orders"), AT)
    assert isinstance(fill, Fill)
    assert (fill.price, fill.quantity, fill.trade_id) == (Decimal("103698.9"), Decimal("0.03"), "1518905529")
    assert (fill.fee.amount, fill.fee.asset, fill.liquidity) == (Decimal("0.021776769"), "USDT", "maker")
    assert isinstance(done, OrderDone)
    assert (done.status, done.venue_filled) == (OrderStatus.FILLED, Decimal("0.03"))
    assert done.client_order_id == fill.client_order_id == "001BTCUSDT20250106001"


def test_the_sample_account(recordings: Path) -> None:
    codec = okx.venue("swap").user_codec
    assert codec is not None
    (report,) = codec.decode(sample(recordings, "ws_account"), AT)
    assert isinstance(report, BalancesReported)
    rows = json.loads(sample(recordings, "ws_account"))["data"][0]["details"]
    assert [(each.asset, each.free + each.locked) for each in report.balances] == [
        (row["ccy"], Decimal(row["cashBal"])) for row in rows
    ]


@pytest.mark.parametrize(
    ("flavour", "name"), [("spot", "http_get_instruments_spot"), ("swap", "http_get_instruments_swap")]
)
def test_the_sample_lists_are_understood_whole(recordings: Path, flavour: str, name: str) -> None:
    answer = reply(recordings, name)
    found, _ = okx.venue(flavour).market.decode_instruments(answer)
    assert [each.symbol for each in found] == [row["instId"] for row in json.loads(answer.body)["data"]]


def test_the_sample_balance_and_position(recordings: Path) -> None:
    trading = okx.trading("swap")
    (report,) = trading.decode_balances(okx.ACCOUNT, reply(recordings, "http_get_account_balance"))
    assert isinstance(report, BalancesReported)
    (held,) = report.balances
    assert (held.asset, held.locked) == ("USDT", Decimal("5.468566666666667"))
    (event,) = trading.decode_balances(okx.ACCOUNT, reply(recordings, "http_get_positions"))
    assert "net mode" in getattr(event, "reason", "")  # the sample is of an account in long/short mode


def test_the_sample_orders_by_rest(recordings: Path) -> None:
    answer = reply(recordings, "http_get_orders_pending")
    (listed,), _ = okx.trading("swap").decode_open_orders(okx.ACCOUNT, answer)
    assert isinstance(listed, OpenOrdersListed)
    (report,) = listed.orders
    assert (report.client_order_id, report.status) == ("client-order-1", OrderStatus.WORKING)
    assert listed.instruments == (okx.BTC,)


def test_the_sample_fill_by_rest(recordings: Path) -> None:
    answer = okx.answered(json.loads(sample(recordings, "http_transaction_detail")))
    (fill,), cursor = okx.trading("spot").decode_fills(okx.FILLS, okx.instrument("spot"), answer)
    assert isinstance(fill, Fill)
    assert (fill.price, fill.quantity, fill.fee.amount) == (Decimal("42000.5"), Decimal("0.001"), Decimal("-0.042"))
    assert cursor == ""


def test_the_sample_candles_and_funding_by_rest(recordings: Path) -> None:
    history, instrument = okx.venue("swap").history, okx.instrument("swap")
    assert history is not None
    for name in ("http_get_candlesticks", "http_get_candlesticks_full"):
        answer = reply(recordings, name)
        rows = json.loads(answer.body)["data"]
        candles = history.decode_candles(instrument, "1m", answer)
        assert [each.close for each in candles] == [float(row[4]) for row in reversed(rows)]
    rates = history.decode_funding(instrument, reply(recordings, "http_get_funding_rate_history"))
    assert [rate.rate for rate in rates] == [-0.00002, 0.00015]


# -- normalised by somebody else ----------------------------------------------------------------------

CHANNELS = {"trades", "books", "bbo-tbt", "mark-price", "funding-rate", "tickers"}


def cases(recordings: Path) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Messages of the protocol of today, and what they are; their depth channel's other name is ours."""
    path = recordings / "normalizer_cases" / "tardis_node_raw_to_normalized.json"
    for case in json.loads(path.read_text()):
        raw = case["raw"]
        if case["exchange"].startswith("okex") and "arg" in raw:
            channel = {"books-l2-tbt": "books", "trades-all": "trades"}.get(
                raw["arg"]["channel"], raw["arg"]["channel"]
            )
            if channel in CHANNELS:
                yield raw | {"arg": raw["arg"] | {"channel": channel}}, case["expected"]


def flavour_of(symbol: str) -> str:
    return "spot" if symbol.count("-") == 1 else "swap"


def same(event: VenueEvent, expected: list[dict[str, Any]]) -> bool:
    """Whether every field that both sides have is equal."""
    match event:
        case Trade():
            (one,) = expected
            return (event.trade_id, event.price, event.quantity, event.side) == (
                one["id"],
                one["price"],
                one["amount"],
                one["side"],
            )
        case BookSnapshot() | BookDelta():
            (one,) = expected
            levels = [(each["price"], each["amount"]) for side in ("bids", "asks") for each in one[side]]
            return [*event.bids, *event.asks] == levels and one["isSnapshot"] == isinstance(event, BookSnapshot)
        case Quote():
            (one,) = expected
            fields = ("bidPrice", "bidAmount", "askPrice", "askAmount")
            return (event.bid, event.bid_size, event.ask, event.ask_size) == tuple(one[name] for name in fields)
        case MarkPrice():
            return any(one.get("markPrice") == event.mark_price for one in expected)
        case FundingRate():
            return any(one.get("fundingRate") == event.rate for one in expected)
        case Statistics():
            return any(one.get("lastPrice") == event.last_price for one in expected)
        case _:
            return False


def test_every_case_of_todays_protocol_is_what_others_made_of_it(recordings: Path) -> None:
    seen = Counter[str]()
    for raw, expected in cases(recordings):
        symbol, channel = raw["arg"]["instId"], raw["arg"]["channel"]
        events = codec_of(flavour_of(symbol), symbol).decode(msgspec.json.encode(raw), AT)
        assert not any(isinstance(event, Quarantined) for event in events), raw
        seen[channel] += 1
        if channel == "books" and raw["action"] == "snapshot":
            checked_elsewhere = [event for event in events if isinstance(event, BookSnapshot | BookBroken)]
            assert len(checked_elsewhere) == 1
        elif raw["data"][0].get("fundingRate", "") or channel != "funding-rate":
            assert all(same(event, expected) for event in events), raw
    assert seen == {"trades": 2, "books": 3, "mark-price": 3, "funding-rate": 2, "tickers": 1, "bbo-tbt": 1}


def test_the_published_signature(recordings: Path) -> None:
    path = recordings / "signing" / "published_signature_vectors.json"
    (known,) = (each for each in json.loads(path.read_text()) if each["exchange"] == "okx")
    request = HttpRequest(method=known["method"], url=f"https://www.okx.com{known['path']}", body=known["body"])
    keys = Credentials(known["api_key"], known["secret"], known["passphrase"])
    headers = dict(sign_request(request, keys, 1607418537715).headers)
    assert headers["OK-ACCESS-TIMESTAMP"] == known["timestamp"]
    assert headers["OK-ACCESS-SIGN"] == known["expected"]
