"""The maker: where it rests, what hedges it, and when it withdraws."""

from decimal import Decimal
from typing import Any

import pytest

from integrated_trading_system.config.strategies import ArbitrageSettings, Style
from integrated_trading_system.domain.comparison import Comparison, Member
from integrated_trading_system.domain.health import FeedUnreliable, TradingState
from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.order import CancelOrder, Order, OrderStatus, Side, TimeInForce
from integrated_trading_system.domain.time import MILLISECOND, SECOND
from integrated_trading_system.strategies.arbitrage.maker import MakerArbitrage
from integrated_trading_system.strategies.catalog import strategy_of
from integrated_trading_system.strategies.strategy import Fees
from tests.support.strategy_rig import StrategyRig
from tests.support.trading import finished, instrument, leg, order, plan, quote

A, B = instrument("a:spot"), instrument("b:spot")
FEES = Fees(maker_bps=Decimal(2), taker_bps=Decimal(5))


def rig_of(**settings: Any) -> StrategyRig[MakerArbitrage]:
    members = (Member(instrument=A.instrument), Member(instrument=B.instrument))
    comparison = Comparison(name="btc", currency=Asset("USDT"), members=members)
    plain = {"style": "maker", "decay_bps_per_ms": 0, "notional_max": 100, "edge_bps_min": 2}
    kind, chosen = strategy_of("arbitrage", plain | settings)
    assert kind is MakerArbitrage
    rig = StrategyRig(MakerArbitrage, comparison, chosen, {"a:spot": FEES, "b:spot": FEES})
    rig.listed(A, B)
    rig.trade()
    rig.fund(A, B, BTC="1000", USDT="1000000")
    return rig


def books(rig: StrategyRig[MakerArbitrage], a: tuple[float, float], b: tuple[float, float]) -> tuple[Quote, Quote]:
    return quote(A.instrument, *a, rig.now, 5.0), quote(B.instrument, *b, rig.now, 5.0)


def posted(rig: StrategyRig[MakerArbitrage], status: OrderStatus = OrderStatus.WORKING) -> Order:
    """The bid on A rests, for what B pays."""
    rig.see(*books(rig, (99.90, 100.05), (100.00, 100.02)))
    (made,) = rig.proposed
    resting = order(made, 0, "o-1", status)
    rig.tell(resting)
    return resting


def test_only_the_style_asked_for_decides_which_of_the_two_it_is() -> None:
    assert strategy_of("arbitrage", {})[0] is not MakerArbitrage
    assert ArbitrageSettings().style is Style.TAKER


def test_it_rests_where_what_hedges_it_pays_and_the_hedge_follows() -> None:
    rig = rig_of(rest_ms_max=2_000, hedge_within_ms=10_000, submit_within_ms=250)
    posted(rig)
    (made,) = rig.proposed
    bid, hedge = made.legs
    assert (bid.instrument, bid.side, bid.price) == (A.instrument, Side.BUY, Decimal("99.91")), "a tick in front"
    assert (bid.time_in_force, bid.post_only, bid.follows) == (TimeInForce.GTC, True, None)
    assert (hedge.instrument, hedge.side, hedge.price) == (B.instrument, Side.SELL, Decimal(100))
    assert (hedge.time_in_force, hedge.post_only, hedge.follows) == (TimeInForce.IOC, False, 0)
    assert bid.quantity == hedge.quantity == 1
    assert made.rest_until == made.created_at + 2 * SECOND
    assert made.hedge_by == made.created_at + 12 * SECOND
    (found,) = rig.opportunities
    assert found.gross_edge == Decimal("0.09")
    assert found.fees == Decimal("99.91") * Decimal("0.0002") + Decimal(100) * Decimal("0.0005")


def test_an_offer_rests_likewise_and_is_hedged_by_buying() -> None:
    rig = rig_of()
    rig.see(*books(rig, (99.98, 100.00), (99.95, 100.12)))
    (made,) = rig.proposed
    offer, hedge = made.legs
    assert (offer.instrument, offer.side, offer.price) == (B.instrument, Side.SELL, Decimal("100.11"))
    assert (hedge.instrument, hedge.side, hedge.follows) == (A.instrument, Side.BUY, 0)


def test_it_stands_back_as_far_as_the_edge_asks_but_not_further_than_is_worth_its_place() -> None:
    rig = rig_of(edge_bps_min=4, rest_bps_max=5)
    rig.see(*books(rig, (99.90, 100.05), (100.00, 100.02)))
    assert rig.proposed[0].legs[0].price == Decimal("99.89"), (
        "(100 less 5 bps) less 2 and 4 bps, a tick behind the best"
    )
    far = rig_of(edge_bps_min=10, rest_bps_max=5)
    far.see(*books(far, (99.90, 100.05), (100.00, 100.02)))
    assert far.proposed == []


def test_it_never_crosses_where_there_is_no_price_between() -> None:
    rig = rig_of(rest_bps_max=10)
    rig.see(*books(rig, (99.90, 99.91), (100.20, 100.21)))
    (bid, _) = rig.proposed[0].legs
    assert bid.price == Decimal("99.90")


def test_while_its_hedge_would_pay_it_is_left_alone() -> None:
    rig = rig_of()
    posted(rig)
    rig.see(*books(rig, (99.90, 100.05), (99.99, 100.02)))
    assert rig.cancels.of(CancelOrder) == []


def test_when_the_hedge_would_lose_it_is_cancelled_once() -> None:
    rig = rig_of()
    resting = posted(rig)
    for _ in range(3):
        rig.see(*books(rig, (99.90, 100.05), (99.96, 99.98)), changed=1)
    (cancel,) = rig.cancels.of(CancelOrder)
    assert cancel.client_order_id == resting.request.client_order_id


def test_after_it_was_cancelled_and_the_cool_down_it_proposes_anew() -> None:
    rig = rig_of(cool_down_ms=500)
    posted(rig)
    rig.tell(finished(rig.proposed[0]))
    rig.see(*books(rig, (99.90, 100.05), (100.00, 100.02)))
    assert len(rig.proposed) == 1
    rig.run(500 * MILLISECOND)
    rig.see(*books(rig, (99.90, 100.05), (100.00, 100.02)))
    assert len(rig.proposed) == 2


@pytest.mark.parametrize("trouble", ["halted", "unreliable"])
def test_what_could_not_be_hedged_does_not_rest(trouble: str) -> None:
    rig = rig_of()
    posted(rig)
    if trouble == "halted":
        rig.trade(TradingState.HALTED)
    else:
        rig.tell(FeedUnreliable(B.instrument, "gaps", rig.now))
    assert len(rig.cancels.of(CancelOrder)) == 1


def test_an_order_that_is_over_is_not_cancelled() -> None:
    rig = rig_of()
    posted(rig, OrderStatus.FILLED)
    rig.see(*books(rig, (99.90, 100.05), (99.96, 99.98)), changed=1)
    assert rig.cancels.of(CancelOrder) == []


def test_it_does_not_overbid_an_order_of_our_own() -> None:
    rig = rig_of()
    other = plan(leg(A.instrument, Side.BUY, "1", "99.90", time_in_force=TimeInForce.GTC), strategy="another")
    rig.tell(order(other, 0, "own", OrderStatus.WORKING))
    rig.see(*books(rig, (99.90, 100.05), (100.00, 100.02)))
    assert rig.proposed[0].legs[0].price == Decimal("99.90")
