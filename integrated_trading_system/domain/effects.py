"""Everything the core may ask of a driver."""

from typing import TypeAlias

from integrated_trading_system.domain.cointegration import CointegrationAsked
from integrated_trading_system.domain.http import HttpCall
from integrated_trading_system.domain.journal import JournalAppend
from integrated_trading_system.domain.link import CloseLink, OpenLink, SendFrame

Effect: TypeAlias = OpenLink | SendFrame | CloseLink | HttpCall | JournalAppend | CointegrationAsked
