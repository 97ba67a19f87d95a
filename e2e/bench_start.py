"""`python -m e2e.bench_start`: from applying an MLApi to its first answered prediction, phase by phase.

Every phase ends when the API server's watch tells of it, which is when anybody but the node can know. The
prediction is asked for every 20 ms, from the moment that the Service has an address.
"""

import argparse
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import httpx

from e2e.figures import Bench, bench, machine, operator_memory, quantile, write
from e2e.kube import Object, condition, observed, wait_for

POLL_SECONDS: Final = 0.02
WATCH_SECONDS: Final = 120
# The lease and the watches go on whether there are MLApis or not; lists are of the periodic resync.
NOT_COUNTED: Final = ("watch", "list")

Seen = Callable[[Object], bool]


def _state(pod: Object, statuses: str, container: str) -> Object:
    for found in pod.get("status", {}).get(statuses) or []:
        if found["name"] == container:
            return dict(found)
    return {}


def _pod_ready(pod: Object) -> bool:
    return bool(condition(pod, "Ready")["status"] == "True")


PHASES: Final[dict[str, tuple[str, Seen]]] = {
    "Deployment created": ("Deployment", lambda _: True),
    "pod created": ("Pod", lambda _: True),
    "pod scheduled": ("Pod", lambda pod: bool(pod["spec"].get("nodeName"))),
    "model fetched": (
        "Pod",
        lambda pod: "terminated" in _state(pod, "initContainerStatuses", "fetch").get("state", {}),
    ),
    "server process started": (
        "Pod",
        lambda pod: "running" in _state(pod, "containerStatuses", "server").get("state", {}),
    ),
    "pod ready": ("Pod", _pod_ready),
    "MLApi Ready": ("MLApi", lambda mlapi: observed(mlapi) and condition(mlapi, "Ready")["status"] == "True"),
}
FIRST_ANSWER: Final = "first prediction answered"


class Stopwatch:
    """Seconds from the beginning to the first time that each phase was seen over."""

    def __init__(self, run: Bench, name: str) -> None:
        self._run = run
        self._name = name
        self.began = 0.0
        self.seconds: dict[str, float] = {}
        self.address: str | None = None

    def start(self) -> None:
        """Begins to watch; the clock begins with `begin`."""
        for kind in {kind for kind, _ in PHASES.values()} | {"Service"}:
            threading.Thread(target=self._watch, args=(kind,), daemon=True).start()

    def begin(self) -> None:
        self.began = time.monotonic()

    def note(self, phase: str) -> None:
        self.seconds.setdefault(phase, time.monotonic() - self.began)

    def _watch(self, kind: str) -> None:
        for event in self._run.kube.watch(kind, self._run.namespace, WATCH_SECONDS):
            manifest = event["object"]
            labels = manifest["metadata"].get("labels") or {}
            if self._name not in (labels.get("mlapi.dev/name"), manifest["metadata"]["name"]):
                continue
            for phase, (of, seen) in PHASES.items():
                if of == kind and seen(manifest):
                    self.note(phase)
            if kind == "Service":
                self.address = manifest["spec"].get("clusterIP")
            if "MLApi Ready" in self.seconds and FIRST_ANSWER in self.seconds:
                return


def first_answer(stopwatch: Stopwatch, payload: bytes) -> None:
    """Asks until the model answers.

    Raises:
        AssertionError: it does not within two minutes.
    """
    headers = {"Content-Type": "application/json", "Connection": "close"}
    # A packet to an address that no node knows yet is lost, and would be sent again only after a second.
    with httpx.Client(timeout=httpx.Timeout(2, connect=0.1), trust_env=False) as client:

        def answered() -> bool:
            if stopwatch.address is None:
                return False
            try:
                url = f"http://{stopwatch.address}/predict"
                return client.post(url, content=payload, headers=headers).status_code == 200
            except httpx.TransportError:
                return False

        wait_for("the first answer", answered, every=POLL_SECONDS)
    stopwatch.note(FIRST_ANSWER)


def measure(run: Bench, name: str) -> tuple[dict[str, float], Counter[str]]:
    """One MLApi, from nothing to its first answer and to nothing again.

    Returns:
        Seconds by phase; the operator's requests until the MLApi was Ready, by verb and resource.
    """
    stopwatch = Stopwatch(run, name)
    stopwatch.start()
    # The watches are open. Users apply at any moment of the kubelet's second; without the random part
    # each run would meet the same one, as it begins when the one before has ended.
    time.sleep(1 + random.random())
    marker = run.audit.marker() if run.audit else 0
    stopwatch.begin()
    run.kube.create("MLApi", run.namespace, run.variant(name, replicas=1))
    stopwatch.note("POST answered")
    first_answer(stopwatch, run.payload())
    wait_for("Ready", lambda: "MLApi Ready" in stopwatch.seconds)
    time.sleep(1)  # the audit log is written
    requests = _requests(run, marker, name)
    run.kube.delete("MLApi", run.namespace, name)
    labels = f"mlapi.dev/name={name}"
    wait_for("its pods to end", lambda: not run.kube.list("Pod", run.namespace, labels))
    return stopwatch.seconds, requests


def _requests(run: Bench, marker: int, name: str) -> Counter[str]:
    counted: Counter[str] = Counter()
    for entry in run.audit.entries(marker) if run.audit else ():
        ours = entry.namespace == run.namespace and entry.name.startswith(name)
        if (ours or entry.verb == "create") and entry.verb not in NOT_COUNTED and entry.resource != "leases":
            what = f"{entry.resource}/{entry.subresource}" if entry.subresource else entry.resource
            counted[f"{entry.verb} {what}"] += 1
    return counted


def report(runs: list[dict[str, float]], requests: list[Counter[str]], memory: dict[str, int]) -> str:
    """The figures as Markdown."""
    order = sorted(runs[0], key=lambda phase: quantile([run[phase] for run in runs], 50))
    rows = [
        f"| {phase} | {quantile(values, 50):.2f} | {quantile(values, 95):.2f} | {min(values):.2f} |"
        for phase in order
        if (values := [run[phase] for run in runs])
    ]
    totals = sorted(sum(each.values()) for each in requests)
    kinds = "\n".join(
        f"| {what} | {sum(each[what] for each in requests) / len(requests):.1f} |"
        for what in sorted({what for each in requests for what in each})
    )
    return "\n".join(
        [
            f"`examples/digits-fastapi.yaml` with one replica, {len(runs)} runs in a row; the image is on",
            "the node, the model (some 50 kB) comes over https. Seconds since the POST was sent; a phase is",
            "over when a watch tells of it; the prediction is asked for every 20 ms. `make bench-start`",
            "measures anew.",
            "",
            "The kubelet looks once a second whether a container ended or runs: the end of the fetch and the",
            "start of the server each wait for such a look.",
            "",
            "| until | p50 s | p95 s | least |",
            "|---|---|---|---|",
            *rows,
            "",
            f"Requests of the operator until Ready: {totals[len(totals) // 2]} (median; {totals[0]} to "
            f"{totals[-1]}), without its lease and watches:",
            "",
            "| request | mean per MLApi |",
            "|---|---|",
            kinds,
            "",
            f"Resident memory of the operator, idle before the first run: {_shown(memory)}.",
        ]
    )


def _shown(memory: dict[str, int]) -> str:
    return ", ".join(f"{role} {mebibytes} MiB" for role, mebibytes in sorted(memory.items()))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m e2e.bench_start", description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--no-write", action="store_true", help="print only")
    arguments = parser.parse_args(argv)
    run = bench()
    measure(run, "bench-warm")  # what is measured is not the first pull
    memory = operator_memory(run.kube)
    runs: list[dict[str, float]] = []
    requests: list[Counter[str]] = []
    for i in range(arguments.runs):
        seconds, counted = measure(run, f"bench-{i}")
        runs.append(seconds)
        requests.append(counted)
        shown = ", ".join(
            f"{phase} {value:.2f}" for phase, value in sorted(seconds.items(), key=lambda at: at[1])
        )
        print(f"run {i + 1}: {shown}; {sum(counted.values())} requests", flush=True)
    text = report(runs, requests, memory)
    print(text)
    if not arguments.no_write:
        figures: dict[str, Any] = {
            "machine": machine(run.kube),
            "runs": runs,
            "requests": [dict(each) for each in requests],
            "operatorMebibytes": memory,
        }
        write("start", "From apply to the first answer", figures, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
