"""The certificate authority for model sources, from a ConfigMap in the operator's namespace."""

from typing import Final

from mlapi_operator.api.kinds import CONFIG_MAP
from mlapi_operator.api.types import Key
from mlapi_operator.desired.ca import KEY
from mlapi_operator.protocol import Clock, Cluster

# One read serves every MLApi; a rotated authority reaches the copies within a resync.
SECONDS: Final = 60.0


class Authority:
    """
    Args:
        key: of the ConfigMap; its data hold the certificates under `ca.crt`.
    """

    def __init__(self, cluster: Cluster, clock: Clock, key: Key) -> None:
        self._cluster = cluster
        self._clock = clock
        self._key = key
        self._read_at = float("-inf")
        self._certificates: str | None = None

    def __str__(self) -> str:
        return "/".join(self._key)

    async def certificates(self) -> str | None:
        """PEM; None while the ConfigMap or its key is missing."""
        now = self._clock.monotonic()
        if self._certificates is None or now - self._read_at >= SECONDS:
            found = await self._cluster.get(CONFIG_MAP, self._key)
            self._certificates = ((found or {}).get("data") or {}).get(KEY)
            self._read_at = now
        return self._certificates
