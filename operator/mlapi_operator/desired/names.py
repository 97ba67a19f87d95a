"""Names of all children. An MLApi's name has at most 50 characters (CEL), so each fits into 63."""

from typing import Final

# Managers of fields under server-side apply: replicas have one of their own, so that it can let go of them.
MANAGER: Final = "mlapi-operator"
REPLICAS_MANAGER: Final = "mlapi-replicas"

REVISION_DIGITS: Final = 8


def deployment(name: str) -> str:
    return name


def service(name: str) -> str:
    return name


def disruption_budget(name: str) -> str:
    return name


def revision(name: str, digest: str) -> str:
    return f"{name}-{digest[:REVISION_DIGITS]}"


def ca_config_map(name: str) -> str:
    return f"{name}-ca"
