"""What the operator tells a pod: `MLAPI_CONFIG`, compact JSON in the environment."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
Text = Annotated[str, Meta(min_length=1)]


class ConfigError(Exception):
    """The configuration cannot be used; the text names the field."""


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A field that this release does not know is refused: ignoring it would look like obeying it."""


class Model(Strict, frozen=True):
    """`handler`: `module:Class` of the user, for the format Python."""

    name: Text
    format: Text
    path: Text
    handler: Text | None = None


class Batching(Strict, frozen=True):
    max_size: Positive
    max_delay_milliseconds: NotNegative


class Serving(Strict, frozen=True):
    """`fast_path`: the protocol's routes are answered in front of the framework, not through its routing."""

    workers: Annotated[int, Meta(ge=1, le=64)]
    max_concurrency: Positive
    request_timeout_seconds: Positive
    max_request_bytes: Positive
    batching: Batching
    warmup_requests: NotNegative
    fast_path: bool = True

    @property
    def concurrency_per_worker(self) -> int:
        """Requests that each worker admits at once: its share, rounded up."""
        return -(-self.max_concurrency // self.workers)


class Config(Strict, frozen=True):
    """`app`: `module:attribute` of the user's own application.

    Fields with a default are absent from what the operator writes while they have it, so that it can write
    for images of older releases too.
    """

    revision: Text
    framework: Text
    model: Model
    serving: Serving
    log_requests: Literal["None", "Metadata"]
    drain_seconds: NotNegative
    app: Text | None = None


def parse(environment: Mapping[str, str]) -> Config:
    """Reads `MLAPI_CONFIG`.

    Raises:
        ConfigError: it is missing, not JSON, or a field is missing, unknown or out of range.
    """
    if "MLAPI_CONFIG" not in environment:
        raise ConfigError("MLAPI_CONFIG: not set; the operator sets it on every pod")
    try:
        return msgspec.json.decode(environment["MLAPI_CONFIG"], type=Config)
    except msgspec.DecodeError as error:
        raise ConfigError(f"MLAPI_CONFIG: {error}") from error
