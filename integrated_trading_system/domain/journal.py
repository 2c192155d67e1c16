"""Durable before visible: what the core wants written, and what it hears about it."""

from typing import TypeAlias

from msgspec import Struct


class JournalAppend(Struct, frozen=True, tag=True):
    """Effect: make this record durable. Answered by JournalCommitted or JournalFailed, in order of `sequence`."""

    sequence: int
    record: bytes


class JournalCommitted(Struct, frozen=True, tag=True):
    """Input: every record up to and including `sequence` is on disk."""

    sequence: int


class JournalFailed(Struct, frozen=True, tag=True):
    """Input: this and all later records are not on disk, and never will be in this run."""

    sequence: int
    reason: str


JournalInput: TypeAlias = JournalCommitted | JournalFailed
