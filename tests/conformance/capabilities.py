"""docs/venues.md: what each venue offers, told by its folder and found out by the suite."""

from collections.abc import Iterable
from typing import Final

from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.intervals import INTERVALS
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.time import HOUR, MINUTE, SECOND, Nanos
from integrated_trading_system.venues.history import CandlePrice
from integrated_trading_system.venues.rest import RateLimit
from integrated_trading_system.venues.venue import Venue
from tests.conformance.books import integrity
from tests.conformance.description import CHECKSUM, NOTHING, SENT, SEQUENCE, WHOLE
from tests.conformance.orders import ACCOUNT
from tests.conformance.subjects import Subject, of_catalog

PAGE: Final = """\
# Venues

What each venue offers, made from its folder (`python -m tests.support.documents`) and from what
[the conformance suite](add-a-venue.md#the-suite) found out by trying. `ccxt:kucoin` stands for every exchange
of the library.

## Market data

"Losses" says how a lost change of the book is noticed: {sequence} by the venue's numbers, {checksum} by its checksum of
the book, {whole} where every message is the whole book, {nothing} where nothing in the messages tells, so that only the
comparison with the book by REST and with the quotes is left ([operating](operating.md)).

{data}
## The past

By REST, page by page.

{past}
## Orders

A client order id is ours: text of at most 36 characters unless a number is named. The window is how long the venue
accepts a request after its timestamp; the proof that an order is nowhere begins after it. A dead-man timer has the
venue cancel by itself what rests there when it hears nothing of us ([kill](kill.md)).

{orders}
## Limits

So much weight in so long. What is reserved is kept for cancels and queries.

{limits}"""

UNITS: Final = ((HOUR, "h"), (MINUTE, "min"), (SECOND, "s"))


def venues() -> str:
    """The page."""
    subjects = of_catalog()
    return PAGE.format(
        sequence=SEQUENCE,
        checksum=CHECKSUM,
        whole=WHOLE,
        nothing=NOTHING,
        data=table(("venue", "product", "streams", "losses", "quotes have a time", "pace"), map(_data, subjects)),
        past=table(("venue", "candles", "a page", "of mark prices", "funding"), map(_past, subjects)),
        orders=table(
            ("venue", "orders", "account stream", "client order id", "window", "dead-man timer"), map(_orders, subjects)
        ),
        limits=table(("venue", "limits"), map(_limits, subjects)),
    )


def _data(subject: Subject) -> tuple[str, ...]:
    venue = subject.build()
    offered = [kind.value for kind in DataType if kind in subject.offered()]
    kind = {Kind.SPOT: "spot", Kind.LINEAR: "linear", Kind.INVERSE: "inverse"}[subject.instrument.kind]
    return (
        f"`{subject.name}`",
        kind,
        ", ".join(offered),
        integrity(subject) or "no book",
        "yes" if venue.time_in_quotes else "no",
        "slow" if venue.slow else "with a key" if venue.data_account is not None else "",
    )


def _past(subject: Subject) -> tuple[str, ...]:
    history = subject.listed().history
    if history is None:
        return f"`{subject.name}`", "none", "", "", ""
    window = Nanos(SENT - HOUR), SENT
    mark = history.candles(subject.instrument, history.intervals[0], *window, CandlePrice.MARK)
    funding = history.funding(subject.instrument, *window)
    missing = [each for each in INTERVALS if each not in history.intervals]
    told = f"all but {', '.join(missing)}" if 0 < len(missing) < 5 else ", ".join(history.intervals)
    return (
        f"`{subject.name}`",
        told if missing else f"all, {INTERVALS[0]} to {INTERVALS[-1]}",
        str(history.candles_per_page),
        "yes" if mark is not None else "no",
        "yes" if funding is not None else "no",
    )


def _orders(subject: Subject) -> tuple[str, ...]:
    venue = subject.build()
    if venue.trading is None:
        return f"`{subject.name}`", f"no: {venue.no_trading or 'the folder does not say why'}", "", "", "", ""
    named = f"a number up to {venue.client_order_id_max}" if venue.client_order_id_max else "text"
    stream = venue.session.user_link(ACCOUNT) is not None
    return (
        f"`{subject.name}`",
        "yes",
        "yes" if stream else "no",
        named,
        _duration(venue.receive_window),
        _dead_man(venue),
    )


def _dead_man(venue: Venue) -> str:
    """How far the countdown reaches that cancels without us."""
    if venue.dead_man is None:
        return "none"
    return "for each symbol" if venue.dead_man.per_instrument else "for the account"


def _limits(subject: Subject) -> tuple[str, ...]:
    return f"`{subject.name}`", "; ".join(_limit(each) for each in subject.build().rate_limits)


def _limit(limit: RateLimit) -> str:
    reserved = f", {limit.reserve} reserved" if limit.reserve else ""
    return f"{limit.name} {limit.capacity:,} in {_duration(limit.window)}{reserved}"


def _duration(nanos: int) -> str:
    for unit, word in UNITS:
        if nanos % unit == 0:
            return f"{nanos // unit} {word}"
    return f"{nanos / SECOND:g} s"


def table(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """In Markdown."""
    lines = [names, ("---",) * len(names), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
