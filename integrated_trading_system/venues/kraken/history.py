"""Candles of the past: ``OHLC``. Only the newest 720 of each interval are there; nothing older is offered by it."""

from typing import Annotated, Final
from urllib.parse import quote

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.venues.history import CandlePrice
from integrated_trading_system.venues.kraken.endpoints import PUBLIC
from integrated_trading_system.venues.kraken.symbols import INTERVALS, pair
from integrated_trading_system.venues.kraken.wire import Count, Price, Seconds, Size, read
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

CANDLES_MAX: Final = 720
""" "The most recent 720 entries; older data cannot be retrieved, regardless of the value of since"."""

_ROWS_MAX: Final = 2 * CANDLES_MAX


class Row(Struct, array_like=True, gc=False):
    """One candle. Without trades its average price is 0."""

    time: Seconds
    open: Price
    high: Price
    low: Price
    close: Price
    vwap: Size
    volume: Size
    trades: Count


_REPLY: Final = Decoder(dict[str, Raw])
_ROWS: Final = Decoder(Annotated[list[Row], Meta(max_length=_ROWS_MAX)], strict=False)


class KrakenHistory:
    """Spot: candles of trades, and no funding."""

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._url = f"{rest_url}/0/public/OHLC"

    @property
    def intervals(self) -> tuple[str, ...]:
        return tuple(INTERVALS)

    @property
    def candles_per_page(self) -> int:
        return CANDLES_MAX

    def candles(
        self, instrument: Instrument, interval: str, start: Nanos, end: Nanos, price: CandlePrice
    ) -> WeightedRequest | None:
        """Only a beginning can be asked for, and only the last 720 intervals have any candles.

        An earlier time is answered with later ones, which whoever asked leaves out.
        """
        if interval not in INTERVALS or price is not CandlePrice.TRADES:
            return None
        since = max(0, start // SECOND - 1)
        query = f"pair={quote(pair(instrument.symbol))}&interval={INTERVALS[interval] // MINUTE}&since={since}"
        return WeightedRequest(HttpRequest(method="GET", url=self._url, query=query), ((PUBLIC, 1),))

    def decode_candles(self, instrument: Instrument, interval: str, reply: HttpReply) -> tuple[Candle, ...]:
        """The last one is open: "the current, not-yet-committed timeframe, always present"."""
        found = [raw for name, raw in read(reply, _REPLY).items() if name != "last"]
        if len(found) != 1:
            raise MalformedReply(f"asked about one pair, answered about {len(found)}")
        try:
            rows = sorted(_ROWS.decode(found[0]), key=lambda row: row.time)
        except (ValueError, RecursionError) as error:
            raise MalformedReply(str(error)[:200]) from error
        return tuple(
            Candle(
                instrument=instrument.instrument,
                interval=interval,
                opened_at=Nanos(row.time * SECOND),
                open=row.open,
                high=row.high,
                low=row.low,
                close=row.close,
                volume=row.volume,
                trades=row.trades,
                closed=number < len(rows),
                received_at=reply.received_at,
                quote_volume=row.volume * row.vwap,
            )
            for number, row in enumerate(rows, 1)
        )

    @property
    def funding_per_page(self) -> int:
        return 0

    def funding(self, instrument: Instrument, start: Nanos, end: Nanos) -> WeightedRequest | None:
        return None

    def decode_funding(self, instrument: Instrument, reply: HttpReply) -> tuple[FundingRate, ...]:
        raise MalformedReply(f"{instrument.instrument} pays no funding: nothing was asked")
