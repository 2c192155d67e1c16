"""Open orders of somebody else, as they count after report upon report."""

from decimal import Decimal

from integrated_trading_system.domain.execution import ExternalOrder, ExternalOrders
from integrated_trading_system.domain.ids import AccountId
from integrated_trading_system.domain.money import ONE
from integrated_trading_system.domain.order import Side
from integrated_trading_system.risk.others import Others
from integrated_trading_system.risk.worth import Worths
from tests.support.risk_rig import A, B, Quotes
from tests.support.trading import ACCOUNT, external

BUY, SELL = Side.BUY, Side.SELL


class Rig:
    def __init__(self) -> None:
        self.worths = Worths(Quotes(), lambda _: ONE)
        self.others = Others(self.worths)

    def report(self, *orders: ExternalOrder, account: AccountId = ACCOUNT) -> None:
        self.others.report(ExternalOrders(A.venue, account, orders))

    def counted(self) -> tuple[Decimal, Decimal, Decimal]:
        """The largest size, the highest and the lowest position that they may come to."""
        line = self.worths.lines[A.instrument]
        return line.size, line.high, line.low


def test_each_report_replaces_the_one_before_on_both_sides() -> None:
    rig = Rig()
    rig.report(external(A.instrument, BUY, "2"), external(A.instrument, SELL, "1", 2))
    assert rig.counted() == tuple(map(Decimal, (2, 2, -1)))
    rig.report(external(A.instrument, BUY, "3"), external(A.instrument, SELL, "5", 2))
    assert rig.counted() == tuple(map(Decimal, (5, 3, -5)))
    rig.report(external(B.instrument, BUY, "1", 3))
    assert rig.counted() == tuple(map(Decimal, (0, 0, 0)))


def test_accounts_add_up() -> None:
    rig = Rig()
    rig.report(external(A.instrument, BUY, "2"))
    rig.report(external(A.instrument, BUY, "1"), external(A.instrument, SELL, "4", 2), account=AccountId("other"))
    assert rig.others.by_instrument() == {A.instrument: (Decimal(3), Decimal(4))}
    assert rig.others.worst(A.instrument) == 2 + 4
    assert rig.others.worst(B.instrument) == 0
