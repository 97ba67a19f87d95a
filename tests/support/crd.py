"""An API server that knows MLApis."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.components import component
from e2e.cluster.light import LightCluster
from e2e.kube import Kube, wait_for
from mlapi_operator.api.kinds import MLAPI

DEFINITION = Path(__file__).parents[2] / "crds" / "mlapi.dev_mlapis.yaml"


@contextmanager
def serving_mlapis(light: LightCluster) -> Iterator[Kube]:
    """The CRD applied client-side, as `kubectl apply` does it by default; MLApis are deleted afterwards."""
    cluster = Kube(light.kubeconfig, component("kubectl").parent)
    cluster.kubectl("apply", "-f", str(DEFINITION))
    # Also once it is listed, its storage may still be starting: 429.
    wait_for(
        "MLApis served",
        lambda: cluster.run("kubectl", "get", MLAPI.plural, check=False).returncode == 0,
    )
    yield cluster
    cluster.kubectl("delete", MLAPI.plural, "--all")
