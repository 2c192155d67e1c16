"""Mistakes at the edge, disk, lock and first byte, that drivers could make; noticed by the tests named for each."""

from typing import Final

import pytest

from tests.support.mutation import Mutant, pass_without, survives

JOURNAL: Final = (
    "unit/drivers/test_journal.py::test_after_one_failure_nothing_is_ever_committed_again",
    "unit/drivers/test_journal.py::test_a_write_that_took_only_a_part_goes_on",
)
ANSWERS: Final = ("unit/drivers/test_journal.py::test_a_failed_commit_fails_that_record_and_all_later_ones",)
REWRITTEN: Final = (
    "unit/drivers/test_journal.py::test_the_new_journal_is_synced_before_it_takes_the_place_of_the_old",
    "unit/drivers/test_journal.py::test_a_disk_that_gives_back_something_else_is_noticed_before_it_counts",
)
TORN: Final = (
    "unit/drivers/test_journal.py::test_what_a_power_cut_leaves_behind_the_last_commit_is_cut_off",
    "unit/drivers/test_journal.py::test_a_flipped_byte_in_the_last_commit_is_not_believed",
    "unit/drivers/test_journal.py::test_a_commit_taken_out_of_the_middle_is_noticed",
)
LOCK: Final = (
    "unit/drivers/test_lock.py::test_who_holds_a_folder_can_be_asked_without_taking_it",
    "unit/drivers/test_lock.py::test_two_locks_on_one_folder_are_one_too_many",
)
FENCE: Final = (
    "unit/drivers/test_lock.py::test_every_run_gets_the_next_number",
    "unit/drivers/test_lock.py::test_an_unreadable_run_number_is_never_taken_for_the_first_run",
    "unit/drivers/test_lock.py::test_a_run_that_the_journal_knows_is_outrun",
    "unit/drivers/test_lock.py::test_a_file_is_synced_before_it_takes_the_place_of_the_old_and_then_its_folder",
)
DEPARTURE: Final = (
    "integration/test_http_driver.py::test_a_closed_gate_lets_no_byte_of_an_order_out_and_cancels_pass",
    "integration/test_http_driver.py::test_a_gate_that_closes_in_the_very_turn_before_the_first_byte_still_holds_it",
    "integration/test_http_driver.py::test_nothing_leaves_after_its_latest_instant",
)
SENT: Final = (
    "integration/test_http_driver.py::test_once_a_byte_may_have_left_every_failure_says_so_and_nothing_is_sent_again",
    "integration/test_http_driver.py::test_a_kept_connection_that_dies_at_the_next_request_is_no_reason_to_send_it_twice",
)

MUTANTS: Final = (
    # -- durable before visible
    Mutant(
        "a commit is not synced",
        "drivers.journal",
        "        _sync(self._file)\n",
        "",
        JOURNAL,
    ),
    Mutant(
        "a disk that failed is asked again",
        "drivers.journal",
        '            self._failure = error.strerror or "cannot be written"\n            raise',
        "            raise",
        JOURNAL,
    ),
    Mutant(
        "a write that took only a part is taken for whole",
        "drivers.journal",
        "view = view[os.write(self._file, view) :]",
        "view = view[os.write(self._file, view) + len(view) :]",
        JOURNAL,
    ),
    Mutant(
        "the answer comes before the sync",
        "drivers.journal",
        "            try:\n                self._journal.append([",
        "            try:\n"
        "                self._loop.call_soon_threadsafe(self._answer, answer)\n"
        "                self._journal.append([",
        ANSWERS,
    ),
    Mutant(
        "the name of a rewritten journal is not synced",
        "drivers.journal",
        "            fresh.replace(self.path)\n            sync_folder(self.path.parent)\n",
        "            fresh.replace(self.path)\n",
        REWRITTEN,
    ),
    Mutant(
        "a rewritten journal counts before it was read back",
        "drivers.journal",
        "            if not _holds(fresh, records):\n",
        "            if False:\n",
        REWRITTEN,
    ),
    # -- what a crash leaves
    Mutant(
        "a torn end stays in front of what is written next",
        "drivers.journal",
        "            if journal.torn:\n",
        "            if False:\n",
        TORN,
    ),
    Mutant(
        "a block is believed whatever its digest says",
        "drivers.blocks",
        " or _digest(before, body) != digest",
        "",
        TORN,
    ),
    Mutant(
        "a missing block is not missed",
        "drivers.blocks",
        " is not None and found[0] == digest:",
        " is not None:",
        TORN,
    ),
    Mutant(
        "damage in the middle is cut off with all that follows",
        "drivers.blocks",
        "    if _whole_block_from(raw, position):\n",
        "    if False:\n",
        TORN,
    ),
    # -- one instance, and which run of it
    Mutant(
        "the lock is not taken",
        "drivers.lock",
        "            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "            pass\n",
        LOCK,
    ),
    Mutant(
        "the lock is shared",
        "drivers.lock",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        LOCK,
    ),
    Mutant(
        "two runs have one number",
        "drivers.lock",
        "fence = _read_fence(path) + 1",
        "fence = max(_read_fence(path), 1)",
        FENCE,
    ),
    Mutant(
        "a number that cannot be read is that of no run",
        "drivers.lock",
        "    if not text.isdecimal():\n",
        "    if not text.isdecimal():\n        return 0\n    if False:\n",
        FENCE,
    ),
    Mutant(
        "a run may have the number of the one that the journal knows",
        "drivers.lock",
        "if self.fence <= fence:",
        "if self.fence < fence:",
        FENCE,
    ),
    Mutant(
        "the number is not synced",
        "drivers.lock",
        "        os.write(descriptor, text.encode())\n        os.fsync(descriptor)\n",
        "        os.write(descriptor, text.encode())\n",
        FENCE,
    ),
    # -- the first byte
    Mutant(
        "nobody asks the gate",
        "drivers.departure",
        "if not self._gate.allows(self._call.tag):",
        "if False:",
        DEPARTURE,
    ),
    Mutant(
        "the gate is asked after the first byte",
        "drivers.departure",
        "        try:\n            self.departure.check()\n        except CallFailed as refusal:\n",
        "        try:\n"
        "            await super().write_bytes(writer, conn, content_length)\n"
        "            self.departure.check()\n"
        "        except CallFailed as refusal:\n",
        DEPARTURE,
    ),
    Mutant(
        "an order leaves after its latest instant",
        "drivers.departure",
        "now > self._call.latest_send",
        "False",
        DEPARTURE,
    ),
    Mutant(
        "what may have left is called unsent",
        "drivers.http",
        "departure is not None and departure.maybe_sent",
        "False",
        SENT,
    ),
    Mutant(
        "a request is sent twice",
        "drivers.departure",
        "        if self.maybe_sent:\n            raise",
        "        if False:\n            raise",
        SENT,
    ),
)


@pytest.mark.parametrize("killers", sorted({mutant.killers for mutant in MUTANTS}), ids=str)
def test_without_a_mistake_they_pass(killers: tuple[str, ...]) -> None:
    assert not pass_without(killers)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.claim)
def test_the_mistake_is_noticed(mutant: Mutant) -> None:
    assert not survives(mutant), f"nobody noticed that {mutant.claim}"
