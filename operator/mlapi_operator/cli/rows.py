"""Sections of the status of an MLApi in a line each; empty where there is nothing to say. Pure."""

from datetime import datetime

from mlapi_operator.api.types import Manifest
from mlapi_operator.cli import words
from mlapi_operator.latency.digest import UNKNOWN


def runs(status: Manifest) -> str:
    """What has ready pods: during an update and after a rollback, another than the spec asks for."""
    running = [
        f"{entry['framework']}, revision {entry['name']}"
        for entry in status.get("revisions") or ()
        if entry["readyReplicas"]
    ]
    return " and ".join(running) or "no ready pod"


def model(found: Manifest | None) -> str:
    if found is None:
        return ""
    digest = found.get("resolvedRevision", "")
    bytes = found.get("sizeBytes", UNKNOWN)
    parts = [found["name"], _short(digest), words.size(bytes) if bytes != UNKNOWN else ""]
    return words.listed([*parts, download(found.get("download"))])


def download(found: Manifest | None) -> str:
    if found is None:
        return ""
    done, total = found["doneBytes"], found["totalBytes"]
    share = f"{done * 100 // total} % of {words.size(total)}" if total > 0 else words.size(done)
    speed, left = found["bytesPerSecond"], found["remainingSeconds"]
    parts = [f"fetched {share}", f"{words.size(speed)}/s" if speed != UNKNOWN else ""]
    return words.listed([*parts, f"{words.span(left)} left" if left != UNKNOWN else "", found["pod"]])


def image(found: Manifest | None) -> str:
    if found is None:
        return ""
    source = {"Prebuilt": "the operator's", "Provided": "yours"}.get(found["source"], found["source"])
    return f"{found['reference']} ({source})"


def answers(found: Manifest | None, now: datetime) -> str:
    if found is None or not found.get("sampledAt"):
        return "not measured yet"
    names = {"p50": "p50Microseconds", "p95": "p95Microseconds", "p99": "p99Microseconds"}
    percentiles = ", ".join(f"{name} {words.latency(found[field])}" for name, field in names.items())
    window = f"{words.count(found['requests'])} in {found['windowSeconds']} s"
    pods = words.plural(found["podsSampled"], "pod")
    return (
        f"{percentiles}; {words.count(found['requestsPerMinute'])} requests/min ({window}), "
        f"{words.percent(found['errorPercent'])} errors; {pods}, {words.age(found['sampledAt'], now)} ago"
    )


def replicas(spec: Manifest, status: Manifest) -> str:
    wanted = 0 if spec.get("suspend") else spec.get("replicas", 1)
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    return f"{ready} ready of {wanted}, {updated} up to date"


def gpu(found: Manifest | None) -> str:
    if found is None:
        return ""
    nodes, free = found["matchingNodes"], found["freeDevices"]
    there = "nodes not readable" if nodes == UNKNOWN else f"{words.plural(nodes, 'node')} match"
    devices = "" if free == UNKNOWN else f"{words.plural(free, 'device')} free"
    asked = f"{found['perReplica']} x {found['resourceName']} per pod"
    products = " or ".join(found.get("products") or ())
    parts = words.listed([asked, products, there, devices])
    return f"{parts}; {found['message']}" if found.get("message") else parts


def rollout(status: Manifest, now: datetime) -> str:
    found = status.get("rollout")
    if found is None:
        return ""
    used, why = found.get("strategyUsed"), found.get("strategyReason")
    wanted, stable = found["revision"], found.get("stableRevision")
    since = f"since {words.age(found['startTime'], now)}" if found.get("startTime") else ""
    parts = [
        f"to {wanted}" if wanted != stable else f"{wanted} is stable",
        since if wanted != stable else "",
        f"{used} ({why})" if used and why else used,
        f"stable is {stable}" if stable and wanted != stable else "",
    ]
    line, message = words.listed(parts), found.get("message")
    # On what grounds it was accepted stands below the revisions.
    known = {entry.get("message") for entry in status.get("revisions") or ()}
    return f"{line}; {message}" if message and message not in known else line


def _short(digest: str) -> str:
    """`sha256:` and as much of the digest as tells it from others."""
    return digest[:19] if digest.startswith("sha256:") else digest
