"""One countdown for the whole account: "a call every 15 to 30 seconds, providing a timeout of 60 seconds"."""

from collections.abc import Sequence

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.kraken.endpoints import PRIVATE
from integrated_trading_system.venues.kraken.wire import answer
from integrated_trading_system.venues.rest import WeightedRequest


class KrakenDeadMan:
    """``CancelAllOrdersAfter``."""

    per_instrument = False

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._url = f"{rest_url}/0/private/CancelAllOrdersAfter"

    def arm(self, instruments: Sequence[Instrument], after: Nanos) -> tuple[WeightedRequest, ...]:
        headers = (("Content-Type", "application/x-www-form-urlencoded"),)
        body = f"timeout={after // SECOND}"
        return (
            WeightedRequest(HttpRequest(method="POST", url=self._url, body=body, headers=headers), ((PRIVATE, 1),)),
        )

    def refused(self, reply: HttpReply) -> str:
        return answer(reply).failure
