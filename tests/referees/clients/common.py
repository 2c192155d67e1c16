"""What every client program here does: stay on this machine, note each step, print one JSON document."""

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable
from typing import Any

ANSWER_SECONDS = 60.0
"""For a step that waits for something that never comes."""


def stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: whoever asks for another machine than this one gets an error."""
    if event == "socket.connect":
        host = arguments[1][0] if isinstance(arguments[1], tuple) else "127.0.0.1"
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host not in ("127.0.0.1", b"127.0.0.1"):
        raise PermissionError(f"a test must not leave this machine, and asked for {host!r}")


def rebase(value: Any, port: int) -> Any:
    """Every address inside, at any depth, with our host in place of its own."""
    if isinstance(value, dict):
        return {name: rebase(item, port) for name, item in value.items()}
    if isinstance(value, list):
        return [rebase(item, port) for item in value]
    if isinstance(value, str):
        return re.sub(r"^(http|ws)s?://[^/]+", rf"\1://127.0.0.1:{port}", value)
    return value


def wrong(secret: str) -> str:
    """Another secret of the same kind: hexadecimal stays so, base64 too."""
    return ("1" if secret[0] == "0" else "0") + secret[1:]


class Diary:
    """What a client saw, step by step. A step that fails is noted, and the next one goes on."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    async def note(self, name: str, step: Callable[[], Awaitable[Any]] | Callable[[], Any]) -> Any:
        """Do it and keep what it gave, or the name of its exception."""
        try:
            result = step()
            if isinstance(result, Awaitable):
                result = await asyncio.wait_for(result, ANSWER_SECONDS)
        except Exception as error:  # noqa: BLE001 - which exception it is, is what the tests look at
            result = {"error": type(error).__name__, "text": str(error)[:500]}
        self.seen[name] = result
        return result


def main(visit: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]) -> None:
    """Read a list of places from standard input, visit all of them at once, print what was seen by name."""
    sys.addaudithook(stay_here)
    places = json.load(sys.stdin)

    async def visit_all() -> list[dict[str, Any]]:
        return await asyncio.gather(*(visit(place) for place in places))

    seen = asyncio.run(visit_all())
    print(json.dumps(dict(zip((place["venue"] for place in places), seen, strict=True)), default=str))
