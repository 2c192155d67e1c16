"""What each venue says of a key, read from answers as its documentation prints them."""

from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, CallId, VenueId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.account import AccountCheck, KeyFacts
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import Venue

RESTRICTIONS: dict[str, Any] = {
    "ipRestrict": False,
    "createTime": 1698645219000,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableMargin": False,
    "enableFutures": False,
    "permitsUniversalTransfer": False,
    "enableVanillaOptions": False,
    "enableFixApiTrade": False,
    "enableFixReadOnly": True,
    "enableSpotAndMarginTrading": True,
    "enablePortfolioMarginTrading": True,
}
USER = {"makerCommission": 15, "canTrade": True, "balances": [], "permissions": ["SPOT"], "uid": 354937868}
BYBIT: dict[str, Any] = {
    "id": "13770661",
    "note": "readwrite api key",
    "apiKey": "XXXXXX",
    "readOnly": 0,
    "secret": "",
    "permissions": {
        "ContractTrade": ["Order", "Position"],
        "Spot": ["SpotTrade"],
        "Wallet": ["AccountTransfer", "SubMemberTransferList"],
        "Options": ["OptionsTrade"],
        "Derivatives": ["DerivativesTrade"],
        "Exchange": ["ExchangeHistory"],
        "NFT": [],
    },
    "ips": ["*"],
    "type": 1,
    "uta": 1,
    "userID": 24617703,
    "isMaster": True,
    "parentUid": "0",
}
OKX: dict[str, Any] = {
    "acctLv": "2",
    "autoLoan": False,
    "ip": "",
    "label": "v5 test",
    "mainUid": "44705892343619584",
    "perm": "read_only,withdraw,trade",
    "posMode": "net_mode",
    "uid": "44705892343619584",
}
KRAKEN: dict[str, Any] = {
    "apiKeyName": "my-api-key",
    "apiKey": "XXXXXX",
    "nonceWindow": 0,
    "permissions": ["query-funds", "withdraw-funds", "query-open-trades", "modify-trades"],
    "iban": "AA88 N84G WOAK NMOI",
    "validUntil": "0",
    "ipAllowlist": [],
}
COINBASE: dict[str, Any] = {
    "can_view": True,
    "can_trade": True,
    "can_transfer": False,
    "portfolio_uuid": "4c2b1a2e-0000-4a4a-8d3f-1d3c6f0a7b11",
    "portfolio_type": "DEFAULT",
}
ALPACA: dict[str, Any] = {
    "id": "e6fe16f3-64a4-4921-8928-cadf02f92f98",
    "account_number": "010203ABCD",
    "status": "ACTIVE",
    "trading_blocked": False,
    "account_blocked": False,
}


def built(name: str, **addresses: str) -> Venue:
    venue = VenueId(name)
    endpoints = catalog.endpoints_of(venue)
    return catalog.build(venue, endpoints.moved(addresses.get("rest_url"), None), AccountId("a"))


def check_of(name: str) -> AccountCheck:
    check = built(name).account
    assert check is not None
    return check


def reply(body: Any, status: int = 200) -> HttpReply:
    raw = msgspec.json.encode(body)
    return HttpReply(call=CallId("c"), status=status, headers={}, body=raw, sent_at=Nanos(1), received_at=Nanos(2))


def enveloped(name: str, body: Any) -> HttpReply:
    """As the venue wraps a good answer."""
    match name.partition(":")[0]:
        case "bybit":
            return reply({"retCode": 0, "retMsg": "", "result": body, "retExtInfo": {}, "time": 1})
        case "okx":
            return reply({"code": "0", "msg": "", "data": [body]})
        case "kraken":
            return reply({"error": [], "result": body})
        case _:
            return reply(body)


def facts(name: str, *bodies: Any) -> KeyFacts:
    check = check_of(name)
    assert len(check.requests()) == len(bodies)
    return check.decode([enveloped(name, body) for body in bodies])


@pytest.mark.parametrize(
    ("name", "bodies", "expected"),
    [
        (
            "binance:spot",
            (USER, RESTRICTIONS),
            KeyFacts(account="354937868", trades=True, moves_money=(), addresses=False),
        ),
        (
            "binance:usdm",
            (USER, RESTRICTIONS | {"ipRestrict": True}),
            KeyFacts(account="354937868", trades=False, moves_money=(), addresses=True),
        ),
        ("binance:testnet", (USER,), KeyFacts(account="354937868")),
        (
            "bybit:linear",
            (BYBIT,),
            KeyFacts(account="24617703", trades=True, moves_money=("AccountTransfer",), addresses=False),
        ),
        (
            "bybit:spot",
            (BYBIT | {"readOnly": 1, "ips": ["1.2.3.4"], "permissions": {"Spot": ["SpotTrade"]}},),
            KeyFacts(account="24617703", trades=False, moves_money=(), addresses=True),
        ),
        (
            "okx:spot",
            (OKX,),
            KeyFacts(account="44705892343619584", trades=True, moves_money=("withdraw",), addresses=False),
        ),
        (
            "okx:swap",
            (OKX | {"perm": "read_only", "ip": "1.2.3.4,5.6.7.8"},),
            KeyFacts(account="44705892343619584", trades=False, moves_money=(), addresses=True),
        ),
        (
            "kraken:spot",
            (KRAKEN,),
            KeyFacts(account="AA88N84GWOAKNMOI", trades=True, moves_money=("withdraw-funds",), addresses=False),
        ),
        (
            "coinbase:advanced",
            (COINBASE,),
            KeyFacts(account="4c2b1a2e-0000-4a4a-8d3f-1d3c6f0a7b11", trades=True, moves_money=()),
        ),
        (
            "coinbase:advanced",
            (COINBASE | {"can_transfer": True, "can_trade": False},),
            KeyFacts(account="4c2b1a2e-0000-4a4a-8d3f-1d3c6f0a7b11", trades=False, moves_money=("can_transfer",)),
        ),
        ("alpaca:crypto", (ALPACA,), KeyFacts(account="010203ABCD", trades=True)),
        ("alpaca:stocks", (ALPACA | {"trading_blocked": True},), KeyFacts(account="010203ABCD", trades=False)),
    ],
)
def test_what_a_venue_says_of_a_key_is_taken_and_what_it_does_not_say_stays_unknown(
    name: str, bodies: tuple[Any, ...], expected: KeyFacts
) -> None:
    assert facts(name, *bodies) == expected


@pytest.mark.parametrize("permission", ["enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer"])
def test_each_of_binances_ways_to_move_money_is_named(permission: str) -> None:
    assert facts("binance:spot", USER, RESTRICTIONS | {permission: True}).moves_money == (permission,)


@pytest.mark.parametrize("permission", ["Withdraw", "AccountTransfer", "SubMemberTransfer"])
def test_each_of_bybits_ways_to_move_money_is_named(permission: str) -> None:
    key = BYBIT | {"permissions": {"Wallet": [permission]}}
    assert facts("bybit:linear", key).moves_money == (permission,)


@pytest.mark.parametrize("name", [name for name in catalog.venue_ids() if built(name).account is not None])
def test_a_refusal_is_told_in_the_venues_words_and_an_answer_of_another_shape_is_none(name: str) -> None:
    check = check_of(name)
    for answer in (reply({"code": -2015, "msg": "no", "error": ["EAPI:Invalid key"]}, 401), reply([1])):
        with pytest.raises(MalformedReply):
            check.decode([answer] * len(check.requests()))


@pytest.mark.parametrize("name", catalog.venue_ids())
def test_where_orders_can_go_the_key_can_be_asked_about_or_it_is_said_why_not(name: str) -> None:
    venue = built(name)
    assert venue.trading is None or (venue.account is None) == bool(venue.no_account)


def test_the_futures_key_is_asked_about_at_the_spot_host_unless_the_venue_was_moved_to_this_machine() -> None:
    def hosts(venue: Venue) -> set[str]:
        assert venue.account is not None
        return {request.url.split("/")[2] for request in venue.account.requests()}

    assert hosts(built("binance:usdm")) == {"api.binance.com"}
    assert hosts(built("binance:usdm", rest_url="http://127.0.0.1:9001")) == {"127.0.0.1:9001"}
