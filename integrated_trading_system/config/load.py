"""Read a configuration file: YAML 1.2, duplicate and unknown keys refused, every problem reported at once.

Precedence, weakest first: the file named by ``extends``, the file itself, the environment (also from
a ``.env`` file beside the program), ``--set``. A problem is told as ``file:line:column: what, and what
is allowed``; one that came from the environment or from ``--set`` names that instead of a file.
"""

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from integrated_trading_system.config.base import Misfits
from integrated_trading_system.config.environment import read_environment
from integrated_trading_system.domain.errors import ConfigurationError

T = TypeVar("T", bound=BaseModel)
KeyPath: TypeAlias = tuple[str | int, ...]

FILE_BYTES_MAX = 1_000_000
DEPTH_MAX = 20


class Source:
    """A plain tree of values, and where each of them was written."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.tree: dict[str, Any] = {}
        self.origins: dict[KeyPath, str] = {}

    def where(self, path: KeyPath) -> str:
        """The origin of a value, or of the nearest thing around it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        return "configuration"

    def set(self, path: KeyPath, value: Any, origin: str) -> None:
        """Put a value at the path, making the groups on the way."""
        group: Any = self.tree
        for key in path[:-1]:
            inner = group.get(key)
            if not isinstance(inner, dict):
                inner = group[key] = {}
            group = inner
        group[path[-1]] = value
        self.origins[path] = origin


def find(name: str) -> Path:
    """The file as named, or else in ``config/``; raises ConfigurationError."""
    for candidate in (Path(name), Path("config") / name):
        if candidate.is_file():
            return candidate
    message = f"{name}: no such file (looked for {name} and config/{name})"
    raise ConfigurationError(message)


def load(
    model: type[T],
    path: Path,
    overrides: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> T:
    """The validated configuration; raises ConfigurationError with one line for each problem.

    `overrides` are ``key.path=value`` with the value in YAML. `environment` defaults to the process's own.
    """
    source = Source()
    _read_with_base(path, source, ())
    names = dict(os.environ) if environment is None else dict(environment)
    for key_path, value, origin in read_environment(names, source.tree):
        source.set(key_path, value, origin)
    for override in overrides:
        _apply_override(source, override)
    return validate(model, source)


def validate(model: type[T], source: Source) -> T:
    """The tree as the model; raises ConfigurationError with all problems, in order of their place."""
    try:
        return model.model_validate(source.tree)
    except ValidationError as error:
        problems = [
            line for details in error.errors(include_url=False) for line in _lines(model, source, dict(details))
        ]
        raise ConfigurationError("\n".join(dict.fromkeys(problems))) from None


def _read_with_base(path: Path, source: Source, seen: tuple[Path, ...]) -> None:
    """This file over the one it extends."""
    if path.resolve() in seen:
        message = f"{path}: extends itself"
        raise ConfigurationError(message)
    node = _parse(path)
    source.origins[()] = f"{path}:1:1"
    base = node.get("extends")
    if base is not None:
        base_path = path.parent / str(base)
        if not base_path.is_file():
            line, column = node.lc.value("extends")
            message = f"{path}:{line + 1}:{column + 1}: extends {base!r}: no such file beside this one"
            raise ConfigurationError(message)
        _read_with_base(base_path, source, (*seen, path.resolve()))
    _merge(node, source, (), str(path), 0)
    source.tree.pop("extends", None)


def _parse(path: Path) -> CommentedMap:
    """The file's top mapping; raises ConfigurationError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise ConfigurationError(message) from None
    if len(raw) > FILE_BYTES_MAX:
        message = f"{path}: larger than {FILE_BYTES_MAX} bytes"
        raise ConfigurationError(message)
    try:
        node = YAML(typ="rt", pure=True).load(raw.decode("utf-8"))
    except UnicodeDecodeError:
        message = f"{path}: not UTF-8 text"
        raise ConfigurationError(message) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        what = (error.problem or "not YAML").splitlines()[0]
        message = f"{place}: {what}"
        raise ConfigurationError(message) from None
    except (YAMLError, ValueError, RecursionError) as error:
        message = f"{path}: not YAML: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        raise ConfigurationError(message) from None
    if not isinstance(node, CommentedMap):
        message = f"{path}:1:1: expected settings as 'key: value', found {type(node).__name__}"
        raise ConfigurationError(message)
    return node


def _merge(node: CommentedMap, source: Source, path: KeyPath, file: str, depth: int) -> None:
    """Lay a mapping over the tree: groups merge, everything else replaces."""
    if depth > DEPTH_MAX:
        message = f"{file}: nested deeper than {DEPTH_MAX} levels"
        raise ConfigurationError(message)
    for key, value in node.items():
        here = (*path, str(key))
        line, column = node.lc.key(key)
        origin = f"{file}:{line + 1}:{column + 1}"
        if isinstance(value, CommentedMap):
            source.origins[here] = origin
            existing: Any = source.tree
            for step in path:
                existing = existing[step]
            if not isinstance(existing.get(str(key)), dict):
                existing[str(key)] = {}
            _merge(value, source, here, file, depth + 1)
        else:
            source.set(here, _plain(value), origin)
            _remember_items(value, source, here, file)


def _remember_items(value: Any, source: Source, path: KeyPath, file: str) -> None:
    """Origins of what lies inside a list."""
    if isinstance(value, CommentedSeq):
        for index, item in enumerate(value):
            line, column = value.lc.item(index)
            source.origins[(*path, index)] = f"{file}:{line + 1}:{column + 1}"
            _remember_items(item, source, (*path, index), file)
    elif isinstance(value, CommentedMap):
        for key, item in value.items():
            line, column = value.lc.key(key)
            source.origins[(*path, str(key))] = f"{file}:{line + 1}:{column + 1}"
            _remember_items(item, source, (*path, str(key)), file)


def _plain(value: Any) -> Any:
    """A node of ruamel's as ordinary Python values."""
    if isinstance(value, CommentedMap):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, CommentedSeq):
        return [_plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _apply_override(source: Source, override: str) -> None:
    """One ``key.path=value``."""
    name, equals, text = override.partition("=")
    if not equals or not name:
        message = f"--set {override}: expected key.path=value"
        raise ConfigurationError(message)
    try:
        value = _plain(YAML(typ="rt", pure=True).load(text)) if text else ""
    except YAMLError:
        message = f"--set {override}: the value is not YAML"
        raise ConfigurationError(message) from None
    source.set(tuple(name.split(".")), value, f"--set {name}")


def _lines(model: type[BaseModel], source: Source, details: dict[str, Any]) -> list[str]:
    """One of pydantic's errors, as a line for each setting that it speaks of."""
    cause = details.get("ctx", {}).get("error")
    if not isinstance(cause, Misfits):
        return [_problem(model, source, details)]
    location: KeyPath = details["loc"]
    return [
        f"{source.where((*location, *path))}: {'.'.join(map(str, (*location, *path)))}: {text}"
        for path, text in cause.problems
    ]


def _problem(model: type[BaseModel], source: Source, details: dict[str, Any]) -> str:
    """One line about one of pydantic's errors."""
    location: KeyPath = tuple(part for part in details["loc"] if part != "[key]")
    place = source.where(location)
    name = ".".join(str(part) for part in location)
    kind = details["type"]
    if kind == "extra_forbidden":
        return f"{place}: {name}: unknown key{_suggestion(model, location)}"
    if kind == "missing":
        return f"{place}: {name}: missing, and has no default"
    what = details["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return f"{place}: {name}: {what[0].lower() + what[1:]}"


def _suggestion(model: type[BaseModel], location: KeyPath) -> str:
    """What is allowed instead of an unknown key: the nearest name, and all of them."""
    known = _fields_at(model, location[:-1])
    if not known:
        return ""
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{hint} (allowed: {', '.join(known)})"


def _fields_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Names of the settings in the group at `path`, as far as the types tell."""
    found: list[Any] = [model]
    for key in path:
        inner: list[Any] = []
        for candidate in found:
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                field = candidate.model_fields.get(str(key))
                inner += _models_in(field.annotation) if field else []
            else:
                inner.append(candidate)
        found = inner or found
    return [name for candidate in found for name in candidate.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Settings classes anywhere inside a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]
