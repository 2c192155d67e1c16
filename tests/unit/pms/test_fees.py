"""What fees cost."""

from decimal import Decimal

from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.pms.fees import Fees

BNB, USDT = Asset("BNB"), Asset("USDT")


def fees(*paid: tuple[Asset, str, str | None]) -> Fees:
    made = Fees()
    for asset, amount, rate in paid:
        made.pay(asset, Decimal(amount), None if rate is None else Decimal(rate))
    return made


def test_each_fee_counts_at_its_own_rate() -> None:
    made = fees((BNB, "0.1", "600"), (BNB, "0.1", "500"), (USDT, "1", "1"))
    assert made.worth() == 60 + 50 + 1
    assert made.amounts() == {BNB: Decimal("0.2"), USDT: 1}


def test_a_fee_without_a_rate_is_kept_apart_and_never_valued_then() -> None:
    made = fees((BNB, "0.1", None), (BNB, "0.2", "600"))
    assert made.worth() == 120
    assert made.apart() == {BNB: Decimal("0.1")}


def test_today_all_of_an_asset_costs_todays_rate_and_without_one_what_is_known() -> None:
    made = fees((BNB, "0.1", None), (BNB, "0.2", "600"))
    assert made.cost_now({BNB: Decimal(1000)}.get) == 300
    assert made.cost_now({USDT: Decimal(1)}.get) == 120


def test_the_fees_of_two_add_up() -> None:
    made = fees((BNB, "0.1", None))
    made.add(fees((BNB, "0.2", "600"), (USDT, "1", "1")))
    assert made.amounts() == {BNB: Decimal("0.3"), USDT: 1}
    assert made.worth() == 121


def test_a_rebate_is_a_negative_fee() -> None:
    assert fees((USDT, "-1", "1"), (USDT, "3", "1")).worth() == 2
