"""What to fetch: `MLAPI_FETCH`, compact JSON in the environment."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from mlapi_runtime.config import ConfigError, NotNegative, Strict, Text

CLAIM: Final = "pvc://"


class Order(Strict, frozen=True):
    uri: Text
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None
    max_bytes: NotNegative
    allowed_cidrs: tuple[str, ...] = msgspec.field(name="allowedCIDRs")
    ca_file: str | None
    directory: Text
    # Ask the source whether a file that is here is still the one there; a pod keeps what it started with.
    revalidate: bool = False

    @property
    def on_claim(self) -> bool:
        """Whether the file is there already: `directory` is the claim that the URI names."""
        return self.uri.startswith(CLAIM)

    @property
    def target(self) -> Path:
        """Where the file is, or goes: under its own name, as far as the URI gives one."""
        if self.on_claim:
            return Path(f"{self.directory}/{self.uri.removeprefix(CLAIM).partition('/')[2]}")
        return Path(self.directory, urlsplit(self.uri).path.rpartition("/")[2])

    @property
    def allowed(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(cidr) for cidr in self.allowed_cidrs)


def parse(environment: Mapping[str, str]) -> Order:
    """Reads `MLAPI_FETCH`.

    Raises:
        ConfigError: it is missing, malformed, or a field cannot be used.
    """
    if "MLAPI_FETCH" not in environment:
        raise ConfigError("MLAPI_FETCH: not set; the operator sets it on every pod")
    try:
        order = msgspec.json.decode(environment["MLAPI_FETCH"], type=Order)
    except msgspec.DecodeError as error:
        raise ConfigError(f"MLAPI_FETCH: {error}") from error
    try:
        _ = order.allowed
    except ValueError as error:
        raise ConfigError(f"MLAPI_FETCH: {error} - at `$.allowedCIDRs`") from error
    if order.target.name in ("", "..") or order.target == Path(order.directory):
        raise ConfigError("MLAPI_FETCH: the path names no file - at `$.uri`")
    return order
