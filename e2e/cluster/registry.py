"""The registry of the cluster: what it stores outlives the cluster, so images are built once."""

import json
from pathlib import Path

from e2e.cluster.cache import cache_dir
from e2e.cluster.components import component


def registry(address: str, state: Path) -> list[str]:
    """Command that serves plain HTTP at `address` (host:port) without authentication."""
    config = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(cache_dir() / "registry")},
            "delete": {"enabled": True},
        },
        "http": {"addr": address},
    }
    file = state / "registry.json"
    file.write_text(json.dumps(config))
    # Unless told not to, it sends traces to a collector that is not there.
    return ["env", "OTEL_TRACES_EXPORTER=none", str(component("registry")), "serve", str(file)]
