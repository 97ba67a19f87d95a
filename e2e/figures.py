"""What benchmarks share: the installation that is measured, the machine, how figures are written down."""

import json
import math
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from e2e.audit import Audit
from e2e.cluster import Cluster, up
from e2e.cluster.images import build_images
from e2e.demo import MANIFEST, install
from e2e.digits import INPUT, Digits, train
from e2e.install import NAMESPACE
from e2e.kube import Kube, Object

FOLDER: Final = Path(__file__).parents[1] / "docs" / "benchmarks"
USER: Final = f"system:serviceaccount:{NAMESPACE}:mlapi-operator"


@dataclass(frozen=True, slots=True)
class Bench:
    """The cluster with what `make demo` installs in it, but for the MLApi."""

    kube: Kube
    cluster: Cluster
    digits: Digits
    manifest: Object

    @property
    def namespace(self) -> str:
        return str(self.manifest["metadata"]["namespace"])

    @property
    def audit(self) -> Audit | None:
        return Audit(self.cluster.audit_log, USER) if self.cluster.audit_log else None

    def variant(self, name: str, **spec: Any) -> Object:
        """The example under another name, with other fields."""
        metadata = {"name": name, "namespace": self.namespace}
        return {**self.manifest, "metadata": metadata, "spec": {**self.manifest["spec"], **spec}}

    def payload(self) -> bytes:
        """Body of a prediction by the framework's own route."""
        return json.dumps({INPUT: [self.digits.images[0].tolist()]}).encode()


def bench() -> Bench:
    """Brings up, builds and installs what is not there yet."""
    manifest = yaml.safe_load(MANIFEST.read_text())
    cluster = up()
    kube = Kube(cluster.kubeconfig, cluster.programs)
    images = build_images(cluster, ["fastapi", "operator"])
    digits = train()
    install(kube, images, digits, manifest["metadata"]["namespace"])
    return Bench(kube, cluster, digits, manifest)


def operator_memory(kube: Kube) -> dict[str, int]:
    """Resident memory in MiB of the process that leads and of the one that stands by."""
    found = {}
    for pod in kube.list("Pod", NAMESPACE, "app.kubernetes.io/name=mlapi-operator"):
        metrics = httpx.get(f"http://{pod['status']['podIP']}:8080/metrics", timeout=10).text
        role = "leader" if _metric(metrics, "mlapi_leader") else "standby"
        found[role] = round(_metric(metrics, "process_resident_memory_bytes") / 2**20)
    return found


def machine(kube: Kube) -> dict[str, str]:
    """Where the figures come from; nothing that names the machine."""
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    version = json.loads(kube.kubectl("version", "--output=json"))["serverVersion"]["gitVersion"]
    return {
        "cores": str(os.cpu_count()),
        "cpu": cpu[1] if cpu else "unknown",
        "memory": f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "unknown",
        "kernel": platform.release().partition("-")[0],
        "kubernetes": f"{version}, every component and the client on this machine",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def quantile(values: Sequence[float], percent: int) -> float:
    """Nearest rank: of ten values, p95 is the largest."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def write(name: str, title: str, figures: dict[str, Any], text: str) -> None:
    """docs/benchmarks/<name>.md for people, .json with every value."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")
    where = "\n".join(f"| {key} | {value} |" for key, value in figures["machine"].items())
    (FOLDER / f"{name}.md").write_text(f"# {title}\n\n{text}\n\n| machine | |\n|---|---|\n{where}\n")


def _metric(text: str, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else math.nan
