"""Starts the platform in real time, keeps it running, and stops it in order.

Start: lock → journal → core → drivers → actors. Stop: new plans refused → open orders cancelled and
confirmed → links → core → outputs → journal → history → lock; within ten seconds, then forced.
"""

import asyncio
import os
from collections.abc import Callable, Mapping

from loguru import logger

from integrated_trading_system import __version__
from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.domain.effects import Effect
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.health import ActorFailed, Halt, TradingState
from integrated_trading_system.domain.history import HistoryPage
from integrated_trading_system.domain.http import HttpCall
from integrated_trading_system.domain.ids import AccountId, ActorName
from integrated_trading_system.domain.inputs import Input, Shutdown
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.journal import JournalAppend
from integrated_trading_system.domain.link import CloseLink, OpenLink, SendFrame
from integrated_trading_system.domain.order import CancelOrder, CancelOrders
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.api.server import ApiServer
from integrated_trading_system.drivers.ccxt.driver import CcxtDriver, beside
from integrated_trading_system.drivers.ccxt.library import PREFIX
from integrated_trading_system.drivers.ccxt.library import load as load_library
from integrated_trading_system.drivers.http import HttpDriver
from integrated_trading_system.drivers.journal import JournalDriver
from integrated_trading_system.drivers.log import configure_log
from integrated_trading_system.drivers.log_tap import KINDS, LogTap
from integrated_trading_system.drivers.loop import Clock, LiveLoop, Performer
from integrated_trading_system.drivers.recorder import Recorder
from integrated_trading_system.drivers.storage.rows import TABLES
from integrated_trading_system.drivers.storage.sqlite import History
from integrated_trading_system.drivers.websocket import WebSocketDriver
from integrated_trading_system.drivers.worker import open_worker
from integrated_trading_system.orchestrator.dev import build_world
from integrated_trading_system.orchestrator.doctor.doctor import admit, watch_keys
from integrated_trading_system.orchestrator.observation import Observation
from integrated_trading_system.orchestrator.operations import open_operations
from integrated_trading_system.orchestrator.options import RunOptions
from integrated_trading_system.orchestrator.outputs import Outputs, history_queue
from integrated_trading_system.orchestrator.platform import OMS, RISK, Platform, connector_name, taker_name
from integrated_trading_system.orchestrator.recording import header_of
from integrated_trading_system.orchestrator.shown.outcome import FillLog, Outcome
from integrated_trading_system.orchestrator.shown.status import PlatformStatus
from integrated_trading_system.orchestrator.shown.summary import picture, plans_of
from integrated_trading_system.orchestrator.signers import configured_signers
from integrated_trading_system.orchestrator.state import State, take_state
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.runtime.fingerprint import Fingerprint

STOP_SECONDS = 10.0
STEP_SECONDS = 0.05


class Orchestrator:
    """One run of the platform. `start`, then `wait` or anything else, then `stop`."""

    def __init__(
        self, settings: PlatformSettings, options: RunOptions | None = None, *, taken: State | None = None
    ) -> None:
        """Nothing is opened yet.

        `taken`: a state in which trading is halted. Nobody can lift that in this run: it cancels and asks, no more,
        and whoever has it waits for the venues before it is stopped.
        """
        self._taken = taken
        self.settings = settings
        self._options = options or RunOptions()
        self._clock = Clock()
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closers: list[Callable[[], object]] = []
        self.history: History | None = None
        self.failure: ActorFailed | None = None
        self._accounts: Mapping[str, str] = {}
        """With real orders: whose they are."""

    async def start(self) -> None:
        """Take the start path; raises Refused, ConfigurationError or JournalUnavailable with nothing left open."""
        self.state: State = self._taken or take_state(self.settings)
        try:
            if any(name.startswith(PREFIX) for name in self.settings.venues):
                await asyncio.to_thread(load_library)  # it takes seconds, and the run's time begins below
            self.platform: Platform = wire(self.settings, self.state.recovered)
            if self.settings.mode is Mode.LIVE and self._taken is None:
                self._accounts = await admit(self.platform, self.state, self._options.confirm_live, os.environ)
            self._loop = LiveLoop(self.platform.system, self._clock)
            self._observe()
            self._outputs = self._build_outputs()
            await self._open_drivers()
            self._taps()
            await self._open_history()
            self.status = PlatformStatus(self.platform, self.now, self.started_at)
            self._show_outboxes()
            if self._taken is None:
                self._closers.append(await open_operations(self.platform, self.state, self.status, self._loop))
            self._api = ApiServer(self.settings.http, self.status)
            self.http_port = await self._api.start()
        except BaseException:
            await self._abandon()
            raise
        self._outputs.start(self.platform.system.bus)
        self._loop.start(self.started_at)
        if self._accounts:
            watch = watch_keys(self.platform, self._accounts, os.environ, self.distrust)
            self._tasks.append(asyncio.create_task(watch))
        logger.info("running: mode {}, run {}", self.settings.mode.value, self.state.recovered.run)
        for note in self.state.notes:
            logger.warning(note)

    def distrust(self, reason: str) -> None:
        """Halt: what was right at the start is not any more."""
        self.tell(RISK, Halt(reason, "the hourly look at the keys"))

    async def _abandon(self) -> None:
        """The start failed: leave nothing open."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.history is not None:
            await self.history.close()
        for close in reversed(self._closers):
            close()
        self.state.journal.close()
        self.state.release()

    def now(self) -> Nanos:
        """The time of the run."""
        return self._clock.now()

    def tell(self, actor: ActorName, message: Input) -> None:
        """An input of the run: a plan, a cancel, a halt. It is recorded like every other."""
        self._loop.tell(actor, message)

    def request_stop(self) -> None:
        """Have `wait` return; from a signal handler, too."""
        self._stop.set()

    async def wait(self, seconds: float | None = None) -> None:
        """Until somebody asks to stop, the time is over, or an actor failed for good."""
        waits = [asyncio.ensure_future(self._stop.wait()), asyncio.ensure_future(self._loop.ended.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def stop(self, reason: str = "stopped") -> Outcome:
        """Stop in order; what the run came to."""
        self.status.stopping = True
        platform, system = self.platform, self.platform.system
        self.failure = system.escalated
        if self.failure is not None:
            platform.gate.set(TradingState.HALTED)
            self.state.halt(f"{self.failure.actor} failed: {self.failure.error}")
            await self._cancel_for(reason=f"{self.failure.actor} failed")
        else:
            await self._wind_down(reason)
        shown = picture(platform)
        for venue in platform.venues:
            self._loop.tell(connector_name(venue), Shutdown(reason))
        await asyncio.sleep(STEP_SECONDS)
        ended_at = self._loop.now()
        self._loop.end()
        if self._recorder is not None:
            self._recorder.close()
        outcome = Outcome(
            picture=shown,
            outputs=platform.outputs.hex(),
            inputs=self._inputs.hex(),
            halted=self.failure is not None or shown["risk"]["trading"] == TradingState.HALTED.value,
            mode=self.settings.mode.value,
            seed=self.settings.seed,
            started_at=self.started_at,
            ended_at=ended_at,
            fills=self._fills,
            failure=self.failure,
            plans=plans_of(platform),
        )
        system.stop()
        await self._close_drivers()
        shown["outputs"] = self._outputs.statistics()
        self.state.release()
        return outcome

    # -- starting ------------------------------------------------------------------------------

    def _observe(self) -> None:
        """Hash the inputs, and record them where that was asked for."""
        self.started_at = self._loop.now()
        inputs = self._inputs = Fingerprint()
        self._recorder: Recorder | None = None
        if self._options.record is not None:
            self._recorder = Recorder(
                self._options.record,
                header_of(self.settings, self.state.recovered, self.started_at),
                inputs,
                self.platform.outputs,
            )
        self.platform.system.observer = Observation(inputs, self._recorder)

    async def _open_drivers(self) -> None:
        platform, loop = self.platform, self._loop
        self._journal = JournalDriver(loop, self.state.journal, self._on_journal_failure)
        loop.attach({JournalAppend: self._journal.append})
        self._closers.append(open_worker(loop))
        self._sockets: WebSocketDriver | None = None
        self._http: HttpDriver | None = None
        self._library: CcxtDriver | None = None
        secrets: tuple[str, ...] = ()
        if self.settings.mode is Mode.DEV:
            world = build_world(self.settings, platform, self.started_at)
            world.connect_core(loop.tell)

            def perform(effect: Effect) -> None:
                world.perform(effect, loop.now())

            loop.attach(dict.fromkeys((OpenLink, SendFrame, CloseLink, HttpCall), perform), (world,))
        else:
            venues = {venue: self.settings.venues[venue] for venue in platform.venues}
            signers, secrets = configured_signers(platform.account_settings, os.environ)
            self._sockets = WebSocketDriver(loop, signers, platform.gate)
            self._http = HttpDriver(loop, signers, platform.gate, f"integrated_trading_system/{__version__}")
            performers: dict[type, Performer] = {
                OpenLink: self._sockets.open,
                SendFrame: self._sockets.send,
                CloseLink: self._sockets.close,
                HttpCall: self._http.call,
            }
            if through_library := {venue: of for venue, of in venues.items() if venue.startswith(PREFIX)}:
                library = self._library = CcxtDriver(loop, platform.gate, through_library)
                ours: tuple[Performer, ...] = (library.open, library.send, library.close, library.call)
                performers = {
                    kind: beside(own, theirs) for (kind, own), theirs in zip(performers.items(), ours, strict=True)
                }
            loop.attach(performers)
        secrets += self._outputs.secrets
        self._closers.append(configure_log(self.settings.log.level, self.settings.log.file, secrets).close)

    def _taps(self) -> None:
        """Who else listens: the marks of what waits for an operator, the log, and the list of our fills."""
        bus = self.platform.system.bus
        self.state.marks.follow(bus)
        tap = LogTap()
        for kind in KINDS:
            bus.subscribe(kind, tap)
        self._fills = FillLog()
        bus.subscribe(Fill, self._fills)

    async def _open_history(self) -> None:
        settings = self.settings.storage
        if not (settings.enabled and self.settings.feed.enable_historical_storage):
            return
        path = settings.path or self.settings.state_dir / "market_data.db"
        self.history = History(settings, path, self.platform.books, simulated=self.settings.mode is Mode.DEV)
        await self.history.open(self._loop.now())
        streamed = () if settings.only_loaded else tuple(TABLES)
        for kind in (HistoryPage, InstrumentsListed, *streamed):
            self.platform.system.bus.subscribe(kind, self.history.outbox)
        self._tasks.append(asyncio.create_task(self.history.run()))
        if not settings.only_loaded:
            self._tasks.append(asyncio.create_task(self._note_books(self.history)))

    def _build_outputs(self) -> Outputs:
        redis = self.settings.outputs.redis
        if redis.enabled and redis.venue not in self.platform.venues:
            configured = ", ".join(self.platform.venues)
            logger.warning(
                "outputs.redis.venue {} is not in this run ({}): nothing is written", redis.venue, configured
            )
        return Outputs(
            self.settings.outputs,
            books=self.platform.books,
            state_dir=self.settings.state_dir,
            run=f"{self.state.recovered.run}-{self.started_at}",
            environment=os.environ,
        )

    def _show_outboxes(self) -> None:
        """Over HTTP: what waits for the history and for every output."""
        if self.history is not None:
            self.status.add_outbox(history_queue(self.history, self.settings.storage.rows_waiting_max))
        for read in self._outputs.queues:
            self.status.add_outbox(read)
        self.status.add_figures(self._outputs.figures)

    async def _note_books(self, history: History) -> None:
        """Between turns, put a picture of every book into the history."""
        while True:
            await asyncio.sleep(self.settings.storage.book_every_ms / 1_000)
            history.note_books(self.platform.streams, self._loop.now())

    def _on_journal_failure(self) -> None:
        """Nothing is durable any more: the OMS halts trading and cancels, and then there is nothing left to do here."""
        logger.error("{}: cannot be written; what is open is cancelled, and the run ends", self.state.journal.path)
        self.request_stop()

    # -- stopping ------------------------------------------------------------------------------

    async def _wind_down(self, reason: str) -> None:
        """Refuse new plans, cancel what is open, and wait until the venues have confirmed it."""
        self._loop.tell(RISK, Shutdown(reason))
        self._loop.tell(OMS, Shutdown(reason))
        if not await self._settled(STOP_SECONDS if self._taken is None else 0):
            logger.warning("stopping with orders that are not confirmed: they are looked for at the next start")

    async def _cancel_for(self, reason: str) -> None:
        """The OMS may be what failed: cancel what its last state shows, without it."""
        logger.error("{}: trading is halted, cancelling what is open", reason)
        cancels: dict[AccountId, list[CancelOrder]] = {}
        for order in self.platform.system.view(OMS).orders:
            request = order.request
            cancel = CancelOrder(request.client_order_id, request.instrument, request.account, order.venue_order_id)
            cancels.setdefault(request.account, []).append(cancel)
        for account, orders in cancels.items():
            self._loop.tell(taker_name(self.settings, account), CancelOrders(account, tuple(orders)))
        await asyncio.sleep(1.0)

    async def _settled(self, patience_s: float) -> bool:
        for _ in range(int(patience_s / STEP_SECONDS)):
            view = self.platform.system.view(OMS)
            if view.open == 0 and view.plans == 0:
                return True
            await asyncio.sleep(STEP_SECONDS)
        return False

    async def _close_drivers(self) -> None:
        await self._api.stop()
        if self._sockets is not None:
            await self._sockets.stop()
        if self._http is not None:
            await self._http.stop()
        if self._library is not None:
            await self._library.stop()
        await self._outputs.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._journal.stop()
        if self.history is not None:
            await self.history.close()
        for close in reversed(self._closers):
            close()
