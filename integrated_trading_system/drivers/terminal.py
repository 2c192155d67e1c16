"""The screen in a terminal: a pure function from what is shown to something that rich can draw."""

from collections.abc import Sequence
from math import inf
from typing import Final, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.money import ZERO, plain
from integrated_trading_system.drivers import terminal_feed
from integrated_trading_system.drivers.screen import Screen
from integrated_trading_system.drivers.terminal_cells import (
    NOTHING,
    add,
    beside,
    bps,
    clock,
    literal,
    panel,
    price,
    quantity,
    signed,
    table,
    titled,
)

WIDE: Final = 140
"""Columns from which there are two stacks side by side."""
SPREAD_ROWS_MAX: Final = 8
MISSED_ROWS_MAX: Final = 6
OPEN_ORDER_ROWS_MAX: Final = 4
FRAME: Final = 2
"""Lines of a panel around its rows."""
LEFT_OUT_FIRST: Final = ("actors", "spreads", "positions", "open orders", "opportunities", "profit", "failover")
"""Where the terminal has too few lines. What needs somebody, venues and prices are always shown."""

TRADING_STYLES: Final = {
    TradingState.STARTING: "yellow",
    TradingState.ACTIVE: "green",
    TradingState.REDUCING: "yellow",
    TradingState.HALTED: "bold red",
}


class Part(NamedTuple):
    """A panel, and how many lines it takes."""

    name: str
    shown: RenderableType
    lines: int


def render(screen: Screen, width: int, log: Sequence[str] = (), height: int | None = None) -> RenderableType:
    """The whole screen for a terminal of this width; the newest `log` lines at its foot.

    With `height`: what does not fit is left out, and named.
    """
    wide = width >= WIDE
    above, left, right = _market(screen, wide=wide), list[Part](), list[Part]()
    if screen.decides:
        left, right = _decisions(screen, wide=wide)
    left.append(Part("actors", _actors(screen), FRAME + 1 + (len(screen.actors) + 1) // 2))
    left_out: list[str] = []
    for name in LEFT_OUT_FIRST if height is not None else ():
        used = 1 + _lines(above) + max(_lines(left), _lines(right)) + len(log) + bool(left_out)
        if used <= (height or used):
            break
        if any(part.name == name for part in (*above, *left, *right)):
            above, left, right = ([part for part in parts if part.name != name] for parts in (above, left, right))
            left_out.append(name)
    below = [part.shown for part in left or right]
    if left and right:
        below = [beside(Group(*below), Group(*(part.shown for part in right)), (3, 2))]
    foot = [f"not shown, for want of lines: {', '.join(left_out)}"] if left_out else []
    under = Text("\n".join([*foot, *log]), "dim", no_wrap=True, overflow="ellipsis")
    return Group(_header(screen), *(part.shown for part in above), *below, *([under] if foot or log else []))


def plain_text(screen: Screen, width: int, height: int | None = None) -> str:
    """The same without colours, for tests and for files."""
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(render(screen, width, height=height))
    return captured.get()


def _lines(parts: Sequence[Part]) -> int:
    return sum(part.lines for part in parts)


def _market(screen: Screen, *, wide: bool) -> list[Part]:
    """From top to bottom."""
    parts = []
    if screen.troubles:
        shown = min(len(screen.troubles), terminal_feed.TROUBLES_SHOWN)
        parts.append(Part("attention", terminal_feed.attention(screen), FRAME + shown))
    if screen.venues:
        shown = min(len(screen.venues), terminal_feed.VENUE_ROWS_MAX)
        parts.append(Part("venues", terminal_feed.venues(screen, wide=wide), FRAME + 1 + shown))
    shown = min(len(screen.prices), terminal_feed.PRICE_ROWS_MAX)
    parts.append(Part("prices", terminal_feed.prices(screen, wide=wide), FRAME + 1 + shown))
    if screen.groups:
        shown = min(len(screen.groups), terminal_feed.GROUP_ROWS_MAX)
        parts.append(Part("failover", terminal_feed.groups(screen), FRAME + 1 + shown))
    return parts


def _decisions(screen: Screen, *, wide: bool) -> tuple[list[Part], list[Part]]:
    """Strategies and money, in one stack or two."""
    spreads = Part("spreads", _spreads(screen), FRAME + 1 + min(len(screen.spreads), SPREAD_ROWS_MAX))
    missed = min(len(screen.missed), MISSED_ROWS_MAX)
    lines = FRAME + 2 + missed + bool(missed)
    opportunities = Part("opportunities", _opportunities(screen), lines)
    money = Part("profit", _money(screen), FRAME + 6)  # its orders take two lines in half a screen
    ours = [Part("positions", _positions(screen), FRAME + 1 + len(screen.positions))]
    if screen.open_orders:
        open_orders = min(len(screen.open_orders), OPEN_ORDER_ROWS_MAX)
        ours.append(Part("open orders", _open_orders(screen), FRAME + 1 + open_orders))
    if wide:
        return [spreads, *ours], [opportunities, money]
    both = Part("opportunities", beside(opportunities.shown, money.shown, (1, 1)), max(lines, money.lines))
    return [spreads, both, *ours], []


def _header(screen: Screen) -> Table:
    """One line: which mode, how long, what is allowed, what it came to."""
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column()
    grid.add_column(justify="center", ratio=1, overflow="ellipsis", no_wrap=True)
    grid.add_column(justify="right")
    style = TRADING_STYLES[screen.trading]
    state = Text.assemble(("● ", style), (screen.trading.value.upper(), style))
    if screen.reason:
        state.append("  ").append(literal(screen.reason))
    name = Text.assemble((" integrated_trading_system", "bold"), f"  {screen.mode}  ", (clock(screen.elapsed_s), "dim"))
    total = screen.pnl.get("total", ZERO)
    result = Text.assemble(("pnl ", "dim"), signed(total, screen.currency), " ")
    grid.add_row(name, state, result if screen.decides else Text("market data only ", "dim"))
    return grid


def _spreads(screen: Screen) -> Panel:
    made = table(["comparison", "buy", "sell", ">before fees", ">after fees"])
    rows = screen.spreads
    if len(rows) > SPREAD_ROWS_MAX:
        rows = tuple(sorted(rows, key=lambda row: -inf if row.net_bps is None else row.net_bps, reverse=True))
    for row in rows[:SPREAD_ROWS_MAX]:
        style = "bold green" if (row.net_bps or 0.0) > 0.0 else "dim"
        add(made, row.comparison, row.buy, row.sell, bps(row.gross_bps), Text(bps(row.net_bps), style))
    return panel(titled("spreads, bps", len(rows), SPREAD_ROWS_MAX), made)


def _opportunities(screen: Screen) -> Panel:
    """The ones that were taken in a line, and why the others were not."""
    flow = Text.assemble(
        (str(screen.detected), "bold"),
        " detected → ",
        (str(screen.approved), "bold"),
        " approved → ",
        (str(screen.executed), "bold"),
        " executed",
    )
    edge = Text.assemble(
        ("edge expected ", "dim"),
        signed(screen.expected_edge),
        ("  realised ", "dim"),
        signed(screen.realised_edge),
        f" {screen.currency}",
    )
    made = table(["not traded because of", ">times", ">bps", ">edge"])
    for row in screen.missed[:MISSED_ROWS_MAX]:
        edge_missed = f"{row.edge:.2f}" if row.edge else NOTHING
        add(made, row.reason, f"{row.episodes:,}", bps(row.best_bps), edge_missed)
    return panel("opportunities", Group(flow, edge, *([made] if screen.missed else [])))


def _money(screen: Screen) -> Panel:
    """Profit, and what became of our orders."""
    profit = Table.grid(padding=(0, 2))
    profit.add_column()
    profit.add_column(justify="right")
    for name in ("realised", "unrealised", "fees", "total"):
        amount = screen.pnl.get(name, ZERO)
        figure = Text(f"{amount:,.4f}", "dim") if name == "fees" else signed(amount)
        profit.add_row(Text(name, "dim"), Text.assemble(figure, f" {screen.currency}"))
    orders = Text("orders  ", "dim")
    parts = [f"{count:,} {name}" for name, count in screen.orders.items() if count]
    orders.append(", ".join(parts) or "none", "default")
    return panel("profit and orders", Group(profit, orders))


def _open_orders(screen: Screen) -> Panel:
    made = table(["instrument", "side", ">open", ">of", ">price", "status"])
    for row in screen.open_orders[:OPEN_ORDER_ROWS_MAX]:
        figures = plain(row.quantity - row.filled), plain(row.quantity), plain(row.price)
        add(made, row.instrument, row.side, *figures, row.status)
    return panel(titled("open orders", len(screen.open_orders), OPEN_ORDER_ROWS_MAX), made)


def _positions(screen: Screen) -> Panel:
    made = table(["account", "instrument", ">quantity", ">average price", ">realised"])
    for row in screen.positions:
        average = price(float(row.average_price)) if row.quantity else NOTHING
        add(made, row.account, row.instrument, quantity(row.quantity), average, signed(row.realised))
    return panel("positions", made if screen.positions else Text("none", "dim"))


def _actors(screen: Screen) -> Panel:
    """Mailboxes, in two tables side by side."""
    half = (len(screen.actors) + 1) // 2
    tables = []
    for rows in (screen.actors[:half], screen.actors[half:]):
        made = table(["actor", ">waiting", ">most"])
        for row in rows:
            waiting = Text(f"{row.waiting:,}")
            if row.dropped:
                waiting.append(f" -{row.dropped:,}", "red")
            name = literal(row.name)
            if row.restarts:
                name.append(f" restarted {row.restarts}", "yellow")
            add(made, name, waiting, Text(f"{row.high_water:,}", "dim"))
        tables.append(made)
    return panel("actors", beside(tables[0], tables[1], (1, 1), gap=2))
