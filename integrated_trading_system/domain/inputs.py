"""Everything a driver may tell the core. A recording is a sequence of these."""

from typing import TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.cointegration import CointegrationTold
from integrated_trading_system.domain.health import Halt, Reduce, Resume
from integrated_trading_system.domain.history import LoadHistory
from integrated_trading_system.domain.http import HttpFailed, HttpReply
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.journal import JournalCommitted, JournalFailed
from integrated_trading_system.domain.link import FrameReceived, LinkClosed, LinkOpened, PongReceived
from integrated_trading_system.domain.order import CancelOrder, CancelOrders
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.streams import Subscribe, Unsubscribe
from integrated_trading_system.domain.time import Nanos


class ClockReading(Struct, frozen=True, tag=True):
    """The wall clock now, beside the monotonic `now` of the run: tells steps and slews of the local clock."""

    wall: Nanos
    now: Nanos


class Shutdown(Struct, frozen=True, tag=True):
    """Stop in order: refuse new plans, cancel what is open, then close the links."""

    reason: str


Input: TypeAlias = (
    FrameReceived
    | LinkOpened
    | LinkClosed
    | PongReceived
    | HttpReply
    | HttpFailed
    | JournalCommitted
    | JournalFailed
    | InstrumentsListed
    | ClockReading
    | CancelOrder
    | CancelOrders
    | Plan
    | Halt
    | Reduce
    | Resume
    | Subscribe
    | Unsubscribe
    | LoadHistory
    | CointegrationTold
    | Shutdown
)
