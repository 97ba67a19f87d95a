"""A real API server takes everything that `mlapi render` prints, strictly: no field that it does not know."""

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from e2e.kube import Kube
from mlapi_operator.cli import main
from tests.support.mlapis import VALID, Object, mlapi, model
from tests.support.strategies import valid_mlapis

EXAMPLES = Path(__file__).parents[2] / "examples"
OBJECTS = 4
SAME_PORT = "spec.template.spec.containers[0].ports[1]: duplicate port"


def rendered(folder: Path, manifests: list[Object]) -> str:
    """What the command prints of these MLApis, each under a name of its own."""
    file = folder / "mlapis.yaml"
    metadata = [{"name": f"m-{number}", "namespace": "default"} for number in range(len(manifests))]
    renamed = [each | {"metadata": own} for each, own in zip(manifests, metadata, strict=True)]
    file.write_text(yaml.safe_dump_all(renamed))
    with redirect_stdout(StringIO()) as output, redirect_stderr(StringIO()) as notes:
        assert main(["render", "-f", str(file)]) == 0, notes.getvalue()
    return output.getvalue()


def taken(kube: Kube, objects: str) -> list[str]:
    """A line for each object that the API server would take.

    Raises:
        AssertionError: it refuses one, or warns of anything but the admin port, which is the fetch's first
            and the server's afterwards.
    """
    command = ("kubectl", "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    answer = kube.run(*command, stdin=objects)
    assert [line for line in answer.stderr.splitlines() if SAME_PORT not in line] == []
    return answer.stdout.splitlines()


def test_rendered_examples_are_taken(admin: Kube, tmp_path: Path) -> None:
    examples = [yaml.safe_load(path.read_text()) for path in sorted(EXAMPLES.rglob("*.yaml"))]
    assert len(taken(admin, rendered(tmp_path, examples))) == OBJECTS * len(examples)


def test_rendered_table_of_sound_specs_is_taken(admin: Kube, tmp_path: Path) -> None:
    manifests = [mlapi(change) for change in VALID.values()]
    assert len(taken(admin, rendered(tmp_path, manifests))) == OBJECTS * len(manifests)


@given(manifests=st.lists(valid_mlapis, min_size=20, max_size=20))
# Shrinking asks the API server for minutes, and the combination is small anyway.
@settings(max_examples=5, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
def test_rendered_combinations_are_taken(
    admin: Kube, tmp_path_factory: pytest.TempPathFactory, manifests: list[Object]
) -> None:
    folder = tmp_path_factory.mktemp("drawn")
    assert len(taken(admin, rendered(folder, manifests))) == OBJECTS * len(manifests)


def test_model_goes_from_a_server_to_a_claim_and_back_under_server_side_apply(
    admin: Kube, namespace: str, tmp_path: Path
) -> None:
    """A volume has one source: the one before must go with the same write."""
    sources = []
    for uri in (
        "https://models.example.com/a.onnx",
        "pvc://models/a.onnx",
        "https://models.example.com/a.onnx",
    ):
        objects = rendered(tmp_path, [mlapi(model(uri=uri))]).replace(
            "namespace: default", f"namespace: {namespace}"
        )
        admin.run(
            "kubectl", "apply", "--server-side", "--field-manager=mlapi-operator", "-f", "-", stdin=objects
        )
        deployment = admin.get("Deployment", namespace, "m-0")
        assert deployment is not None
        (volume,) = (
            each for each in deployment["spec"]["template"]["spec"]["volumes"] if each["name"] == "model"
        )
        sources.append(volume.keys() - {"name"})
    assert sources == [{"emptyDir"}, {"persistentVolumeClaim"}, {"emptyDir"}]
