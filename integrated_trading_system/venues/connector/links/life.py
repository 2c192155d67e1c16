"""The life of one connection as a table: its steps, what it does by the clock, and how long it waits."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.health import LinkState
from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos


class Step(StrEnum):
    """What moves a link on."""

    RESOLVING = "resolving"
    CONNECTING = "connecting"
    OPENED = "opened"
    PROVEN = "proven"
    """Opened, and everything already acknowledged (a replayed capture)."""
    LOGGED_ON = "logged on"
    SUBSCRIBED = "subscribed"
    REPLACED = "replaced"
    LOST = "lost"


NEXT: Final = {
    (LinkState.DOWN, Step.RESOLVING): LinkState.RESOLVE,
    (LinkState.DOWN, Step.CONNECTING): LinkState.CONNECT,
    (LinkState.RESOLVE, Step.CONNECTING): LinkState.CONNECT,
    (LinkState.CONNECT, Step.OPENED): LinkState.LOGON,
    (LinkState.CONNECT, Step.PROVEN): LinkState.LIVE,
    (LinkState.LOGON, Step.LOGGED_ON): LinkState.SUBSCRIBE,
    (LinkState.SUBSCRIBE, Step.SUBSCRIBED): LinkState.LIVE,
    (LinkState.LIVE, Step.REPLACED): LinkState.DRAIN,
    (LinkState.RESOLVE, Step.LOST): LinkState.DOWN,
    (LinkState.CONNECT, Step.LOST): LinkState.DOWN,
    (LinkState.LOGON, Step.LOST): LinkState.DOWN,
    (LinkState.SUBSCRIBE, Step.LOST): LinkState.DOWN,
    (LinkState.LIVE, Step.LOST): LinkState.DOWN,
    (LinkState.DRAIN, Step.LOST): LinkState.DOWN,
}


class Patience(Struct, frozen=True):
    """How long a link waits."""

    answer: Nanos
    """For the answer to a logon or a subscription."""
    connect: Nanos
    """For the connection."""
    ping_every: Nanos
    """Between the driver's pings."""
    pong_within: Nanos
    """For the answer to one."""


class Task(StrEnum):
    """What a link does by the clock."""

    ANSWER = "answer"
    """The answer to connecting, logging on or subscribing is overdue."""
    FRAME = "frame"
    """The next control frame may be sent."""
    PING = "ping"
    SILENCE = "silence"
    ROLLOVER = "rollover"
    KEEP_ALIVE = "keep alive"
    DRAINED = "drained"
    LOOK = "look"
    """Whether anything comes."""


class LinkDue(Struct, frozen=True):
    """Timer: time for one of a link's tasks."""

    link: LinkId
    task: Task
