"""What only perpetuals have on Backpack: mark prices, funding, open interest, positions."""

from collections.abc import Callable
from typing import Any

from integrated_trading_system.domain.money import ZERO, plain
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.backpack.http import (
    Call,
    date_text,
    invalid,
    micros,
    millis,
)
from integrated_trading_system.simulation.exchange.dialects.backpack.queries import Queries
from integrated_trading_system.simulation.exchange.events import PositionView
from integrated_trading_system.simulation.exchange.exchange import FUNDING_INTERVAL
from integrated_trading_system.simulation.exchange.floor import SymbolState

RATES_MAX = 10_000


class PerpQueries(Queries):
    """Handlers of requests about perpetuals."""

    def terms(self, state: SymbolState) -> dict[str, Any]:
        """Initial margin is the value over the leverage; half of it maintains a position."""
        initial = 1 / self._exchange.rules.leverage
        return {
            "imfFunction": {"type": "sqrt", "base": plain(initial), "factor": "0"},
            "mmfFunction": {"type": "sqrt", "base": plain(initial / 2), "factor": "0"},
            "fundingInterval": FUNDING_INTERVAL // MILLISECOND,
            "fundingRateUpperBound": "100",
            "fundingRateLowerBound": "-100",
            "openInterestLimit": "10000000",
        }

    def mark_prices(self, call: Call) -> Any:
        """``GET /api/v1/markPrices``."""
        return [
            {
                "symbol": state.listing.symbol,
                "markPrice": plain(state.mark_price),
                "indexPrice": plain(state.index_price),
                "fundingRate": plain(self._exchange.rules.funding_rate),
                "nextFundingTimestamp": self._next_funding(),
            }
            for state in self._wanted(call)
        ]

    def open_interest(self, call: Call) -> Any:
        """``GET /api/v1/openInterest``: the sum of all long positions."""
        rows = []
        for state in self._wanted(call):
            symbol = state.listing.symbol
            held = [account.positions.get(symbol) for account in self._exchange.bank.accounts.values()]
            longs = sum((position.quantity for position in held if position and position.quantity > 0), ZERO)
            at = millis(self._rows.venue_time(call.now))
            rows.append({"symbol": symbol, "openInterest": plain(longs), "timestamp": at})
        return rows

    def funding_rates(self, call: Call) -> Any:
        """``GET /api/v1/fundingRates``, newest first; the first interval is not over yet."""
        state, limit, first = self.state(call), call.integer("limit", 100), call.integer("offset", 0)
        if not 1 <= limit <= RATES_MAX:
            raise invalid(f"Limit must be between 1 and {RATES_MAX}")
        opened, ends = self._exchange.started_at, self._exchange.next_funding
        assert ends is not None
        rate = plain(self._exchange.rules.funding_rate)
        rows = [
            {
                "symbol": state.listing.symbol,
                "intervalEndTimestamp": date_text(at, timespec="seconds"),
                "fundingRate": rate,
            }
            for at in range(ends, opened, -FUNDING_INTERVAL)
        ]
        return rows[first : first + limit]

    def positions(self, call: Call) -> Any:
        """``GET /api/v1/position``: what is not flat."""
        views = self._exchange.positions(call.customer)
        return [self._position(view) for view in views if view.quantity]

    def mark(self, state: SymbolState, now: Nanos, venue_time: Callable[[Nanos], Nanos]) -> dict[str, Any]:
        """Payload of ``markPrice.<symbol>``; only the next funding is in milliseconds."""
        at = micros(venue_time(now))
        return {
            "e": "markPrice",
            "E": at,
            "T": at,
            "s": state.listing.symbol,
            "p": plain(state.mark_price),
            "i": plain(state.index_price),
            "f": plain(self._exchange.rules.funding_rate),
            "n": self._next_funding(),
        }

    def _position(self, view: PositionView) -> dict[str, Any]:
        listing = self._rows.listing(view.symbol)
        value = listing.notional(view.mark_price, abs(view.quantity))
        initial = 1 / view.leverage
        return {
            "symbol": view.symbol,
            "positionId": view.symbol,
            "netQuantity": plain(view.quantity),
            "netExposureQuantity": plain(view.quantity),
            "netExposureNotional": plain(value),
            "netCost": plain(listing.notional(view.entry_price, view.quantity)),
            "entryPrice": plain(view.entry_price),
            "breakEvenPrice": plain(view.entry_price),
            "markPrice": plain(view.mark_price),
            "estLiquidationPrice": "0",
            "imf": plain(initial),
            "mmf": plain(initial / 2),
            "pnlRealized": plain(view.realised),
            "pnlUnrealized": plain(view.unrealised),
        }

    def _wanted(self, call: Call) -> list[SymbolState]:
        return [self.state(call)] if call.optional("symbol") else list(self._exchange.symbols.values())

    def _next_funding(self) -> int:
        assert self._exchange.next_funding is not None
        return millis(self._exchange.next_funding)
