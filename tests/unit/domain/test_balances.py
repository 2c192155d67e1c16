"""What can be spent is never more than what the venue has free."""

from decimal import Decimal

from msgspec.structs import replace

from integrated_trading_system.domain.balances import Balances, Purse, spending
from integrated_trading_system.domain.ids import AccountId, Asset, PlanId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos
from tests.support.trading import ACCOUNT, START, balances, fill, instrument

A = instrument()


def purse(asset: str) -> Purse:
    return A.venue, ACCOUNT, Asset(asset)


def known(**free: str) -> Balances:
    made = Balances()
    made.report(balances(A.instrument, free))
    return made


def test_nothing_is_known_before_a_report() -> None:
    assert Balances().free(purse("BTC")) is None


def test_a_complete_report_says_that_everything_else_is_zero() -> None:
    made = known(BTC="1", USDT="5")
    made.report(balances(A.instrument, {"BTC": "2"}))
    assert (made.free(purse("BTC")), made.free(purse("USDT"))) == (Decimal(2), Decimal(0))


def test_a_report_older_than_the_one_before_is_not_believed() -> None:
    made = Balances()
    made.report(replace(balances(A.instrument, {"BTC": "2"}), venue_time=Nanos(9)))
    made.report(replace(balances(A.instrument, {"BTC": "5"}, complete=False), venue_time=Nanos(8)))
    assert made.free(purse("BTC")) == 2


def test_a_partial_report_changes_only_what_it_names() -> None:
    made = known(BTC="1", USDT="5")
    made.report(balances(A.instrument, {"BTC": "2"}, complete=False))
    assert made.free(purse("USDT")) == 5
    partial = Balances()
    partial.report(balances(A.instrument, {"BTC": "2"}, complete=False))
    assert partial.free(purse("USDT")) is None


def test_a_buy_moves_quote_into_base_and_pays_its_fee() -> None:
    made = known(USDT="500")
    fee = Money(Decimal("0.1"), Asset("USDT"))
    made.fill(fill(A.instrument, Side.BUY, "2", "100", venue_time=START + 1, fee=fee), A)
    assert (made.free(purse("BTC")), made.free(purse("USDT"))) == (Decimal(2), Decimal("299.9"))


def test_a_fill_that_the_report_already_knew_of_moves_nothing() -> None:
    made = known(USDT="500")
    made.fill(fill(A.instrument, Side.BUY, "2", "100", venue_time=START), A)
    assert made.free(purse("USDT")) == 500


def test_a_fill_without_a_time_is_taken_as_new() -> None:
    made = known(USDT="500")
    made.fill(fill(A.instrument, Side.SELL, "2", "100", venue_time=0), A)
    assert made.free(purse("USDT")) == 700


def test_a_derivatives_fill_moves_only_its_fee() -> None:
    perpetual = instrument(kind=Kind.LINEAR)
    made = known(USDT="500", BTC="1")
    fee = Money(Decimal(1), Asset("USDT"))
    made.fill(fill(A.instrument, Side.BUY, "2", "100", venue_time=START + 1, fee=fee), perpetual)
    assert (made.free(purse("BTC")), made.free(purse("USDT"))) == (Decimal(1), Decimal(499))


def test_fills_on_accounts_that_never_reported_are_not_made_up() -> None:
    made = Balances()
    made.fill(fill(A.instrument, Side.BUY, "2", "100"), A)
    assert made.free(purse("BTC")) is None


def test_what_a_plan_holds_is_not_free_until_it_is_released() -> None:
    made = known(USDT="500")
    made.hold(PlanId("p"), purse("USDT"), Decimal(300))
    made.hold(PlanId("p"), purse("BTC"), Decimal(3))
    assert (made.free(purse("USDT")), made.free(purse("BTC"))) == (Decimal(200), Decimal(0))
    made.release(PlanId("p"))
    made.release(PlanId("p"))
    assert made.free(purse("USDT")) == 500


def test_spot_orders_spend_base_or_quote_and_derivatives_neither() -> None:
    other = AccountId("other")
    lots = instrument(multiplier=Decimal(10))
    price, quantity = Decimal(7), Decimal(3)
    assert spending(lots, other, Side.SELL, price, quantity) == ((A.venue, other, Asset("BTC")), Decimal(30))
    assert spending(lots, other, Side.BUY, price, quantity) == ((A.venue, other, Asset("USDT")), Decimal(210))
    assert spending(instrument(kind=Kind.LINEAR), other, Side.BUY, price, quantity) is None


def test_a_derivatives_fill_binds_and_frees_margin_of_the_settle_asset_until_the_next_report() -> None:
    perpetual = instrument(kind=Kind.LINEAR)
    made = known(USDT="500")
    made.fill(fill(A.instrument, Side.BUY, "2", "100", venue_time=START + 1), perpetual, Decimal(40))
    assert made.free(purse("USDT")) == 460
    made.fill(fill(A.instrument, Side.SELL, "1", "100", venue_time=START + 2), perpetual, Decimal(-20))
    assert made.free(purse("USDT")) == 480
    made.fill(fill(A.instrument, Side.SELL, "1", "100", venue_time=START), perpetual, Decimal(-20))
    assert made.free(purse("USDT")) == 480, "the report knew of it"
