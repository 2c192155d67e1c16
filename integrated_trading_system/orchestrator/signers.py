"""The keys of a run: real ones by reference from the configuration, invented ones for simulated venues."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrated_trading_system.config.environment import resolve_secret
from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.ids import AccountId, VenueId
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


def simulated_signers(accounts: Mapping[VenueId, AccountId], seed: int) -> dict[VenueId, Signer]:
    """One signer for each venue."""
    return {
        venue: Signer(catalog.signing_of(venue), {account: simulated_credentials(venue, account, seed)})
        for venue, account in accounts.items()
    }


def configured_signers(
    venues: Mapping[VenueId, VenueSettings], accounts: Mapping[VenueId, AccountId], environment: Mapping[str, str]
) -> tuple[dict[VenueId, Signer], tuple[str, ...]]:
    """Signers of the venues that have keys, and the secrets themselves, for the log's redaction.

    Raises ConfigurationError or Refused, naming the reference and never the secret.
    """
    signers: dict[VenueId, Signer] = {}
    secrets: list[str] = []
    for venue, settings in venues.items():
        keys: dict[AccountId, Credentials] = {}
        if (found := configured_credentials(settings, environment)) is not None:
            keys[accounts[venue]] = found
            secrets += [text for text in (found.api_key, found.api_secret, found.passphrase) if text]
        signers[venue] = Signer(catalog.signing_of(venue), keys)
    return signers, tuple(secrets)


def configured_credentials(settings: VenueSettings, environment: Mapping[str, str]) -> Credentials | None:
    """The venue's key; None where none is configured. Raises as `configured_signers` does."""
    if settings.api_key is None or settings.api_secret is None:
        return None
    key = resolve_secret(settings.api_key.get_secret_value(), environment)
    secret = resolve_secret(settings.api_secret.get_secret_value(), environment)
    passphrase = ""
    if settings.api_passphrase is not None:
        passphrase = resolve_secret(settings.api_passphrase.get_secret_value(), environment)
    return Credentials(api_key=key, api_secret=secret, passphrase=passphrase)
