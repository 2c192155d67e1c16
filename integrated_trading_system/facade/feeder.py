"""Market data for users: start venues from a dict, or listen to a running platform; callbacks, latest data, statistics."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from loguru import logger

from integrated_trading_system.domain import market
from integrated_trading_system.domain.errors import ConfigurationError, Refused, Unsupported
from integrated_trading_system.domain.ids import InstrumentId, symbol_of, venue_of
from integrated_trading_system.domain.market import Candle, Quote, Statistics, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.drivers.callbacks import Callback, CallbackStatistics
from integrated_trading_system.facade.configuration import feeder_settings
from integrated_trading_system.facade.data import BUFFERS, MESSAGES, DataType, OrderBook, Ticker
from integrated_trading_system.facade.names import exchange_name, instrument_named, instruments_named
from integrated_trading_system.facade.platform import Orchestrator
from integrated_trading_system.orchestrator.platform import FEED

LEVELS: Final = 20
INITIALIZE_SECONDS: Final = 15.0
LAG_SECONDS: Final = 0.1
"""A callback further behind than this gets only the newest of each instrument's quotes and books."""
