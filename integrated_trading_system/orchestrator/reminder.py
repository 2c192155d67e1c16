"""What a restarted actor has missed is told again, and what died with it is buried.

A new incarnation knows nothing of what the one before had heard. A strategy hears again of its
instruments, of what was last reported of its balances (and they are asked for anew: fills came since),
of the orders that are open and of the trading state; the feed hears of instruments and of the links that
stand. The links of a connector are of no use to its next life: they are closed, and whoever relies on them
hears so.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from integrated_trading_system.domain.comparison import Comparison
from integrated_trading_system.domain.execution import BalancesReported
from integrated_trading_system.domain.health import ActorFailed, LinkChanged, LinkState, TradingStateChanged
from integrated_trading_system.domain.ids import AccountId, ActorName, ClientOrderId, LinkId, VenueId, venue_of_account
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.link import CloseLink
from integrated_trading_system.domain.order import TERMINAL, Order, QueryBalances
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.platform import FEED, connector_name
from integrated_trading_system.runtime.actor import Ref
from integrated_trading_system.runtime.system import System
from integrated_trading_system.strategies.strategy import Strategy

REMEMBERED: Final[tuple[type[Any], ...]] = (InstrumentsListed, BalancesReported, TradingStateChanged)
"""The last of each, by venue or account where it has one; in this order they are told again. Of balances all that is
known."""


class Reminder:
    """A ref on the bus. Subscribe it before those who may fail, so that it knows what made them fail."""

    def __init__(
        self, system: System, venues: Iterable[VenueId], trading: Mapping[AccountId, Ref[QueryBalances]]
    ) -> None:
        """`trading`: whom to ask for balances, by account."""
        self._system = system
        self._trading = trading
        self._connectors = {connector_name(venue): venue for venue in venues}
        self._facts: dict[type, dict[str, Any]] = {kind: {} for kind in REMEMBERED}
        self._links: dict[LinkId, LinkChanged] = {}
        self._strategies: dict[ActorName, tuple[Ref[Any], dict[type, tuple[str, ...] | None]]] = {}
        self._feed: Ref[InstrumentsListed | LinkChanged] | None = None
        self._orders: dict[ClientOrderId, Order] = {}
        """Those that are open."""
        heard: tuple[type[Any], ...] = (*REMEMBERED, Order, LinkChanged, ActorFailed)
        for kind in heard:
            system.bus.subscribe(kind, self)

    def follow_strategy(self, name: ActorName, ref: Ref[Any], kind: type[Strategy], comparison: Comparison) -> None:
        """Remind it of what it subscribed to. `ref` is inline: before anything else happens."""
        self._strategies[name] = (ref, {fact: kind.keys(fact, comparison) for fact in REMEMBERED})

    def follow_feed(self, ref: Ref[Any]) -> None:
        """Remind it; `ref` is inline, as the connectors' is, so that news never overtakes a reminder."""
        self._feed = ref

    def tell(
        self, message: InstrumentsListed | BalancesReported | TradingStateChanged | Order | LinkChanged | ActorFailed
    ) -> None:
        """Remember, or remind."""
        match message:
            case InstrumentsListed(venue):
                self._facts[InstrumentsListed][venue] = message
            case BalancesReported():
                known = self._facts[BalancesReported]
                known[message.account] = _joined(known.get(message.account), message)
            case TradingStateChanged():
                self._facts[TradingStateChanged][""] = message
            case Order():
                self._orders[message.request.client_order_id] = message
                if message.status in TERMINAL:
                    del self._orders[message.request.client_order_id]
            case LinkChanged(link=link, state=state):
                self._links[link] = message
                if state is LinkState.DOWN:
                    del self._links[link]
            case ActorFailed():
                if message.restarted:
                    self._restarted(message)

    def _restarted(self, failed: ActorFailed) -> None:
        if failed.actor in self._strategies:
            self._remind_strategy(*self._strategies[failed.actor])
        elif failed.actor == FEED and self._feed is not None:
            for fact in (*self._facts[InstrumentsListed].values(), *self._links.values()):
                self._feed.tell(fact)
        elif failed.actor in self._connectors:
            self._bury_links(self._connectors[failed.actor], failed.at)

    def _remind_strategy(self, ref: Ref[Any], wanted: dict[type, tuple[str, ...] | None]) -> None:
        for kind, venues in wanted.items():
            for fact in self._facts[kind].values():
                if venues is None or fact.venue in venues:
                    ref.tell(fact)
        for order in self._orders.values():
            ref.tell(order)
        balances = wanted[BalancesReported]
        for account, taker in self._trading.items():
            if balances is None or venue_of_account(account) in balances:
                taker.tell(QueryBalances(account))

    def _bury_links(self, venue: VenueId, at: Nanos) -> None:
        """Of the life before: nothing that still arrives on them will be read."""
        for last in [link for link in self._links.values() if link.venue == venue]:
            down = replace(last, state=LinkState.DOWN, reason="its connector was restarted", at=at)
            self._system.effects.append(CloseLink(last.link, down.reason))
            if self._feed is not None:
                self._feed.tell(down)
            self._system.bus.publish(down)


def _joined(known: BalancesReported | None, news: BalancesReported) -> BalancesReported:
    """What both reports tell together, the newer one first in doubt. Some venues never tell everything at once."""
    if known is None or news.complete:
        return news
    balances = {one.asset: one for one in (*known.balances, *news.balances)}
    positions = {one.instrument: one for one in (*known.positions, *news.positions)}
    return replace(
        known,
        balances=tuple(balances.values()),
        positions=tuple(positions.values()),
        venue_time=news.venue_time,
        received_at=news.received_at,
    )
