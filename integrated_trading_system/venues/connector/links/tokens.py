"""The token of an account's stream (a listen key): had before its link connects, and kept valid while it is LIVE."""

from collections.abc import Callable

from integrated_trading_system.domain.health import LinkState
from integrated_trading_system.venues.connector.calls import Calls
from integrated_trading_system.venues.connector.links.link import Link
from integrated_trading_system.venues.rest import WeightedRequest
from integrated_trading_system.venues.venue import Session


def resolve(link: Link, calls: Calls, session: Session) -> None:
    """Ask for the link's token, and connect it with what is answered."""
    request = link.plan.resolve
    assert request is not None

    def resolved(token: str, _: object) -> None:
        if link.state is LinkState.RESOLVE:
            link.connect(token)

    def failed(reason: str) -> None:
        if link.state is LinkState.RESOLVE:
            link.lose(reason)

    link.resolve()
    calls.fetch("resolve", WeightedRequest(request, ()), session.resolve_token, resolved, failed, link.plan.account)


def keep_alive(link: Link, calls: Calls, failed: Callable[[str], None]) -> None:
    """Prolong the link's token. `failed`: it will not be valid for long."""

    def prolonged(*_: object) -> None:
        if link.state is LinkState.LIVE:
            link.keep_alive_later()

    def not_prolonged(reason: str) -> None:
        if link.state is LinkState.LIVE:
            failed(f"keep alive: {reason}")

    weighted = WeightedRequest(link.keep_alive(), ())
    calls.fetch("keep_alive", weighted, lambda reply: reply.status, prolonged, not_prolonged, link.plan.account)
