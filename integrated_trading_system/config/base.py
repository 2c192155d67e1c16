"""The base of every settings class: frozen, unknown keys refused, every field described."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A group of settings. Immutable once loaded; a misspelt key is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class Misfits(ValueError):
    """Settings that do not fit together, each with the path of the one to be changed."""

    def __init__(self, problems: list[tuple[tuple[str | int, ...], str]]) -> None:
        """`problems`: path and text."""
        super().__init__("; ".join(text for _, text in problems))
        self.problems = problems
