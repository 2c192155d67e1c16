"""Strategies by name: ours by a word, everybody else's as ``package.module:Class``."""

import importlib
from typing import Any, Final

from pydantic import ValidationError

from integrated_trading_system.config.strategies import Style
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.strategies.arbitrage.detector import ArbitrageDetector
from integrated_trading_system.strategies.arbitrage.maker import MakerArbitrage
from integrated_trading_system.strategies.basis.strategy import BasisStrategy
from integrated_trading_system.strategies.statistical.strategy import PairsStrategy
from integrated_trading_system.strategies.strategy import Strategy
from integrated_trading_system.strategies.triangular.detector import TriangularArbitrage

BUILT_IN: Final[dict[str, type[Strategy]]] = {
    "arbitrage": ArbitrageDetector,
    "triangular": TriangularArbitrage,
    "basis": BasisStrategy,
    "pairs": PairsStrategy,
}


def strategy_of(name: str, settings: dict[str, Any]) -> tuple[type[Strategy], Any]:
    """The class that these settings ask for, and the settings, validated; raises ConfigurationError."""
    kind = strategy_class(name)
    validated = strategy_settings(kind, settings)
    if kind is ArbitrageDetector and validated.style is Style.MAKER:
        kind = MakerArbitrage
    return kind, validated


def strategy_class(name: str) -> type[Strategy]:
    """The class; raises ConfigurationError with what is wrong. Imports the user's module."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    module_name, _, class_name = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigurationError(f"strategy {name}: cannot import {module_name}: {error}") from error
    found = getattr(module, class_name, None)
    if not isinstance(found, type) or not issubclass(found, Strategy):
        raise ConfigurationError(f"strategy {name}: {module_name} has no class {class_name} that is a Strategy")
    return found


def strategy_settings(kind: type[Strategy], settings: dict[str, Any]) -> Any:
    """The strategy's own settings, validated by its model; raises ConfigurationError.

    A strategy without a model gets the settings as they are written.
    """
    if kind.settings_model is None:
        return settings
    try:
        return kind.settings_model.model_validate(settings)
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False))
        raise ConfigurationError(f"settings of {kind.__name__}: " + "; ".join(lines)) from None
