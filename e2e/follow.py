"""Tells a waiting person what happens to an MLApi, as its status says it."""

import time
from collections.abc import Callable
from typing import Final

from e2e.kube import Kube, Object, condition, observed

_EVERY_SECONDS: Final = 0.3


def news(mlapi: Object) -> list[str]:
    """What the status says now, one line per fact: phase, conditions that do not hold, download."""
    status = mlapi.get("status") or {}
    lines = [f"phase {status['phase']}"] if status.get("phase") else []
    for found in status.get("conditions") or []:
        line = f"{found['type']}={found['status']}"
        if found["type"] == "Reconciling":
            continue
        if found["status"] == "True" and found["type"] != "Stalled":
            lines.append(line)
        else:
            lines.append(f"{line} {found['reason']}: {found['message']}")
    download = (status.get("model") or {}).get("download") or {}
    if download.get("totalBytes", -1) > 0:
        lines.append(f"downloaded {download['doneBytes']:,} of {download['totalBytes']:,} bytes")
    return lines


def follow(
    kube: Kube, namespace: str, name: str, reached: Callable[[Object], bool], *, seconds: float
) -> Object:
    """Prints each change of the status until `reached`; returns the object as it was then.

    Raises:
        RuntimeError: it is Stalled, gone, or not there within `seconds`; says what its status said last.
    """
    began = time.monotonic()
    told: set[str] = set()
    while True:
        mlapi = kube.get("MLApi", namespace, name)
        if mlapi is None:
            raise RuntimeError(f"MLApi {namespace}/{name} was deleted")
        elapsed = time.monotonic() - began
        lines = news(mlapi)
        for line in lines:
            if line not in told:
                print(f"  {elapsed:5.1f} s  {line}")
        told = set(lines)
        if reached(mlapi):
            return mlapi
        stalled = condition(mlapi, "Stalled")
        if observed(mlapi) and stalled["status"] == "True":
            raise RuntimeError(f"MLApi {namespace}/{name}: {stalled['reason']}: {stalled['message']}")
        if elapsed > seconds:
            raise RuntimeError(
                f"MLApi {namespace}/{name}: not there after {seconds:.0f} s: {'; '.join(lines)}"
            )
        time.sleep(_EVERY_SECONDS)


def ready(mlapi: Object) -> bool:
    return "status" in mlapi and observed(mlapi) and condition(mlapi, "Ready")["status"] == "True"
