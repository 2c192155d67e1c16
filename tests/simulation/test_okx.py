"""Our side of OKX against the simulated venue, over its wire: whole platforms in virtual time."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.orchestrator.shown.summary import picture
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialects.okx.dialect import Okx
from tests.support.accounting import refused, unaccounted
from tests.support.virtual_platform import VirtualPlatform, dev_settings

SPOT, SWAP = "okx:spot:BTC-USDT", "okx:swap:BTC-USDT-SWAP"
NAMES = ("okx:spot", "okx:swap")
KINDS = {"quote", "trade", "depth", "statistics", "candle"}


class Rig(VirtualPlatform):
    """Both products, every kind of data, the arbitrage strategy."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        streams = [data_type.value for data_type in DataType]
        venues = {
            "okx:spot": {"symbols": ["BTC-USDT"], "streams": streams},
            "okx:swap": {"symbols": ["BTC-USDT-SWAP"], "streams": streams, "taker_fee_bps": 5},
        }
        comparisons = [{"name": "btc", "currency": "USDT", "members": [SPOT, SWAP]}]
        super().__init__(dev_settings(folder, venues=venues, comparisons=comparisons, **changes))

    def dialect(self, venue: str) -> Okx:
        found = self.world._dialects[VenueId(venue)]
        assert isinstance(found, Okx)
        return found

    def account(self, venue: str) -> Account:
        """Ours, as the venue keeps it."""
        (ours,) = (each for each in self.dialect(venue).exchange.bank.accounts.values() if each.api_key)
        return ours

    def shown(self) -> dict[str, Any]:
        return picture(self.platform)

    def is_right(self, instrument: str) -> bool:
        """Whether our best prices become those at the venue: they change while they are on their way."""
        venue, _, symbol = instrument.rpartition(":")
        for _ in range(500):
            theirs = self.dialect(venue).exchange.top(symbol)
            ours = self.platform.books.top(InstrumentId(instrument))
            if ours is not None and (Decimal(repr(ours.bid)), Decimal(repr(ours.ask))) == (theirs.bid, theirs.ask):
                return True
            self.run(0.02)
        return False


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_every_kind_of_data_arrives_and_every_message_is_accounted_for(rig: Rig) -> None:
    rig.run(20)
    shown = rig.shown()
    assert unaccounted(shown) == []
    assert refused(shown) == {}
    kinds = {venue: {name.rpartition(":")[2] for name in shown["streams"] if name.startswith(venue)} for venue in NAMES}
    assert kinds == {"okx:spot": KINDS, "okx:swap": KINDS | {"mark_price", "funding"}}
    for name in (SPOT, SWAP):
        book = shown["books"][name]
        assert (book["state"], book["gaps"], book["crossed"], book["resyncs"]) == ("valid", 0, 0, 0)
        assert book["compared"] == book["equal"] > 0


def test_what_is_traded_in_coins_and_in_contracts_adds_up_to_the_venues_own_accounts(rig: Rig) -> None:
    rig.run(30)
    shown = rig.shown()
    assert shown["orders"]["filled"] > 0
    assert (shown["orders"]["rejected"], shown["orders"]["unknown"]) == (0, 0)
    for venue in NAMES:
        account = rig.account(venue)
        assert account.executions
        expected = shown["ledger"]["expected"][f"{venue}/main"]
        held = {asset: wallet.free + wallet.locked for asset, wallet in account.wallets.items()}
        assert {asset: Decimal(amount) for asset, amount in expected.items()} == held
    swap, spot = (
        shown["positions"][f"{venue}/main {name}"] for venue, name in zip(NAMES[::-1], (SWAP, SPOT), strict=True)
    )
    assert Decimal(swap["quantity"]) * Decimal("0.01") == -Decimal(spot["quantity"])


def test_after_the_venues_maintenance_the_books_go_on_without_a_gap(rig: Rig) -> None:
    rig.run(3)
    for venue, instrument in zip(NAMES, (SPOT, SWAP), strict=True):
        rig.dialect(venue).restart_books(instrument.rpartition(":")[2], rig.now)
    rig.run(3)
    for instrument in (SPOT, SWAP):
        assert rig.is_right(instrument)
        assert rig.shown()["books"][instrument]["gaps"] == 0


def test_without_a_snapshot_in_the_stream_books_are_proven_by_rest(rig: Rig) -> None:
    """As the venue has announced it: the stream then begins with changes."""
    for venue in NAMES:
        rig.dialect(venue).feed.book_snapshots = False
    rig.run(5)
    for instrument in (SPOT, SWAP):
        assert rig.is_right(instrument)
    shown = rig.shown()
    assert {book["state"] for book in shown["books"].values()} == {"valid"}
    assert {book["gaps"] for book in shown["books"].values()} == {0}


def test_an_announced_upgrade_is_rolled_over_and_nothing_is_missed(rig: Rig) -> None:
    rig.run(3)
    for venue in NAMES:
        rig.dialect(venue).announce_closing()
    rig.run(5)
    shown = rig.shown()
    assert unaccounted(shown) == []
    for venue, instrument in zip(NAMES, (SPOT, SWAP), strict=True):
        assert rig.is_right(instrument)
        assert shown["venues"][venue]["gaps"] == 0


def test_a_cut_is_followed_by_new_connections_and_right_books(rig: Rig) -> None:
    rig.run(3)
    for venue in NAMES:
        rig.world.cut(VenueId(venue), rig.now)
    rig.run(10)
    shown = rig.shown()
    assert unaccounted(shown) == []
    for venue, instrument in zip(NAMES, (SPOT, SWAP), strict=True):
        assert rig.is_right(instrument)
        assert shown["venues"][venue]["reconnects"] > 0
