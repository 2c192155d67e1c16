"""One countdown for the whole account, spot and swaps together; one request a second."""

from collections.abc import Sequence

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.okx.endpoints import DEAD_MAN
from integrated_trading_system.venues.okx.wire import OK, answer
from integrated_trading_system.venues.rest import WeightedRequest


class OkxDeadMan:
    """``POST /api/v5/trade/cancel-all-after``: 0, or from 10 to 120 seconds."""

    per_instrument = False

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._url = f"{rest_url}/api/v5/trade/cancel-all-after"

    def arm(self, instruments: Sequence[Instrument], after: Nanos) -> tuple[WeightedRequest, ...]:
        headers, body = (("Content-Type", "application/json"),), f'{{"timeOut":"{after // SECOND}"}}'
        return (
            WeightedRequest(HttpRequest(method="POST", url=self._url, body=body, headers=headers), ((DEAD_MAN, 1),)),
        )

    def refused(self, reply: HttpReply) -> str:
        said = answer(reply)
        return "" if reply.status == 200 and said.code == OK else f"{said.code} {said.msg}"[:200]
