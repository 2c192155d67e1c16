"""The lookout: books what our fills earned, values what is open, and says when that is a reason to halt.

With every fill, and once every `look_interval_ms`: a position that nobody touches loses money, too.
"""

from collections.abc import Iterable, Iterator

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.time import DAY
from integrated_trading_system.risk.case import above
from integrated_trading_system.risk.codes import Code
from integrated_trading_system.risk.room import drawn_down, lost_today
from integrated_trading_system.risk.state import RiskState


class Lookout:
    """Asleep until the start is complete."""

    def __init__(self, settings: RiskSettings, state: RiskState, recovered: Iterable[Fill]) -> None:
        """`recovered`: every fill of earlier runs, in order."""
        self._settings = settings
        self._state = state
        self._unbooked = list(recovered)
        """Fills whose profit is not worked out yet: before the start is complete, or of an unlisted instrument."""
        self._lost_on = -1
        """The day of whose loss we halted: once a day, for resuming is not undone by the next price."""
        self._drawn_down = False
        """We halted for the drawdown, which has not come back to half of its limit since."""

    def fill(self, fill: Fill) -> Iterator[str]:
        """One more; reasons to halt."""
        self._unbooked.append(fill)
        return self.book()

    def book(self) -> Iterator[str]:
        """Book every fill whose instrument is known, in order, and look at what is open then; reasons to halt.

        Not before the start is complete: an order of booking that never was could show a drawdown that never was.
        """
        state = self._state
        if not state.reconciled or not self._unbooked:
            return
        unbooked, self._unbooked = self._unbooked, []
        for fill in unbooked:
            instrument = state.instruments.get(fill.instrument)
            if instrument is None:
                self._unbooked.append(fill)
            else:  # several at once are history: each found the market at its own price
                mark = state.mark(fill.instrument) if len(unbooked) == 1 else None
                state.losses.fill(fill, instrument, mark or fill.price)
        yield from self.look()

    def look(self) -> Iterator[str]:
        """Value what is open and what is out of balance; reasons to halt."""
        state, settings = self._state, self._settings
        if not state.reconciled:
            return
        state.worths.refresh()
        state.losses.look(state.now, state.instruments, state.mark)
        state.unhedged.look(state.worths.nets | state.round_trips.worths(state.worths.lines), state.now)
        for strategy in state.unhedged.of:
            area = state.unhedged.area(strategy)
            if area > settings.unhedged_halt_max:
                yield f"{Code.UNHEDGED}: {above(f'{strategy}, times seconds', area, settings.unhedged_halt_max)}"
        if (lost := lost_today(state, settings)) is not None and self._lost_on != state.now // DAY:
            self._lost_on = state.now // DAY
            yield f"{lost.code}: {lost.detail}"
        if (drawn := drawn_down(state, settings)) is not None and not self._drawn_down:
            self._drawn_down = True
            yield f"{drawn.code}: {drawn.detail}"
        elif state.losses.drawdown * 2 <= settings.drawdown_max:
            self._drawn_down = False
