"""Whether a run could start, and with real orders: every venue is looked at, and the start is allowed or refused.

`examine` asks, `admit` decides. Real orders need a good examination right before them, and somebody who
names the very accounts that the venues say the keys belong to.
"""

import asyncio
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from integrated_trading_system import __version__
from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.errors import ConfigurationError, JournalUnavailable, Refused
from integrated_trading_system.domain.ids import AccountId, ClientOrderId, VenueId, venue_of, venue_of_account
from integrated_trading_system.drivers.asking import Asker
from integrated_trading_system.drivers.audit import AUDIT, AuditEntry, AuditFile
from integrated_trading_system.drivers.loop import Clock
from integrated_trading_system.drivers.redaction import Redactor
from integrated_trading_system.orchestrator.doctor.finding import Finding, Verdict, failures
from integrated_trading_system.orchestrator.doctor.key_check import PERMISSIONS, Key
from integrated_trading_system.orchestrator.doctor.venue_check import Examined, Subject, VenueCheck
from integrated_trading_system.orchestrator.platform import Platform, chosen_accounts
from integrated_trading_system.orchestrator.signers import configured_credentials, signers_of
from integrated_trading_system.orchestrator.state import State
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.ccxt import NAME as LIBRARY
from integrated_trading_system.venues.connector.heartbeats import is_dry
from integrated_trading_system.venues.venue import Credentials

KEYS_EVERY_S: Final = 3_600.0


@dataclass(frozen=True)
class Examination:
    """Everything that was found."""

    findings: tuple[Finding, ...]
    accounts: Mapping[str, str]
    """Of accounts that orders could go to: the venue's own id; empty where it is not known.

    An account is called as in the findings: the first one by its venue, a further one by its own name.
    """

    @property
    def passed(self) -> bool:
        """Nothing that forbids the start."""
        return not failures(self.findings)


async def examine(
    platform: Platform, known_orders: Collection[ClientOrderId], environment: Mapping[str, str]
) -> Examination:
    """Look at every venue of the run, all at the same time. Raises nothing."""
    settings = platform.settings
    if settings.mode is Mode.DEV:
        seen = "simulated in this process: there is nothing to reach"
        return Examination((Finding("venues", "reach", Verdict.OK, seen),), {})
    credentials: dict[AccountId, Credentials] = {}
    findings: list[Finding] = []
    for account, of in platform.account_settings.items():
        try:
            if (found := configured_credentials(of, environment)) is not None:
                credentials[account] = found
        except (ConfigurationError, Refused) as error:
            name = name_of(platform, account)
            findings.append(Finding(name, "key", Verdict.FAIL, str(error), "set it, or take the key out"))
    keys = _keys(platform, credentials)
    findings += _missing_keys(platform, keys)
    asker = Asker(signers_of(credentials), Clock().now, f"integrated_trading_system/{__version__}")
    try:
        examined = await _all(platform, keys, known_orders, asker)
    finally:
        await asker.close()
    redact = Redactor(text for of in credentials.values() for text in (of.api_key, of.api_secret, of.passphrase))
    for one in examined.values():
        findings += [_redacted(finding, redact) for finding in one.findings]
    for one in examined.values():
        findings += twins(one.accounts)
    order = [*platform.venues, *(key.name for key in keys)]
    findings.sort(key=lambda finding: order.index(finding.subject) if finding.subject in order else -1)
    names = {key.name for key in keys if key.account in platform.traded}
    accounts = {name: said for one in examined.values() for name, said in one.accounts.items() if name in names}
    return Examination(tuple(findings), accounts)


async def admit(
    platform: Platform, state: State, confirmed: Sequence[str], environment: Mapping[str, str]
) -> Mapping[str, str]:
    """Let a run with real orders start; the accounts that it is meant for.

    Raises Refused, naming all that speaks against it; either way it is audited.
    """
    examination = await examine(platform, state.recovered.owners.keys(), environment)
    findings = (*examination.findings, confirmation(examination.accounts, confirmed))
    bad = failures(findings)
    warnings = sum(finding.verdict is Verdict.WARN for finding in findings)
    verdict = "refused" if bad else "allowed"
    outcome = f"{verdict} after {len(findings)} checks: {len(bad)} failures, {warnings} warnings"
    accounts = ", ".join(f"{name} {account or 'unknown'}" for name, account in examination.accounts.items())
    _audit(state, f"accounts: {accounts or 'none'}; confirmed: {', '.join(confirmed) or 'none'}", outcome)
    if bad:
        raise Refused("\n".join(("mode: live is refused, nothing was sent:", *(f"  {one.line}" for one in bad))))
    return examination.accounts


async def watch_keys(
    platform: Platform,
    accounts: Mapping[str, str],
    environment: Mapping[str, str],
    halt: Callable[[str], None],
    every_s: float = KEYS_EVERY_S,
) -> None:
    """Ask about the keys again and again; `halt` is told once why they are not to be traded with any longer.

    A venue that does not answer proves nothing: its connector sees that, too.
    """
    while True:
        await asyncio.sleep(every_s)
        found = await examine(platform, frozenset(), environment)
        bad = [one.line for one in failures(found.findings) if one.check == PERMISSIONS]
        bad += [
            f"{name} account: it was {accounts[name]}, now the key belongs to {account}"
            for name, account in found.accounts.items()
            if account and account != accounts[name]
        ]
        if bad:
            halt("; ".join(bad))
            return


def confirmation(accounts: Mapping[str, str], confirmed: Iterable[str]) -> Finding:
    """Whether exactly these accounts were named."""
    wanted, named = set(accounts.values()), {name.strip() for name in confirmed}
    said = "; ".join(f"{name} is account {account or 'unknown'}" for name, account in accounts.items())
    if not accounts:
        return Finding("live", "accounts", Verdict.FAIL, "no venue has a key", "set api_key and api_secret")
    if "" in wanted:
        remedy = "what is wrong with the key is said above"
        return Finding("live", "--confirm-live", Verdict.FAIL, f"cannot be compared: {said}", remedy)
    right = f"--confirm-live {','.join(dict.fromkeys(accounts.values()))}"
    if named == wanted:
        return Finding("live", "--confirm-live", Verdict.OK, said)
    given = f"confirmed was {', '.join(sorted(named))}" if named else "it is missing"
    return Finding("live", "--confirm-live", Verdict.FAIL, f"{given}, but {said}", f"if these are meant: {right}")


def settings_of(settings: PlatformSettings, venue: VenueId) -> VenueSettings:
    """The group of a venue, which may be written with a bare name."""
    return next(of for name, of in settings.venues.items() if catalog.resolve(name) == venue)


def compared_venues(settings: PlatformSettings) -> frozenset[VenueId]:
    """Venues that a strategy decides on."""
    followed = {of.comparison for of in settings.strategies if of.enabled}
    return frozenset(
        venue_of(instrument)
        for comparison in settings.comparisons
        if comparison.name in followed
        for instrument in comparison.to_domain().instruments
    )


def name_of(platform: Platform, account: AccountId) -> str:
    """How findings call the account: a venue has but one, mostly."""
    venue = venue_of_account(account)
    return str(venue if platform.accounts[venue] == account else account)


def used_accounts(platform: Platform) -> frozenset[AccountId]:
    """Accounts that a strategy decides with."""
    settings = platform.settings
    members = {of.name: {venue_of(name) for name in of.instruments} for of in platform.comparisons}
    return frozenset(
        account
        for strategy in settings.strategies
        if strategy.enabled
        for venue, account in chosen_accounts(settings, strategy).items()
        if venue in members[strategy.comparison]
    )


def _keys(platform: Platform, credentials: Collection[AccountId]) -> list[Key]:
    used, keys = used_accounts(platform), []
    for account, settings in platform.account_settings.items():
        venue, name = venue_of_account(account), name_of(platform, account)
        keys.append(
            Key(
                name=name,
                path=f"venues.{venue}" if name == venue else f"venues.{venue}.accounts.{account.partition('/')[2]}",
                account=account,
                settings=settings,
                used=account in used,
                found=account in credentials,
            )
        )
    return keys


def _missing_keys(platform: Platform, keys: Iterable[Key]) -> list[Finding]:
    """With real orders an account that is decided with needs a key."""
    if platform.settings.mode is not Mode.LIVE:
        return []
    return [
        Finding(
            key.name,
            "key",
            Verdict.FAIL,
            f"none, and a strategy decides on this {'venue' if key.name in platform.venues else 'account'}",
            f"set {key.path}.api_key and api_secret (env:NAME or file:PATH), or leave it out of the comparisons",
        )
        for key in keys
        if key.used
        and platform.venues[venue_of_account(key.account)].trading is not None
        and key.settings.api_key is None
    ]


async def _all(
    platform: Platform, keys: Iterable[Key], known_orders: Collection[ClientOrderId], asker: Asker
) -> dict[VenueId, Examined]:
    compared = compared_venues(platform.settings)
    keys = tuple(keys)

    async def one(venue: VenueId) -> Examined:
        of = settings_of(platform.settings, venue)
        if (quiet := _not_asked(platform, venue, of)) is not None:
            return Examined((quiet,))
        subject = Subject(
            venue=platform.venues[venue],
            settings=of,
            keys=tuple(key for key in keys if venue_of_account(key.account) == venue),
            compared=venue in compared,
            live=platform.settings.mode is Mode.LIVE,
        )
        return await VenueCheck(asker, subject, known_orders).examine()

    found = await asyncio.gather(*map(one, platform.venues))
    return dict(zip(platform.venues, found, strict=True))


def twins(accounts: Mapping[str, str]) -> list[Finding]:
    """Accounts of one venue that are one account: its money and its orders would be counted twice."""
    names: dict[str, str] = {}
    found = []
    for name, said in accounts.items():
        if said and (first := names.setdefault(said, name)) != name:
            seen = f"{said}, which is the account of {first}, too"
            found.append(Finding(name, "account", Verdict.FAIL, seen, "give it the key of another, or take it out"))
    return found


def _not_asked(platform: Platform, venue: VenueId, of: VenueSettings) -> Finding | None:
    """Of a venue to which these questions do not go."""
    if venue.startswith(f"{LIBRARY}:"):
        seen = "reached through a library of others: not looked at"
        return Finding(str(venue), "reach", Verdict.WARN, seen, "its data is shown by `run --provider`")
    if is_dry(platform.venues[venue], of):
        return Finding(str(venue), "reach", Verdict.OK, "run dry: nothing is opened")
    return None


def _redacted(finding: Finding, redact: Redactor) -> Finding:
    """Venues repeat what they were sent in their refusals."""
    return Finding(finding.subject, finding.check, finding.verdict, redact(finding.seen), finding.remedy)


def _audit(state: State, reason: str, outcome: str) -> None:
    """A start with real orders is a command of somebody's; without its record it does not happen."""
    path = state.folder / AUDIT
    entry = AuditEntry(
        at=Clock().now(),
        uid=os.getuid(),
        pid=os.getpid(),
        command="live",
        reason=reason,
        stage="asked",
        before="starting",
        after="starting",
        outcome=outcome,
        run=state.recovered.run,
    )
    try:
        file = AuditFile(path)
        try:
            file.append(entry)
        finally:
            file.close()
    except (OSError, JournalUnavailable) as error:
        raise Refused(f"{path}: {error}: a start with real orders is not audited, and so refused") from None
