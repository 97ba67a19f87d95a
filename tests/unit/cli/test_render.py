"""`mlapi render` prints the operator's own objects, and tells in what a cluster may differ."""

import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlapi_operator.api.v1alpha1 import parse
from mlapi_operator.cli import main
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.pod_template import pod_template
from mlapi_operator.gpu.resolve import resolve
from mlapi_operator.settings import Fetch
from tests.support.kubelet import IMAGE
from tests.support.mlapis import Object, framework, mlapi, model, provided

KINDS = ["ControllerRevision", "Deployment", "PodDisruptionBudget", "Service"]
UID = "5f0c9a4e-0000-4000-8000-000000000001"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mlapi.yaml"


def written(file: Path, *manifests: Object) -> str:
    file.write_text(yaml.safe_dump_all(manifests))
    return str(file)


def of_cluster(change: Object) -> Object:
    """As `kubectl get -o yaml` prints it."""
    manifest = mlapi(change)
    return {**manifest, "metadata": {**manifest["metadata"], "uid": UID}, "status": {"phase": "Ready"}}


def printed(capsys: pytest.CaptureFixture[str]) -> tuple[list[Any], str]:
    said = capsys.readouterr()
    return list(yaml.safe_load_all(said.out)), said.err


def test_render_prints_each_object_of_each_mlapi_in_the_order_of_the_operator(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}
    second = mlapi(framework("Litestar"), "second")
    assert main(["render", "-f", written(file, mlapi({"replicas": 3}), other, second)]) == 0
    found, notes = printed(capsys)
    assert [each["kind"] for each in found] == KINDS * 2
    assert {each["metadata"]["namespace"] for each in found} == {"default"}
    revision, deployment = found[:2]
    assert deployment["spec"]["replicas"] == 3
    assert deployment["spec"]["template"] == revision["data"]["template"]
    assert "mlapi-fastapi@sha256:" in notes
    assert "images.litestar in the values of its chart; name it with --image" in notes
    assert "no ownerReferences" in notes
    assert not any("ownerReferences" in each["metadata"] for each in found)


CHANGES: dict[str, Object] = {
    "least of all": {},
    "GPU": {"gpu": {"products": ["H100"], "minMemory": "40G"}},
    "claim": model(uri="pvc://models/a/b.onnx"),
    "label that looks like a number": {"podMetadata": {"labels": {"a": "1e3", "b": "0o17", "c": "on"}}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_rendered_template_is_the_one_that_the_operator_makes(
    change: Object, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = of_cluster(change)
    assert main(["render", "-f", written(file, manifest), "--image", IMAGE]) == 0
    (revision, deployment, *_), notes = printed(capsys)
    spec = parse(manifest)
    gpu = resolve(spec.gpu, None) if spec.gpu else None
    name, owner = revision["metadata"]["name"], Owner.of(manifest)
    wanted = pod_template(owner, spec, revision=name, image=IMAGE, fetch=Fetch(), gpu=gpu)
    assert deployment["spec"]["template"] == wanted
    assert [entry["uid"] for entry in deployment["metadata"]["ownerReferences"]] == [UID]
    assert ("spec.gpu is resolved without nodes" in notes) == (gpu is not None)
    in_place = gpu or spec.model.uri.startswith("pvc://")
    assert ("free GPUs and the access modes of a claim decide" in notes) == bool(in_place)
    assert "ownerReferences" not in notes


def test_text_that_other_readers_take_for_a_number_is_quoted(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {"a": "1e3", "b": "0o17", "c": "1.5", "d": "250m"}
    assert main(["render", "-f", written(file, mlapi({"podMetadata": {"labels": labels}}))]) == 0
    lines = {line.strip() for line in capsys.readouterr().out.splitlines()}
    assert {"a: '1e3'", "b: '0o17'", "c: '1.5'", "d: 250m"} <= lines


@pytest.mark.parametrize(
    ("rollout", "strategy"),
    [
        ({}, {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}),
        ({"strategy": "Recreate"}, {"type": "Recreate"}),
        (
            {"strategy": "RollingUpdate", "maxSurge": "50%", "maxUnavailable": 1},
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 1}},
        ),
    ],
)
def test_rendered_deployment_replaces_pods_as_the_spec_says(
    rollout: Object, strategy: Object, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", "-f", written(file, mlapi({"rollout": rollout}))]) == 0
    (_, deployment, *_), _ = printed(capsys)
    assert deployment["spec"]["strategy"] == strategy


def test_own_image_goes_first_and_is_not_noted(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = of_cluster(provided({}))
    assert main(["render", "-f", written(file, manifest), "--image", IMAGE]) == 0
    (revision, *_), notes = printed(capsys)
    assert revision["data"]["resolved"]["image"] == manifest["spec"]["image"]
    assert notes == ""


def test_manifest_without_a_namespace_gives_objects_without_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = mlapi({})
    del manifest["metadata"]["namespace"]
    monkeypatch.setattr("sys.stdin", io.StringIO(yaml.safe_dump(manifest)))
    assert main(["render", "-f", "-"]) == 0
    found, _ = printed(capsys)
    assert not any("namespace" in each["metadata"] for each in found)


def test_manifests_of_which_one_is_wrong_are_refused_as_validate_does(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = written(file, mlapi({}), mlapi({"replicas": "2"}, "second"))
    assert main(["validate", "-f", source]) == 1
    expected = capsys.readouterr().err
    assert main(["render", "-f", source]) == 1
    assert capsys.readouterr() == ("", expected)


def test_image_without_a_digest_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["render", "-f", written(file, mlapi({})), "--image", "fastapi:v1"])
    assert ended.value.code == 2
    assert "found fastapi:v1, wanted a reference by digest" in capsys.readouterr().err
