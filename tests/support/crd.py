"""An API server that knows MLApis."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.components import component
from e2e.cluster.light import LightCluster
from e2e.kube import Kube, wait_for
from mlapi_operator.api.kinds import GROUP, MLAPI

DEFINITION = Path(__file__).parents[2] / "crds" / "mlapi.dev_mlapis.yaml"


@contextmanager
def serving_mlapis(light: LightCluster) -> Iterator[Kube]:
    """The CRD applied client-side, as `kubectl apply` does it by default; MLApis are deleted afterwards."""
    cluster = Kube(light.kubeconfig, component("kubectl").parent)
    cluster.kubectl("apply", "-f", str(DEFINITION))
    wait_for(
        "MLApis served", lambda: MLAPI.plural in cluster.kubectl("api-resources", f"--api-group={GROUP}")
    )
    yield cluster
    cluster.kubectl("delete", MLAPI.plural, "--all")
