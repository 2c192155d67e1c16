"""The screen in a terminal: a pure function from what is shown to something that rich can draw."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from math import inf
from typing import Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from integrated_trading_system.domain.health import BookState, TradingState
from integrated_trading_system.domain.money import ZERO, plain
from integrated_trading_system.drivers.screen import Screen

WIDE: Final = 140
"""Columns from which there are two stacks side by side."""
NOTHING: Final = "-"
PRICE_ROWS_MAX: Final = 12
SPREAD_ROWS_MAX: Final = 8
MISSED_ROWS_MAX: Final = 6
OPEN_ORDER_ROWS_MAX: Final = 4

TRADING_STYLES: Final = {
    TradingState.STARTING: "yellow",
    TradingState.ACTIVE: "green",
    TradingState.REDUCING: "yellow",
    TradingState.HALTED: "bold red",
}
BOOK_STYLES: Final = {
    BookState.SYNCING: "yellow",
    BookState.VALID: "green",
    BookState.SUSPECT: "yellow",
    BookState.STALE: "red",
}


def render(screen: Screen, width: int, log: Sequence[str] = ()) -> RenderableType:
    """The whole screen for a terminal of this width; the newest `log` lines at its foot."""
    prices, spreads, positions = _prices(screen, width >= WIDE), _spreads(screen), _positions(screen)
    opportunities, money = _opportunities(screen), _money(screen)
    ours = [positions, *([_open_orders(screen)] if screen.open_orders else []), _actors(screen)]
    if width >= WIDE:
        body = Group(prices, _beside(Group(spreads, *ours), Group(opportunities, money), (3, 2)))
    else:
        body = Group(prices, spreads, _beside(opportunities, money, (1, 1)), *ours)
    foot = Text("\n".join(log), "dim", no_wrap=True, overflow="ellipsis")
    return Group(_header(screen), body, *([foot] if log else []))


def plain_text(screen: Screen, width: int) -> str:
    """The same without colours, for tests and for files."""
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(render(screen, width))
    return captured.get()


def _beside(left: RenderableType, right: RenderableType, ratio: tuple[int, int], gap: int = 0) -> Table:
    grid = Table.grid(expand=True, padding=(0, gap))
    for part in ratio:
        grid.add_column(ratio=part)
    grid.add_row(left, right)
    return grid


def _header(screen: Screen) -> Table:
    """One line: which mode, how long, what is allowed, what it came to."""
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column()
    grid.add_column(justify="center", ratio=1, overflow="ellipsis", no_wrap=True)
    grid.add_column(justify="right")
    style = TRADING_STYLES[screen.trading]
    state = Text.assemble(("● ", style), (screen.trading.value.upper(), style))
    if screen.reason:
        state.append("  ").append(_literal(screen.reason))
    name = Text.assemble(
        (" integrated_trading_system", "bold"), f"  {screen.mode}  ", (_clock(screen.elapsed_s), "dim")
    )
    total = screen.pnl.get("total", ZERO)
    grid.add_row(name, state, Text.assemble(("pnl ", "dim"), _signed(total, screen.currency), " "))
    return grid


def _prices(screen: Screen, wide: bool) -> Panel:
    quote = [">size", ">bid", ">ask", ">size"] if wide else [">bid", ">ask"]
    table = _table(["instrument", *quote, ">spread bps", "book", ">age", ">latency", ">messages", ">errors"])
    for row in screen.prices[:PRICE_ROWS_MAX]:
        bid, ask = Text(_price(row.bid), "green"), Text(_price(row.ask), "red")
        sizes = Text(_size(row.bid_size), "dim"), Text(_size(row.ask_size), "dim")
        _add(
            table,
            row.instrument,
            *((sizes[0], bid, ask, sizes[1]) if wide else (bid, ask)),
            NOTHING if row.spread_bps is None else f"{row.spread_bps:.2f}",
            Text(row.state.value, BOOK_STYLES[row.state]),
            _duration(row.age_ms),
            _duration(row.latency_ms),
            f"{row.messages:,}",
            Text(f"{row.errors:,}", "yellow" if row.errors else "dim"),
        )
    return _panel(_titled("prices", len(screen.prices), PRICE_ROWS_MAX), table)


def _spreads(screen: Screen) -> Panel:
    table = _table(["comparison", "buy", "sell", ">before fees", ">after fees"])
    rows = screen.spreads
    if len(rows) > SPREAD_ROWS_MAX:
        rows = tuple(sorted(rows, key=lambda row: -inf if row.net_bps is None else row.net_bps, reverse=True))
    for row in rows[:SPREAD_ROWS_MAX]:
        style = "bold green" if (row.net_bps or 0.0) > 0.0 else "dim"
        _add(table, row.comparison, row.buy, row.sell, _bps(row.gross_bps), Text(_bps(row.net_bps), style))
    return _panel(_titled("spreads, bps", len(rows), SPREAD_ROWS_MAX), table)


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
        _signed(screen.expected_edge),
        ("  realised ", "dim"),
        _signed(screen.realised_edge),
        f" {screen.currency}",
    )
    table = _table(["not traded because of", ">times", ">best bps", ">edge"])
    for row in screen.missed[:MISSED_ROWS_MAX]:
        edge_missed = f"{row.edge:.2f}" if row.edge else NOTHING
        _add(table, row.reason, f"{row.episodes:,}", _bps(row.best_bps), edge_missed)
    return _panel("opportunities", Group(flow, edge, *([table] if screen.missed else [])))


def _money(screen: Screen) -> Panel:
    """Profit, and what became of our orders."""
    profit = Table.grid(padding=(0, 2))
    profit.add_column()
    profit.add_column(justify="right")
    for name in ("realised", "unrealised", "fees", "total"):
        amount = screen.pnl.get(name, ZERO)
        figure = Text(f"{amount:,.4f}", "dim") if name == "fees" else _signed(amount)
        profit.add_row(Text(name, "dim"), Text.assemble(figure, f" {screen.currency}"))
    orders = Text("orders  ", "dim")
    parts = [f"{count:,} {name}" for name, count in screen.orders.items() if count]
    orders.append(", ".join(parts) or "none", "default")
    return _panel("profit and orders", Group(profit, orders))


def _open_orders(screen: Screen) -> Panel:
    table = _table(["instrument", "side", ">open", ">of", ">price", "status"])
    for row in screen.open_orders[:OPEN_ORDER_ROWS_MAX]:
        figures = plain(row.quantity - row.filled), plain(row.quantity), plain(row.price)
        _add(table, row.instrument, row.side, *figures, row.status)
    return _panel(_titled("open orders", len(screen.open_orders), OPEN_ORDER_ROWS_MAX), table)


def _positions(screen: Screen) -> Panel:
    table = _table(["account", "instrument", ">quantity", ">average price", ">realised"])
    for row in screen.positions:
        average = _price(float(row.average_price)) if row.quantity else NOTHING
        _add(table, row.account, row.instrument, _quantity(row.quantity), average, _signed(row.realised))
    return _panel("positions", table if screen.positions else Text("none", "dim"))


def _actors(screen: Screen) -> Panel:
    """Mailboxes, in two tables side by side."""
    half = (len(screen.actors) + 1) // 2
    tables = []
    for rows in (screen.actors[:half], screen.actors[half:]):
        table = _table(["actor", ">waiting", ">most", ">restarts"])
        for row in rows:
            waiting = Text(f"{row.waiting:,}")
            if row.dropped:
                waiting.append(f" -{row.dropped:,}", "red")
            restarts = Text(str(row.restarts), "yellow" if row.restarts else "dim")
            _add(table, row.name, waiting, Text(f"{row.high_water:,}", "dim"), restarts)
        tables.append(table)
    return _panel("actors", _beside(tables[0], tables[1], (1, 1), gap=2))


# -- cells ---------------------------------------------------------------------------------------------


def _titled(title: str, found: int, shown: int) -> str:
    return title if found <= shown else f"{title} ({shown} of {found})"


def _panel(title: str, inside: RenderableType) -> Panel:
    return Panel(inside, title=title, title_align="left", border_style="bright_black", box=box.ROUNDED)


def _table(columns: Iterable[str]) -> Table:
    """A title that begins with ``>`` stands over a column of figures."""
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(
            name.removeprefix(">"),
            justify="right" if name.startswith(">") else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


def _add(table: Table, *cells: str | Text) -> None:
    """A row. What comes as str is text of others: no markup, nothing that steers the terminal."""
    table.add_row(*(cell if isinstance(cell, Text) else _literal(cell) for cell in cells))


def _literal(text: str) -> Text:
    return Text("".join(character if character.isprintable() else "?" for character in text))


def _or_dash(show: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: NOTHING if value is None else show(value)


def _decimals(value: float) -> int:
    return 2 if value >= 1_000 else 4 if value >= 1 else 8


_price = _or_dash(lambda value: f"{value:,.{_decimals(value)}f}")
_size = _or_dash(lambda value: f"{value:,.4g}" if value < 10_000 else f"{value:,.0f}")
_bps = _or_dash(lambda value: f"{value:+.2f}")
_duration = _or_dash(lambda value: f"{value:.0f} ms" if value < 1_000 else f"{value / 1_000:.1f} s")


def _signed(amount: Decimal, currency: str = "") -> Text:
    style = "green" if amount > 0 else "red" if amount < 0 else "dim"
    return Text(f"{amount:+,.4f} {currency}".rstrip(), style)


def _quantity(quantity: Decimal) -> Text:
    return Text(plain(quantity), "green" if quantity > 0 else "red" if quantity < 0 else "dim")


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:d}:{minute:02d}:{second:02d}"
