"""The `exchange` command: a simulated exchange as a server that any client can talk to."""

import asyncio
import signal

import uvloop

from integrated_trading_system.domain.errors import ConfigurationError, Refused
from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.domain.money import from_float
from integrated_trading_system.drivers.exchange_server import ExchangeServer
from integrated_trading_system.drivers.loop import Clock
from integrated_trading_system.orchestrator.shown.report import say
from integrated_trading_system.orchestrator.signers import simulated_credentials
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerRequest
from integrated_trading_system.simulation.market import Market
from integrated_trading_system.simulation.venues import VENUES, build_dialect, build_exchange, listings
from integrated_trading_system.venues import catalog

LOOPBACK = ("127.0.0.1", "::1", "localhost")
BALANCES = {"USDT": 1_000_000, "USDC": 1_000_000, "USD": 1_000_000, "BTC": 20, "ETH": 300, "SOL": 5_000}
ACCOUNT = AccountId("demo")


def venue_of(name: str, flavour: str | None) -> VenueId:
    """The venue to be served; raises ConfigurationError, naming what there is."""
    venue = catalog.resolve(f"{name}:{flavour}" if flavour else name)
    if venue not in VENUES:
        raise ConfigurationError(f"{venue} cannot be simulated; known are {', '.join(VENUES)}")
    return venue


def serve(name: str, flavour: str | None, host: str, port: int, seed: int) -> int:
    """Serve until interrupted."""
    if host not in LOOPBACK:
        raise Refused(f"--host {host}: a simulated exchange is served on this machine only: {', '.join(LOOPBACK)}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(venue_of(name, flavour), host, port, seed))
    return 0


async def _serve(venue: VenueId, host: str, port: int, seed: int) -> None:
    clock = Clock()
    start = clock.now()
    credentials = simulated_credentials(venue, ACCOUNT, seed)
    account = Account(
        str(ACCOUNT),
        {asset: from_float(float(amount)) for asset, amount in BALANCES.items()},
        api_key=credentials.api_key,
        secret=credentials.api_secret,
        passphrase=credentials.passphrase,
    )
    exchange = build_exchange(venue, listings(venue), [account], Market(seed, start), start)
    server = ExchangeServer(build_dialect(venue, exchange), ServerRequest, clock.now, host=host, port=port)
    try:
        bound = await server.start()
    except OSError as error:
        raise ConfigurationError(f"--port {port}: {error.strerror}; choose another, or 0 for any free one") from None
    say(f"{venue} at http://{host}:{bound} and ws://{host}:{bound}")
    say(f"account {account.number}   (as its own pages would show it; `--confirm-live` says how it is written)")
    say(f"api key {credentials.api_key}")
    say(f"secret  {credentials.api_secret}   (made from the seed; worth nothing anywhere else)")
    if credentials.passphrase:
        say(f"passphrase {credentials.passphrase}")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    await server.stop()
