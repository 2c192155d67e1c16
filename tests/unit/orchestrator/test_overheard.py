"""Risk overhears how well a venue answers; order management hears everything."""

from integrated_trading_system.domain.execution import OrderNotFound, RequestFailed, UserStreamChanged
from integrated_trading_system.domain.ids import ClientOrderId
from integrated_trading_system.orchestrator.overheard import Overheard
from tests.support.collector import Collector
from tests.support.risk_rig import A
from tests.support.trading import ACCOUNT, START


def test_risk_hears_of_failed_requests_and_event_streams_and_of_nothing_else() -> None:
    oms, risk = Collector(), Collector()
    overheard = Overheard(oms, risk)
    failed = RequestFailed(venue=A.venue, account=ACCOUNT, subject="fills", reason="500", received_at=START)
    down = UserStreamChanged(venue=A.venue, account=ACCOUNT, up=False, received_at=START)
    absent = OrderNotFound(client_order_id=ClientOrderId("o"), asked_at=START, received_at=START)
    for message in (failed, down, absent):
        overheard.tell(message)
    assert oms.messages == [failed, down, absent]
    assert risk.messages == [failed, down]
