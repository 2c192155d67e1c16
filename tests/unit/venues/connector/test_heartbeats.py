"""Every venue tells that it lives; where it is silent or not connected at all, a synthetic heartbeat says so."""

from typing import Any

import pytest

from integrated_trading_system.domain.health import Heartbeat, LinkChanged
from integrated_trading_system.domain.http import HttpCall
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.link import OpenLink, SendFrame
from integrated_trading_system.venues.venue import Venue
from tests.support import alpaca
from tests.support.collector import Collector
from tests.support.connector_rig import NAME, START, Rig
from tests.support.toy_venue import toy_venue


def heartbeats(venue: Venue, **settings: Any) -> tuple[Rig, Collector]:
    rig = Rig(venue, symbols=(), **settings)
    heard = Collector()
    rig.system.bus.subscribe(Heartbeat, heard)
    return rig, heard


def test_a_venue_that_is_heard_beats_itself_and_a_silent_one_is_spoken_for() -> None:
    rig, heard = heartbeats(toy_venue(), heartbeat_every_s=5)
    link = rig.live()
    rig.wait(5)
    rig.wait(5)
    rig.frame(link, "pong")
    rig.wait(5)
    assert [beat.synthetic for beat in heard.of(Heartbeat)] == [False, True, False]


def test_without_a_key_a_venue_that_shows_nothing_to_strangers_is_not_even_asked() -> None:
    rig, heard = heartbeats(alpaca.venue())
    rig.wait(60)
    assert [rig.take(kind) for kind in (OpenLink, HttpCall, SendFrame)] == [[], [], []]
    assert [beat.synthetic for beat in heard.of(Heartbeat)] == [True] * 12
    assert heard.of(Heartbeat)[0].at == START + 5_000_000_000
    assert [changed.reason for changed in rig.bus.of(LinkChanged)] == ["dry run"]


def test_any_venue_can_be_run_dry() -> None:
    rig, heard = heartbeats(toy_venue(), dry_run=True)
    rig.wait(5)
    assert rig.take(HttpCall) == []
    assert heard.of(Heartbeat) == [Heartbeat(toy_venue().venue, synthetic=True, at=rig.now)]


def test_with_a_key_every_request_and_the_logon_of_the_market_link_are_signed() -> None:
    rig, _ = heartbeats(alpaca.venue(), api_key="env:ALPACA_KEY", api_secret="env:ALPACA_SECRET")
    call = rig.call("instruments")
    assert call.account == alpaca.ACCOUNT
    rig.reply(
        call,
        '[{"class":"crypto","symbol":"BTC/USD","status":"active","tradable":true,"price_increment":"1",'
        '"min_trade_increment":"0.1"}]',
    )
    link = rig.opening()
    rig.opened(link)
    (logon,) = rig.take(SendFrame)
    assert logon.account == alpaca.ACCOUNT
    rig.frame(link, '[{"T":"success","msg":"connected"}]')
    assert rig.take(SendFrame) == []
    rig.frame(link, '[{"T":"success","msg":"authenticated"}]')
    (subscribe,) = rig.take(SendFrame)
    assert subscribe.account is None
    assert b"secret" not in logon.frame + subscribe.frame


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_venue_that_is_shut_down_beats_no_more(dry_run: bool) -> None:
    rig, heard = heartbeats(toy_venue(), dry_run=dry_run)
    rig.system.tell(NAME, Shutdown("test"))
    rig.wait(60)
    assert heard.of(Heartbeat) == []
