"""Every venue that can be simulated, and how one is put together. A new one is one entry in `VENUES`."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import ONE, ZERO
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.coins import COINS, CROSSES, Coin, in_dollars
from integrated_trading_system.simulation.exchange.dialect import Dialect
from integrated_trading_system.simulation.exchange.dialects.backpack.dialect import BackpackPerp, BackpackSpot
from integrated_trading_system.simulation.exchange.dialects.binance.coinm import BinanceCoinm
from integrated_trading_system.simulation.exchange.dialects.binance.spot import BinanceSpot
from integrated_trading_system.simulation.exchange.dialects.binance.us import BinanceUs
from integrated_trading_system.simulation.exchange.dialects.binance.usdm import BinanceUsdm
from integrated_trading_system.simulation.exchange.dialects.bybit.dialect import BybitLinear, BybitSpot
from integrated_trading_system.simulation.exchange.dialects.kraken.dialect import KrakenSpot
from integrated_trading_system.simulation.exchange.dialects.okx.dialect import OkxSpot, OkxSwap
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.listing import Listing, Rules
from integrated_trading_system.simulation.market import Market
from integrated_trading_system.simulation.participants import populate

INVERSE_CONTRACT: Final = Decimal(10)
INVERSE_CONTRACTS: Final = {"BTC": Decimal(100)}
"""Dollars in one contract, of this coin and of all others."""


class SimulatedVenue(Struct, frozen=True, kw_only=True):
    """What is particular about a venue, apart from its wire."""

    dialect: Callable[[Exchange, Nanos | None], Dialect]
    """Made of an exchange and the offset of the venue's clock."""
    rules: Rules
    symbol: str = "{base}{quote}"
    """The venue's spelling."""
    quotes: tuple[str, ...] = ("USDT",)
    kind: Kind = Kind.SPOT
    crosses: bool = False
    """Coins are traded for coins, too."""
    notional_min: Decimal = Decimal(5)
    """In dollars."""
    price_band: Decimal = Decimal("0.2")
    lot_scale: Decimal = ONE
    """Its lots are larger by this than the coin's."""
    contract: Decimal = ZERO
    """A contract is worth so many of the coin's lots; 0: it is traded in base units."""


def _rules(maker_bps: str, taker_bps: str) -> Rules:
    return Rules(maker_bps=Decimal(maker_bps), taker_bps=Decimal(taker_bps))


def _usdm_rules(maker_bps: str, taker_bps: str) -> Rules:
    """A fill-or-kill order that cannot fill is refused; "selfTradePreventionMode: default EXPIRE_MAKER"."""
    return Rules(
        maker_bps=Decimal(maker_bps),
        taker_bps=Decimal(taker_bps),
        fill_or_kill_refused=True,
        self_trade_ends_maker=True,
    )


def _bybit_rules(maker_bps: str, taker_bps: str) -> Rules:
    """Post-only orders are accepted and then cancelled; a client order id is never to be used again."""
    return Rules(
        maker_bps=Decimal(maker_bps),
        taker_bps=Decimal(taker_bps),
        post_only_refused=False,
        client_id_once=True,
        open_orders_max=500,
    )


def _okx_rules(maker_bps: str, taker_bps: str) -> Rules:
    """Post-only orders are accepted and then cancelled; "stpMode: default cancel_maker"."""
    return Rules(
        maker_bps=Decimal(maker_bps),
        taker_bps=Decimal(taker_bps),
        post_only_refused=False,
        self_trade_ends_maker=True,
        open_orders_max=500,
    )


def _backpack_rules(maker_bps: str, taker_bps: str) -> Rules:
    """Post-only orders are accepted and then expire; client order ids need not be unique."""
    return Rules(
        maker_bps=Decimal(maker_bps), taker_bps=Decimal(taker_bps), post_only_refused=False, client_id_unique=False
    )


def _kraken_rules(maker_bps: str, taker_bps: str) -> Rules:
    """Fees in the quote currency (``fciq``); post-only orders are accepted and then cancelled."""
    return Rules(
        maker_bps=Decimal(maker_bps),
        taker_bps=Decimal(taker_bps),
        fee_in_received_asset=False,
        post_only_refused=False,
    )


VENUES: Final[dict[str, SimulatedVenue]] = {
    "binance:spot": SimulatedVenue(
        dialect=BinanceSpot, rules=_rules("10", "10"), quotes=("USDT", "USDC"), crosses=True
    ),
    "binance:us": SimulatedVenue(dialect=BinanceUs, rules=_rules("10", "10"), quotes=("USDT", "USD")),
    "binance:testnet": SimulatedVenue(dialect=BinanceSpot, rules=_rules("0", "0")),
    "binance:usdm": SimulatedVenue(
        dialect=BinanceUsdm, rules=_usdm_rules("2", "5"), kind=Kind.LINEAR, lot_scale=Decimal(10)
    ),
    "binance:coinm": SimulatedVenue(
        dialect=BinanceCoinm,
        rules=_rules("2", "5"),
        symbol="{base}{quote}_PERP",
        quotes=("USD",),
        kind=Kind.INVERSE,
        notional_min=ZERO,
    ),
    "bybit:linear": SimulatedVenue(
        dialect=BybitLinear, rules=_bybit_rules("2", "5.5"), kind=Kind.LINEAR, lot_scale=Decimal(10)
    ),
    "bybit:spot": SimulatedVenue(dialect=BybitSpot, rules=_bybit_rules("10", "10"), quotes=("USDT", "USDC")),
    "backpack:spot": SimulatedVenue(
        dialect=BackpackSpot,
        rules=_backpack_rules("8", "10"),
        symbol="{base}_{quote}",
        quotes=("USDC",),
        notional_min=ZERO,
        lot_scale=Decimal(10),
    ),
    "backpack:perp": SimulatedVenue(
        dialect=BackpackPerp,
        rules=_backpack_rules("2", "5"),
        symbol="{base}_{quote}_PERP",
        quotes=("USDC",),
        kind=Kind.LINEAR,
        notional_min=ZERO,
        lot_scale=Decimal(10),
    ),
    "okx:spot": SimulatedVenue(
        dialect=OkxSpot,
        rules=_okx_rules("8", "10"),
        symbol="{base}-{quote}",
        quotes=("USDT", "USDC"),
        crosses=True,
        notional_min=ZERO,
    ),
    "okx:swap": SimulatedVenue(
        dialect=OkxSwap,
        rules=_okx_rules("2", "5"),
        symbol="{base}-{quote}-SWAP",
        kind=Kind.LINEAR,
        notional_min=ZERO,
        lot_scale=Decimal(10),
        contract=Decimal(1000),
    ),
    "kraken:spot": SimulatedVenue(
        dialect=KrakenSpot, rules=_kraken_rules("25", "40"), symbol="{base}/{quote}", quotes=("USD", "USDT")
    ),
}
"""By VenueId. Fees are those of the lowest tier."""


def listings(venue: VenueId, symbols: Iterable[str] | None = None) -> list[Listing]:
    """What the venue lists; with `symbols` (the venue's spelling) only those, in that order.

    Raises ConfigurationError for a venue or symbol that is not simulated.
    """
    known = _find(venue)
    every = {
        known.symbol.format(base=base, quote=quote): (base, quote, coin)
        for quote in known.quotes
        for base, coin in COINS.items()
    }
    if known.crosses:
        for (base, quote), coin in CROSSES.items():
            every[known.symbol.format(base=base, quote=quote)] = (base, quote, coin)
    chosen = list(every if symbols is None else symbols)
    unknown = [symbol for symbol in chosen if symbol not in every]
    if unknown:
        raise ConfigurationError(f"{venue} does not list {', '.join(unknown)} here; it lists {', '.join(every)}")
    return [_listing(known, symbol, *every[symbol]) for symbol in chosen]


def build_exchange(
    venue: VenueId,
    listed: Sequence[Listing],
    accounts: Sequence[Account],
    market: Market | None,
    start: Nanos,
    rules: Rules | None = None,
) -> Exchange:
    """The venue's engine with these accounts; without a market nobody else trades there."""
    exchange = Exchange(listed, rules or _find(venue).rules, accounts, start=start)
    if market is not None:
        populate(exchange, market, venue)
    return exchange


def build_dialect(venue: VenueId, exchange: Exchange, clock_offset: Nanos | None = None) -> Dialect:
    """The venue's wire in front of an exchange."""
    return _find(venue).dialect(exchange, clock_offset)


def _find(venue: VenueId) -> SimulatedVenue:
    if venue not in VENUES:
        raise ConfigurationError(f"{venue} cannot be simulated; known are {', '.join(VENUES)}")
    return VENUES[venue]


def _listing(venue: SimulatedVenue, symbol: str, base: str, quote: str, coin: Coin) -> Listing:
    inverse = venue.kind is Kind.INVERSE
    multiplier = INVERSE_CONTRACTS.get(base, INVERSE_CONTRACT) if inverse else coin.lot * venue.contract or ONE
    lot = ONE if inverse else coin.lot * venue.lot_scale / multiplier
    return Listing(
        symbol=symbol,
        base=base,
        quote=quote,
        settle=base if inverse else quote,
        kind=venue.kind,
        tick=coin.tick,
        lot=lot,
        quantity_min=lot,
        notional_min=venue.notional_min / in_dollars(quote) if quote in COINS else venue.notional_min,
        price_band=venue.price_band,
        multiplier=multiplier,
        reference_price=coin.price,
    )
