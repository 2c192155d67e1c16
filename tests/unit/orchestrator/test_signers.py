"""Keys reach the signers of their venues, and the log learns which words it must never show."""

from integrated_trading_system.config.venues import AccountSettings, VenueSettings
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.signers import configured_signers, simulated_credentials

OKX, BYBIT = VenueId("okx:spot"), VenueId("bybit:spot")
MAIN, SECOND = AccountId("okx:spot/main"), AccountId("okx:spot/second")
REQUEST = HttpRequest(method="GET", url="https://www.okx.com/api/v5/account/balance")


def test_a_passphrase_is_signed_with_and_kept_out_of_the_log() -> None:
    keys = {"api_key": "env:K", "api_secret": "env:S", "api_passphrase": "env:P"}
    settings = {MAIN: VenueSettings.model_validate(keys)}
    environment = {"K": "key", "S": "secret", "P": "phrase"}
    signers, secrets = configured_signers(settings, environment)
    headers = dict(signers[OKX].request(REQUEST, MAIN, Nanos(0)).headers)
    assert (headers["OK-ACCESS-KEY"], headers["OK-ACCESS-PASSPHRASE"]) == ("key", "phrase")
    assert set(secrets) == {"key", "secret", "phrase"}


def test_every_account_of_a_venue_signs_with_its_own_key() -> None:
    named = {
        account: {"api_key": f"env:{account[-1]}", "api_secret": "env:S", "api_passphrase": "env:P"}
        for account in (MAIN, SECOND)
    }
    environment = {"n": "one", "d": "two", "S": "secret", "P": "phrase"}
    settings = {account: AccountSettings.model_validate(keys) for account, keys in named.items()}
    signers, secrets = configured_signers(settings, environment)
    assert list(signers) == [OKX], "one signer for a venue"
    signed = [dict(signers[OKX].request(REQUEST, account, Nanos(0)).headers) for account in (MAIN, SECOND)]
    assert [headers["OK-ACCESS-KEY"] for headers in signed] == ["one", "two"]
    assert set(secrets) == {"one", "two", "secret", "phrase"}


def test_only_simulated_venues_that_want_one_have_a_passphrase() -> None:
    okx, bybit = (simulated_credentials(venue, MAIN, 7) for venue in (OKX, BYBIT))
    assert len(okx.passphrase) == 16
    assert okx.passphrase not in okx.api_secret + okx.api_key
    assert bybit.passphrase == ""
