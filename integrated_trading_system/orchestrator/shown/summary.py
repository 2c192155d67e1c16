"""The end-of-run summary: one plain tree, written as JSON with `--summary` and shown in short at the end."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import json, to_builtins

from integrated_trading_system.config.platform import Mode
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import ActorName, venue_of
from integrated_trading_system.domain.market import Level
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.opportunity import RebalanceAdvised
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.orchestrator.platform import FEED, OMS, PMS, RISK, Platform, connector_name
from integrated_trading_system.orchestrator.shown import condition, proof
from integrated_trading_system.orchestrator.shown.outcome import FillLog, Outcome, PlanLog
from integrated_trading_system.pms.performance import Performance
from integrated_trading_system.venues.textbook import Checksums

SCHEMA = 1


def summarise(outcome: Outcome) -> dict[str, Any]:
    """Everything that a run came to. Money is text, exactly; market prices are numbers."""
    return {
        "schema": SCHEMA,
        "mode": outcome.mode,
        "seed": outcome.seed,
        "started_at": outcome.started_at,
        "ended_at": outcome.ended_at,
        "duration_s": (outcome.ended_at - outcome.started_at) / SECOND,
        "input_hash": outcome.inputs,
        "output_hash": outcome.outputs,
        "failure": None if outcome.failure is None else f"{outcome.failure.actor}: {outcome.failure.error}",
        **outcome.picture,
    }


def outcome_of(
    *, platform: Platform, mode: str, seed: int, started_at: Nanos, ended_at: Nanos, inputs: str, fills: FillLog
) -> Outcome:
    """The outcome of a run whose core stands still now."""
    shown = picture(platform)
    failure = platform.system.escalated
    return Outcome(
        picture=shown,
        outputs=platform.outputs.hex(),
        inputs=inputs,
        halted=failure is not None or shown["risk"]["trading"] == TradingState.HALTED.value,
        mode=mode,
        seed=seed,
        started_at=started_at,
        ended_at=ended_at,
        fills=fills,
        failure=failure,
        plans=plans_of(platform),
    )


def plans_of(platform: Platform) -> PlanLog:
    """The closed plans of the run, as many as are kept."""
    return PlanLog(platform.system.actor(PMS).performance().closed)


def picture(platform: Platform) -> dict[str, Any]:
    """What the core shows of itself now: the summary without the run's frame."""
    system = platform.system
    return {
        "venues": _venues(platform),
        "books": _books(platform),
        "streams": proof.streams(system.view(FEED)),
        "quarantine": proof.quarantine(system.view(FEED)),
        **condition.summary(platform),
        "sync": _sync(platform),
        "opportunities": _opportunities(platform),
        "orders": _orders(platform),
        **_account(platform),
        "risk": to_builtins(system.view(RISK), builtin_types=()) if system.view(RISK) is not None else {},
        "mailboxes": {name: to_builtins(figures) for name, figures in system.mailboxes().items()},
        "restarts": system.restarts(),
        **({"shadow": platform.withheld.figures()} if platform.settings.mode is Mode.SHADOW else {}),
    }


def write_summary(summary: dict[str, Any], path: Path) -> None:
    """As indented JSON; raises ConfigurationError where the file cannot be written."""
    try:
        path.write_bytes(json.format(json.encode(summary), indent=2) + b"\n")
    except OSError as error:
        raise ConfigurationError(f"--summary {path}: cannot be written: {error.strerror}") from None


def _venues(platform: Platform) -> dict[str, Any]:
    feed = platform.system.view(FEED)
    venues: dict[str, Any] = {}
    for venue in platform.venues:
        connector = platform.system.view(connector_name(venue))
        seen = feed.venues.get(venue)
        venues[venue] = {
            "messages": connector.messages,
            "events": connector.events,
            "ignored": connector.ignored,
            "quarantined": 0 if seen is None else seen.quarantined,
            "quarantined_by_reason": {} if seen is None else seen.quarantined_by_reason,
            "gaps": 0 if seen is None else seen.gaps,
            "resyncs": connector.resyncs + (0 if seen is None else seen.resyncs),
            "reconnects": connector.reconnects,
            "clock_offset_ms": 0.0 if seen is None else seen.clock_offset_ms,
            "clock_uncertainty_ms": 0.0 if seen is None else seen.clock_uncertainty_ms,
            "latency_us": {} if seen is None else to_builtins(seen.latency_us),
            "links": connector.links,
        }
    return venues


def _books(platform: Platform) -> dict[str, Any]:
    proofs = {venue: platform.system.view(connector_name(venue)).checksums for venue in platform.venues}
    books: dict[str, Any] = {}
    for instrument, book in platform.system.view(FEED).books.items():
        row = to_builtins(book)
        row["checksums"] = to_builtins(proofs.get(venue_of(instrument), {}).get(instrument, Checksums()))
        row["best_bid"], row["best_ask"] = _level(book.best_bid), _level(book.best_ask)
        books[instrument] = row
    return books


def _level(level: Level | None) -> list[float] | None:
    return None if level is None else list(level)


def _sync(platform: Platform) -> dict[str, Any]:
    """One Comparison's figures as they are; of several, the sums and the worst skew."""
    by_comparison = {}
    for comparison in platform.comparisons:
        name = ActorName(f"synchronizer.{comparison.name}")
        if name in platform.system.names:
            by_comparison[comparison.name] = to_builtins(platform.system.view(name))
    rejected: dict[str, int] = {}
    skew: dict[str, float] = {"p50": 0.0, "p99": 0.0, "max": 0.0}
    for view in by_comparison.values():
        for reason, number in view["rejected"].items():
            rejected[reason] = rejected.get(reason, 0) + number
        skew = {name: max(value, view["skew_ms"][name]) for name, value in skew.items()}
    return {
        "snapshots": sum(view["snapshots"] for view in by_comparison.values()),
        "skew_ms": skew,
        "rejected": rejected,
        "comparisons": by_comparison,
    }


def _opportunities(platform: Platform) -> dict[str, Any]:
    """Over all strategies that look for opportunities."""
    rejected: dict[str, Any] = {}
    detected, expected = 0, ZERO
    for actor in platform.strategies.values():
        view = platform.system.view(actor)
        if view is None or not hasattr(view, "missed"):
            continue
        detected += view.detected
        expected += view.expected_edge
        for reason, count in view.missed.items():
            rejected[reason] = rejected.get(reason, 0) + count.episodes
    risk, pms = platform.system.view(RISK), platform.system.view(PMS)
    for code, number in risk.denied.items():
        rejected[f"risk:{code}"] = number
    return {
        "detected": detected,
        "approved": risk.approved,
        "executed": pms.plans_traded,
        "rejected": rejected,
        "advice": [_advice(advised) for advised in platform.notes.advice.values()],
        "expected_edge": expected,
        "realised_edge": pms.realised_edge,
    }


def _advice(advised: RebalanceAdvised) -> dict[str, Any]:
    return {
        "strategy": advised.strategy,
        "asset": advised.asset,
        "from": advised.source,
        "to": advised.target,
        "quantity": advised.quantity,
        "dry_in_s": None if advised.dry_in is None else advised.dry_in / SECOND,
        "cost": advised.cost,
        "missed": advised.missed,
        "pays": advised.pays,
    }


def _orders(platform: Platform) -> dict[str, Any]:
    view = platform.system.view(OMS)
    return {
        "submitted": view.submitted,
        "filled": view.filled,
        "cancelled": view.cancelled,
        "expired": view.expired,
        "rejected": view.rejected,
        "unknown": view.unknown,
        "open": view.open,
        "external": view.external,
        "fills": view.fills,
        "duplicates": view.duplicates,
    }


def _account(platform: Platform) -> dict[str, Any]:
    view = platform.system.view(PMS)
    performance: Performance = platform.system.actor(PMS).performance()
    return {
        "positions": {
            f"{position.account} {position.instrument}": {
                "quantity": position.quantity,
                "average_price": position.average_price,
                "realised": position.realised,
                "realised_fifo": position.realised_fifo,
            }
            for position in view.positions
        },
        "balances": view.balances,
        "ledger": {"expected": view.expected, "external": view.external, "fills": view.fills},
        "pnl": {
            **view.pnl,
            "by_asset": view.by_asset,
            "fees_by_asset": view.fees,
            "funding_by_asset": view.funding,
            "by_strategy": performance.profit.by_strategy,
            "by_venue": performance.profit.by_venue,
            "by_instrument": performance.profit.by_instrument,
            "by_plan": performance.profit.by_plan,
        },
        "performance": _performance(performance),
    }


def _performance(performance: Performance) -> dict[str, Any]:
    """Without what stands under `pnl`, and with as much of the curve as is kept."""
    shown: dict[str, Any] = to_builtins(performance, builtin_types=(Decimal,))
    return {name: value for name, value in shown.items() if name not in ("profit", "equity", "closed")}
