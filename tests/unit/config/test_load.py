"""A configuration file is believed only whole: every problem is told at once, with its place."""

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import Field

from integrated_trading_system.config.base import Settings
from integrated_trading_system.config.load import find, load
from integrated_trading_system.domain.errors import ConfigurationError


class Venue(Settings):
    ws_url: str = Field("", pattern="^wss?://")
    api_key: str = ""
    symbols: tuple[str, ...] = ()


class Platform(Settings):
    seed: int = Field(0, ge=0)
    limit: Decimal = Decimal(5)
    venues: dict[str, Venue] = Field({})


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path, *overrides: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(Platform, path, overrides, {})
    return str(caught.value).splitlines()


def test_a_good_file_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", "seed: 3\nvenues:\n  binance:spot: {symbols: [BTCUSDT]}\n")
    settings = load(Platform, path, (), {})
    assert settings.seed == 3
    assert settings.venues["binance:spot"].symbols == ("BTCUSDT",)


def test_a_file_extends_another_group_by_group(tmp_path: Path) -> None:
    write(tmp_path / "base.yaml", "seed: 3\nvenues:\n  a: {api_key: x, symbols: [ONE, TWO]}\n  b: {}\n")
    path = write(tmp_path / "dev.yaml", "extends: base.yaml\nvenues:\n  a: {symbols: [THREE]}\n")
    settings = load(Platform, path, (), {})
    assert settings.seed == 3
    assert settings.venues["a"] == Venue(api_key="x", symbols=("THREE",))
    assert "b" in settings.venues


def test_all_problems_are_reported_at_once_with_line_and_column(tmp_path: Path) -> None:
    path = write(
        tmp_path / "bad.yaml",
        "seed: -1\nsede: 2\nlimit: lots\n"
        "venues:\n  a:\n    ws_url: http://x\n    symbols: [A, {b: 1}]\n    apikey: k\n",
    )
    found = problems(path)
    places = [line.split(": ")[0].removeprefix(f"{tmp_path}/") for line in found]
    assert sorted(places) == sorted(
        ["bad.yaml:1:1", "bad.yaml:2:1", "bad.yaml:3:1", "bad.yaml:6:5", "bad.yaml:7:18", "bad.yaml:8:5"]
    )
    assert any("greater than or equal to 0" in line for line in found)
    assert any("did you mean 'seed'?" in line for line in found)
    assert any("did you mean 'api_key'?" in line for line in found)


def test_a_duplicate_key_is_refused_with_its_place(tmp_path: Path) -> None:
    path = write(tmp_path / "twice.yaml", "seed: 1\nseed: 2\n")
    assert problems(path) == [f'{path}:2:1: found duplicate key "seed" with value "2" (original value: "1")']


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- a\n- b\n", ":1:1: expected settings as 'key: value', found CommentedSeq"),
        ("", ":1:1: expected settings as 'key: value', found NoneType"),
        ("seed: [1\n", "expected ',' or ']'"),
        ("\x00", "special characters are not allowed"),
    ],
)
def test_what_is_not_settings_is_refused(tmp_path: Path, text: str, what: str) -> None:
    path = write(tmp_path / "odd.yaml", text)
    assert what in problems(path)[0]


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00seed")
    assert problems(path) == [f"{path}: not UTF-8 text"]


def test_the_environment_overrides_the_file_and_set_overrides_both(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", "seed: 1\nvenues:\n  binance:spot: {api_key: env:OLD}\n  bybit:linear: {}\n")
    environment = {"BINANCE_API_KEY": "secret"}
    settings = load(Platform, path, (), environment)
    assert settings.venues["binance:spot"].api_key == "env:BINANCE_API_KEY"
    assert settings.venues["bybit:linear"].api_key == ""
    settings = load(Platform, path, ("seed=9", "venues.binance:spot.api_key=env:MINE"), environment)
    assert (settings.seed, settings.venues["binance:spot"].api_key) == (9, "env:MINE")


def test_a_problem_of_an_override_names_the_override(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", "seed: 1\n")
    assert problems(path, "seed=many")[0].startswith("--set seed: seed: input should be a valid integer")
    assert problems(path, "seed") == ["--set seed: expected key.path=value"]


def test_a_missing_file_names_where_it_was_looked_for() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere.yaml: no such file \(looked for nowhere.yaml and config/"):
        find("nowhere.yaml")


def test_an_extended_file_that_is_missing_names_the_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", "seed: 1\nextends: gone.yaml\n")
    assert problems(path) == [f"{path}:2:10: extends 'gone.yaml': no such file beside this one"]
