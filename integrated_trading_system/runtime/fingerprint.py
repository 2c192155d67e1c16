"""One hash over a sequence of messages: two runs are the same run exactly if their hashes are equal."""

from hashlib import sha256
from typing import Any

from msgspec import msgpack


class Fingerprint:
    """Feed it messages in order; it is also a ref, so it can be subscribed to the bus."""

    __slots__ = ("_encode", "_hash", "count")

    def __init__(self) -> None:
        """Of nothing yet."""
        self._hash = sha256()
        self._encode = msgpack.Encoder(decimal_format="string").encode
        self.count = 0

    def tell(self, message: Any, /) -> None:
        """Add one message, with its type and all its fields."""
        self._hash.update(self._encode(message))
        self.count += 1

    def add(self, raw: bytes) -> None:
        """Add one message that is already bytes."""
        self._hash.update(raw)
        self.count += 1

    def hex(self) -> str:
        """The hash so far."""
        return self._hash.hexdigest()
