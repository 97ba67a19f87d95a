"""`make demo`: from nothing to a model that answers, its accuracy, and the latency that its status tells."""

import asyncio
import ipaddress
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import yaml

from e2e.cluster import Cluster, given, up
from e2e.cluster.images import build_images
from e2e.digits import Digits, train
from e2e.follow import follow, ready
from e2e.install import NAMESPACE, RELEASE, install_operator, restricted_namespace
from e2e.kube import Kube, Object, wait_for
from e2e.model_server import NAME as MODELS
from e2e.model_server import install as install_models
from e2e.traffic import answers

MANIFEST: Final = Path(__file__).parents[1] / "examples" / "digits-fastapi.yaml"
WANTED_ACCURACY: Final = 0.95
ROUNDS: Final = timedelta(seconds=30)  # three, with the default sampling
SETTLED: Final = timedelta(seconds=5)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Says what is done, and how long it took."""
    print(f"== {what}")
    began = time.monotonic()
    yield
    print(f"   {time.monotonic() - began:.1f} s")


@contextmanager
def reachable(kube: Kube, cluster: Cluster, namespace: str, service: str) -> Iterator[str]:
    """host:port at which this machine reaches a Service: its address, or a tunnel into a foreign cluster."""
    found = kube.get("Service", namespace, service)
    assert found is not None
    port = found["spec"]["ports"][0]["port"]
    if given() is None:
        yield f"{found['spec']['clusterIP']}:{port}"
        return
    command = ["kubectl", "-n", namespace, "port-forward", f"service/{service}", f":{port}"]
    with subprocess.Popen(command, env=kube.environment, stdout=subprocess.PIPE, text=True) as tunnel:
        try:
            assert tunnel.stdout is not None
            listening = re.search(r"127\.0\.0\.1:(\d+)", tunnel.stdout.readline())
            if listening is None:
                raise RuntimeError(
                    f"kubectl port-forward service/{service} did not start; its message is above"
                )
            yield f"127.0.0.1:{listening[1]}"
        finally:
            tunnel.terminate()


def install(kube: Kube, images: dict[str, str], digits: Digits, namespace: str) -> None:
    """The model server, and the operator that may fetch from this one private address."""
    restricted_namespace(kube, namespace)
    models = install_models(kube, namespace, images["fastapi"], {"digits.onnx": digits.onnx})
    service = kube.get("Service", namespace, MODELS)
    assert service is not None
    install_operator(
        kube,
        images=images,
        authority=models.authority,
        allowed_cidrs=[str(ipaddress.ip_network(service["spec"]["clusterIP"]))],
    )


def accuracy(address: str, model: str, digits: Digits) -> int:
    """Sends every held-out digit by each route and prints the accuracy; returns the number of requests.

    Raises:
        RuntimeError: the accuracy is too low for this model.
    """
    found = asyncio.run(answers(address, model, digits))
    for route, labels in found.items():
        right = sum(int(a == b) for a, b in zip(labels, digits.labels, strict=True))
        print(f"   {route}: {right} of {len(labels)} digits recognised, accuracy {right / len(labels):.3f}")
        if right < WANTED_ACCURACY * len(labels):
            raise RuntimeError(f"accuracy below {WANTED_ACCURACY}: this is not the model that was trained")
    return sum(len(labels) for labels in found.values())


def led(kube: Kube) -> bool:
    """Whether a living replica of the operator has led long enough to have read every pod once.

    What pods older than the window counted before their first reading is in no digest.
    """
    lease = kube.get("Lease", NAMESPACE, RELEASE) or {}
    spec = lease.get("spec") or {}
    pod = (spec.get("holderIdentity") or "").rpartition("_")[0]
    if not pod or kube.get("Pod", NAMESPACE, pod) is None:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(spec["acquireTime"]) > SETTLED


def counted(status: Object) -> int:
    """Requests of an earlier run that the next digest will still hold."""
    latency = status.get("latency") or {}
    if latency.get("requests", 0) <= 0:
        return 0
    age = datetime.now(UTC) - datetime.fromisoformat(latency["sampledAt"])
    return int(latency["requests"]) if age < timedelta(seconds=latency["windowSeconds"]) else 0


def measured(kube: Kube, namespace: str, name: str, *, earlier: int, requests: int) -> Object:
    """The first status that counts the requests that were answered by now.

    Requests of an earlier run may leave the window meanwhile, so after some rounds of sampling theirs are
    not insisted on.
    """
    end = datetime.now(UTC).replace(microsecond=0)

    def look() -> Object | None:
        status = (kube.get("MLApi", namespace, name) or {})["status"]
        latency = status.get("latency") or {}
        wanted = requests if datetime.now(UTC) > end + ROUNDS else earlier + requests
        if latency.get("requests", 0) < wanted or datetime.fromisoformat(latency["sampledAt"]) < end:
            return None
        return dict(status)

    return wait_for(f"a latency digest of {requests} requests", look, seconds=90)


def tell_latency(status: Object) -> None:
    latency = status["latency"]
    print(
        f"   sampled at {latency['sampledAt']} from {latency['podsSampled']} pods, window"
        f" {latency['windowSeconds']} s, errors {latency['errorPercent']} %"
    )
    for revision in status["revisions"]:
        _tell(f"{revision['name']} ({revision['framework']}, {revision['result']})", revision)
    _tell("all revisions", latency)


def _tell(what: str, figures: Object) -> None:
    quantiles = [
        f"{quantile} {figures[f'{quantile}Microseconds'] / 1000:.2f} ms"
        for quantile in ("p50", "p95", "p99")
        if figures.get(f"{quantile}Microseconds", -1) >= 0
    ]
    print(f"   {what}: {figures['requests']} requests, {', '.join(quantiles) or 'latency unknown'}")


def demo() -> None:
    manifest = yaml.safe_load(MANIFEST.read_text())
    namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
    with step("a Kubernetes cluster"):
        cluster = up()
        kube = Kube(cluster.kubeconfig, cluster.programs)
    with step("the images"):
        images = build_images(cluster, ["fastapi", "operator"])
    with step("training the digits model"):
        digits = train()
    with step("an https model server, and the operator with its Helm chart"):
        install(kube, images, digits, namespace)
    with step(f"kubectl apply -f examples/{MANIFEST.name}"):
        kube.kubectl("apply", "-f", str(MANIFEST))
        wait_for("an operator that leads", lambda: led(kube), seconds=60)
        earlier = counted(follow(kube, namespace, name, ready, seconds=300)["status"])
    with (
        step(f"{len(digits.images)} digits that the model has not seen, through the Service"),
        reachable(kube, cluster, namespace, name) as address,
    ):
        requests = accuracy(address, name, digits)
    with step("the latency of these requests, in status"):
        tell_latency(measured(kube, namespace, name, earlier=earlier, requests=requests))
    command = f"kubectl -n {namespace} get mlapi -o wide"
    print(f"\n$ {command}\n{kube.kubectl(*command.split()[1:])}")
    print("Look around with")
    print(f"  export KUBECONFIG={cluster.kubeconfig} PATH={cluster.programs}:$PATH")
    if given() is None:
        print("`make clean-cluster` ends the cluster.")


def main() -> int:
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    began = time.monotonic()
    try:
        demo()
    except (RuntimeError, AssertionError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"done in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
