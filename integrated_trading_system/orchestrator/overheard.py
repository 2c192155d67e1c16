"""What venues tell order management, overheard by risk: how well a venue answers is a reason to trade there or not."""

from integrated_trading_system.domain.execution import RequestFailed, UserStreamChanged, VenueExecution
from integrated_trading_system.runtime.actor import Ref


class Overheard:
    """A ref: to order management, which hears everything first."""

    def __init__(self, oms: Ref[VenueExecution], risk: Ref[RequestFailed | UserStreamChanged]) -> None:
        """Both."""
        self._oms = oms
        self._risk = risk

    def tell(self, message: VenueExecution, /) -> None:
        """Pass it on, and what is about the venue itself to risk, too."""
        self._oms.tell(message)
        if isinstance(message, RequestFailed | UserStreamChanged):
            self._risk.tell(message)
