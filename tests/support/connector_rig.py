"""A connector of the toy venue in a real system; the test plays the driver."""

from typing import Any, TypeVar

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.effects import Effect
from integrated_trading_system.domain.health import LinkChanged, LinkState, Quarantined, VenueBlocked
from integrated_trading_system.domain.http import HttpCall, HttpFailed, HttpReply
from integrated_trading_system.domain.ids import AccountId, ActorName, LinkId
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.link import FrameReceived, LinkClosed, LinkOpened, OpenLink, SendFrame
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import StreamsRefused
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.runtime.system import System
from integrated_trading_system.venues.connector.connector import Connector
from integrated_trading_system.venues.connector.view import ConnectorView
from integrated_trading_system.venues.venue import Venue
from tests.support.collector import Collector
from tests.support.toy_venue import toy_venue

T = TypeVar("T")

START = Nanos(1_700_000_000 * SECOND)
NAME = ActorName("connector")


class Rig:
    """Tells inputs, takes effects, lets virtual time pass."""

    def __init__(
        self,
        venue: Venue | None = None,
        *,
        symbols: tuple[str, ...] = ("BTC", "ETH"),
        accounts: tuple[AccountId, ...] = (),
        seed: int = 1,
        dormant: bool = False,
        **settings: Any,
    ) -> None:
        """Started; nothing is answered yet. Unless `settings` say so, links may be quiet, idle or down for long."""
        patient = {"link_quiet_s": 1e6, "link_idle_s": 1e6, "poll_after_s": 1e6}
        chosen = {"symbols": symbols, "streams": [DataType.QUOTES], **patient, **settings}
        self.venue = venue or toy_venue()
        self.feed = Collector()
        self.executions = Collector()
        self.bus = Collector()
        self.now = START
        self.may_fail = False
        """Whether the test wants the actor to fail."""
        self._effects: list[Effect] = []
        self.system = System()
        self.system.spawn(
            NAME,
            lambda: Connector(
                self.venue,
                VenueSettings.model_validate(chosen),
                accounts=accounts,
                feed=self.feed,
                executions=self.executions,
                seed=seed,
                dormant=dormant,
            ),
        )
        for kind in (LinkChanged, InstrumentsListed, Quarantined, StreamsRefused, VenueBlocked):
            self.system.bus.subscribe(kind, self.bus)
        self.system.start(self.now)
        self._settle()

    # -- the driver's part -----------------------------------------------------------------------

    def tell(self, *messages: Any) -> None:
        for message in messages:
            self.system.tell(NAME, message)
        self._settle()

    def wait(self, seconds: float) -> None:
        """Let time pass, and every timer fire at its own instant."""
        until = Nanos(self.now + int(seconds * SECOND))
        while (due := self.system.deadline()) is not None and due <= until:
            self.now = max(due, self.now)
            self._settle()
        self.now = until
        self._settle()

    def _settle(self) -> None:
        while self.system.run(self.now):
            pass
        self._effects += self.system.take_effects()
        assert self.may_fail or self.system.restarts()[NAME] == 0

    def take(self, kind: type[T]) -> list[T]:
        """The effects of one type since they were last taken."""
        taken = [effect for effect in self._effects if type(effect) is kind]
        self._effects = [effect for effect in self._effects if type(effect) is not kind]
        return taken  # type: ignore[return-value]  # filtered by type

    # -- calls -----------------------------------------------------------------------------------

    def calls(self, purpose: str) -> list[HttpCall]:
        """The calls of one purpose since they were last taken."""
        taken = [effect for effect in self._effects if isinstance(effect, HttpCall) and effect.purpose == purpose]
        self._effects = [effect for effect in self._effects if effect not in taken]
        return taken

    def call(self, purpose: str) -> HttpCall:
        """The one call of this purpose."""
        (call,) = self.calls(purpose)
        return call

    def reply(self, call: HttpCall, body: str = "ok", status: int = 200, **headers: str) -> None:
        self.tell(
            HttpReply(
                call=call.call,
                status=status,
                headers={name.replace("_", "-"): value for name, value in headers.items()},
                body=body.encode(),
                sent_at=self.now,
                received_at=self.now,
            )
        )

    def fail(self, call: HttpCall, *, maybe_sent: bool = True) -> None:
        self.tell(HttpFailed(call=call.call, reason="timeout", maybe_sent=maybe_sent, received_at=self.now))

    # -- links -----------------------------------------------------------------------------------

    def list_instruments(self, symbols: str = "BTC ETH") -> None:
        self.reply(self.call("instruments"), symbols)

    def opening(self) -> LinkId:
        """The one link that is to be opened."""
        (effect,) = self.take(OpenLink)
        return effect.link

    def opened(self, link: LinkId, *, acknowledged: bool = False) -> None:
        self.tell(LinkOpened(link, self.now, acknowledged))

    def closed(self, link: LinkId, reason: str = "reset") -> None:
        self.tell(LinkClosed(link, reason, self.now))

    def frame(self, link: LinkId, *lines: str) -> None:
        self.tell(FrameReceived(link, "\n".join(lines).encode(), self.now))

    def bring_live(self, link: LinkId) -> LinkId:
        """Through connecting, subscribing and the acknowledgements."""
        self.opened(link)
        self.wait(0.25)
        self.frame(link, "A 1", "A 2")
        return link

    def live(self) -> LinkId:
        """From the start to the first LIVE market link."""
        self.list_instruments()
        return self.bring_live(self.opening())

    # -- what can be seen ------------------------------------------------------------------------

    @property
    def view(self) -> ConnectorView:
        view = self.system.view(NAME)
        assert isinstance(view, ConnectorView)
        return view

    def sent(self) -> list[bytes]:
        """The frames sent since they were last taken."""
        return [effect.frame for effect in self.take(SendFrame)]

    def states(self) -> list[LinkState]:
        """The states that links went to, as the feed heard of them."""
        return [changed.state for changed in self.feed.of(LinkChanged)]
