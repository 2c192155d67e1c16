"""What was, by public REST: candles of trades and of mark prices, and the funding that was paid."""

from typing import Final
from urllib.parse import quote

from msgspec import Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import Nanos, from_millis, to_millis
from integrated_trading_system.venues.history import CandlePrice
from integrated_trading_system.venues.okx import wire
from integrated_trading_system.venues.okx.endpoints import CANDLES, FUNDING
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

PAGE: Final = 100
"""Candles: the most that both kinds promise (those of trades would give 300). Funding: of at most 400."""

_BARS: Final = {
    **{name: name for name in ("1m", "3m", "5m", "15m", "30m")},
    **{name: name.upper() for name in ("1h", "2h", "4h")},
    # From six hours on, the plain name means "opens by Hong Kong's clock".
    **{name: f"{name.upper()}utc" for name in ("6h", "12h", "1d", "3d", "1w", "1M")},
}
_NOT_OF_MARK: Final = ("3d",)
_ENDPOINTS: Final = {CandlePrice.TRADES: "history-candles", CandlePrice.MARK: "history-mark-price-candles"}


class PaidFunding(Struct, rename="camel"):
    """One entry of ``public/funding-rate-history``: `realized_rate` is what was paid, where it is told."""

    funding_time: wire.Millis
    funding_rate: wire.Ratio
    realized_rate: wire.Ratio | None = None


_FUNDING: Final = Decoder(PaidFunding, strict=False)
_TRADED: Final = Decoder(wire.Candle, strict=False)
_MARKED: Final = Decoder(wire.MarkCandle, strict=False)


class OkxHistory:
    """The past of both flavours."""

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._base = f"{rest_url}/api/v5"

    @property
    def intervals(self) -> tuple[str, ...]:
        return tuple(_BARS)

    @property
    def candles_per_page(self) -> int:
        return PAGE

    def candles(
        self, instrument: Instrument, interval: str, start: Nanos, end: Nanos, price: CandlePrice
    ) -> WeightedRequest | None:
        """The venue means by `after` "earlier than this", by `before` "newer than this": neither is in the page."""
        bar = _BARS.get(interval)
        if bar is None or (price is CandlePrice.MARK and (instrument.kind is Kind.SPOT or interval in _NOT_OF_MARK)):
            return None
        span = f"before={max(0, to_millis(start) - 1)}&after={to_millis(end)}"
        query = f"instId={quote(instrument.symbol)}&bar={bar}&{span}&limit={PAGE}"
        return self._get(f"market/{_ENDPOINTS[price]}", query, CANDLES)

    def decode_candles(self, instrument: Instrument, interval: str, reply: HttpReply) -> tuple[Candle, ...]:
        """Listed newest first. Six columns are a mark price's candle: it has no volume."""
        rows = reversed(wire.read(reply))
        try:
            return tuple(_candle(instrument, interval, row, reply.received_at) for row in rows)
        except (ValueError, RecursionError) as error:
            raise MalformedReply(str(error)[:200]) from error

    @property
    def funding_per_page(self) -> int:
        return PAGE

    def funding(self, instrument: Instrument, start: Nanos, end: Nanos) -> WeightedRequest | None:
        if instrument.kind is Kind.SPOT:
            return None
        span = f"before={max(0, to_millis(start) - 1)}&after={to_millis(end)}"
        return self._get(
            "public/funding-rate-history", f"instId={quote(instrument.symbol)}&{span}&limit={PAGE}", FUNDING
        )

    def decode_funding(self, instrument: Instrument, reply: HttpReply) -> tuple[FundingRate, ...]:
        """Listed newest first."""
        rates = []
        for paid in reversed(wire.each(wire.read(reply), _FUNDING)):
            rate = paid.funding_rate if paid.realized_rate is None else paid.realized_rate
            at = from_millis(paid.funding_time)
            rates.append(FundingRate(instrument.instrument, rate, at, at, reply.received_at))
        return tuple(rates)

    def _get(self, endpoint: str, query: str, limit: str) -> WeightedRequest:
        request = HttpRequest(method="GET", url=f"{self._base}/{endpoint}", query=query)
        return WeightedRequest(request, ((limit, 1),))


def _candle(instrument: Instrument, interval: str, row: Raw, received_at: Nanos) -> Candle:
    """The venue does not count trades: 0. Volumes of swaps are in contracts, as their trades are."""
    volume = quote_volume = 0.0
    if bytes(row).count(b",") == 5:
        opened, first, high, low, last, confirm = _MARKED.decode(row)
    else:
        opened, first, high, low, last, volume, _, quote_volume, confirm = _TRADED.decode(row)
    return Candle(
        instrument=instrument.instrument,
        interval=interval,
        opened_at=from_millis(opened),
        open=first,
        high=high,
        low=low,
        close=last,
        volume=volume,
        trades=0,
        closed=confirm == "1",
        received_at=received_at,
        quote_volume=quote_volume,
    )
