"""Real orders to simulated exchanges on real ports: their keys in files, as an operator would have them."""

from pathlib import Path
from typing import Any

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import Dialect, Outgoing, ServerReply, ServerRequest
from tests.support.served import ServedMarket, paper_settings

ACCOUNT = "demo"


def keys_of(folder: Path, served: ServedMarket) -> dict[str, dict[str, str]]:
    """By venue: the references to its key, whose files are written here for their owner alone."""
    return {venue: key_of(folder, venue, account) for venue, account in served.accounts.items()}


def key_of(folder: Path, venue: str, account: Account) -> dict[str, str]:
    """The references to the key of this account."""
    folder.mkdir(exist_ok=True)
    texts = {"api_key": account.api_key, "api_secret": account.secret, "api_passphrase": account.passphrase}
    references: dict[str, str] = {}
    for name, text in texts.items():
        if text:
            path = folder / f"{venue.replace(':', '-')}-{account.name}-{name}"
            path.write_text(text, encoding="utf-8")
            path.chmod(0o600)
            references[name] = f"file:{path}"
    return references


def live_settings(folder: Path, served: ServedMarket, mode: str = "live", **changes: Any) -> PlatformSettings:
    """As `paper_settings`, with keys, in this mode; `changes` under ``venues`` are laid over each venue's."""
    settings = paper_settings(folder / "state", served.ports).model_dump(mode="json", exclude_unset=True)
    keys, over = keys_of(folder / "keys", served), changes.pop("venues", {})
    venues = {
        name: {
            **{key: value for key, value in venue.items() if not key.startswith("api_")},
            **keys.get(name, {}),
            **over.get(name, {}),
        }
        for name, venue in settings["venues"].items()
    }
    return PlatformSettings.model_validate({**settings, "mode": mode, "venues": venues, **changes})


def confirmed(served: ServedMarket) -> tuple[str, ...]:
    """What an operator who read the venues' pages types."""
    return tuple(dict.fromkeys(str(account.number) for account in served.accounts.values()))


class Overheard:
    """In front of a dialect: notes every request and every frame that a client sends."""

    def __init__(self, dialect: Dialect, said: list[str]) -> None:
        self._dialect = dialect
        self._said = said

    def http(self, request: ServerRequest, now: Nanos) -> ServerReply:
        self._said.append(f"{request.method} {request.path}")
        return self._dialect.http(request, now)

    def connect(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        return self._dialect.connect(link, path, query, now)

    def receive(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        self._said.append(frame.decode())
        self._dialect.receive(link, frame, now)

    def disconnect(self, link: LinkId, now: Nanos) -> None:
        self._dialect.disconnect(link, now)

    def run(self, now: Nanos) -> None:
        self._dialect.run(now)

    def deadline(self) -> Nanos | None:
        return self._dialect.deadline()

    def take(self) -> list[Outgoing]:
        return self._dialect.take()
