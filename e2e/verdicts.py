"""What those who wait for an MLApi make of it: Argo CD, Flux and kstatus, each with its own engine."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from e2e.cluster.components import component
from e2e.kube import Object, condition, observed

GITOPS: Final = Path(__file__).parents[1] / "docs" / "gitops"
ARGO: Final = GITOPS / "argo-cd" / "mlapi.dev" / "MLApi"
FLUX: Final = GITOPS / "flux" / "kustomization.yaml"


@dataclass(frozen=True, slots=True)
class Verdicts:
    argo: str
    flux: str
    kstatus: str


IN_PROGRESS: Final = Verdicts("Progressing", "InProgress", "InProgress")
FAILED: Final = Verdicts("Degraded", "Failed", "Failed")
CURRENT: Final = Verdicts("Healthy", "Current", "Current")
# Only Argo CD has a word for it; for the others an MLApi without pods never becomes ready.
SUSPENDED: Final = Verdicts("Suspended", "InProgress", "InProgress")
TERMINATING: Final = Verdicts("Progressing", "InProgress", "Terminating")


def promised(state: Object) -> Verdicts:
    """The rules an MLApi keeps: failed only when Stalled, done only when Ready and observed."""
    if "deletionTimestamp" in state["metadata"]:
        return TERMINATING
    if not observed(state):
        return IN_PROGRESS
    if condition(state, "Stalled")["status"] == "True":
        return FAILED
    if condition(state, "Ready")["status"] == "True":
        return CURRENT
    return SUSPENDED if state["spec"].get("suspend") else IN_PROGRESS


class Judges:
    """A process of the three engines."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, state: Object) -> Verdicts:
        found = self.explain(state)
        return Verdicts(*(found[judge]["status"] for judge in ("argo", "flux", "kstatus")))

    def explain(self, state: Object) -> Object:
        """Each one's `status` and, where it gives one, `message`.

        Raises:
            AssertionError: the script or an expression failed.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(state) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"no verdict on {json.dumps(state)}; what failed is on stderr"
        return dict(json.loads(answer))


@contextmanager
def judges() -> Iterator[Judges]:
    """The engines with the script and the expressions of docs/gitops."""
    command = [component("gitops"), ARGO / "health.lua", FLUX]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Judges(process)
        assert process.stdin
        process.stdin.close()
