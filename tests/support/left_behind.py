"""State directories as a run leaves them that was killed in the middle of a trade."""

from decimal import Decimal

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.execution import Fill, Liquidity
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    TradeId,
    VenueId,
    VenueOrderId,
)
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import OrderRequest, OrderStatus, OrderType, Side, TimeInForce
from integrated_trading_system.domain.plan import HedgePolicy, Leg, Plan
from integrated_trading_system.domain.position import OpeningBalance
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.oms.records import (
    BalanceOpened,
    FillBooked,
    OrderChanged,
    PlanIntended,
    Record,
    Started,
    encode,
)
from integrated_trading_system.orchestrator.state import take_state

BUY, SELL = InstrumentId("binance:spot:BTCUSDT"), InstrumentId("bybit:linear:BTCUSDT")
PLAN = PlanId("arb-btc-1-1")


def account(instrument: InstrumentId) -> AccountId:
    return AccountId(f"{instrument.rpartition(':')[0]}/main")


def order(number: int, instrument: InstrumentId, side: Side) -> OrderRequest:
    return OrderRequest(
        client_order_id=ClientOrderId(f"its1z{number}"),
        instrument=instrument,
        account=account(instrument),
        side=side,
        order_type=OrderType.LIMIT,
        price=Decimal(65_000),
        quantity=Decimal("0.01"),
        time_in_force=TimeInForce.GTC,
        strategy=StrategyId("arb-btc"),
        plan_id=PLAN,
        leg=number - 1,
    )


def killed_in_a_trade(at: Nanos) -> tuple[Record, ...]:
    """Both legs sent at `at`. The bought one is known at the venue and half filled, of the other nothing was heard."""
    buy, sell = order(1, BUY, Side.BUY), order(2, SELL, Side.SELL)
    legs = tuple(
        Leg(
            instrument=of.instrument,
            account=of.account,
            side=of.side,
            quantity=of.quantity,
            price=of.price,
            worst_price=of.price,
            unwind_price=of.price,
        )
        for of in (buy, sell)
    )
    plan = Plan(
        plan_id=PLAN,
        strategy=buy.strategy,
        legs=legs,
        policy=HedgePolicy.REVERSE,
        hedge_orders_max=2,
        created_at=at,
        submit_by=Nanos(at + SECOND),
        hedge_by=Nanos(at + 10 * SECOND),
    )
    fill = Fill(
        client_order_id=buy.client_order_id,
        venue_order_id=VenueOrderId("77"),
        trade_id=TradeId("t1"),
        instrument=BUY,
        account=buy.account,
        side=Side.BUY,
        price=Decimal(65_000),
        quantity=Decimal("0.005"),
        fee=Money(Decimal("0.1625"), Asset("USDT")),
        liquidity=Liquidity.TAKER,
        venue_time=at,
        received_at=at,
    )
    opening = OpeningBalance(
        venue=VenueId("binance:spot"), account=buy.account, asset=Asset("USDT"), amount=Decimal(100_000), at=at
    )
    changes = [
        OrderChanged(
            client_order_id=of.client_order_id,
            status=status,
            venue_order_id=venue_order_id,
            venue_filled=Decimal(0),
            done=None,
            reason="",
            at=at,
        )
        for of, status, venue_order_id in (
            (buy, OrderStatus.SUBMITTED, None),
            (sell, OrderStatus.SUBMITTED, None),
            (buy, OrderStatus.WORKING, VenueOrderId("77")),
        )
    ]
    return (
        Started(fence=1, at=at),
        BalanceOpened(balance=opening),
        PlanIntended(plan=plan, orders=(buy, sell), latest_send=Nanos(at + SECOND), at=at),
        *changes,
        FillBooked(fill=fill, at=at),
    )


def leave(settings: PlatformSettings, *records: Record) -> None:
    """As the process leaves it that is killed after these records."""
    state = take_state(settings)
    state.journal.append([encode(record) for record in records])
    state.journal.close()
    state.release()
