"""Where a pod listens and leaves its last words; fixed in a pod, moved aside on a host."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Places:
    host: str
    service_port: int
    admin_port: int
    termination_log: str

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Places":
        return cls(
            host=environment.get("MLAPI_HOST") or any_address(),
            service_port=int(environment.get("MLAPI_SERVICE_PORT", "8080")),
            admin_port=int(environment.get("MLAPI_ADMIN_PORT", "9090")),
            termination_log=environment.get("MLAPI_TERMINATION_LOG", "/dev/termination-log"),
        )


def any_address() -> str:
    """The address that takes every connection: both families where the kernel has both."""
    return "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 - a pod's own network namespace
