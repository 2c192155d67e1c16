"""Keys and switches that users already have in their environment reach the right venue, and only by reference."""

from typing import Any

import pytest

from integrated_trading_system.config.environment import read_environment

VENUES: dict[str, Any] = {"venues": {"alpaca:stocks": {}, "alpaca:crypto": {}, "binance:spot": {}, "alpaca:odd": None}}


def test_alpacas_names_reach_every_flavour_of_it_by_reference() -> None:
    found = {path: value for path, value, _ in read_environment({"ALPACA_KEY": "PK", "ALPACA_SECRET": "s"}, VENUES)}
    assert found == {
        ("venues", flavour, field): f"env:{name}"
        for flavour in ("alpaca:stocks", "alpaca:crypto")
        for field, name in (("api_key", "ALPACA_KEY"), ("api_secret", "ALPACA_SECRET"))
    }


@pytest.mark.parametrize("value", ["true", "0"])
def test_a_dry_run_of_alpaca_can_be_ordered(value: str) -> None:
    found = {path: given for path, given, _ in read_environment({"ALPACA_DRY_RUN": value}, VENUES)}
    assert found == {
        ("venues", "alpaca:stocks", "dry_run"): value,
        ("venues", "alpaca:crypto", "dry_run"): value,
    }


def test_without_alpaca_its_names_mean_nothing() -> None:
    found = list(read_environment({"ALPACA_KEY": "PK", "ALPACA_DRY_RUN": "1"}, {"venues": {"binance:spot": {}}}))
    assert found == []


def test_okx_has_a_passphrase_beside_key_and_secret() -> None:
    names = {"OKX_API_KEY": "k", "OKX_API_SECRET": "s", "OKX_API_PASSPHRASE": "p"}
    found = {path: value for path, value, _ in read_environment(names, {"venues": {"okx:spot": {}, "bybit": {}}})}
    assert found == {
        ("venues", "okx:spot", field): f"env:{name}"
        for field, name in zip(("api_key", "api_secret", "api_passphrase"), names, strict=True)
    }
