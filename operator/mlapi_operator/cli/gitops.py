"""MLApis that a tool writes from a repository: how to know them, and what to commit. Pure."""

from collections.abc import Iterator
from typing import Final

import yaml

from mlapi_operator.api.types import Manifest
from mlapi_operator.cli.kept import understood
from mlapi_operator.desired.revision import without_empty

# By what each leaves on an object: the beginnings of labels and annotations, and of field managers.
TOOLS: Final = {
    "Argo CD": (("argocd.argoproj.io/",), ("argocd",)),
    "Flux": (
        ("kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/"),
        ("kustomize-controller", "helm-controller"),
    ),
    "Helm": (("meta.helm.sh/",), ("helm",)),
}
KUBECTL: Final = "kubectl.kubernetes.io/last-applied-configuration"


def tool(mlapi: Manifest) -> str:
    """Who writes the object again and again, or with the next release; empty if nobody does."""
    metadata = mlapi["metadata"]
    marks = [*(metadata.get("labels") or {}), *(metadata.get("annotations") or {})]
    managers = [entry.get("manager", "") for entry in metadata.get("managedFields") or ()]
    for name, (prefixes, agents) in TOOLS.items():
        if any(mark.startswith(prefixes) for mark in marks) or any(
            manager.startswith(agents) for manager in managers
        ):
            return name
    return ""


def warnings(mlapi: Manifest, arguments: str, dry_run: bool) -> Iterator[str]:
    """What keeps the spec, or the pods, from staying as they were written.

    Args:
        arguments: of `mlapi rollback`.
    """
    if (owner := tool(mlapi)) and dry_run:
        yield f"{owner} writes this MLApi: commit the manifest where it reads it"
    elif owner:
        yield (
            f"{owner} writes this MLApi and may undo this: commit the manifest that "
            f"mlapi rollback {arguments} --dry-run prints"
        )
    if (mlapi["spec"].get("rollout") or {}).get("paused"):
        yield "spec.rollout.paused is true: the pods stay as they are until it is false"


def committed(mlapi: Manifest) -> str:
    """The manifest as one would write it: without status, defaults, and what servers and tools add."""
    metadata = {name: mlapi["metadata"][name] for name in ("name", "namespace")}
    added = (KUBECTL, *(prefix for prefixes, _ in TOOLS.values() for prefix in prefixes))
    for section in ("labels", "annotations"):
        found = mlapi["metadata"].get(section) or {}
        if own := {name: value for name, value in found.items() if not name.startswith(added)}:
            metadata[section] = own
    spec = understood(mlapi).model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
    manifest = {name: mlapi[name] for name in ("apiVersion", "kind")}
    return str(
        yaml.safe_dump({**manifest, "metadata": metadata, "spec": without_empty(spec)}, sort_keys=False)
    )
