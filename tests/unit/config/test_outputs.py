"""Outputs are set by the file and by the names that the environment already has, and no secret enters the settings."""

from pathlib import Path

import pytest

from integrated_trading_system.config.load import load
from integrated_trading_system.config.outputs import OutputSettings
from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.outputs import Outputs
from integrated_trading_system.orchestrator.platform import Recovered
from integrated_trading_system.orchestrator.recording import header_of, platform_of
from tests.support.outputs import OneBook

VENUES = "venues: {'binance:spot': {symbols: [BTCUSDT]}}\n"


def loaded(folder: Path, text: str = "", **environment: str) -> PlatformSettings:
    path = folder / "config.yaml"
    path.write_text(VENUES + text, encoding="utf-8")
    return load(PlatformSettings, path, (), environment)


def built(settings: OutputSettings, folder: Path, **environment: str) -> Outputs:
    return Outputs(settings, books=OneBook(), state_dir=folder, run="1", environment=environment)


def test_everything_is_off_unless_it_is_asked_for(tmp_path: Path) -> None:
    outputs = loaded(tmp_path).outputs
    assert [outputs.redis.enabled, outputs.nats.enabled, outputs.jsonl.enabled] == [False] * 3
    assert outputs.print_every == 0


def test_the_names_of_the_environment_work(tmp_path: Path) -> None:
    names = {
        "NATS_URL": "nats://somewhere:4222",
        "NATS_ENABLED": "true",
        "NATS_SUBJECT_PREFIX": "my.events",
        "USE_JETSTREAM": "1",
        "REDIS_URL": "redis://:hidden-word@somewhere:6379/2",
        "HTTP_PORT": "8899",
    }
    settings = loaded(tmp_path, **names)
    nats, redis = settings.outputs.nats, settings.outputs.redis
    assert (nats.enabled, nats.subject_prefix, nats.jetstream) == (True, "my.events", True)
    assert (redis.enabled, settings.http.port) == (True, 8899)
    assert (nats.url.get_secret_value(), redis.url.get_secret_value()) == ("env:NATS_URL", "env:REDIS_URL")
    assert "hidden-word" not in settings.model_dump_json() + repr(settings)
    assert "hidden-word" in built(settings.outputs, tmp_path, **names).secrets


def test_a_file_that_says_whether_redis_is_written_has_the_last_word(tmp_path: Path) -> None:
    text = "outputs: {redis: {enabled: false}}\n"
    assert not loaded(tmp_path, text, REDIS_URL="redis://somewhere").outputs.redis.enabled


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("redis: {url: 'http://x'}", "begins with redis:// or rediss://"),
        ("redis: {url: 'redis://'}", "begins with redis://"),
        ("redis: {url: 'redis://x:99999'}", "begins with redis://"),
        ("nats: {url: 'nats://user:hidden-word@x'}", "env:NAME or file:PATH"),
        ("nats: {subject_prefix: 'a..b'}", "joined by dots"),
        ("nats: {subject_prefix: 'md.>'}", "joined by dots"),
        ("nats: {events: [trade, trade]}", "different names"),
        ("nats: {events: [trades]}", "input should be"),
        ("redis: {ttl_s: 0}", "greater than 0"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_without_secrets(tmp_path: Path, setting: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, f"outputs: {{{setting}}}\n")
    assert complaint in str(caught.value)
    assert "config.yaml:2:" in str(caught.value)
    assert "hidden-word" not in str(caught.value)


@pytest.mark.parametrize(("address", "complaint"), [("http://:hidden-word@x", "begins with nats://"), ("", "has no")])
def test_a_bad_address_behind_a_reference_is_told_by_its_name(tmp_path: Path, address: str, complaint: str) -> None:
    settings = OutputSettings.model_validate({"nats": {"enabled": True, "url": "env:NATS_URL"}})
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        built(settings, tmp_path, NATS_URL=address)
    assert "NATS_URL" in str(caught.value)
    assert "hidden-word" not in str(caught.value)


def test_a_recording_holds_no_outputs_and_a_replay_writes_none(tmp_path: Path) -> None:
    settings = loaded(tmp_path, NATS_URL="nats://:hidden-word@x", NATS_ENABLED="true")
    header = header_of(settings, Recovered(), Nanos(1))
    assert "NATS" not in str(header.config)
    assert not platform_of(header).settings.outputs.nats.enabled
