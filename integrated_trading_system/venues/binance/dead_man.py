"""USD-M futures: a countdown for each symbol. Spot has none.

"Call this endpoint at 30s intervals with a countdownTime of 120000"; "checked approximately every 10 milliseconds".
"""

from collections.abc import Sequence
from urllib.parse import urlencode

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.time import Nanos, to_millis
from integrated_trading_system.venues.binance.endpoints import RECEIVE_WINDOW, WEIGHT
from integrated_trading_system.venues.binance.market import words
from integrated_trading_system.venues.rest import WeightedRequest


class BinanceDeadMan:
    """``POST /fapi/v1/countdownCancelAll``, which costs 10 of the weight."""

    per_instrument = True

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._url = f"{rest_url}/fapi/v1/countdownCancelAll"

    def arm(self, instruments: Sequence[Instrument], after: Nanos) -> tuple[WeightedRequest, ...]:
        """One request for each symbol."""
        return tuple(self._arm(instrument.symbol, after) for instrument in instruments)

    def refused(self, reply: HttpReply) -> str:
        return "" if reply.status == 200 else words(reply)

    def _arm(self, symbol: str, after: Nanos) -> WeightedRequest:
        params = {"symbol": symbol, "countdownTime": to_millis(after), "recvWindow": to_millis(RECEIVE_WINDOW)}
        return WeightedRequest(HttpRequest(method="POST", url=self._url, query=urlencode(params)), ((WEIGHT, 10),))
