"""Whether the installed CRD is the one of this release: Helm installs CRDs but never upgrades them."""

import logging

from mlapi_operator import metrics
from mlapi_operator.api.crd import SCHEMA_HASH, schema_hash
from mlapi_operator.api.kinds import CRD, GROUP, MLAPI
from mlapi_operator.protocol import ApiError, Clock, Cluster

log = logging.getLogger(__name__)

NAME = f"{MLAPI.plural}.{GROUP}"


async def watch_installed_crd(cluster: Cluster, clock: Clock, seconds: float) -> None:
    """Compares the schemas every so many seconds, until cancelled; says once what it finds."""
    said = ""
    while True:
        found = await outdated(cluster)
        metrics.CRD_OUTDATED.set(bool(found))
        if found and found != said:
            log.warning(
                "installed CRD is not of this release", extra={"found": found, "wanted": schema_hash()}
            )
        said = found
        await clock.sleep(seconds)


async def outdated(cluster: Cluster) -> str:
    """The hash of the installed schema if it is another one than this release's, else nothing."""
    try:
        crd = await cluster.get(CRD, ("", NAME))
    except ApiError as error:
        log.info("installed CRD not read", extra={"error": str(error)})
        return ""
    annotations = (crd or {}).get("metadata", {}).get("annotations") or {}
    installed = str(annotations.get(SCHEMA_HASH) or "none")
    return "" if crd is None or installed == schema_hash() else installed
