"""MLApis that a tool writes: known by what it leaves on them, and what to commit instead."""

import pytest
import yaml

from mlapi_operator.cli import gitops
from mlapi_operator.cli.kept import understood
from tests.support.mlapis import mlapi
from tests.support.strategies import Object


@pytest.mark.parametrize(
    ("metadata", "tool"),
    [
        ({}, ""),
        ({"labels": {"team": "vision"}, "managedFields": [{"manager": "kubectl-client-side-apply"}]}, ""),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "a:b"}}, "Argo CD"),
        ({"managedFields": [{"manager": "argocd-controller"}]}, "Argo CD"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "Flux"),
        ({"managedFields": [{"manager": "kustomize-controller"}]}, "Flux"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "apps"}, "managedFields": [{"manager": "helm"}]}, "Flux"),
        ({"annotations": {"meta.helm.sh/release-name": "digits"}}, "Helm"),
    ],
)
def test_tool_is_known_by_its_labels_annotations_and_managers(metadata: Object, tool: str) -> None:
    manifest = mlapi({})
    manifest["metadata"] |= metadata
    assert gitops.tool(manifest) == tool


def test_warnings_tell_what_undoes_or_holds_back_what_was_written() -> None:
    manifest = mlapi({"rollout": {"paused": True}})
    manifest["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "a:b"}
    assert list(gitops.warnings(manifest, "digits -n team-a", False)) == [
        "Argo CD writes this MLApi and may undo this: commit the manifest that "
        "mlapi rollback digits -n team-a --dry-run prints",
        "spec.rollout.paused is true: the pods stay as they are until it is false",
    ]
    assert list(gitops.warnings(mlapi({}), "digits -n team-a", False)) == []


def test_manifest_to_commit_holds_what_a_user_would_write() -> None:
    manifest = mlapi({"replicas": 2, "serving": {"workers": 1}, "gpu": {"count": 1, "vendor": "NVIDIA"}})
    manifest["status"] = {"observedGeneration": 3}
    manifest["metadata"] |= {
        "uid": "u-1",
        "generation": 3,
        "resourceVersion": "17",
        "managedFields": [{"manager": "kustomize-controller"}],
        "labels": {"team": "vision", "kustomize.toolkit.fluxcd.io/name": "apps"},
        "annotations": {gitops.KUBECTL: "{}"},
    }
    found = yaml.safe_load(gitops.committed(manifest))
    assert found == {
        "apiVersion": "mlapi.dev/v1alpha1",
        "kind": "MLApi",
        "metadata": {"name": "digits", "namespace": "default", "labels": {"team": "vision"}},
        "spec": {
            "framework": {"name": "FastAPI"},
            "model": {"uri": "https://models.example.com/digits.onnx"},
            "gpu": {"count": 1},
            "replicas": 2,
        },
    }
    assert understood(found) == understood(manifest)
