"""What panels on the screen are made of: titles, tables, and figures in the digits that matter."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from rich import box
from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from integrated_trading_system.domain.money import plain

NOTHING: Final = "-"


def titled(title: str, found: int, shown: int) -> str:
    """With how many are shown, where not all are."""
    return title if found <= shown else f"{title} ({shown} of {found})"


def panel(title: str, inside: RenderableType, style: str = "bright_black") -> Panel:
    """A frame with its title."""
    return Panel(inside, title=title, title_align="left", border_style=style, box=box.ROUNDED)


def table(columns: Iterable[str]) -> Table:
    """A title that begins with ``>`` stands over a column of figures."""
    made = Table(box=None, expand=True, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for name in columns:
        made.add_column(
            name.removeprefix(">"),
            justify="right" if name.startswith(">") else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    return made


def add(to: Table, *cells: str | Text) -> None:
    """A row. What comes as str is text of others: no markup, nothing that steers the terminal."""
    to.add_row(*(cell if isinstance(cell, Text) else literal(cell) for cell in cells))


def beside(left: RenderableType, right: RenderableType, ratio: tuple[int, int], gap: int = 0) -> Table:
    """Two things next to one another."""
    grid = Table.grid(expand=True, padding=(0, gap))
    for part in ratio:
        grid.add_column(ratio=part)
    grid.add_row(left, right)
    return grid


def literal(text: str, style: str = "") -> Text:
    """Text of others."""
    return Text("".join(character if character.isprintable() else "?" for character in text), style)


def count(number: int, style: str = "") -> Text:
    """Of something; none is dim."""
    return Text(f"{number:,}", style if number else "dim")


def _or_dash(show: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: NOTHING if value is None else show(value)


def _decimals(value: float) -> int:
    return 2 if value >= 1_000 else 4 if value >= 1 else 8


price = _or_dash(lambda value: f"{value:,.{_decimals(value)}f}")
size = _or_dash(lambda value: f"{value:,.4g}" if value < 10_000 else f"{value:,.0f}")
bps = _or_dash(lambda value: f"{value:+.2f}")
duration = _or_dash(lambda value: f"{value:.0f} ms" if value < 1_000 else f"{value / 1_000:.1f} s")
millis = _or_dash(lambda value: f"{value:,.0f}")
rate = _or_dash(lambda value: f"{value:,.1f}" if value < 100 else f"{value:,.0f}")


def signed(amount: Decimal, currency: str = "") -> Text:
    """Money, green or red."""
    style = "green" if amount > 0 else "red" if amount < 0 else "dim"
    return Text(f"{amount:+,.4f} {currency}".rstrip(), style)


def quantity(amount: Decimal) -> Text:
    """Held; green or red."""
    return Text(plain(amount), "green" if amount > 0 else "red" if amount < 0 else "dim")


def clock(seconds: float) -> str:
    """Hours, minutes, seconds."""
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:d}:{minute:02d}:{second:02d}"
