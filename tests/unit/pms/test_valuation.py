"""Rates, equity, and what a finished plan brought."""

from decimal import Decimal

import msgspec
import pytest

from integrated_trading_system.config.pms import PmsSettings
from integrated_trading_system.domain.ids import Asset, PlanId, StrategyId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import LegOutcome, PlanFinished
from integrated_trading_system.domain.time import MINUTE, Nanos
from integrated_trading_system.pms.ledger import Ledger
from integrated_trading_system.pms.valuation import Valuation, realised_edge
from tests.support.pms_orders import StillBooks, fill, funding, instrument
from tests.support.seen import seen

SPOT = instrument()
DOLLARS = instrument(symbol="BTCUSDC", quote="USDC")
BNB = msgspec.structs.replace(instrument(symbol="BNBUSDT"), base=Asset("BNB"))
LINEAR = instrument(Kind.LINEAR, "BTCUSDT-P", "0.01")


def valuation(books: StillBooks, settings: PmsSettings | None = None, *listed: Instrument) -> Valuation:
    return Valuation(settings or PmsSettings(), books, {each.instrument: each for each in listed or (SPOT, DOLLARS)})


def test_the_reporting_currency_is_worth_one() -> None:
    assert valuation(StillBooks()).rate(Asset("USDT")) == 1


def test_a_stated_rate_goes_before_any_book() -> None:
    settings = PmsSettings(rates={"BTC": Decimal(7)})
    assert valuation(StillBooks(BTCUSDT=100.0), settings).rate(Asset("BTC")) == 7


def test_a_named_book_values_its_asset() -> None:
    settings = PmsSettings(conversion_books={"BTC": "alpha:spot:BTCX"})
    assert valuation(StillBooks(BTCUSDT=100.0, BTCX=99.5), settings).rate(Asset("BTC")) == Decimal("99.5")


def test_any_listed_spot_book_against_the_currency_values_an_asset() -> None:
    assert valuation(StillBooks(BTCUSDT=100.0, BTCUSDC=50.0), None, LINEAR, DOLLARS, SPOT).rate(Asset("BTC")) == 100
    assert valuation(StillBooks()).rate(Asset("BTC")) is None
    assert valuation(StillBooks(BTCUSDT=100.0)).rate(Asset("USDC")) is None


def test_a_book_that_is_no_longer_valid_keeps_its_last_price() -> None:
    books = StillBooks(BTCUSDT=100.0)
    values = valuation(books)
    assert values.mid(SPOT.instrument) == 100
    books.mids.clear()
    assert values.mid(SPOT.instrument) == 100


def test_equity_adds_up_positions_profits_and_fees() -> None:
    ledger = Ledger()
    ledger.book(fill(SPOT, Side.BUY, "2", "90", fee="1"), SPOT, Decimal(1))
    ledger.book(fill(SPOT, Side.SELL, "1", "95", fee="0.01", fee_asset="BTC"), SPOT, Decimal(100))
    equity = valuation(StillBooks(BTCUSDT=100.0)).equity(ledger, Nanos(9))
    assert seen(equity.realised, equity.unrealised, equity.fees) == (5, 10, 2)
    assert seen(equity.total, equity.unpriced, equity.at) == (13, (), 9)


def test_a_fee_counts_as_what_its_asset_was_worth_when_it_was_paid() -> None:
    """That the asset is worth more now is a loss of what is held, not of trading: the total knows both."""
    ledger = Ledger()
    ledger.book(fill(SPOT, Side.BUY, "2", "90", fee="0.01", fee_asset="BTC"), SPOT, Decimal(90))
    equity = valuation(StillBooks(BTCUSDT=100.0)).equity(ledger, Nanos(9))
    assert seen(equity.fees, equity.unrealised) == (Decimal("0.9"), 20 - Decimal("0.1"))
    assert equity.total == 20 - 1, "two were bought, and 1.99 are held"


def test_a_fee_whose_worth_nobody_knew_is_kept_apart_and_costs_what_it_costs_now() -> None:
    ledger = Ledger()
    ledger.book(fill(SPOT, Side.BUY, "2", "90", fee="0.01", fee_asset="BTC"), SPOT)
    equity = valuation(StillBooks(BTCUSDT=100.0)).equity(ledger, Nanos(9))
    assert seen(equity.fees, equity.fees_apart, equity.total) == (0, 1, 19)
    assert ledger.fees.apart() == {"BTC": Decimal("0.01")}


def test_the_rate_of_a_fee_is_stated_or_the_fill_says_it_or_a_book_of_that_minute() -> None:
    values = valuation(StillBooks(BTCUSDT=100.0, BNBUSDT=6.0), PmsSettings(rates={"USDC": Decimal("0.5")}), SPOT, BNB)
    old, young = Nanos(2 + MINUTE), Nanos(1 + MINUTE)
    own, dollars = fill(SPOT, Side.BUY, "1", "90"), fill(DOLLARS, Side.BUY, "1", "80")
    assert values.rate_then(Asset("USDT"), own, SPOT, old) == 1
    assert values.rate_then(Asset("BTC"), own, SPOT, old) == 90
    assert values.rate_then(Asset("BTC"), dollars, DOLLARS, old) == 40
    assert values.rate_then(Asset("BNB"), own, SPOT, young) == 6
    assert values.rate_then(Asset("BNB"), own, SPOT, old) is None
    assert values.rate_then(Asset("XRP"), own, SPOT, young) is None


def test_funding_is_its_own_part_of_the_total() -> None:
    ledger = Ledger()
    assert ledger.fund(funding("-3", "1"))
    assert ledger.fund(funding("1", "2"))
    assert not ledger.fund(funding("-3", "1")), "a copy"
    equity = valuation(StillBooks()).equity(ledger, Nanos(0))
    assert seen(equity.funding, equity.total, equity.fees) == (-2, -2, 0)


def test_what_cannot_be_valued_is_named_and_left_out() -> None:
    ledger = Ledger()
    ledger.book(fill(DOLLARS, Side.BUY, "2", "90", fee="1", fee_asset="BNB"), DOLLARS)
    ledger.book(fill(DOLLARS, Side.SELL, "1", "95"), DOLLARS)
    equity = valuation(StillBooks()).equity(ledger, Nanos(0))
    assert seen(equity.total, equity.unpriced) == (0, ("BNB", "USDC", "BTC"))


def leg(of: Instrument, side: Side, filled: str, flow: str, *fees: Money, multiplier: str = "1") -> LegOutcome:
    return LegOutcome(
        instrument=of.instrument,
        side=side,
        planned=Decimal(2),
        filled=Decimal(filled),
        average_price=Decimal(90),
        fees=Decimal(0),
        flow=Decimal(flow),
        fees_paid=fees,
        multiplier=Decimal(multiplier),
    )


def finished(*legs: LegOutcome) -> PlanFinished:
    return PlanFinished(
        plan_id=PlanId("p"),
        strategy=StrategyId("s"),
        legs=legs,
        hedge_orders=0,
        reason="complete",
        at=Nanos(0),
    )


def edge(plan: PlanFinished, books: StillBooks) -> tuple[Decimal, Decimal, tuple[Asset, ...]]:
    listed = (SPOT, DOLLARS, LINEAR)
    values = valuation(books, PmsSettings(rates={"USDC": Decimal("0.5")}), *listed)
    return realised_edge(plan, {each.instrument: each for each in listed}, values)


def test_the_realised_edge_is_flows_less_fees_in_one_currency() -> None:
    plan = finished(
        leg(SPOT, Side.BUY, "2", "-200", Money(Decimal(1), Asset("USDT"))),
        leg(DOLLARS, Side.SELL, "2", "420", Money(Decimal("0.01"), Asset("BTC"))),
    )
    assert seen(*edge(plan, StillBooks(BTCUSDT=100.0))) == (-200 + 210 - 2, 2, ())


@pytest.mark.parametrize(("buy", "sell", "value"), [("2", "1", 100), ("1", "2", -100)])
def test_what_is_left_unhedged_counts_at_the_mid_price(buy: str, sell: str, value: int) -> None:
    plan = finished(leg(SPOT, Side.BUY, buy, "0"), leg(SPOT, Side.SELL, sell, "0"))
    assert edge(plan, StillBooks(BTCUSDT=100.0))[0] == value


def test_a_residual_in_contracts_is_worth_its_base_units() -> None:
    plan = finished(leg(LINEAR, Side.BUY, "300", "0", multiplier="0.01"), leg(SPOT, Side.SELL, "1", "0"))
    books = StillBooks(**{"BTCUSDT-P": 100.0})
    assert edge(plan, books)[0] == 200


def test_without_a_price_a_residual_counts_at_cost() -> None:
    plan = finished(leg(SPOT, Side.BUY, "2", "-180"), leg(SPOT, Side.SELL, "0", "0"))
    assert edge(plan, StillBooks())[0] == 0


def test_an_edge_names_the_assets_that_it_leaves_out() -> None:
    plan = finished(leg(SPOT, Side.BUY, "2", "-200", Money(Decimal(1), Asset("BNB"))), leg(SPOT, Side.SELL, "2", "210"))
    assert seen(*edge(plan, StillBooks())) == (10, 0, ("BNB",))


def other(symbol: str, base: str, quote: str) -> Instrument:
    return msgspec.structs.replace(instrument(symbol=symbol, quote=quote), base=Asset(base))


def test_what_a_cycle_moved_through_its_assets_counts_once() -> None:
    listed = (SPOT, other("ETHBTC", "ETH", "BTC"), other("ETHUSDT", "ETH", "USDT"))
    plan = finished(
        leg(listed[0], Side.BUY, "1", "-100"),
        leg(listed[1], Side.BUY, "20", "-1"),
        leg(listed[2], Side.SELL, "19", "99"),
    )
    values = valuation(StillBooks(BTCUSDT=100.0, ETHBTC=0.05, ETHUSDT=5.0), None, *listed)
    realised, _, unpriced = realised_edge(plan, {each.instrument: each for each in listed}, values)
    assert seen(realised, unpriced) == (-100 - 100 + 99 + 100 + 5, ()), "one ether is left"


def test_two_assets_that_are_not_alike_are_valued_each_by_itself() -> None:
    ether = other("ETHUSDT", "ETH", "USDT")
    bitcoin_leg = leg(SPOT, Side.BUY, "2", "-200")
    ether_leg = msgspec.structs.replace(leg(ether, Side.SELL, "40", "200"), planned=Decimal(40))
    values = valuation(StillBooks(BTCUSDT=100.0, ETHUSDT=5.0), None, SPOT, ether)
    instruments = {each.instrument: each for each in (SPOT, ether)}
    assert realised_edge(finished(bitcoin_leg, ether_leg), instruments, values)[0] == 0


def test_two_legs_that_match_in_base_units_hedge_each_other_whatever_their_assets_are_called() -> None:
    contract = msgspec.structs.replace(LINEAR, base=Asset("XBT"))
    sold = msgspec.structs.replace(leg(contract, Side.SELL, "100", "0", multiplier="0.01"), planned=Decimal(200))
    values = valuation(StillBooks(**{"BTCUSDT": 100.0, "BTCUSDT-P": 110.0}), None, SPOT, contract)
    instruments = {each.instrument: each for each in (SPOT, contract)}
    for legs in ((leg(SPOT, Side.BUY, "1", "0"), sold), (sold, leg(SPOT, Side.BUY, "1", "0"))):
        assert realised_edge(finished(*legs), instruments, values)[0] == 0


def test_what_goes_through_a_cycle_has_one_rate_wherever_it_is_traded() -> None:
    elsewhere = instrument(symbol="BTCUSDT-ELSEWHERE")
    listed = (elsewhere, SPOT, other("ETHBTC", "ETH", "BTC"), other("ETHUSDT", "ETH", "USDT"))
    plan = finished(
        leg(SPOT, Side.BUY, "1", "-100"), leg(listed[2], Side.BUY, "20", "-1"), leg(listed[3], Side.SELL, "20", "101")
    )
    values = valuation(StillBooks(**{"BTCUSDT-ELSEWHERE": 110.0, "BTCUSDT": 100.0}), None, *listed)
    assert realised_edge(plan, {each.instrument: each for each in listed}, values)[0] == 1
