"""What is put to the test: one flavour of one folder, and what its venue says."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from importlib import import_module
from typing import Any

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.catalog import VenueFolder
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.venue import LinkPlan, Signing, Venue
from tests.conformance.description import Traffic
from tests.conformance.orders import ACCOUNT

MakeTraffic = Callable[[], Traffic]


class Subject:
    """A flavour. Its parts are made anew whenever they are asked for."""

    def __init__(self, package: str, folder: VenueFolder, flavour: str, make_traffic: MakeTraffic) -> None:
        """`folder`: the module of that name; `make_traffic` is called when it is needed."""
        signing: Any = import_module(f"{package}.signing")
        self.package = package
        self.folder = folder
        self.signing: Signing = signing
        self.flavour = flavour
        self.name = VenueId(f"{folder.NAME}:{flavour}")
        self._make_traffic = make_traffic

    @cached_property
    def traffic(self) -> Traffic:
        return self._make_traffic()

    @property
    def endpoints(self) -> Endpoints:
        return self.folder.FLAVOURS[self.flavour]

    @cached_property
    def instrument(self) -> Instrument:
        """The one that the traffic is about."""
        found = [each for page in self.traffic.listed for each in self.build().market.decode_instruments(page.reply)[0]]
        (instrument,) = (each for each in found if each.symbol == self.traffic.symbol)
        return instrument

    def build(self, endpoints: Endpoints | None = None) -> Venue:
        """All parts, listing the instrument of the traffic once that is known."""
        return self.folder.build(self.flavour, endpoints or self.endpoints, ACCOUNT)

    def listed(self, endpoints: Endpoints | None = None) -> Venue:
        """The same, and its instruments were read as they are at every start."""
        made = self.build(endpoints)
        for page in self.traffic.listed:
            made.market.decode_instruments(page.reply)
        made.codec.list([self.instrument])
        if made.user_codec is not None:
            made.user_codec.list([self.instrument])
        return made

    def doors(self) -> dict[str, list[DataType]]:
        """What is behind each of the venue's doors."""
        session, found = self.build().session, dict[str, list[DataType]]()
        for data_type in DataType:
            door = session.door(Stream(self.instrument.instrument, data_type), self.instrument)
            if door is not None:
                found.setdefault(door, []).append(data_type)
        return found

    def offered(self) -> set[DataType]:
        return {data_type for kinds in self.doors().values() for data_type in kinds}

    def plan(self, door: str, *kinds: DataType, venue: Venue | None = None) -> LinkPlan:
        """A connection with these kinds of data of the one instrument."""
        name = self.instrument.instrument
        streams = [Stream(name, kind) for kind in kinds]
        session = (venue or self.listed()).session
        return session.market_link("market-0", door, streams, {name: self.instrument})


def of_folder(module: str, traffic: str) -> Iterator[Subject]:
    """Every flavour that this folder has, or that its traffic stands for."""
    folder: Any = import_module(module)
    said: Mapping[str, MakeTraffic] = import_module(traffic).TRAFFIC
    for flavour in dict.fromkeys((*folder.FLAVOURS, *said)):
        yield Subject(module, folder, flavour, said.get(flavour, _silent))


@cache
def of_catalog() -> tuple[Subject, ...]:
    """Every flavour of every folder that the platform knows."""
    found: list[Subject] = []
    for folder, _ in catalog._FOLDERS:
        found += of_folder(f"{catalog.__package__}.{folder.NAME}", f"tests.conformance.traffic.{folder.NAME}")
    return tuple(found)


def _silent() -> Traffic:
    message = "nobody has described what this flavour says: add it to TRAFFIC"
    raise LookupError(message)
