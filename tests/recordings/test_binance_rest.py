"""Sample answers of Binance's REST interface and its published signatures, value by value."""

import gzip
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec
import pytest

from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    Fill,
    OpenOrdersListed,
    OrderAccepted,
    OrderDone,
    OrderReport,
)
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import Asset, ClientOrderId, PlanId, StrategyId
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import (
    CancelOrder,
    OrderRequest,
    OrderStatus,
    OrderType,
    QueryFills,
    QueryOrder,
    Side,
    SubmitOrder,
    TimeInForce,
)
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.binance import signing
from integrated_trading_system.venues.venue import Credentials, Trading
from tests.support import binance


@pytest.fixture
def samples(recordings: Path) -> Path:
    return recordings / "fixtures_nautilus" / "binance"


def answer(samples: Path, name: str) -> HttpReply:
    market, kind = name.split("/")
    return binance.reply((samples / market / "http_json" / f"{kind}.json").read_bytes())


def trading(flavour: str) -> Trading:
    found = binance.venue(flavour).trading
    assert found is not None
    return found


def test_the_sample_order_brings_its_five_fills_and_its_end(samples: Path) -> None:
    request = OrderRequest(
        client_order_id=ClientOrderId("6gCrw2kRUAF9CvJDGP16IP"),
        instrument=binance.instrument("spot").instrument,
        account=binance.ACCOUNT,
        side=Side.SELL,
        order_type=OrderType.MARKET,
        price=Decimal(4000),
        quantity=Decimal(10),
        time_in_force=TimeInForce.IOC,
        strategy=StrategyId("s"),
        plan_id=PlanId("p"),
        leg=0,
    )
    order = SubmitOrder(request, Nanos(0))
    reply = answer(samples, "spot/new_order_full_response")
    accepted, *fills, done = trading("spot").decode_place(order, binance.instrument("spot"), reply)
    assert isinstance(accepted, OrderAccepted)
    assert (accepted.venue_order_id, accepted.venue_time) == ("28", 1507725176595_000_000)
    traded = [(fill.trade_id, fill.price, fill.quantity, fill.fee) for fill in fills if isinstance(fill, Fill)]
    assert traded[0] == ("56", Decimal(4000), Decimal(1), Money(Decimal(4), Asset("USDT")))
    assert traded[4] == ("60", Decimal(3995), Decimal(1), Money(Decimal("3.995"), Asset("USDT")))
    assert sum(quantity for _, _, quantity, _ in traded) == 10
    assert isinstance(done, OrderDone)
    assert (done.status, done.venue_filled) == (OrderStatus.FILLED, Decimal(10))


def test_the_sample_orders_are_reported(samples: Path) -> None:
    spot, usdm = binance.instrument("spot", "LTCBTC", "LTC", "BTC"), binance.instrument("usdm")
    mine = QueryOrder(ClientOrderId("myOrder1"), spot.instrument, binance.ACCOUNT)
    (report,) = trading("spot").decode_query(mine, spot, answer(samples, "spot/order_response"))
    assert isinstance(report, OrderReport)
    assert (report.venue_order_id, report.status, report.venue_filled) == ("1", OrderStatus.WORKING, Decimal(0))
    theirs = QueryOrder(ClientOrderId("testOrder123"), usdm.instrument, binance.ACCOUNT)
    (report,) = trading("usdm").decode_query(theirs, usdm, answer(samples, "futures/order_response"))
    assert isinstance(report, OrderReport)
    assert (report.venue_order_id, report.status) == ("12345678", OrderStatus.WORKING)
    cancel = CancelOrder(ClientOrderId("myOrder1"), spot.instrument, binance.ACCOUNT)
    (done,) = trading("spot").decode_cancel(cancel, spot, answer(samples, "spot/cancel_order_response"))
    assert isinstance(done, OrderDone)
    assert (done.status, done.client_order_id) == (OrderStatus.CANCELLED, "myOrder1")


@pytest.mark.parametrize("name", ["spot/open_orders_response", "spot/all_orders_response"])
def test_the_sample_lists_of_orders_are_listed(samples: Path, name: str) -> None:
    (event,), _ = trading("spot").decode_open_orders(binance.ACCOUNT, answer(samples, name))
    assert isinstance(event, OpenOrdersListed)
    assert [order.client_order_id for order in event.orders] == ["myOrder1"]
    assert event.instruments == ("binance:spot:LTCBTC",)


def test_the_sample_fill_is_listed(samples: Path) -> None:
    instrument = binance.instrument("spot", "BNBBTC", "BNB", "BTC")
    query = QueryFills(instrument.instrument, binance.ACCOUNT, Nanos(0))
    reply = answer(samples, "spot/account_trades_response")
    (fill,), cursor = trading("spot").decode_fills(query, instrument, reply)
    assert isinstance(fill, Fill)
    assert (fill.trade_id, fill.venue_order_id, fill.side) == ("28457", "100234", Side.BUY)
    assert (fill.price, fill.quantity) == (Decimal("4.000001"), Decimal(12))
    assert fill.fee == Money(Decimal("10.1"), Asset("BNB"))
    assert cursor == ""


def test_the_sample_accounts_are_reported(samples: Path) -> None:
    (spot,) = trading("spot").decode_balances(binance.ACCOUNT, answer(samples, "spot/account_response"))
    assert isinstance(spot, BalancesReported)
    assert spot.balances == (
        Balance(Asset("BTC"), Decimal("4723846.89208129"), Decimal(0)),
        Balance(Asset("LTC"), Decimal("4763368.68006011"), Decimal(0)),
    )
    (usdm,) = trading("usdm").decode_balances(binance.ACCOUNT, answer(samples, "futures/account_info_v2"))
    assert isinstance(usdm, BalancesReported)
    assert usdm.balances == (Balance(Asset("USDT"), Decimal("23.72469206"), Decimal(0)),)
    (position,) = usdm.positions
    assert (position.instrument, position.quantity) == ("binance:usdm:BTCUSDT", Decimal(0))


def test_the_sample_market_answers_have_these_values(samples: Path) -> None:
    market = binance.venue("spot").market
    ((instrument,), _) = market.decode_instruments(answer(samples, "spot/exchange_info_response"))
    assert (instrument.symbol, instrument.base, instrument.quote) == ("ETHBTC", "ETH", "BTC")
    assert instrument.tradable
    assert market.decode_time(answer(samples, "spot/server_time_response")) == 1499827319559_000_000
    snapshot = market.decode_snapshot(instrument, answer(samples, "spot/depth_response"))
    assert (snapshot.bids, snapshot.asks) == ([(4.0, 431.0)], [(4.000002, 12.0)])
    assert (snapshot.last_sequence, snapshot.resume_from) == (1027024, 1027025)


@pytest.mark.parametrize(
    ("source", "flavour"), [("BINANCE", "spot"), ("BINANCE_US", "us"), ("BINANCE_FUTURES", "usdm")]
)
def test_a_recorded_listing_is_understood_whole(recordings: Path, source: str, flavour: str) -> None:
    with gzip.open(recordings / f"cryptofeed/{source}.0.gz") as lines:
        body = lines.readline().split(b": ", 1)[1].rstrip()
    instruments, _ = binance.venue(flavour).market.decode_instruments(binance.reply(body))
    listed = msgspec.json.decode(body)["symbols"]
    assert [instrument.symbol for instrument in instruments] == [symbol["symbol"] for symbol in listed]
    assert [instrument.tradable for instrument in instruments] == [
        symbol["status"] == "TRADING" and symbol.get("isSpotTradingAllowed", True) for symbol in listed
    ]
    for instrument, symbol in zip(instruments, listed, strict=True):
        filters = {entry["filterType"]: entry for entry in symbol["filters"]}
        least = filters["MIN_NOTIONAL"]
        assert instrument.tick == Decimal(filters["PRICE_FILTER"]["tickSize"])
        assert instrument.lot == Decimal(filters["LOT_SIZE"]["stepSize"])
        assert instrument.notional_min == Decimal(least.get("minNotional") or least["notional"])


def published(recordings: Path) -> list[dict[str, str]]:
    vectors = msgspec.json.decode((recordings / "signing" / "published_signature_vectors.json").read_bytes())
    return [vector for vector in vectors if vector["exchange"] == "binance"]


def test_the_published_signatures_of_requests_are_reproduced(recordings: Path) -> None:
    vectors = [vector for vector in published(recordings) if not vector["message"].startswith("apiKey")]
    assert len(vectors) == 4
    for vector in vectors:
        query, _, timestamp = vector["message"].rpartition("timestamp=")
        url = "https://api.binance.com/api/v3/order"
        request = HttpRequest(method="POST", url=url, query=query.rstrip("&"))
        signed = signing.sign_request(request, Credentials(vector["api_key"], vector["secret"]), int(timestamp))
        assert signed.query == f"{vector['message']}&signature={vector['expected']}"


def test_the_published_signature_of_a_frame_is_reproduced(recordings: Path) -> None:
    (vector,) = [vector for vector in published(recordings) if vector["message"].startswith("apiKey")]
    params = dict(parse_qsl(vector["message"]))
    timestamp = int(params.pop("timestamp"))
    del params["apiKey"]
    frame = msgspec.json.encode({"id": 1, "method": "order.place", "params": params})
    signed = signing.sign_frame(frame, Credentials(vector["api_key"], vector["secret"]), timestamp)
    assert msgspec.json.decode(signed)["params"]["signature"] == vector["expected"]
