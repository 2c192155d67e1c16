"""Open positions lose money, too: what they are worth is looked at with every fill and once a second."""

from decimal import Decimal

from integrated_trading_system.domain.health import Reconciled, Resume, TradingState
from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import DAY, SECOND
from integrated_trading_system.risk.past import Past
from tests.support.risk_rig import A, B, RiskRig
from tests.support.trading import fill, instrument

BUY, SELL = Side.BUY, Side.SELL


def holding(quantity: str = "10", **settings: object) -> RiskRig:
    """So many, bought at 100."""
    rig = RiskRig(**{"daily_loss_max": 100, "drawdown_max": 10_000} | settings)  # type: ignore[arg-type]
    rig.tell(fill(A.instrument, BUY, quantity, "100", received_at=rig.now))
    return rig


def at(rig: RiskRig, price: float) -> RiskRig:
    rig.quote(A.instrument, price, price)
    rig.run(SECOND)
    return rig


def test_a_price_that_falls_halts_without_any_fill() -> None:
    rig = at(holding(), 90.0)
    assert rig.view.trading is TradingState.ACTIVE
    assert rig.view.unrealised == -100
    assert rig.view.lost_today == 100
    at(rig, 89.99)
    assert rig.view.reason == "daily-loss-max: lost today: 100.1 is more than 100"


def test_a_short_position_loses_when_the_price_rises() -> None:
    rig = RiskRig(daily_loss_max=100)
    rig.tell(fill(A.instrument, SELL, "10", "100", received_at=rig.now))
    assert at(rig, 110.0).view.trading is TradingState.ACTIVE
    assert at(rig, 110.01).view.trading is TradingState.HALTED


def test_what_one_leg_loses_the_other_gains() -> None:
    rig = holding()
    rig.tell(fill(B.instrument, SELL, "10", "100", received_at=rig.now))
    rig.quote(B.instrument, 50.0, 50.0)
    assert at(rig, 50.0).view.unrealised == 0
    assert rig.view.trading is TradingState.ACTIVE


def test_closing_a_losing_position_changes_nothing_but_its_name() -> None:
    rig = at(holding(), 95.0)
    rig.tell(fill(A.instrument, SELL, "10", "95", received_at=rig.now))
    view = rig.view
    assert [view.net, view.unrealised, view.lost_today, view.drawdown] == [Decimal(-50), Decimal(0), *[Decimal(50)] * 2]


def test_without_a_valid_book_the_last_price_holds_and_our_own_fill_is_newer() -> None:
    rig = at(holding(daily_loss_max=1_000), 95.0)
    rig.quotes.clear()
    rig.run(SECOND)
    assert rig.view.unrealised == -50
    rig.tell(fill(A.instrument, BUY, "1", "89", received_at=rig.now))
    assert rig.view.unrealised == -110, "10 lost 11, and the new one nothing"


def test_a_best_moment_that_nobody_realised_is_one() -> None:
    rig = holding(drawdown_max=50, daily_loss_max=1_000)
    at(at(rig, 108.0), 103.0)
    assert rig.view.drawdown == 50
    assert rig.view.trading is TradingState.ACTIVE
    assert at(rig, 102.99).view.reason.startswith("drawdown-max: ")


def test_a_new_day_begins_with_what_was_open_when_the_last_one_ended() -> None:
    rig = at(holding(daily_loss_max=60), 95.0)
    rig.run(DAY)
    at(rig, 95.0)
    assert rig.view.lost_today == 0
    assert at(rig, 89.0).view.trading is TradingState.ACTIVE
    assert at(rig, 88.9).view.reason == "daily-loss-max: lost today: 61 is more than 60"


def test_resuming_is_not_undone_by_the_next_price_but_by_the_next_day() -> None:
    rig = at(holding(), 89.0)
    rig.tell(Resume("me"))
    for price in (95.0, 88.0, 95.0, 80.0):
        assert at(rig, price).view.trading is TradingState.ACTIVE
    rig.run(DAY)
    at(at(rig, 80.0), 69.9)
    assert rig.view.trading is TradingState.HALTED


def test_a_drawdown_halts_again_only_when_it_had_come_back_to_half() -> None:
    rig = at(holding(drawdown_max=50, daily_loss_max=10_000), 94.0)
    assert rig.view.trading is TradingState.HALTED
    rig.tell(Resume("me"))
    assert at(at(rig, 97.4), 94.0).view.trading is TradingState.ACTIVE
    assert at(at(rig, 97.6), 94.0).view.trading is TradingState.HALTED


def test_after_a_restart_an_open_loss_is_seen_as_soon_as_its_book_is_valid() -> None:
    rig = RiskRig(past=Past(fills=[fill(A.instrument, BUY, "10", "100")]), ready=True, daily_loss_max=100)
    assert at(rig, 89.0).view.reason.startswith("daily-loss-max: ")


def test_inverse_contracts_are_valued_in_their_coin() -> None:
    coin = instrument("a:coin", "BTCUSD", kind=Kind.INVERSE, multiplier=Decimal(100), settle=Asset("BTC"))
    rig = RiskRig(instruments=[coin], daily_loss_max=10_000, position_notional_max=10_000)
    rig.tell(fill(coin.instrument, BUY, "10", "100", received_at=rig.now))
    rig.quote(coin.instrument, 125.0, 125.0)
    rig.run(SECOND)
    assert rig.view.unrealised == 250, "as it would be realised"


def test_nothing_is_booked_before_the_start_is_complete() -> None:
    """Fills that are still to be found come first, and may have been the profitable ones."""
    rig = RiskRig(ready=False, daily_loss_max=100)
    rig.list(A)
    for side, price in ((BUY, "100"), (SELL, "80")):
        rig.tell(fill(A.instrument, side, "10", price, received_at=rig.now))
    assert (rig.view.reason, rig.view.net) == ("", Decimal(0))
    rig.tell(Reconciled(rig.now))
    assert rig.view.reason.startswith("daily-loss-max: ")
    assert rig.view.net == -200
