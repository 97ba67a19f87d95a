"""What a run leaves: every window that was measured, and where and how. All pages are made from it alone."""

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

Route = Literal["native", "json", "binary"]


class Record(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )


class Window(Record):
    """One server under load for a second.

    Args:
        turn: windows of the same turn stand beside each other in time.
        cpu_seconds: of the server's process tree.
        errors: by kind, those that occurred.
    """

    server: str
    turn: int
    requests: int
    seconds: float
    cpu_seconds: float
    p50_microseconds: int
    p99_microseconds: int
    errors: dict[str, int] = {}


class Block(Record):
    """Servers that took turns; the first is the one that the others are compared with.

    Args:
        body_bytes: of the request.
    """

    model: str
    route: Route
    body_bytes: int
    connections: int
    servers: list[str]
    windows: list[Window]


class Start(Record):
    """From the start of the first process until the server is ready, each time anew."""

    server: str
    model: str
    seconds: list[float]


class Memory(Record):
    """Proportional set size of the process tree, after the load."""

    server: str
    model: str
    pss_bytes: int


class Model(Record):
    name: str
    format: str
    inputs: list[str]
    outputs: list[str]


class Results(Record):
    """
    Args:
        versions: of each environment, package -> version.
        notes: what the reader should know first.
        appendices: title -> text to be shown as it stands.
    """

    title: str
    date: str
    command: str
    machine: dict[str, str]
    versions: dict[str, dict[str, str]]
    models: list[Model]
    window_seconds: int
    pairs: int
    blocks: list[Block]
    starts: list[Start]
    memory: list[Memory]
    notes: list[str]
    appendices: dict[str, str] = {}
