"""What a Bybit unified account holds: wallet, positions, fee rates, settings."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import ZERO, plain
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialects.bybit.http import Call, Failure, fixed, invalid
from integrated_trading_system.simulation.exchange.dialects.bybit.queries import Queries
from integrated_trading_system.simulation.exchange.dialects.bybit.rows import OrderRows
from integrated_trading_system.simulation.exchange.events import PositionView

DOLLARS: Final = ("USDT", "USDC", "USD")


class Accounts:
    """Handlers of requests about the account, and the rows of its topics."""

    def __init__(self, rows: OrderRows, queries: Queries) -> None:
        self._rows = rows
        self._exchange = rows.exchange
        self._queries = queries

    # -- requests -------------------------------------------------------------------------------

    def wallet(self, call: Call) -> Any:
        """``GET /v5/account/wallet-balance``."""
        if call.text("accountType") != "UNIFIED":
            raise invalid("accountType only support UNIFIED.")
        wanted = call.optional("coin")
        coins = [coin for coin in call.customer.wallets if not wanted or coin in wanted.split(",")]
        return {"list": [self.wallet_row(call.customer, coins)]}

    def positions(self, call: Call) -> Any:
        """``GET /v5/position/list``: one symbol, flat or not; or everything held in a settle coin."""
        category = call.text("category")
        result = {"category": category, "nextPageCursor": ""}
        if not self._queries.is_ours(call) or self._rows.product.spot:
            return result | {"list": []}
        settle = call.optional("settleCoin")
        if call.optional("symbol"):
            views = [self._exchange.position(call.customer, self._queries.symbol(call).listing.symbol)]
        elif settle:
            views = [view for view in self._exchange.positions(call.customer) if view.quantity]
            views = [view for view in views if self._rows.state(view.symbol).listing.settle == settle]
        else:
            raise invalid("Missing some parameters that must be filled in, symbol or settleCoin")
        return result | {"list": [self.position_row(view) for view in views]}

    def fee_rates(self, call: Call) -> Any:
        """``GET /v5/account/fee-rate``."""
        if not self._queries.is_ours(call):
            return {"category": call.text("category"), "list": []}
        chosen = [self._queries.symbol(call)] if call.optional("symbol") else self._exchange.symbols.values()
        taker, maker = (self._rows.fee_rate(call.customer, maker=maker) for maker in (False, True))
        rows = [
            {"symbol": state.listing.symbol, "baseCoin": "", "takerFeeRate": taker, "makerFeeRate": maker}
            for state in chosen
        ]
        return {"category": call.text("category"), "list": rows}

    def leverage(self, call: Call) -> Any:
        """``POST /v5/position/set-leverage``: both sides have the same in one-way mode."""
        symbol = self._queries.symbol(call).listing.symbol
        leverage = call.decimal("buyLeverage")
        if self._rows.product.spot or leverage != call.decimal("sellLeverage") or not 1 <= leverage <= 100:
            raise invalid("leverage invalid")
        if leverage == self._exchange.position(call.customer, symbol).leverage:
            raise Failure(110043, "Set leverage not modified")
        self._exchange.set_leverage(call.customer, symbol, leverage)
        return {}

    def info(self, call: Call) -> Any:
        """``GET /v5/account/info``."""
        return {
            "unifiedMarginStatus": 6,
            "marginMode": "REGULAR_MARGIN",
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
            "updatedTime": str(self._rows.millis(self._exchange.started_at)),
        }

    def key(self, call: Call) -> Any:
        """``GET /v5/user/query-api``: what the key may do."""
        return {
            "id": "1",
            "note": call.customer.name,
            "apiKey": call.customer.api_key,
            "readOnly": 0,
            "secret": "",
            "permissions": {
                "ContractTrade": ["Order", "Position"],
                "Spot": ["SpotTrade"],
                "Wallet": ["Withdraw"] if call.customer.may_withdraw else [],
            },
            "ips": ["*"],
            "type": 1,
            "uta": 1,
            "unified": 0,
            "userID": call.customer.number,
            "isMaster": True,
            "kycLevel": "LEVEL_1",
        }

    # -- rows -----------------------------------------------------------------------------------

    def wallet_row(self, account: Account, coins: Iterable[str]) -> dict[str, Any]:
        """Totals of the whole account in dollars, and these coins."""
        every = {coin: self._coin(account, coin) for coin in account.wallets}
        equity = sum((Decimal(row["usdValue"]) for row in every.values()), ZERO)
        bound = sum(
            (
                (Decimal(row["totalOrderIM"]) + Decimal(row["totalPositionIM"])) * self._dollars(coin)
                for coin, row in every.items()
            ),
            ZERO,
        )
        unrealised = sum((Decimal(row["unrealisedPnl"]) * self._dollars(coin) for coin, row in every.items()), ZERO)
        total = plain(round(equity, 8))
        return {
            "accountType": "UNIFIED",
            "accountIMRate": "0",
            "accountMMRate": "0",
            "accountLTV": "0",
            "totalEquity": total,
            "totalWalletBalance": plain(round(equity - unrealised, 8)),
            "totalMarginBalance": total,
            "totalAvailableBalance": plain(max(ZERO, round(equity - bound, 8))),
            "totalPerpUPL": plain(round(unrealised, 8)),
            "totalInitialMargin": plain(round(bound, 8)),
            "totalMaintenanceMargin": plain(round(bound / 10, 8)),
            "coin": [every.get(coin) or self._coin(account, coin) for coin in coins],
        }

    def position_row(self, view: PositionView) -> dict[str, Any]:
        """As the ``position`` topic and ``position/list`` describe it. No liquidation here, so no price of it."""
        listing = self._rows.state(view.symbol).listing
        price, size = listing.price_decimals, abs(view.quantity)
        value = listing.notional(view.mark_price, size)
        entry = plain(view.entry_price)
        return {
            "category": self._rows.product.category,
            "positionIdx": 0,
            "riskId": 1,
            "riskLimitValue": "2000000",
            "symbol": view.symbol,
            "side": "" if not size else "Buy" if view.quantity > 0 else "Sell",
            "size": fixed(size, listing.quantity_decimals) if size else "0",
            "avgPrice": entry,
            "entryPrice": entry,
            "positionValue": plain(round(listing.notional(view.entry_price, size), 8)) if size else "",
            "tradeMode": 0,
            "positionStatus": "Normal",
            "autoAddMargin": 0,
            "adlRankIndicator": 2 if size else 0,
            "leverage": plain(view.leverage),
            "positionBalance": "0",
            "markPrice": fixed(view.mark_price, price),
            "liqPrice": "",
            "bustPrice": "",
            "positionIM": plain(round(value / view.leverage, 8)),
            "positionMM": plain(round(value / view.leverage / 10, 8)),
            "tpslMode": "Full",
            "takeProfit": "",
            "stopLoss": "",
            "trailingStop": "0",
            "sessionAvgPrice": "",
            "unrealisedPnl": plain(round(view.unrealised, 8)),
            "curRealisedPnl": plain(view.realised),
            "cumRealisedPnl": plain(view.realised),
            "seq": -1 if not view.updated_at else self._rows.millis(view.updated_at),
            "isReduceOnly": False,
            "mmrSysUpdatedTime": "",
            "leverageSysUpdatedTime": "",
            "createdTime": str(self._rows.millis(self._exchange.started_at)),
            "updatedTime": str(self._rows.millis(view.updated_at or self._exchange.started_at)),
        }

    def _coin(self, account: Account, coin: str) -> dict[str, Any]:
        wallet = account.wallet(coin)
        margin = self._exchange.margin(account, coin)
        equity = wallet.free + wallet.locked + margin.unrealised
        realised = sum(
            (view.realised for view in self._exchange.positions(account) if self._settles(view.symbol, coin)), ZERO
        )
        return {
            "coin": coin,
            "equity": plain(equity),
            "usdValue": plain(round(equity * self._dollars(coin), 8)),
            "walletBalance": plain(wallet.free + wallet.locked),
            "locked": plain(wallet.locked),
            "spotHedgingQty": "0",
            "borrowAmount": "0",
            "availableToWithdraw": "",
            "availableToBorrow": "",
            "accruedInterest": "0",
            "totalOrderIM": plain(round(margin.orders, 8)),
            "totalPositionIM": plain(round(margin.positions, 8)),
            "totalPositionMM": plain(round(margin.positions / 10, 8)),
            "unrealisedPnl": plain(round(margin.unrealised, 8)),
            "cumRealisedPnl": plain(realised),
            "bonus": "0",
            "collateralSwitch": True,
            "marginCollateral": True,
            "spotBorrow": "0",
        }

    def _settles(self, symbol: str, coin: str) -> bool:
        listing = self._rows.state(symbol).listing
        return listing.kind is not Kind.SPOT and listing.settle == coin

    def _dollars(self, coin: str) -> Decimal:
        """Worth of one; 0 for what is not listed here."""
        if coin in DOLLARS:
            return Decimal(1)
        for quote in DOLLARS:
            state = self._exchange.symbols.get(f"{coin}{quote}")
            if state is not None:
                return state.mark_price
        return ZERO

    def settle_coins(self, symbols: Iterable[str]) -> list[str]:
        """Coins in which these contracts settle."""
        return list(dict.fromkeys(self._rows.state(symbol).listing.settle for symbol in symbols))
