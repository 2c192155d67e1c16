"""A venue's settings are checked before anything is connected, and never show a secret."""

from typing import Any

import pytest
from pydantic import ValidationError

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.config.venues import VenueSettings, fallback_problems
from integrated_trading_system.domain.market import DataType

SECRET = "canary-0815"


def test_a_venue_needs_nothing_to_be_said() -> None:
    settings = VenueSettings()
    assert settings.enabled
    assert settings.symbols == ()
    assert settings.streams == tuple(DataType)
    assert (settings.backoff_first_s, settings.backoff_max_s) == (1, 30)


def test_every_setting_says_what_it_means() -> None:
    assert all(field.description for field in VenueSettings.model_fields.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ws_url", "wss://stream.example:9443/ws"),
        ("ws_url", "ws://127.0.0.1:8080"),
        ("rest_url", "https://api.example"),
        ("rest_url", "http://127.0.0.1:8080"),
    ],
)
def test_an_address_may_be_overridden(name: str, value: str) -> None:
    assert getattr(VenueSettings.model_validate({name: value}), name) == value


def test_symbols_and_streams_are_lists_of_different_names() -> None:
    settings = VenueSettings.model_validate({"symbols": ["BTCUSDT", "ETHUSDT"], "streams": ["trades"]})
    assert (settings.symbols, settings.streams) == (("BTCUSDT", "ETHUSDT"), (DataType.TRADES,))


def test_an_address_loses_its_trailing_slash() -> None:
    assert VenueSettings(rest_url="https://api.example/").rest_url == "https://api.example"


@pytest.mark.parametrize(
    "wrong",
    [
        {"ws_url": "https://stream.example"},
        {"rest_url": "wss://api.example"},
        {"rest_url": "api.example"},
        {"rest_url": "https://"},
        {"rest_url": "https://api.example /x"},
        {"symbols": ["BTC", "BTC"]},
        {"symbols": [""]},
        {"streams": []},
        {"streams": ["quotes", "quotes"]},
        {"streams": ["tickers"]},
        {"account": ""},
        {"backoff_first_s": 0},
        {"backoff_first_s": 5, "backoff_max_s": 4},
        {"time_every_s": 0},
        {"request_timeout_ms": 0},
        {"quarantine_per_minute_max": -1},
        {"colour": "red"},
        {"api_key": "env:KEY"},
        {"api_secret": "env:SECRET"},
        {"api_passphrase": "env:PHRASE"},
        {"api_key": "env:KEY", "api_secret": "env:SECRET", "api_passphrase": "in plain"},
    ],
    ids=str,
)
def test_what_cannot_be_right_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VenueSettings.model_validate(wrong)


@pytest.mark.parametrize("reference", ["env:BINANCE_KEY", "file:/run/secrets/key", "file:keys/my key.txt"])
def test_a_secret_is_given_by_reference(reference: str) -> None:
    settings = VenueSettings.model_validate({"api_key": reference, "api_secret": reference})
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == reference


@pytest.mark.parametrize("plain", [SECRET, f"env:{SECRET}", f"env: {SECRET}", "env:", "file:", f"vault:{SECRET}"])
def test_a_secret_written_in_plain_is_refused_and_not_repeated(plain: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        VenueSettings.model_validate({"api_key": plain, "api_secret": "env:SECRET"})
    assert SECRET not in str(refusal.value)
    assert "env:NAME or file:PATH" in str(refusal.value)


def test_a_passphrase_goes_with_a_key() -> None:
    keys = {"api_key": "env:KEY", "api_secret": "env:SECRET", "api_passphrase": "env:A_PHRASE"}
    settings = VenueSettings.model_validate(keys)
    assert settings.api_passphrase is not None
    assert settings.api_passphrase.get_secret_value() == "env:A_PHRASE"
    assert "A_PHRASE" not in repr(settings)


def test_settings_do_not_show_their_references() -> None:
    settings = VenueSettings.model_validate({"api_key": "env:A_KEY", "api_secret": "env:A_SECRET"})
    assert "A_SECRET" not in repr(settings)


def test_a_connection_may_not_be_called_quiet_between_two_pings() -> None:
    with pytest.raises(ValidationError, match="link_quiet_s is not above ping_every_s"):
        VenueSettings(ping_every_s=5, link_quiet_s=5)


def configured(**fallbacks: str | None) -> dict[str, VenueSettings]:
    return {name.replace("_", ":"): VenueSettings(fallback=fallback) for name, fallback in fallbacks.items()}


def test_a_chain_of_fallbacks_is_fine() -> None:
    assert fallback_problems(configured(a="b", b="c", c=None)) == []


@pytest.mark.parametrize(
    ("venues", "place", "text"),
    [
        (configured(a="x"), "a", "venue 'x' is not configured (venues: a)"),
        (configured(a="a"), "a", "the fallbacks go in a circle: a -> a"),
        (configured(a="b", b="a"), "a", "the fallbacks go in a circle: a -> b -> a"),
        ({**configured(a="b"), "b": VenueSettings(enabled=False)}, "a", "venue 'b' is not enabled"),
    ],
)
def test_a_fallback_that_cannot_be_one_is_named(venues: dict[str, VenueSettings], place: str, text: str) -> None:
    assert fallback_problems(venues)[0] == (("venues", place, "fallback"), text)


def test_the_configuration_as_a_whole_is_checked_for_them() -> None:
    with pytest.raises(ValidationError, match="venue 'binance:us' is not configured"):
        PlatformSettings.model_validate({"venues": {"binance:spot": {"fallback": "binance:us"}}})


def test_a_discount_is_of_fees_that_are_paid_in_an_asset() -> None:
    assert VenueSettings.model_validate({"fee_asset": "BNB", "fee_discount_pct": 25}).fee_discount_pct == 25
    with pytest.raises(ValidationError, match="fee_discount_pct goes with fee_asset"):
        VenueSettings.model_validate({"fee_discount_pct": 25})


KEY = {"api_key": "env:KEY", "api_secret": "env:SECRET"}


def test_further_accounts_have_a_key_and_a_fee_level_of_their_own_and_the_first_is_the_venues() -> None:
    settings = VenueSettings.model_validate(
        {
            **KEY,
            "taker_fee_bps": 7,
            "accounts": {"second": {"taker_fee_bps": 3, "api_key": "env:A", "api_secret": "env:B"}},
        }
    )
    assert list(settings.every_account) == ["main", "second"]
    assert [of.taker_fee_bps for of in settings.every_account.values()] == [7, 3]
    assert settings.every_account["main"] is settings


@pytest.mark.parametrize(
    ("accounts", "message"),
    [
        ({"main": {}}, "'main' is the first account already"),
        ({"a.b": {}}, "expected a name of letters, digits"),
        ({"second": {"api_key": "env:KEY"}}, "api_key and api_secret go together"),
        ({"second": KEY}, "two of them have the same api_key"),
        ({"second": {"symbols": ["BTCUSDT"]}}, "Extra inputs are not permitted"),
    ],
)
def test_an_account_that_cannot_be_one_is_refused(accounts: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        VenueSettings.model_validate({**KEY, "accounts": accounts})


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"okx:spot": "main"}, "venue 'okx:spot' is not configured \\(venues: binance:spot, bybit:spot\\)"),
        ({"binance:spot": "third"}, "binance:spot has no account 'third' \\(accounts: main, second\\)"),
    ],
)
def test_a_strategy_uses_accounts_that_there_are(chosen: dict[str, str], message: str) -> None:
    tree: dict[str, Any] = {
        "venues": {"binance:spot": {"accounts": {"second": {}}}, "bybit:spot": {}},
        "comparisons": [{"name": "c", "currency": "USDT", "members": ["binance:spot:A", "bybit:spot:A"]}],
        "strategies": [{"name": "s", "comparison": "c", "accounts": {"binance:spot": "second"}}],
    }
    assert PlatformSettings.model_validate(tree).strategies[0].accounts == {"binance:spot": "second"}
    tree["strategies"][0]["accounts"] = chosen
    with pytest.raises(ValidationError, match=message):
        PlatformSettings.model_validate(tree)
