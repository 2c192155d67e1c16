"""What invariants look at: the exchanges, the disk between two lives, and the core that lives now."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    VenueId,
    instrument_id,
)
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import OrderRequest
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.records import (
    PlanIntended,
    Purpose,
    Record,
    RepairIntended,
    decode,
)
from integrated_trading_system.oms.state import State
from integrated_trading_system.risk.exposure import Holding
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.orders import Order as Placed


class Intent(Struct, frozen=True):
    """An order as the disk has it."""

    request: OrderRequest
    purpose: Purpose
    latest_send: Nanos
    sequence: int
    """Of its record."""
    life: int
    """In which it was intended."""


class Disk:
    """The journal, read record by record as it is written, and the state that the records alone give."""

    def __init__(self, records: list[bytes], settings: PlatformSettings) -> None:
        """Of a store that outlives every core."""
        self.records = records
        self.intents: dict[ClientOrderId, Intent] = {}
        self.plans: dict[PlanId, Plan] = {}
        self.by_leg: dict[tuple[PlanId, int], list[ClientOrderId]] = {}
        self.committed = 0
        """So many records the core was told to be durable."""
        self._kept = settings.oms.orders_kept_max, settings.oms.trades_kept_max
        self.state = State(*self._kept)
        self._read = 0

    def read(self, life: int) -> Iterator[Record]:
        """What came since the last call."""
        while self._read < len(self.records):
            record = decode(self.records[self._read])
            self._read += 1
            match record:
                case PlanIntended(plan=plan):
                    self.plans[plan.plan_id] = plan
                    for request in record.orders:
                        self._intend(request, Purpose.FIRST, record.latest_send, life)
                case RepairIntended(order=request, purpose=purpose, latest_send=latest_send):
                    self._intend(request, purpose, latest_send, life)
                case _:
                    pass
            self.state.apply(record)
            yield record

    def again(self) -> State:
        """The state that all records give from the beginning."""
        state = State(*self._kept)
        for line in self.records[: self._read]:
            state.apply(decode(line))
        return state

    def _intend(self, request: OrderRequest, purpose: Purpose, latest_send: Nanos, life: int) -> None:
        name = request.client_order_id
        self.intents[name] = Intent(request, purpose, latest_send, self._read, life)
        self.by_leg.setdefault((request.plan_id, request.leg), []).append(name)


class Accepted(Struct, frozen=True):
    """An order that an exchange has just taken."""

    venue: VenueId
    order: Placed
    intent: Intent | None
    """None: the disk knows nothing of it."""

    @property
    def name(self) -> ClientOrderId:
        return ClientOrderId(self.order.client_id)

    @property
    def instrument(self) -> InstrumentId:
        return instrument_id(self.venue, self.order.symbol)


class Held(Struct):
    """An instrument as its exchange sees our account."""

    position: Decimal = ZERO
    buying: Decimal = ZERO
    """Open there."""
    selling: Decimal = ZERO
    mark: Decimal = ZERO

    @property
    def worst(self) -> Decimal:
        """The largest size that it may come to."""
        return max(abs(self.position + self.buying), abs(self.position - self.selling))


class Scene:
    """Both sides of the wire, as of now. Invariants read it; only the watch changes it."""

    def __init__(
        self,
        settings: PlatformSettings,
        disk: Disk,
        exchanges: Mapping[VenueId, Exchange],
        accounts: Mapping[VenueId, AccountId],
        windows: Mapping[VenueId, Nanos],
    ) -> None:
        """Before the first life. `windows`: how long after its timestamp a venue takes an order."""
        self.settings = settings
        self.disk = disk
        self.exchanges = exchanges
        self.accounts: dict[VenueId, Account] = {
            venue: exchange.bank.accounts[str(accounts[venue])] for venue, exchange in exchanges.items()
        }
        self.names = dict(accounts)
        self.windows = windows
        self.life = 0
        self.now = Nanos(0)
        self.placed: dict[ClientOrderId, Accepted] = {}
        """The last order of each name that an exchange took."""
        self.over: dict[ClientOrderId, Decimal] = {}
        """Orders that were called over, and with how much filled."""
        self.positions: dict[InstrumentId, Decimal] = {}
        """Sums of executions,"""
        self.positions_of: dict[tuple[StrategyId, InstrumentId], Decimal] = {}
        """and of those of each strategy."""
        self.trading = TradingState.STARTING
        self.halted = ""
        """Why trading was halted, until an operator lifts it; the next life has to know."""
        self.reducing = ""
        """The same of the restriction to reducing."""
        self.holdings: Mapping[tuple[InstrumentId, AccountId], Holding] = {}
        """What risk counts with."""

    def held(self, venue: VenueId, symbol: str) -> Held:
        """Of our account, now."""
        held = Held(self.positions.get(instrument_id(venue, symbol), ZERO))
        for order in self.accounts[venue].open.values():
            if order.symbol == symbol:
                if order.side.sign > 0:
                    held.buying += order.remaining
                else:
                    held.selling += order.remaining
        held.mark = self.exchanges[venue].mark_price(symbol)
        return held

    def held_by(self, strategy: StrategyId, venue: VenueId, symbol: str, instrument: InstrumentId) -> Held:
        """The part of it that this strategy traded and ordered."""
        held = Held(self.positions_of.get((strategy, instrument), ZERO))
        for order in self.accounts[venue].open.values():
            intent = self.disk.intents.get(ClientOrderId(order.client_id))
            if order.symbol == symbol and intent is not None and intent.request.strategy == strategy:
                if order.side.sign > 0:
                    held.buying += order.remaining
                else:
                    held.selling += order.remaining
        held.mark = self.exchanges[venue].mark_price(symbol)
        return held

    def instruments(self) -> Iterator[tuple[VenueId, str, InstrumentId]]:
        """Everything that can be traded."""
        for venue, exchange in self.exchanges.items():
            for symbol in exchange.symbols:
                yield venue, symbol, instrument_id(venue, symbol)
