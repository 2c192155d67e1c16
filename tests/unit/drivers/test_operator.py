"""The operator's socket: who is answered, what is a request, and that nobody can make it wait."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.drivers.operator import (
    CONNECTIONS_MAX,
    REQUEST_BYTES_MAX,
    SOCKET,
    Answer,
    Command,
    OperatorServer,
    Peer,
    Request,
    address,
    parse,
)

STATUS = b'{"command":"status"}\n'


class Heard:
    """Answers everything, and keeps who asked what."""

    def __init__(self) -> None:
        self.requests: list[tuple[Request, Peer]] = []

    async def answer(self, request: Request, peer: Peer) -> Answer:
        self.requests.append((request, peer))
        if request.command is Command.POSITIONS:
            raise RuntimeError("a bug of ours")
        return {"ok": True}


@asynccontextmanager
async def served(folder: Path, heard: Heard, **options: Any) -> AsyncIterator[Path]:
    server = OperatorServer(folder / SOCKET, heard.answer, **options)
    await server.start()
    try:
        yield folder / SOCKET
    finally:
        server.close()


def exchange(path: Path, raw: bytes) -> bytes:
    """As any program would: it may be answered, and left, before it has said everything."""
    received = b""
    with address(path) as place, socket.socket(socket.AF_UNIX) as ours:
        ours.connect(place)
        with suppress(ConnectionError):
            ours.sendall(raw)
        with suppress(ConnectionError):
            while some := ours.recv(4096):
                received += some
    return received


async def ask(path: Path, raw: bytes) -> Any:
    answer = await asyncio.to_thread(exchange, path, raw)
    return msgspec.json.decode(answer) if answer else None


async def test_a_request_is_answered_and_the_kernel_says_who_asked(tmp_path: Path) -> None:
    heard = Heard()
    async with served(tmp_path, heard) as path:
        assert await ask(path, b'{"command":"halt","reason":"too strange"}\n') == {"ok": True}
    assert heard.requests == [(Request(Command.HALT, "too strange"), Peer(os.geteuid(), os.getpid()))]


async def test_the_socket_is_for_its_owner_only_and_goes_with_the_server(tmp_path: Path) -> None:
    async with served(tmp_path, Heard()) as path:
        assert path.lstat().st_mode & 0o777 == 0o600
    assert not path.exists()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"\x00\xff\xfe{{{\n", "not a request"),
        (b'{"command":"buy"}\n', "not a request"),
        (b'{"command":"status","as":"root"}\n', "not a request"),
        (b'["status"]\n', "not a request"),
        (b'{"command":"halt"}\n', "needs a reason"),
        (b'{"command":"halt","reason":"a\\nb"}\n', "one line"),
        (b'{"command":"halt","reason":"' + b"x" * 201 + b'"}\n', "200"),
        (b" " * REQUEST_BYTES_MAX + STATUS, "4096 bytes"),
        (b"x" * (3 * REQUEST_BYTES_MAX), "4096 bytes"),
    ],
)
async def test_what_is_no_request_is_told_so_and_nothing_is_done(tmp_path: Path, raw: bytes, said: str) -> None:
    heard = Heard()
    async with served(tmp_path, heard) as path:
        answer = await ask(path, raw)
        assert answer["problem"] == "request"
        assert said in answer["error"]
        assert heard.requests == []
        assert await ask(path, STATUS) == {"ok": True}


@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_parsing_fail(raw: bytes) -> None:
    assert isinstance(parse(raw), Request | str)


async def test_a_peer_that_says_nothing_is_dropped_and_does_not_keep_others_waiting(tmp_path: Path) -> None:
    async with served(tmp_path, Heard(), peer_seconds=0.05) as path:
        slow = asyncio.create_task(ask(path, b'{"command":'))
        assert await ask(path, STATUS) == {"ok": True}
        assert await slow is None


async def test_a_peer_that_leaves_in_the_middle_disturbs_nobody(tmp_path: Path) -> None:
    async with served(tmp_path, Heard()) as path:
        _, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b'{"comm')
        writer.transport.abort()
        assert await ask(path, STATUS) == {"ok": True}


async def test_one_more_than_there_are_places_is_asked_to_come_again(tmp_path: Path) -> None:
    async with served(tmp_path, Heard()) as path:
        waiting = [await asyncio.open_unix_connection(str(path)) for _ in range(CONNECTIONS_MAX)]
        assert (await ask(path, STATUS))["problem"] == "busy"
        for _, writer in waiting:
            writer.write(STATUS)
        assert [msgspec.json.decode(await reader.read()) for reader, _ in waiting] == [{"ok": True}] * CONNECTIONS_MAX
        for _, writer in waiting:
            writer.close()
        assert await ask(path, STATUS) == {"ok": True}


async def test_another_user_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    heard = Heard()
    async with served(tmp_path, heard, owner=os.geteuid() + 1) as path:
        answer = await ask(path, STATUS)
    assert answer["problem"] == "refused"
    assert heard.requests == []


CLIENT = """
import socket, sys
with socket.socket(socket.AF_UNIX) as ours:
    try:
        ours.connect(sys.argv[1])
        print(ours.recv(4096).decode())
    except OSError as error:
        print(type(error).__name__)
"""


def system_python() -> str | None:
    """One that every user may run."""
    return next((path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if os.access(path, os.X_OK)), None)


@pytest.mark.skipif(os.geteuid() != 0 or system_python() is None, reason="only root can be another user")
@pytest.mark.parametrize(("opened", "said"), [(False, "PermissionError"), (True, "may not command")])
async def test_another_user_cannot_come_in_and_is_refused_where_the_door_was_opened(opened: bool, said: str) -> None:
    with TemporaryDirectory(dir="/tmp") as name:
        async with served(Path(name), Heard()) as path:
            if opened:
                Path(name).chmod(0o755)
                path.chmod(0o666)
            words = [str(system_python()), "-I", "-c", CLIENT, str(path)]
            asked = await asyncio.to_thread(
                subprocess.run, words, user=65534, group=65534, cwd="/", capture_output=True, text=True, check=True
            )
    assert said in asked.stdout


async def test_a_command_that_fails_is_told_so_and_the_next_one_is_answered(tmp_path: Path) -> None:
    async with served(tmp_path, Heard()) as path:
        answer = await ask(path, b'{"command":"positions"}\n')
        assert answer["problem"] == "failed"
        assert "a bug of ours" in answer["error"]
        assert await ask(path, STATUS) == {"ok": True}


async def test_the_socket_of_a_dead_process_is_replaced(tmp_path: Path) -> None:
    script = "import os, socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1]); os._exit(9)"
    subprocess.run([sys.executable, "-c", script, str(tmp_path / SOCKET)], check=False)
    assert (tmp_path / SOCKET).is_socket()
    async with served(tmp_path, Heard()) as path:
        assert await ask(path, STATUS) == {"ok": True}


async def test_the_socket_of_a_living_one_is_not_replaced(tmp_path: Path) -> None:
    async with served(tmp_path, Heard()) as path:
        with pytest.raises(Refused, match="another process answers"):
            await OperatorServer(path, Heard().answer).start()
        assert await ask(path, STATUS) == {"ok": True}


async def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / SOCKET).write_text("mine")
    with pytest.raises(Refused, match="in the way"):
        await OperatorServer(tmp_path / SOCKET, Heard().answer).start()
    assert (tmp_path / SOCKET).read_text() == "mine"


async def test_a_path_that_is_too_long_for_a_socket_works(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    async with served(folder, Heard()) as path:
        assert await ask(path, STATUS) == {"ok": True}
    assert not path.exists()


async def test_closing_leaves_the_socket_of_a_successor(tmp_path: Path) -> None:
    server = OperatorServer(tmp_path / SOCKET, Heard().answer)
    await server.start()
    (tmp_path / SOCKET).rename(tmp_path / "old")
    with socket.socket(socket.AF_UNIX) as successor:
        successor.bind(str(tmp_path / SOCKET))
        server.close()
        server.close()
        assert (tmp_path / SOCKET).is_socket()
