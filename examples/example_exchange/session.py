"""How Example Exchange is connected: two doors, one frame for all streams of a change."""

from collections.abc import Mapping, Sequence

from examples.example_exchange.symbols import CHANNELS
from examples.example_exchange.wire import encode
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import ControlFrame, LinkPlan

Instruments = Mapping[InstrumentId, Instrument]


class ExampleSession:
    """The connections."""

    def __init__(self, endpoints: Endpoints) -> None:
        """Addresses come from `endpoints` alone."""
        self._url = endpoints.ws_url

    @property
    def streams_per_link(self) -> int:
        """The venue takes "at most 100 subscriptions a connection"."""
        return 100

    def door(self, stream: Stream, instrument: Instrument) -> str | None:
        """Candles come through a door of their own; None: not offered."""
        if stream.data_type not in CHANNELS:
            return None
        return "/bars" if stream.data_type is DataType.CANDLES else "/live"

    def market_link(self, name: str, door: str, streams: Sequence[Stream], instruments: Instruments) -> LinkPlan:
        """The connection with these streams."""
        return LinkPlan(
            name=name,
            url=f"{self._url}{door}",
            streams=tuple(streams),
            subscribe=(_frame("follow", "first", streams, instruments),),
            ping=b'{"do":"ping"}',
        )

    def change(
        self,
        number: int,
        added: Sequence[Stream],
        dropped: Sequence[Stream],
        instruments: Instruments,
        kept: Sequence[Stream] = (),
    ) -> tuple[ControlFrame, ...]:
        """First what makes room. Each frame is acknowledged by its own id."""
        leave = (_frame("leave", f"leave-{number}", dropped, instruments),) if dropped else ()
        follow = (_frame("follow", f"follow-{number}", added, instruments),) if added else ()
        return (*leave, *follow)

    def user_link(self, account: AccountId) -> LinkPlan | None:
        """None: nothing is traded."""
        return None

    def resolve_token(self, reply: HttpReply) -> str:
        """No connection needs a token."""
        raise MalformedReply("Example Exchange has no tokens")

    def resubscribe(self, instrument: Instrument) -> tuple[ControlFrame, ...]:
        """The first message after following is the whole book."""
        book, of = (Stream(instrument.instrument, DataType.DEPTH),), {instrument.instrument: instrument}
        return (
            _frame("leave", f"leave-{instrument.symbol}", book, of),
            _frame("follow", f"again-{instrument.symbol}", book, of),
        )


def _frame(action: str, request: str, streams: Sequence[Stream], instruments: Instruments) -> ControlFrame:
    what = [f"{CHANNELS[stream.data_type]}:{instruments[stream.instrument].symbol}" for stream in streams]
    return ControlFrame(encode({"do": action, "id": request, "what": what}), request=request)
