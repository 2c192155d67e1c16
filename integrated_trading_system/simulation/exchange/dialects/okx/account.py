"""What an OKX account holds: balances, positions, fee rates, settings."""

from decimal import Decimal
from typing import Any

from integrated_trading_system.domain.money import ZERO, plain
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialects.okx.http import Call, invalid
from integrated_trading_system.simulation.exchange.dialects.okx.queries import Queries
from integrated_trading_system.simulation.exchange.dialects.okx.rows import OrderRows
from integrated_trading_system.simulation.exchange.events import PositionView

DOLLARS = ("USDT", "USDC", "USD")


class Accounts:
    """Handlers of requests about the account, and the row of its channel."""

    def __init__(self, rows: OrderRows, queries: Queries) -> None:
        self._rows = rows
        self._exchange = rows.exchange
        self._queries = queries

    def balance(self, call: Call) -> Any:
        """``GET /api/v5/account/balance``."""
        wanted = call.optional("ccy")
        coins = [coin for coin in call.customer.wallets if not wanted or coin in wanted.split(",")]
        return [self.row(call.customer, coins)]

    def positions(self, call: Call) -> Any:
        """``GET /api/v5/account/positions``: those that are not flat."""
        if self._rows.product.spot or call.optional("instType", "SWAP") != "SWAP":
            return []
        wanted = call.optional("instId")
        views = [view for view in self._exchange.positions(call.customer) if view.quantity]
        return [self._position(view) for view in views if wanted in ("", view.symbol)]

    def config(self, call: Call) -> Any:
        """``GET /api/v5/account/config``."""
        return [
            {
                "uid": str(call.customer.number),
                "mainUid": str(call.customer.number),
                "acctLv": "1" if self._rows.product.spot else "2",
                "posMode": "net_mode",
                "autoLoan": False,
                "greeksType": "PA",
                "level": "Lv1",
                "levelTmp": "",
                "ctIsoMode": "automatic",
                "mgnIsoMode": "automatic",
                "label": call.customer.name,
                "ip": "",
                "perm": "read_only,trade,withdraw" if call.customer.may_withdraw else "read_only,trade",
            }
        ]

    def fee_rates(self, call: Call) -> Any:
        """``GET /api/v5/account/trade-fee``: negative is charged."""
        maker, taker = (plain(self._rows.fee_rate(call.customer, maker=maker)) for maker in (True, False))
        spot = self._rows.product.spot
        return [
            {
                "level": "Lv1",
                "feeGroup": [{"groupId": "1", "maker": maker, "taker": taker}],
                "maker": maker if spot else "",
                "taker": taker if spot else "",
                "makerU": "" if spot else maker,
                "takerU": "" if spot else taker,
                "instType": self._rows.product.name,
                "ts": self._rows.time(call.now),
            }
        ]

    def leverage(self, call: Call) -> Any:
        """``POST /api/v5/account/set-leverage``."""
        state, leverage = self._queries.symbol(call), call.decimal("lever")
        if self._rows.product.spot or call.text("mgnMode") != "cross" or not 1 <= leverage <= 100:
            raise invalid("lever")
        self._exchange.set_leverage(call.customer, state.listing.symbol, leverage)
        return [{"instId": state.listing.symbol, "lever": plain(leverage), "mgnMode": "cross", "posSide": "net"}]

    # -- rows -----------------------------------------------------------------------------------

    def row(self, account: Account, coins: list[str]) -> dict[str, Any]:
        """These assets, as the ``account`` channel and the balance describe them."""
        details = [self._coin(account, coin) for coin in coins]
        total = sum((Decimal(row["eqUsd"]) for row in details), ZERO)
        return {
            "uTime": self._rows.time(self._exchange.now),
            "totalEq": plain(total),
            "adjEq": "",
            "availEq": "",
            "imr": "",
            "isoEq": "0",
            "mmr": "",
            "mgnRatio": "",
            "notionalUsd": "",
            "ordFroz": "",
            "upl": "",
            "details": details,
        }

    def _coin(self, account: Account, coin: str) -> dict[str, Any]:
        """What orders and positions bind is frozen; profit that is not booked is in `eq`."""
        wallet = account.wallet(coin)
        cash, frozen, ordered, profit = wallet.free + wallet.locked, wallet.locked, wallet.locked, ZERO
        if (
            any(state.listing.settle == coin for state in self._exchange.symbols.values())
            and not self._rows.product.spot
        ):
            margin = self._exchange.margin(account, coin)
            ordered, profit = round(margin.orders, 8), round(margin.unrealised, 8)
            frozen = round(margin.positions, 8) + ordered
        equity = cash + profit
        dollars = equity if coin in DOLLARS else equity * self._price(coin)
        return {
            "ccy": coin,
            "eq": plain(equity),
            "cashBal": plain(cash),
            "availBal": plain(max(ZERO, equity - frozen)),
            "availEq": plain(max(ZERO, equity - frozen)),
            "frozenBal": plain(frozen),
            "ordFrozen": plain(ordered),
            "upl": plain(profit),
            "eqUsd": plain(round(dollars, 8)),
            "disEq": plain(round(dollars, 8)),
            "isoEq": "0",
            "liab": "",
            "crossLiab": "",
            "isoLiab": "",
            "interest": "",
            "imr": plain(frozen),
            "mmr": "0",
            "mgnRatio": "",
            "notionalLever": "",
            "stgyEq": "0",
            "twap": "0",
            "uTime": self._rows.time(self._exchange.now),
        }

    def _price(self, coin: str) -> Decimal:
        """Of one unit, in dollars; 0 where it is not listed against dollars."""
        for state in self._exchange.symbols.values():
            if state.listing.base == coin and state.listing.quote in DOLLARS:
                return state.mark_price
        return ZERO

    def _position(self, view: PositionView) -> dict[str, Any]:
        listing = self._rows.state(view.symbol).listing
        value = listing.notional(view.mark_price, abs(view.quantity))
        at = self._rows.time(view.updated_at)
        return {
            "instType": self._rows.product.name,
            "instId": view.symbol,
            "mgnMode": "cross",
            "posId": self._rows.position_id(view.symbol),
            "posSide": "net",
            "pos": plain(view.quantity),
            "availPos": "",
            "avgPx": plain(view.entry_price),
            "markPx": plain(view.mark_price),
            "upl": plain(view.unrealised),
            "uplRatio": "",
            "realizedPnl": plain(view.realised),
            "lever": plain(view.leverage),
            "liqPx": "",
            "imr": plain(round(value / view.leverage, 8)),
            "mmr": "0",
            "margin": "",
            "mgnRatio": "",
            "notionalUsd": plain(round(value, 8)),
            "ccy": listing.settle,
            "tradeId": "",
            "adl": "1",
            "cTime": at,
            "uTime": at,
        }
