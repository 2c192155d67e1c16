"""Every setting in one page of Markdown: names, types, defaults and reasons, taken from the settings themselves."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from integrated_trading_system.config.base import Settings
from integrated_trading_system.config.exact import Amount, Bps
from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.config.strategies import SETTINGS

_INTRODUCTION: Final = """\
# Configuration

One YAML file, or several of which each `extends` another beside it. Weakest first: the file that is extended, the
file itself, the environment (also from `.env`), `--set key.path=value`. An unknown or doubled key is an error that
names file, line and column.

An *amount* is positive and exact: a whole number, or a decimal in quotes (`"0.1"`). *Basis points* are hundredths of a
percent, 0 to 10,000. A *reference* to a secret is `env:NAME` or `file:PATH`. A *group* is a mapping with a
table of its own below.
"""

_WORDS: Final[dict[Any, str]] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Decimal: "decimal",
    Path: "path",
    SecretStr: "reference",
    Any: "anything",
}
_EXACT: Final = {get_args(Amount)[1]: "amount", get_args(Bps)[1]: "basis points"}
_BOUNDS: Final = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}


def reference() -> str:
    """The page. A test compares it with docs/configuration.md."""
    sections = ["\n".join(_section("", PlatformSettings))]
    for name, group in _groups("", PlatformSettings):
        sections.append("\n".join(_section(name, group)))
    for name, group in SETTINGS.items():
        sections.append("\n".join(_section(f"strategies[].settings of {name}", group)))
    return "\n".join((_INTRODUCTION, *(f"{section}\n" for section in sections)))


def _groups(path: str, group: type[Settings]) -> Iterator[tuple[str, type[Settings]]]:
    """Every group below this one, with its path: `venues.<venue>`, `comparisons[]`."""
    for name, field in group.model_fields.items():
        found = _inner(field.annotation)
        if found is not None:
            suffix, inner = found
            where = f"{path}{name}{suffix}"
            yield where, inner
            yield from _groups(f"{where}.", inner)


def _inner(annotation: Any) -> tuple[str, type[Settings]] | None:
    """The group that the values of this type consist of."""
    if isinstance(annotation, type) and not get_args(annotation):
        return ("", annotation) if issubclass(annotation, Settings) else None
    for argument in get_args(annotation):
        found = _inner(argument)
        if found is not None:
            suffix = {dict: ".<name>", tuple: "[]"}.get(get_origin(annotation), "")
            return f"{suffix}{found[0]}", found[1]
    return None


def _section(path: str, group: type[Settings]) -> Iterator[str]:
    yield f"## `{path}`" if path else "## Top level"
    yield ""
    yield (group.__doc__ or "").strip()
    yield ""
    yield "| setting | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in group.model_fields.items():
        kind, bounds = _type(field.annotation, field.metadata), _bounds(field.metadata)
        cells = (f"`{name}`", f"{kind}{bounds}", _default(field), field.description or "")
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _type(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """In words."""
    if exact := _exact(metadata):
        return exact
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], arguments[1:])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(_type(one) for one in arguments if one is not type(None))
    if origin is dict:
        return f"{_type(arguments[1])} by name"
    if origin is tuple:
        return f"list of {_type(arguments[0]).replace('` or `', '`, `')}"
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return "*group*"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    return _WORDS[annotation]


def _exact(metadata: Sequence[Any]) -> str:
    """The word for the two exact kinds of number, which are known by their validators."""
    return next((_EXACT[item] for item in metadata if isinstance(item, BeforeValidator) and item in _EXACT), "")


def _bounds(metadata: Sequence[Any]) -> str:
    """Limits that the type's word does not tell."""
    if _exact(metadata):
        return ""
    texts = []
    for item in metadata:
        texts += [f", {sign} {getattr(item, name):,}" for name, sign in _BOUNDS.items() if hasattr(item, name)]
        texts += [", not empty"] if getattr(item, "min_length", 0) else []
    return "".join(texts)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "see below" if field.default_factory is not None else _written(field.default)


def _written(value: Any) -> str:
    """As one would write it in the file."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Enum):
        return f"`{value.value}`"
    if isinstance(value, Mapping):
        return f"`{{{', '.join(f'{name}: {_plain(one)}' for name, one in value.items())}}}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(_plain(one) for one in value)}]`"
    return f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    """Decimals with a point are quoted: unquoted they would be binary fractions."""
    if isinstance(value, Decimal):
        return f'"{value:f}"' if "." in f"{value:f}" else f"{value:f}"
    if isinstance(value, Enum):
        return str(value.value)
    return f"{value:g}" if isinstance(value, float) else str(value)
