# Types of the names that `__init__.py` imports when they are first used.

from integrated_trading_system.facade.coins import CoinConfig as CoinConfig
from integrated_trading_system.facade.coins import PriceTick as PriceTick
from integrated_trading_system.facade.coins import TradeEvent as TradeEvent
from integrated_trading_system.facade.data import DataType as DataType
from integrated_trading_system.facade.data import OrderBook as OrderBook
from integrated_trading_system.facade.data import Ticker as Ticker
from integrated_trading_system.facade.desk import OrderOutcome as OrderOutcome
from integrated_trading_system.facade.detector import ArbitrageDetector as ArbitrageDetector
from integrated_trading_system.facade.feeder import MarketDataFeeder as MarketDataFeeder
from integrated_trading_system.facade.market_feed import FeedStatus as FeedStatus
from integrated_trading_system.facade.market_feed import MarketFeed as MarketFeed
from integrated_trading_system.facade.orders import OrderManagementSystem as OrderManagementSystem
from integrated_trading_system.facade.platform import Orchestrator as Orchestrator
from integrated_trading_system.facade.platform import TradingOrchestrator as TradingOrchestrator
from integrated_trading_system.facade.positions import PositionManagementSystem as PositionManagementSystem
from integrated_trading_system.facade.risk import RiskManager as RiskManager
from integrated_trading_system.facade.service import MarketDataService as MarketDataService
from integrated_trading_system.facade.service import SubscriptionManager as SubscriptionManager

__version__: str
