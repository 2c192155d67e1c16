"""The keys of a run: real ones by reference from the configuration, invented ones for simulated venues."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrated_trading_system.config.environment import resolve_secret
from integrated_trading_system.config.venues import AccountSettings
from integrated_trading_system.domain.ids import AccountId, VenueId, venue_of_account
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.signer import Signer
from integrated_trading_system.venues.venue import Credentials

ED25519_VENUES = ("backpack",)
"""Venues whose API key *is* the public key; the others hand out an HMAC secret."""
PASSPHRASE_VENUES = ("okx",)
"""Venues that want a passphrase with every signature."""


def simulated_credentials(venue: VenueId, account: AccountId, seed: int) -> Credentials:
    """A key pair that only a simulated venue knows."""
    secret = sha256(f"{seed}/{venue}/{account}".encode()).digest()
    name = venue.partition(":")[0]
    if name not in ED25519_VENUES:
        passphrase = sha256(secret + b"/passphrase").hexdigest()[:16] if name in PASSPHRASE_VENUES else ""
        return Credentials(api_key=sha256(secret).hexdigest(), api_secret=secret.hex(), passphrase=passphrase)
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    return Credentials(api_key=b64encode(public).decode(), api_secret=b64encode(secret).decode())


def simulated_signers(accounts: Iterable[AccountId], seed: int) -> dict[VenueId, Signer]:
    """One signer for each venue of these accounts."""
    return signers_of(
        {account: simulated_credentials(venue_of_account(account), account, seed) for account in accounts}
    )


def configured_signers(
    accounts: Mapping[AccountId, AccountSettings], environment: Mapping[str, str]
) -> tuple[dict[VenueId, Signer], tuple[str, ...]]:
    """One signer for each venue of these accounts, and the secrets themselves, for the log's redaction.

    Raises ConfigurationError or Refused, naming the reference and never the secret.
    """
    keys = {account: configured_credentials(settings, environment) for account, settings in accounts.items()}
    found = [one for one in keys.values() if one is not None]
    secrets = (text for one in found for text in (one.api_key, one.api_secret, one.passphrase) if text)
    return signers_of(keys), tuple(secrets)


def signers_of(keys: Mapping[AccountId, Credentials | None]) -> dict[VenueId, Signer]:
    """One for each venue of these accounts; it may hold no key."""
    of: dict[VenueId, dict[AccountId, Credentials]] = {}
    for account, key in keys.items():
        held = of.setdefault(venue_of_account(account), {})
        if key is not None:
            held[account] = key
    return {venue: Signer(catalog.signing_of(venue), held) for venue, held in of.items()}


def configured_credentials(settings: AccountSettings, environment: Mapping[str, str]) -> Credentials | None:
    """The account's key; None where none is configured. Raises as `configured_signers` does."""
    if settings.api_key is None or settings.api_secret is None:
        return None
    key = resolve_secret(settings.api_key.get_secret_value(), environment)
    secret = resolve_secret(settings.api_secret.get_secret_value(), environment)
    passphrase = ""
    if settings.api_passphrase is not None:
        passphrase = resolve_secret(settings.api_passphrase.get_secret_value(), environment)
    return Credentials(api_key=key, api_secret=secret, passphrase=passphrase)
