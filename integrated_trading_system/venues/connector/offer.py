"""What is wanted of a venue, laid against what it lists: told to codec and feed, and put on lines.

What is not listed, or refused, is published and left out; everything else goes on.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.ids import InstrumentId, symbol_of
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed
from integrated_trading_system.domain.streams import Stream, StreamsRefused, StreamsWanted
from integrated_trading_system.runtime.actor import Context, Ref
from integrated_trading_system.venues.connector.links.allocation import Allocation
from integrated_trading_system.venues.connector.links.links import Links
from integrated_trading_system.venues.venue import Venue

ToFeed: TypeAlias = InstrumentsListed | StreamsWanted


class Offer:
    """One venue's instruments, and which of their streams are carried."""

    def __init__(
        self,
        context: Context,
        venue: Venue,
        links: Links,
        feed: Ref[ToFeed],
        failed: Callable[[str], None],
        settings: VenueSettings,
        kept: dict[InstrumentId, Instrument],
    ) -> None:
        """Nothing is listed. What the settings say is wanted, until `want` says otherwise.

        `kept` is filled with every instrument that is ever wanted.
        """
        self._context = context
        self._venue = venue
        self._links = links
        self._feed = feed
        self._failed = failed
        self._symbols = settings.symbols
        self._on_demand = settings.on_demand
        self._data_types = settings.streams
        self._wanted: tuple[Stream, ...] | None = None
        """As last told; None: what the configuration says."""
        self._given_up: dict[Stream, None] = {}
        """Refused by the venue; not asked for again until nobody wants it any more."""
        self._allocation = Allocation(venue.session)
        self._kept = kept
        self.all: dict[InstrumentId, Instrument] = {}
        """An order from before a change of configuration can still be cancelled."""
        self.wanted: dict[InstrumentId, Instrument] = {}
        """Of what the venue lists."""
        self.unknown_symbols: tuple[str, ...] = ()
        self.listed = False
        self._began = False
        links.on_refused(self._on_refused)

    def list(self, instruments: Sequence[Instrument]) -> None:
        """What the venue offers. Told once."""
        self.listed = True
        self.all.update({instrument.instrument: instrument for instrument in instruments})
        if self._wanted is None:
            symbols = self._symbols or tuple(instrument.symbol for instrument in instruments)
            if self._on_demand:
                symbols = ()
            names = [InstrumentId(f"{self._venue.venue}:{symbol}") for symbol in symbols]
            wanted = tuple(Stream(name, data_type) for name in names for data_type in self._data_types)
            self._apply(wanted, told=False)
        else:
            self._apply(self._wanted, told=True)

    def want(self, streams: tuple[Stream, ...]) -> None:
        """All that is wanted from now on."""
        self._wanted = streams
        self._given_up = {stream: None for stream in self._given_up if stream in set(streams)}
        if self.listed:
            self._apply(streams, told=True)

    def _apply(self, streams: Sequence[Stream], *, told: bool) -> None:
        """`told`: the feed does not know of this set by itself."""
        names = dict.fromkeys(stream.instrument for stream in streams)
        self._tell_unknown([name for name in names if name not in self.all], streams if told else ())
        wanted = {name: self.all[name] for name in names if name in self.all}
        possible = [stream for stream in streams if stream.instrument in wanted and stream not in self._given_up]
        new = [name for name in wanted if name not in self._kept]
        self._kept.update(wanted)
        # What is dropped first stops to be decoded, then to be carried, and only then the feed forgets it.
        self._list(wanted)
        refused_before = self._allocation.not_offered
        plans = self._allocation.change(possible, self._kept)
        for name, plan in plans.items():
            if plan is None:
                self._links.leave(name)
        if told:
            self._feed.tell(StreamsWanted(self._venue.venue, tuple(possible)))
        if new or not self._began:
            listed = InstrumentsListed(self._venue.venue, tuple(self._kept.values()))
            self._feed.tell(listed)
            self._context.publish(listed)
        not_offered = [stream for stream in self._allocation.not_offered if stream not in refused_before]
        if told and not_offered:
            self._refuse(tuple(not_offered), "the venue has no such stream")
        self._links.carry([plan for plan in plans.values() if plan is not None], at_once=not self._began)
        self._began = True

    def _list(self, wanted: dict[InstrumentId, Instrument]) -> None:
        if wanted == self.wanted and self._began:
            return
        self.wanted.clear()
        self.wanted.update(wanted)
        self._venue.codec.list(tuple(wanted.values()))
        for codec in self._venue.user_codecs:
            codec.list(tuple(self._kept.values()))

    def _tell_unknown(self, names: Sequence[InstrumentId], streams: Sequence[Stream]) -> None:
        """Once. `streams`: those that somebody waits for."""
        symbols = {name: symbol_of(name) for name in names}
        new = {name: symbol for name, symbol in symbols.items() if symbol not in self.unknown_symbols}
        for symbol in new.values():
            self._failed(f"unknown symbol {symbol}")
        refused = tuple(stream for stream in streams if stream.instrument in new)
        if refused:
            self._refuse(refused, "unknown symbol")
        self.unknown_symbols = tuple(symbols.values())

    def _on_refused(self, streams: tuple[Stream, ...], detail: str) -> None:
        """The venue does not give them: the line goes on without."""
        self._given_up.update(dict.fromkeys(streams))
        self._refuse(streams, f"refused: {detail}")
        if self._wanted is not None:
            self._apply(self._wanted, told=True)

    def _refuse(self, streams: tuple[Stream, ...], reason: str) -> None:
        self._context.publish(StreamsRefused(self._venue.venue, streams, reason, self._context.now))
