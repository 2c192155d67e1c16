"""The log: no secret in any spelling, no forged line, and no failure that reaches whoever logs."""

import io
import json
import logging
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.drivers import log as log_module
from integrated_trading_system.drivers.log import LogWriter, configure_log
from integrated_trading_system.drivers.redaction import STRUCK, Redactor

CANARY = "kA9+/x=Zq~w7 TnB%3&secret"
PEM = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v
VpguoRK9JLsLMREScVpezJpGXA7r
-----END PRIVATE KEY-----
"""


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    """Give loguru and logging back as they were."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logger.remove()
    logger.configure(patcher=lambda _: None)
    root.handlers[:], root.level = handlers, level


class Log:
    """A configured log, read back."""

    def __init__(self, folder: Path, level: str = "DEBUG", secrets: tuple[str, ...] = (CANARY, PEM)) -> None:
        self.stream = io.StringIO()
        self.file = folder / "log.jsonl"
        self.writer = configure_log(level, self.file, secrets, self.stream)

    def text(self) -> str:
        self.writer.close()
        return self.stream.getvalue()

    def entries(self) -> list[dict[str, Any]]:
        self.writer.close()
        return [json.loads(line) for line in self.file.read_text().splitlines()]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


# -- secrets --------------------------------------------------------------------------------------

SPELLINGS = {
    "plain": CANARY,
    "quoted": quote(CANARY, safe=""),
    "quoted, slash kept": quote(CANARY),
    "form": quote_plus(CANARY),
    "base64": b64encode(CANARY.encode()).decode(),
    "base64 for addresses": urlsafe_b64encode(CANARY.encode()).decode(),
    "basic authorization": b64encode(f"user:{CANARY}".encode()).decode(),
    "basic authorization, shifted": b64encode(f"users:{CANARY}:x".encode()).decode(),
    "hex": CANARY.encode().hex(),
    "HEX": CANARY.encode().hex().upper(),
    "json": json.dumps({"x": CANARY}),
    "repr": repr(CANARY.encode()),
}


def revealed(text: str) -> list[str]:
    """Spellings of the canary in the text, judged by a part of each that cannot be there by chance."""
    return [name for name, spelling in SPELLINGS.items() if spelling[6:-6] in text]


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_known_secret_is_struck_out_in_every_spelling(log: Log, name: str) -> None:
    logger.info("before {} after", SPELLINGS[name])
    logger.bind(detail=SPELLINGS[name]).warning("in extra")
    everything = log.text() + log.file.read_text()
    assert revealed(everything) == []
    assert "before" in everything
    assert "after" in everything


def test_the_check_of_this_test_would_see_every_spelling() -> None:
    assert [revealed(spelling) != [] for spelling in SPELLINGS.values()] == [True] * len(SPELLINGS)


def test_every_line_of_a_key_file_is_a_secret_and_the_whole_is_too(log: Log) -> None:
    for part in (PEM, repr(PEM), json.dumps(PEM), *PEM.splitlines()[1:3], f"x{PEM.splitlines()[2]}x"):
        logger.info("{}", part)
    everything = log.text() + log.file.read_text()
    assert "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v" not in everything
    assert "VpguoRK9JLsLMREScVpezJpGXA7r" not in everything


@pytest.mark.parametrize(
    "text",
    [
        "X-MBX-APIKEY: AbC123xyz",
        "{'X-MBX-APIKEY': 'AbC123xyz'}",
        "('x-mbx-apikey', 'AbC123xyz')",
        "(b'X-BAPI-SIGN', b'AbC123xyz')",
        "GET /order?symbol=BTCUSDT&signature=AbC123xyz&x=1",
        '{"api_key": "AbC123xyz"}',
        "api-secret=AbC123xyz",
        "listenKey=AbC123xyz",
        "passphrase = AbC123xyz",
        "Authorization: Bearer AbC123xyz",
        "{'Authorization': 'Basic AbC123xyz'}",
        "postgres://its:AbC123xyz@db.example/its",
    ],
)
def test_a_value_with_a_telling_name_is_struck_out_though_nobody_named_it_a_secret(log: Log, text: str) -> None:
    logger.error(text)
    everything = log.text() + log.file.read_text()
    assert "AbC123xyz" not in everything
    assert STRUCK in everything


def test_what_only_looks_similar_is_left_alone() -> None:
    redact = Redactor(["abc"])  # too short to be a secret
    for text in ("the design: abc", "order 12 at 5.5", "wss://example.com:443/ws/btcusdt", "keys: 3"):
        assert redact(text) == text


def test_named_values_are_struck_out_and_numbers_stay_numbers(log: Log) -> None:
    logger.bind(api_key="AbC123xyz", count=3, note=None).info("x")
    (entry,) = log.entries()
    assert (entry["api_key"], entry["count"], entry["note"]) == (STRUCK, 3, None)


def test_an_exception_shows_neither_secrets_nor_local_variables(log: Log) -> None:
    def fails(local: str) -> None:
        raise ValueError(f"refused {CANARY}")

    try:
        fails("local"[::-1])
    except ValueError:
        logger.exception("it failed")
    everything = log.text() + log.file.read_text()
    assert "ValueError: refused ***" in everything
    assert "lacol" not in everything
    assert revealed(everything) == []


@given(st.text(min_size=6), st.text(), st.text())
def test_no_text_around_a_secret_saves_it(secret: str, before: str, after: str) -> None:
    if secret.strip() == secret and len(secret.strip("*")) >= 6:
        assert secret not in Redactor([secret])(before + secret + after).replace(STRUCK, "\n*\n")


def test_a_redactor_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        Redactor(["long enough"]).__reduce__()


# -- libraries ------------------------------------------------------------------------------------


def test_libraries_are_heard_from_info_up_and_their_debug_never(log: Log) -> None:
    library = logging.getLogger("websockets.client")
    library.setLevel(logging.DEBUG)
    library.debug("> GET /ws?listenKey=AbC123xyz")
    library.info("connection open")
    library.log(35, "between two levels")
    library.setLevel(logging.NOTSET)
    assert [(entry["source"], entry["level"], entry["message"]) for entry in log.entries()] == [
        ("websockets.client", "INFO", "connection open"),
        ("websockets.client", "Level 35", "between two levels"),
    ]


def test_a_malformed_line_of_a_library_is_written_as_far_as_it_goes(log: Log) -> None:
    record = logging.LogRecord("library", logging.WARNING, __file__, 1, "wrong %d", ("arguments",), None)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, log_module._Intercept):
            handler.handle(record)
    assert [(entry["level"], entry["message"]) for entry in log.entries()] == [("WARNING", "wrong %d")]


def test_the_level_is_the_least_that_is_written(tmp_path: Path) -> None:
    log = Log(tmp_path, level="WARNING")
    logger.info("quiet")
    logger.warning("loud")
    assert [entry["message"] for entry in log.entries()] == ["loud"]


# -- lines ----------------------------------------------------------------------------------------


def test_what_a_venue_sends_can_neither_forge_a_line_nor_steer_the_terminal(log: Log) -> None:
    logger.bind(symbol="X\x1b[2J\nforged").info("symbol A\n2026-01-01 CRITICAL forged \x1b]0;title\x07\x9b")
    assert len(log.text().splitlines()) == 1
    assert not {"\x1b", "\x07", "\x9b"} & set(log.text())


def test_an_endless_message_is_cut(log: Log) -> None:
    logger.info("x" * 1_000_000)
    assert len(log.text()) < 10_000


def test_the_file_is_for_its_owner_only_and_appended_to(tmp_path: Path) -> None:
    Log(tmp_path).writer.close()
    logger.info("lost, for the writer is closed")
    for _ in range(2):
        Log(tmp_path)
        logger.info("again")
    log = Log(tmp_path)
    assert len(log.entries()) == 2
    assert log.file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"log.file {tmp_path}: cannot be written"):
        configure_log("INFO", tmp_path, stream=io.StringIO())


# -- trouble --------------------------------------------------------------------------------------


class BrokenStream(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("stream", [BrokenStream(), "closed"])
def test_a_broken_sink_is_counted_and_the_other_one_still_writes(tmp_path: Path, stream: TextIO | str) -> None:
    if isinstance(stream, str):
        stream = io.StringIO()
        stream.close()
    writer = configure_log("INFO", tmp_path / "log.jsonl", stream=stream)
    logger.info("still here")
    writer.close()
    assert writer.failed == 1
    assert "still here" in (tmp_path / "log.jsonl").read_text()


def test_a_full_disk_costs_the_file_and_nothing_else() -> None:
    stream = io.StringIO()
    writer = configure_log("INFO", Path("/dev/full"), stream=stream)
    logger.info("still here")
    writer.close()
    assert writer.failed == 1
    assert "still here" in stream.getvalue()


def test_a_value_that_cannot_be_shown_is_said_to_be_so_and_not_raised(log: Log) -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise RuntimeError("no")

    logger.bind(thing=Unprintable()).info("x")
    assert log.text().endswith("x thing=<Unprintable that cannot be shown>\n")


def test_lines_that_find_no_room_are_dropped_counted_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "LINES_WAITING_MAX", 0)
    stream = io.StringIO()
    writer = LogWriter(stream, None)
    for _ in range(3):
        writer.put("lost\n", {})
    monkeypatch.undo()
    writer.put("found\n", {})
    writer.close()
    writer.close()
    assert writer.dropped == 3
    assert stream.getvalue() == "(3 lines were dropped here)\nfound\n"
