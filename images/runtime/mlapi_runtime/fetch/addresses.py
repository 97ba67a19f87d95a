"""Which addresses a fetch may connect to: public ones, and those that the operator's settings list.

A user's URI, or a redirect of the server that it names, must not reach the cluster's own network or a cloud's
metadata service. The address is checked after resolving, and that very address is connected to.
"""

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import Any, Final

import httpcore

from mlapi_runtime.fetch.failure import Failure

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def permitted(address: Address, allowed: Iterable[Network]) -> bool:
    """Whether `address` is public, or in one of the `allowed` networks."""
    if any(address in network for network in allowed):
        return True
    embedded = _embedded(address)
    if embedded is not None:
        return permitted(embedded, allowed)
    return address.is_global and not address.is_multicast


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this IPv6 address end at, if any."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


class CheckedBackend(httpcore.NetworkBackend):
    """httpcore's network, with every connection checked: the first one and those of redirects alike."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connects to the first permitted address of `host` that answers.

        Raises:
            Failure: AddressRefused when it has no permitted address.
            httpcore.ConnectError, httpcore.ConnectTimeout
        """
        try:
            found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error.strerror}") from error
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        usable = [address for address in addresses if permitted(address, self._allowed)]
        if not usable:
            listed = ", ".join(sorted({str(address) for address in addresses}))
            raise Failure(
                "AddressRefused",
                f"{host} is at {listed}, which is not public; "
                "the operator's fetch.allowedCIDRs must list it if it may be fetched from",
            )
        for address in usable[:-1]:
            try:
                return self._network.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._network.connect_tcp(str(usable[-1]), port, timeout, local_address, socket_options)
