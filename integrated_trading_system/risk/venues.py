"""How each venue is: its links, its accounts' event streams, its clock, and what became of our requests."""

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.execution import RequestFailed, UserStreamChanged
from integrated_trading_system.domain.health import Alarm, AlarmKind, LinkChanged, LinkState, VenueBlocked
from integrated_trading_system.domain.ids import AccountId, ClientOrderId, LinkId, VenueId, venue_of
from integrated_trading_system.domain.order import TERMINAL, Order, OrderStatus
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.risk.tally import Tally


class Venues:
    """Facts as they came. What was never told of is taken to be well."""

    def __init__(self, settings: RiskSettings) -> None:
        """Nothing is known."""
        self.blocked: dict[VenueId, str] = {}
        """Venues that refuse us for good, and why."""
        self.skewed: dict[VenueId, str] = {}
        """Venues whose clock is too far from ours, and how far it is."""
        self.deaf: dict[tuple[VenueId, AccountId], None] = {}
        """Accounts whose event stream is down."""
        self._links: dict[VenueId, dict[LinkId, LinkState]] = {}
        self._errors: Tally[VenueId] = Tally(Nanos(settings.venue_error_window_ms * MILLISECOND))
        self._doubted: dict[ClientOrderId, None] = {}

    def learn(
        self, message: LinkChanged | VenueBlocked | UserStreamChanged | RequestFailed | Alarm, now: Nanos
    ) -> None:
        """Of alarms those of clocks alone: latency is the business of quote ages."""
        match message:
            case LinkChanged():
                self._link(message)
            case VenueBlocked():
                self.blocked[message.venue] = message.reason
            case UserStreamChanged(up=True):
                self.deaf.pop((message.venue, message.account), None)
            case UserStreamChanged():
                self.deaf[message.venue, message.account] = None
            case RequestFailed():
                self._errors.add(message.venue, now)
            case Alarm(kind=AlarmKind.CLOCK_OFFSET, raised=True):
                self.skewed[message.venue] = f"{message.venue}: {message.figure:.0f} ms, at most {message.limit:.0f}"
            case Alarm(kind=AlarmKind.CLOCK_OFFSET):
                self.skewed.pop(message.venue, None)
            case Alarm():
                pass

    def order(self, order: Order, now: Nanos) -> None:
        """An order whose fate is in doubt counts once, whatever becomes of it. What a venue refuses is an answer."""
        name = order.request.client_order_id
        if order.status is OrderStatus.UNKNOWN and name not in self._doubted:
            self._doubted[name] = None
            self._errors.add(venue_of(order.request.instrument), now)
        elif order.status in TERMINAL:
            self._doubted.pop(name, None)

    def down(self, venue: VenueId) -> bool:
        """True where links were reported and none of them is live."""
        links = self._links.get(venue)
        return links is not None and LinkState.LIVE not in links.values()

    def errors(self, venue: VenueId, now: Nanos) -> int:
        """Requests without a usable answer, within the window."""
        return self._errors.count(venue, now)

    def _link(self, message: LinkChanged) -> None:
        """A venue that refused us for good is asked again only by another start: then a link of it is live again."""
        links = self._links.setdefault(message.venue, {})
        links[message.link] = message.state
        if message.state is LinkState.DOWN:
            del links[message.link]
        if message.state is LinkState.LIVE:
            self.blocked.pop(message.venue, None)
