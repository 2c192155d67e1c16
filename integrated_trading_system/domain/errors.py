"""Exceptions that cross a folder's border. Each says what is wrong and what would help."""


class PlatformError(Exception):
    """Anything that ends a run with a sentence instead of a traceback."""


class ConfigurationError(PlatformError):
    """What was asked for cannot be understood: exit 2. The text may hold several lines, one a problem."""


class Refused(PlatformError):
    """Understood, and not allowed (mode, keys, permissions, a second instance): exit 3."""


class ReplayDiffers(PlatformError):
    """A recording did not reproduce its run, or is not what was recorded: exit 5."""


class Unsupported(PlatformError):
    """A venue or instrument does not offer this; the text says what and why."""


class MailboxOverflow(PlatformError):
    """A mailbox that may not shed is full. Trading halts."""


class JournalUnavailable(PlatformError):
    """The journal cannot be read or written; the text names the file."""


class JournalDamaged(JournalUnavailable):
    """What is in the journal cannot be believed. Nothing was changed; the text says what to do."""


class HistoryIncomplete(PlatformError):
    """Not all history that was asked for has come. The text names the instrument, the reason, and how far it is."""
