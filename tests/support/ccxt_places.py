"""What ccxt has to be told to trade on each simulated venue, and what it makes of the venue's refusals."""

from decimal import Decimal
from typing import Any, Final

AMOUNT: Final = Decimal("0.02")
BINANCE: Final = {
    "client": "binance",
    "book_id": ["lastUpdateId"],
    "post_only": {"postOnly": True},
    "fetch_params": {},
    "unknown_order": "999999999",
}
BYBIT: Final = {
    "client": "bybit",
    "errors": "",
    "book_id": ["result", "u"],
    "post_only": {"postOnly": True},
    "fetch_params": {"acknowledged": True},
    "unknown_order": "999999999",
}
SPOT: Final = {
    "symbol": "BTC/USDT",
    "other_symbol": "ETH/USDT",
    "too_much": "100",
    "not_allowed": ["XRP/USDT", "limit", "buy", "1", "0.55"],
}
LINEAR: Final = {
    "symbol": "BTC/USDT:USDT",
    "other_symbol": "ETH/USDT:USDT",
    "too_much": "1000",
    "not_allowed": ["XRP/USDT:USDT", "limit", "buy", "1", "0.55"],
}
PLACES: Final[dict[str, dict[str, Any]]] = {
    "binance:spot": {
        **BINANCE,
        **SPOT,
        "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}, "fetchMargins": False},
        "errors": "spot",
        "book_path": "/api/v3/depth?symbol=BTCUSDT&limit=20",
        "refusals": {
            "too_much": ("InsufficientFunds", "insufficient balance"),
            "unknown_order": ("OrderNotFound", "-2011"),
            "not_allowed": ("BadRequest", "-1013"),
            "wrong_secret": ("AuthenticationError", "-1022"),
        },
    },
    "binance:usdm": {
        **BINANCE,
        **LINEAR,
        "options": {
            "defaultType": "future",
            "fetchMarkets": {"types": ["linear"]},
            "watchTrades": {"name": "aggTrade"},  # the venue does not document ``@trade`` here, and is silent on it
        },
        "errors": "linear",
        "book_path": "/fapi/v1/depth?symbol=BTCUSDT&limit=20",
        "refusals": {
            "too_much": ("InsufficientFunds", "-2019"),
            "unknown_order": ("OrderNotFound", "-2011"),
            "not_allowed": ("InvalidOrder", "-4164"),
            "wrong_secret": ("AuthenticationError", "-1022"),
        },
    },
    "bybit:spot": {
        **BYBIT,
        **SPOT,
        "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}},
        "book_path": "/v5/market/orderbook?category=spot&symbol=BTCUSDT&limit=20",
        "refusals": {
            "too_much": ("InsufficientFunds", "170131"),
            "unknown_order": ("OrderNotFound", "170213"),
            "not_allowed": ("InvalidOrder", "170140"),
            "wrong_secret": ("AuthenticationError", "10004"),
        },
    },
    "bybit:linear": {
        **BYBIT,
        **LINEAR,
        "options": {"defaultType": "swap", "fetchMarkets": {"types": ["linear"]}},
        "book_path": "/v5/market/orderbook?category=linear&symbol=BTCUSDT&limit=20",
        "refusals": {
            "too_much": ("InsufficientFunds", "110007"),
            "unknown_order": ("OrderNotFound", "110001"),
            "not_allowed": ("InvalidOrder", "110094"),
            "wrong_secret": ("AuthenticationError", "10004"),
        },
    },
    "backpack:spot": {
        "client": "backpack",
        "errors": "",
        "symbol": "BTC/USDC",
        "other_symbol": "ETH/USDC",
        "options": {},
        "book_path": "/api/v1/depth?symbol=BTC_USDC&limit=20",
        "book_id": ["lastUpdateId"],
        "post_only": {"postOnly": True},
        "fetch_params": {},
        "unknown_order": "999999999",
        "too_much": "100",
        "not_allowed": ["BTC/USDC", "limit", "buy", "0.02", "1"],
        "refusals": {
            "too_much": ("InsufficientFunds", "INSUFFICIENT_FUNDS"),
            "unknown_order": ("ExchangeNotAvailable", "RESOURCE_NOT_FOUND"),
            "not_allowed": ("InvalidOrder", "INVALID_PRICE"),
            "wrong_secret": ("BadRequest", "Invalid signature"),
        },
    },
    "okx:spot": {
        **SPOT,
        "client": "okx",
        "errors": "",
        "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}},
        "book_path": "/api/v5/market/books?instId=BTC-USDT&sz=20",
        "book_id": ["data", 0, "seqId"],
        "order_id": "ordId",
        "post_only": {"postOnly": True},
        "fetch_params": {},
        "unknown_order": "999999999",
        "not_allowed": ["BTC/USDT", "limit", "buy", "0.02", "1"],
        "refusals": {
            "too_much": ("InsufficientFunds", "51008"),
            "unknown_order": ("OrderNotFound", "51400"),
            "not_allowed": ("InvalidOrder", "51006"),
            "wrong_secret": ("AuthenticationError", "50113"),
        },
    },
}
