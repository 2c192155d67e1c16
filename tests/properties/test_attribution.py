"""Whoever the profit is cut between, the parts add up to the whole, to the last decimal."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.config.pms import PmsSettings
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import ClientOrderId, PlanId, StrategyId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import use_money_context
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.position import FundingPaid
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.pms.analyst import Analyst
from integrated_trading_system.pms.attribution import EARLIER, Owner
from integrated_trading_system.pms.ledger import Ledger
from integrated_trading_system.pms.shares import CENT, split
from integrated_trading_system.pms.valuation import Valuation
from tests.support.pms_orders import StillBooks, fill, funding, instrument

INSTRUMENTS = [
    instrument(),
    instrument(Kind.LINEAR, "BTCUSDT-P", "0.01"),
    instrument(Kind.INVERSE, "BTCUSD", "100", quote="USD"),
]
KEPT = 3
OWNERS = {ClientOrderId(f"c{number}"): Owner(PlanId(f"p{number}"), StrategyId(f"s{number % 3}")) for number in range(8)}
ORDERS = st.integers(0, 9).map(lambda number: f"c{number}")
QUANTITIES = st.integers(1, 10_000).map(lambda thousandths: str(Decimal(thousandths) / 1000))
PRICES = st.integers(1, 10_000_000).map(lambda cents: str(Decimal(cents) / 100))
AMOUNTS = st.integers(-1_000, 1_000).map(lambda units: str(Decimal(units) * CENT))
MIDS = st.dictionaries(
    st.sampled_from(["BTCUSDT", "BTCUSDT-P", "BTCUSD"]), st.floats(2, 1e6).map(lambda price: round(price, 2))
)


@st.composite
def events(draw: st.DrawFn) -> list[Fill | FundingPaid]:
    made: list[Fill | FundingPaid] = []
    for number in range(draw(st.integers(1, 25))):
        of = draw(st.sampled_from(INSTRUMENTS))
        if draw(st.integers(0, 4)) == 0:
            named = draw(st.sampled_from([of, None]))
            made.append(funding(draw(AMOUNTS), str(number), of=named, asset=of.settle))
        else:
            side, order = draw(st.sampled_from(Side)), draw(ORDERS)
            asset = draw(st.sampled_from(["USDT", "BTC", "BNB"]))
            quantity, price, fee = draw(QUANTITIES), draw(PRICES), draw(AMOUNTS)
            made.append(fill(of, side, quantity, price, fee=fee, fee_asset=asset, trade=str(number), order=order))
    return made


@given(happened=events(), mids=MIDS, late=st.booleans())
def test_every_cut_of_the_profit_adds_up_to_it(
    happened: list[Fill | FundingPaid], mids: dict[str, float], late: bool
) -> None:
    use_money_context()
    listed = {each.instrument: each for each in INSTRUMENTS}
    settings = PmsSettings(plans_kept_max=KEPT)
    ledger, books = Ledger(), StillBooks(**mids)
    valuation = Valuation(settings, books, listed)
    analyst = Analyst(settings, ledger, valuation, OWNERS)
    now = Nanos(10**15 if late else 2)
    for event in happened:
        if isinstance(event, FundingPaid):
            assert ledger.fund(event)
            analyst.fund(event)
        else:
            of = listed[event.instrument]
            rate = valuation.rate_then(event.fee.asset, event, of, now)
            analyst.book(event, ledger.book(event, of, rate), rate, now)
    profit = analyst.performance(valuation.equity(ledger, now)).profit
    for cut in (profit.by_plan, profit.by_strategy, profit.by_venue, profit.by_instrument):
        assert sum(cut.values()) == profit.total
    assert len(set(profit.by_plan) - {EARLIER, "external", "unattributed"}) <= KEPT


@given(whole=AMOUNTS, weights=st.dictionaries(st.integers(0, 20), st.integers(-50, 50).map(Decimal)))
def test_a_split_gives_everything_away_and_each_within_a_hundred_millionth(
    whole: str, weights: dict[int, Decimal]
) -> None:
    shares = split(Decimal(whole), weights)
    total = sum(weights.values())
    if not total:
        assert shares == {}
        return
    assert sum(shares.values()) == Decimal(whole)
    for key, weight in weights.items():
        assert abs(Fraction(shares[key]) - Fraction(whole) * Fraction(weight) / Fraction(total)) <= Fraction(CENT)
