"""A pair that comes apart: entered, hedged by its ratio, closed when it is back, stopped when it is not."""

from decimal import Decimal
from math import exp
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from integrated_trading_system.config.pairs import PairsSettings
from integrated_trading_system.domain.cointegration import CointegrationAsked, CointegrationTold, Finding, answer
from integrated_trading_system.domain.comparison import Comparison, Member
from integrated_trading_system.domain.ids import Asset, ClientOrderId
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.strategies.statistical.strategy import PairsStrategy, PairsView, Why
from tests.support.strategy_rig import NAME, StrategyRig
from tests.support.trading import fill, finished, instrument, order, quote

Y, X = instrument("y:spot", "ETHUSDT", base=Asset("ETH")), instrument("x:spot")
PLAIN: dict[str, Any] = {
    "model": "ols",
    "window": 60,
    "sample_ms": 1_000,
    "cool_down_ms": 0,
    "edge_bps_min": 0,
    "stop_z": 6,
    "entry_z": 3,
}


class Market:
    """X wanders; Y is worth 2 % of its square, but for a spread that a test sets."""

    def __init__(self, fees_bps: str = "0", **settings: Any) -> None:
        comparison = Comparison(
            name="pair", currency=Asset("USDT"), members=tuple(Member(instrument=one.instrument) for one in (Y, X))
        )
        chosen = PairsSettings.model_validate(PLAIN | settings)
        self.rig = StrategyRig(PairsStrategy, comparison, chosen, fees_bps)
        self.rig.listed(Y, X)
        self.rig.trade()
        self._random = Random(3)
        self._x, self._noise = 0.0, 0.0

    def step(self, spread: float = 0.0) -> None:
        self._x += self._random.gauss(0, 0.002)
        self._noise = 0.3 * self._noise + self._random.gauss(0, 0.0005)
        x, y = 100 * exp(self._x), 200 * exp(2 * self._x + self._noise + spread)
        self.rig.run(SECOND)
        self.rig.see(
            quote(Y.instrument, y - 0.01, y + 0.01, self.rig.now), quote(X.instrument, x - 0.01, x + 0.01, self.rig.now)
        )

    def settle(self) -> None:
        for _ in range(130):
            self.step()

    def trade(self, made: Plan) -> None:
        for index, leg in enumerate(made.legs):
            name = ClientOrderId(f"{made.plan_id}-{index}")
            self.rig.holdings.tell(order(made, index, name, OrderStatus.FILLED))
            self.rig.holdings.tell(
                fill(
                    leg.instrument,
                    leg.side,
                    leg.quantity,
                    str(leg.price),
                    client_order_id=name,
                    venue_time=self.rig.now,
                )
            )
        self.rig.tell(finished(made))

    @property
    def proposed(self) -> list[Plan]:
        return self.rig.proposed

    def actor_p(self) -> float | None:
        """What is believed now."""
        return self.rig.actor._test.p(self.rig.now)

    @property
    def view(self) -> PairsView:
        return self.rig.actor.view()


def entered(**settings: Any) -> Market:
    market = Market(**settings)
    market.settle()
    market.step(0.003)
    (made,) = market.proposed
    market.trade(made)
    return market


def test_the_dear_one_is_sold_and_the_other_bought_in_the_hedge_ratio() -> None:
    market = entered()
    sold, bought = market.proposed[0].legs
    assert (sold.instrument, sold.side) == (Y.instrument, Side.SELL)
    assert (bought.instrument, bought.side) == (X.instrument, Side.BUY)
    assert market.view.ratio == pytest.approx(2, abs=0.1)
    worth = [leg.quantity * leg.price for leg in (sold, bought)]
    assert float(worth[1] / worth[0]) == pytest.approx(2, abs=0.1)
    assert worth[0] == pytest.approx(Decimal(1_000), abs=Decimal(2))
    (found,) = market.rig.opportunities
    assert (found.buy, found.sell) == (X.instrument, Y.instrument)
    assert found.edge == found.gross_edge - found.fees > 0


def test_the_other_way_round_it_is_the_other_way_round() -> None:
    market = Market()
    market.settle()
    market.step(-0.003)
    assert [leg.side for leg in market.proposed[0].legs] == [Side.BUY, Side.SELL]


def test_it_closes_both_when_the_spread_is_back() -> None:
    market = entered()
    held = market.view.held
    market.step(0.003)
    assert len(market.proposed) == 1, "it is still apart"
    for _ in range(20):
        market.step()
        if len(market.proposed) == 2:
            break
    closing = market.proposed[1]
    assert [leg.quantity * leg.side.sign for leg in closing.legs] == [-held[0], -held[1]]
    assert market.view.exits == {"back": 1}


def test_it_stops_when_the_spread_goes_on_and_stays_out_until_it_is_back() -> None:
    market = entered()
    market.step(0.012)
    assert market.view.exits == {"stop": 1}
    market.trade(market.proposed[1])
    for _ in range(3):
        market.step(0.006)
    assert len(market.proposed) == 2
    for _ in range(100):
        market.step()
    market.step(0.003)
    assert len(market.proposed) == 3


def test_it_closes_what_lasts_too_long() -> None:
    market = entered(holding_half_lives_max=2, window=60)
    for _ in range(20):
        market.step(0.003)
        if len(market.proposed) > 1:
            break
    assert set(market.view.exits) <= {"time", "back"}
    assert len(market.proposed) == 2


def test_a_leg_that_stands_alone_is_closed() -> None:
    market = Market()
    market.settle()
    market.step(0.003)
    (made,) = market.proposed
    market.rig.holdings.tell(order(made, 0, "o", OrderStatus.FILLED))
    market.rig.holdings.tell(fill(Y.instrument, Side.SELL, "2", "200", client_order_id=ClientOrderId("o")))
    market.rig.tell(finished(made))
    market.step(0.003)
    (leg,) = market.proposed[1].legs
    assert (leg.instrument, leg.side, leg.quantity) == (Y.instrument, Side.BUY, Decimal(2))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"fees_bps": "50"}, Why.FEES),
        ({"half_life_samples_max": 0.01}, Why.HALF_LIFE),
        ({"stop_z": 3.01}, Why.BEYOND),
    ],
)
def test_what_is_not_entered_has_a_reason(settings: dict[str, Any], reason: Why) -> None:
    market = Market(**settings)
    market.settle()
    market.step(0.003)
    assert market.proposed == []
    assert reason in market.view.missed


def test_samples_come_at_even_intervals_whatever_the_market_does() -> None:
    market = Market(sample_ms=10_000)
    for _ in range(40):
        market.step()
    assert market.view.samples == 4


def test_both_models_enter() -> None:
    market = Market(model="kalman", drift=1e-7, noise=1e-6, stop_z=50)
    market.settle()
    market.step(0.006)
    assert len(market.proposed) == 1


# -- only where they are cointegrated --------------------------------------------------------------

TESTED: dict[str, Any] = {"cointegration_p_max": 0.05, "cointegration_samples": 60, "cointegration_every_s": 10}


def asked(market: Market) -> list[CointegrationAsked]:
    """What was asked since the last look."""
    effects = market.rig.system.take_effects()
    found = [effect for effect in effects if isinstance(effect, CointegrationAsked)]
    assert len(found) == len(effects)
    return found


def told(market: Market, request: str, p: float) -> None:
    market.rig.tell(CointegrationTold(request=request, found=Finding(p, -3.0, 2.0, 0, 59)))


def test_without_a_limit_nothing_is_asked() -> None:
    market = Market()
    market.settle()
    assert asked(market) == []


def test_the_newest_samples_are_asked_about_at_even_intervals() -> None:
    market = Market(**TESTED)
    for _ in range(59):
        market.step()
    assert asked(market) == [], "too few are known"
    market.step()
    (first,) = asked(market)
    assert (len(first.y), len(first.x), first.actor) == (60, 60, NAME)
    assert answer(first).found is not None
    for _ in range(9):
        market.step()
    assert asked(market) == []
    market.step()
    (second,) = asked(market)
    assert second.y[:50] == first.y[10:]
    assert second.x[:50] == first.x[10:]
    assert second.request != first.request


@pytest.mark.parametrize(("p", "entered"), [(0.05, True), (0.050001, False)])
def test_a_pair_is_entered_only_where_p_is_not_above_the_limit(p: float, entered: bool) -> None:
    market = Market(**TESTED)
    market.settle()
    told(market, asked(market)[-1].request, p)
    market.step(0.003)
    assert len(market.proposed) == entered
    assert (Why.NOT_COINTEGRATED in market.view.missed) != entered
    assert market.view.cointegration is not None


def test_while_nothing_is_known_nothing_is_entered() -> None:
    market = Market(**TESTED)
    market.settle()
    market.step(0.003)
    assert (market.proposed, list(market.view.missed)) == ([], [Why.UNTESTED])
    market.rig.tell(CointegrationTold(request=asked(market)[-1].request, reason="busy"))
    market.step(0.003)
    assert (market.proposed, list(market.view.missed)) == ([], [Why.UNTESTED])
    assert market.view.cointegration is not None
    assert market.view.cointegration.reason == "busy"


def test_an_answer_to_an_older_question_counts_for_nothing() -> None:
    market = Market(**TESTED)
    market.settle()
    *_, before, newest = asked(market)
    told(market, before.request, 0.01)
    market.step(0.003)
    assert market.proposed == []
    told(market, newest.request, 0.01)
    market.step(0.003)
    assert len(market.proposed) == 1


def test_an_answer_is_believed_until_the_question_is_two_intervals_old() -> None:
    market = Market(**TESTED)
    for _ in range(120):
        market.step()
    question = asked(market)[-1]
    told(market, question.request, 0.01)
    for _ in range(19):  # nobody answers what is asked meanwhile
        market.step()
    assert market.actor_p() == 0.01
    market.step()
    market.step()
    assert market.actor_p() is None


def test_what_is_held_is_closed_whatever_the_test_says() -> None:
    market = Market(**TESTED)
    market.settle()
    told(market, asked(market)[-1].request, 0.01)
    market.step(0.003)
    market.trade(market.proposed[0])
    told(market, "", 0.9)
    for _ in range(40):
        market.step()
    assert market.view.exits == {"back": 1}
    assert len(market.proposed) == 2


def test_more_samples_than_can_be_tested_are_refused_beforehand() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 5000"):
        PairsSettings.model_validate({"cointegration_samples": 5_001})
