"""The base of every settings class: frozen, unknown keys refused, every field described."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A group of settings. Immutable once loaded; a misspelt key is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)
