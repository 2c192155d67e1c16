"""Orders by hand: market, limit, cancel. Every one passes risk like the orders of any strategy."""

from decimal import Decimal

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import ClientOrderId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import from_float
from integrated_trading_system.domain.order import Order, OrderType, Side, TimeInForce
from integrated_trading_system.facade.desk import OrderOutcome, exact
from integrated_trading_system.facade.names import instrument_named
from integrated_trading_system.facade.platform import Orchestrator
from integrated_trading_system.orchestrator.platform import OMS

Number = Decimal | float | str


class OrderManagementSystem:
    """Places and cancels orders on a running platform."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        """Of this platform; start it before the first order."""
        self._orchestrator = orchestrator

    async def place_market_order(
        self,
        symbol: str,
        side: Side | str,
        quantity: Number,
        reference_price: Number | None = None,
        venue: str | None = None,
    ) -> OrderOutcome:
        """Trade at once; the outcome when nothing more will happen to it.

        `reference_price` (the best price now, when not given) is what risk values the order at: too far from the
        market, it denies it. Without a `venue`, the first configured one that lists the symbol.
        """
        instrument, side = self._instrument(symbol, venue), Side(side)
        price = self._touch(instrument, side) if reference_price is None else exact(reference_price)
        return await self._orchestrator.desk.place(
            instrument, side, exact(quantity), price, OrderType.MARKET, TimeInForce.IOC
        )

    async def place_limit_order(
        self,
        symbol: str,
        side: Side | str,
        quantity: Number,
        price: Number,
        time_in_force: TimeInForce | str = TimeInForce.GTC,
        venue: str | None = None,
    ) -> OrderOutcome:
        """Trade at `price` or better. A GTC order's outcome comes once it rests at the venue, or is over."""
        instrument = self._instrument(symbol, venue)
        return await self._orchestrator.desk.place(
            instrument, Side(side), exact(quantity), exact(price), OrderType.LIMIT, TimeInForce(time_in_force)
        )

    async def cancel_order(self, client_order_id: ClientOrderId | str) -> OrderOutcome:
        """Cancel an order that was placed here; its final outcome, which may be that it was filled before."""
        return await self._orchestrator.desk.cancel(ClientOrderId(client_order_id))

    def get_order(self, client_order_id: ClientOrderId | str) -> OrderOutcome:
        """What has become of an order that was placed here."""
        return self._orchestrator.desk.outcome(ClientOrderId(client_order_id))

    def open_orders(self) -> tuple[Order, ...]:
        """Every order of ours that is not over, the strategies' too."""
        orders: tuple[Order, ...] = self._orchestrator.platform.system.view(OMS).orders
        return orders

    def _instrument(self, symbol: str, venue: str | None) -> Instrument:
        platform = self._orchestrator.platform
        name = instrument_named(platform, symbol, venue)
        listed = platform.listing.get(name)
        if listed is None:
            raise ConfigurationError(f"{name} has not been listed by its venue (yet)")
        return listed

    def _touch(self, instrument: Instrument, side: Side) -> Decimal:
        top = self._orchestrator.platform.books.top(instrument.instrument)
        if top is None:
            raise ConfigurationError(f"{instrument.instrument} has no believed price now: give a reference_price")
        return from_float(top.ask if side is Side.BUY else top.bid)
