"""What a Binance USD-M account holds."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialects.binance.http import Call, number
from integrated_trading_system.simulation.exchange.dialects.binance.usdm_rows import UsdmRows
from integrated_trading_system.simulation.exchange.events import PositionView
from integrated_trading_system.simulation.exchange.exchange import Exchange


class UsdmAccounts:
    """Handlers of requests for balances and positions."""

    def __init__(self, exchange: Exchange, rows: UsdmRows, millis_of: Callable[[Nanos], int]) -> None:
        self._exchange = exchange
        self._rows = rows
        self._millis = millis_of

    def balance(self, call: Call) -> Any:
        """``GET /fapi/v3/balance``."""
        return [self._balance_row(call.customer, asset, call.now) for asset in call.customer.wallets]

    def account(self, call: Call) -> Any:
        """``GET /fapi/v3/account``: positions that are not flat only."""
        return self._account(call, old=False)

    def account_old(self, call: Call) -> Any:
        """``GET /fapi/v2/account``: every symbol."""
        return self._account(call, old=True)

    def positions(self, call: Call) -> Any:
        """``GET /fapi/v3/positionRisk``: symbols with a position or open orders only."""
        return self._positions(call, old=False)

    def positions_old(self, call: Call) -> Any:
        """``GET /fapi/v2/positionRisk``: every symbol."""
        return self._positions(call, old=True)

    def _positions(self, call: Call, *, old: bool) -> list[dict[str, Any]]:
        wanted = call.params.get("symbol")
        ordered = {order.symbol for order in call.customer.open.values()}
        views = [
            view
            for view in self._views(call.customer)
            if (old or view.quantity or view.symbol in ordered) and wanted in (None, "", view.symbol)
        ]
        return [self._rows.risk(view, self._margin(call.customer, view), old=old) for view in views]

    def _views(self, account: Account) -> list[PositionView]:
        """Of every listed symbol, in the order of listing."""
        return [self._exchange.position(account, symbol) for symbol in self._exchange.symbols]

    def _margin(self, account: Account, view: PositionView) -> tuple[Decimal, Decimal]:
        """Initial margin of one symbol's position, and of its open orders."""
        listing = self._exchange.symbols[view.symbol].listing
        held = listing.notional(view.mark_price, abs(view.quantity)) / view.leverage
        waiting = sum((order.remaining for order in self._exchange.open_orders(account, view.symbol)), ZERO)
        return held, listing.notional(view.mark_price, waiting) / view.leverage

    def _balance_row(self, account: Account, asset: str, now: Nanos) -> dict[str, Any]:
        margin = self._exchange.margin(account, asset)
        available = number(margin.available)
        return {
            "accountAlias": "SgsR",
            "asset": asset,
            "balance": number(margin.wallet),
            "crossWalletBalance": number(margin.wallet),
            "crossUnPnl": number(margin.unrealised),
            "availableBalance": available,
            "maxWithdrawAmount": available,
            "marginAvailable": True,
            "updateTime": self._millis(now),
        }

    def _account(self, call: Call, *, old: bool) -> dict[str, Any]:
        account = call.customer
        settles = dict.fromkeys(state.listing.settle for state in self._exchange.symbols.values())
        assets = [self._asset_row(account, asset, call.now) for asset in {**dict.fromkeys(account.wallets), **settles}]
        totals: dict[str, Any] = {}
        for total, field in TOTALS.items():
            totals[total] = number(sum((Decimal(row[field]) for row in assets if row["asset"] in settles), ZERO))
        views = [view for view in self._views(account) if old or view.quantity]
        return {
            "feeTier": 0,
            "canTrade": True,
            "canDeposit": True,
            "canWithdraw": False,
            "feeBurn": False,
            "tradeGroupId": -1,
            "updateTime": 0,
            "multiAssetsMargin": False,
            **totals,
            "assets": assets,
            "positions": [self._position_row(account, view) for view in views],
        }

    def _asset_row(self, account: Account, asset: str, now: Nanos) -> dict[str, Any]:
        margin = self._exchange.margin(account, asset)
        return {
            "asset": asset,
            "walletBalance": number(margin.wallet),
            "unrealizedProfit": number(margin.unrealised),
            "marginBalance": number(margin.equity),
            "maintMargin": number(margin.positions / 2),
            "initialMargin": number(margin.positions + margin.orders),
            "positionInitialMargin": number(margin.positions),
            "openOrderInitialMargin": number(margin.orders),
            "crossWalletBalance": number(margin.wallet),
            "crossUnPnl": number(margin.unrealised),
            "availableBalance": number(margin.available),
            "maxWithdrawAmount": number(margin.available),
            "marginAvailable": True,
            "updateTime": self._millis(now),
        }

    def _position_row(self, account: Account, view: PositionView) -> dict[str, Any]:
        risk = self._rows.risk(view, self._margin(account, view), old=True)
        row = {name: risk[name] for name in POSITION_FIELDS}
        row |= {"unrealizedProfit": risk["unRealizedProfit"], "isolated": False}
        return row | {"maxNotional": risk["maxNotionalValue"]}


TOTALS: Final = {
    "totalInitialMargin": "initialMargin",
    "totalMaintMargin": "maintMargin",
    "totalWalletBalance": "walletBalance",
    "totalUnrealizedProfit": "unrealizedProfit",
    "totalMarginBalance": "marginBalance",
    "totalPositionInitialMargin": "positionInitialMargin",
    "totalOpenOrderInitialMargin": "openOrderInitialMargin",
    "totalCrossWalletBalance": "crossWalletBalance",
    "totalCrossUnPnl": "crossUnPnl",
    "availableBalance": "availableBalance",
    "maxWithdrawAmount": "maxWithdrawAmount",
}
POSITION_FIELDS: Final = (
    *("symbol", "positionSide", "positionAmt", "entryPrice", "breakEvenPrice", "notional", "isolatedMargin"),
    *("isolatedWallet", "initialMargin", "maintMargin", "positionInitialMargin", "openOrderInitialMargin"),
    *("leverage", "bidNotional", "askNotional", "updateTime"),
)
