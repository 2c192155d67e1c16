"""The worked example of docs/add-a-venue.md: as printed, through the suite, and connected like any other venue."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from examples import example_exchange
from examples.example_exchange import signing
from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.health import BookState, Gap
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Trade
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.venue import VenueEvent
from tests.conformance.books import followed, integrity
from tests.conformance.description import NOTHING
from tests.conformance.subjects import Subject, of_folder
from tests.support.collector import Collector
from tests.support.example_server import ExampleServer
from tests.support.served import until

ROOT = Path(__file__).resolve().parents[2]
BTC = InstrumentId("example_exchange:spot:BTC-USD")
PAGE = (ROOT / "docs" / "add-a-venue.md").read_text(encoding="utf-8")
EXAMPLE = [
    path.read_text(encoding="utf-8")
    for path in (*(ROOT / "examples" / "example_exchange").glob("*.py"), ROOT / "examples/example_exchange_traffic.py")
]


# -- the page ------------------------------------------------------------------------------------


def printed() -> list[str]:
    """The pieces of code on the page that are the example's."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "..." not in block]


def test_the_page_prints_pieces_of_the_example() -> None:
    assert len(printed()) >= 5


@pytest.mark.parametrize("piece", printed())
def test_what_the_page_prints_is_in_the_example(piece: str) -> None:
    assert any(piece in text for text in EXAMPLE), piece


def test_the_page_names_every_file_of_a_folder() -> None:
    files = {path.name for path in (ROOT / "examples" / "example_exchange").glob("*.py")}
    assert files == set(re.findall(r"^\| `(\w+\.py)` \|", PAGE, re.MULTILINE))


def test_the_page_shows_the_line_of_the_catalog() -> None:
    source = (ROOT / "integrated_trading_system/venues/catalog.py").read_text(encoding="utf-8")
    assert "_FOLDERS" in PAGE
    assert "    (kraken, kraken_signing),\n" in PAGE
    assert "    (kraken, kraken_signing),\n" in source


# -- the suite -----------------------------------------------------------------------------------


def test_the_example_passes_the_suite_by_the_line_that_the_page_gives() -> None:
    (line,) = re.findall(r"^python (-m pytest tests/conformance .*)$", PAGE, re.MULTILINE)
    command = [sys.executable, *line.split(), "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "[example_exchange:spot]" not in done.stdout
    assert "passed" in done.stdout


class Forgetful:
    """The example's codec as a beginner might write it: every change says that it continues the book."""

    def __init__(self, subject: Subject) -> None:
        self._whole = subject.listed()
        self._at = -1

    def list(self, instruments: Sequence[Instrument]) -> None:
        self._whole.codec.list(instruments)

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        (event,) = self._whole.codec.decode(frame, received_at)
        if isinstance(event, BookDelta):
            event = replace(event, previous_sequence=self._at)
        self._at = event.last_sequence if isinstance(event, BookDelta | BookSnapshot) else self._at
        return (event,)


def test_the_suite_finds_a_codec_that_hides_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    (subject,) = of_folder("examples.example_exchange", "examples.example_exchange_traffic")
    whole, book = subject.listed(), subject.traffic.book
    assert book is not None
    careless = replace(whole, codec=Forgetful(subject))
    (broken,) = of_folder("examples.example_exchange", "examples.example_exchange_traffic")
    monkeypatch.setattr(broken, "listed", lambda: careless)
    assert followed(broken, book).best == book.best
    assert integrity(broken) == NOTHING != subject.traffic.integrity == integrity(subject)


# -- connected -----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def in_the_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line."""
    monkeypatch.setitem(catalog._BY_NAME, example_exchange.NAME, (example_exchange, signing))


def orchestrator_of(folder: Path, port: int) -> Orchestrator:
    venue = {
        "symbols": ["BTC-USD"],
        "streams": ["trades", "depth", "candles"],
        "rest_url": f"http://127.0.0.1:{port}",
        "ws_url": f"ws://127.0.0.1:{port}",
    }
    tree = {
        "mode": "paper",
        "state_dir": folder,
        "venues": {"example_exchange:spot": venue},
        "http": {"enabled": False},
    }
    return Orchestrator(PlatformSettings.model_validate(tree | {"log": {"level": "ERROR"}}))


@pytest.mark.parametrize("lose_one", [False, True], ids=["whole", "with a loss"])
async def test_with_one_folder_and_one_line_its_book_is_followed_and_mended(tmp_path: Path, lose_one: bool) -> None:
    async with ExampleServer(lose_one=lose_one).serve() as server:
        orchestrator = orchestrator_of(tmp_path, server.port)
        await orchestrator.start()
        trades, gaps = Collector(), Collector()
        bus = orchestrator.platform.system.bus
        bus.subscribe(Trade, trades)
        bus.subscribe(Gap, gaps)
        try:
            books = orchestrator.platform.books
            await until(lambda: books.state(BTC) is BookState.VALID and bool(trades.of(Trade)), "book and trade")
            await until(lambda: bool(gaps.of(Gap)) is lose_one, "the loss")
            await until(lambda: books.state(BTC) is BookState.VALID, "the book")
            top = books.top(BTC)
        finally:
            await orchestrator.stop()
    assert top is not None
    assert (top.bid, top.ask) == (101.0, 104.0)
    doors = {path for path, asked in server.heard if asked["do"] == "follow"}
    assert doors == {"/live", "/bars"}
    again = [asked["id"] for _, asked in server.heard if asked["do"] == "leave"]
    assert again == (["leave-BTC-USD"] if lose_one else [])
