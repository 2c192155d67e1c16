"""No secret reaches a log: known values are struck out in every usual spelling, and values by telling names.

The names catch what nobody told us of (a listen key, a signature); the values catch a key that appears
where no name announces it (in an exception, a URL, an Authorization header).
"""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote, quote_plus

STRUCK: Final = "***"

SECRET_CHARACTERS_MIN: Final = 6
"""Shorter ones would strike out ordinary words, and protect nothing."""

LINE_CHARACTERS_MIN: Final = 16
"""Of a secret with several lines (a PEM key), each line of this length counts by itself."""

_NAMES: Final = r"api[-_]?key|secret(?:[-_]?key)?|signature|[-_]sign|passphrase|password|token|listen[-_]?key|cookie"
_THEN: Final = r"""(?:["']?\s*[:=]\s*b?["']?|["']\s*,\s*b?["'])"""
_BY_NAME: Final = re.compile(rf"""((?:{_NAMES}){_THEN})[^\s"'&,;)}}\]]+""", re.IGNORECASE)
_AUTHORIZATION: Final = re.compile(rf"""(authorization{_THEN})[^"'\r\n,}}]+""", re.IGNORECASE)
_IN_ADDRESS: Final = re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)")
_TELLING_NAME: Final = re.compile(rf"{_NAMES}|authorization", re.IGNORECASE)


class Redactor:
    """Strikes secrets out of text. Shows nothing of them itself."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _spellings(secret)}
        # The longest first, or the rest of a longer one would stay behind.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._values = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        if self._values is not None:
            text = self._values.sub(STRUCK, text)
        text = _IN_ADDRESS.sub(rf"\1{STRUCK}", text)
        text = _AUTHORIZATION.sub(rf"\1{STRUCK}", text)
        return _BY_NAME.sub(rf"\1{STRUCK}", text)

    def value(self, name: str, value: Any) -> Any:
        """A named value without secrets; numbers stay numbers."""
        if _TELLING_NAME.search(name):
            return STRUCK
        if value is None or isinstance(value, (bool, int, float)):
            return value
        try:
            return self(str(value))
        except Exception:  # noqa: BLE001 - a value of any type, and whoever logs it must not fail
            return f"<{type(value).__name__} that cannot be shown>"

    def __reduce__(self) -> str:
        message = "a redactor knows secrets and cannot be pickled"
        raise TypeError(message)


def _spellings(secret: str) -> Iterator[str]:
    """Every form in which this secret, or a line of it, may appear."""
    parts = {secret, *(line for line in secret.splitlines() if len(line) >= LINE_CHARACTERS_MIN)}
    for part in parts:
        if len(part.strip()) < SECRET_CHARACTERS_MIN:
            continue
        raw = part.encode()
        yield part
        yield quote(part, safe="")
        yield quote(part)
        yield quote_plus(part)
        yield json.dumps(part)[1:-1]
        yield repr(part)[1:-1]
        yield raw.hex()
        yield raw.hex().upper()
        for shift in range(3):
            for encode in (b64encode, urlsafe_b64encode):
                yield _base64_core(encode(bytes(shift) + raw).decode(), shift)


def _base64_core(encoded: str, shift: int) -> str:
    """The characters that depend on the secret alone, whatever `shift` bytes (modulo 3) stand before it."""
    begin = (0, 2, 3)[shift]
    padding = encoded.count("=")
    return encoded[begin : len(encoded) - padding - (1 if padding else 0)]
