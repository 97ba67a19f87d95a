"""Installs the operator with its chart, as a user does it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from e2e.kube import Kube

NAMESPACE: Final = "mlapi-system"
RELEASE: Final = "mlapi-operator"
CHART: Final = Path(__file__).parent.parent / "charts" / "mlapi-operator"
CRDS: Final = CHART / "crds"
AUTHORITY: Final = "model-authority"
# Folder of images/ -> the chart's name of it in `images`.
SERVING: Final = {"fastapi": "fastapi", "litestar": "litestar", "django-ninja": "djangoNinja"}


def restricted_namespace(kube: Kube, name: str) -> None:
    """A namespace that admits only pods under Pod Security `restricted`; an existing one is relabelled."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})


def install_operator(
    kube: Kube,
    *,
    images: Mapping[str, str],
    authority: str,
    allowed_cidrs: Iterable[str],
    settings: dict[str, Any] | None = None,
    namespace: str = NAMESPACE,
) -> None:
    """Installs or upgrades the release and waits until it is ready.

    The one in a namespace other than the usual is installed by an owner of that namespace, who may do nothing
    outside of it.

    Args:
        images: from `build_images`: the operator's, and those of the frameworks that the release serves.
        authority: PEM of the CA that model servers' certificates are checked against.
        allowed_cidrs: private ranges in which model servers may be.
        settings: further values of the chart.
    Raises:
        AssertionError: kubectl or helm refused it, or it is not ready in time.
    """
    restricted_namespace(kube, namespace)
    kube.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": AUTHORITY, "namespace": namespace},
            "data": {"ca.crt": authority},
        }
    )
    # Helm installs the folder crds/ once and never upgrades it.
    kube.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    rights = [] if namespace == NAMESPACE else ["--skip-crds", f"--kube-as-user={_owner(kube, namespace)}"]
    repository, digest = images["operator"].split("@")
    values: dict[str, Any] = {
        "image": {"repository": repository, "digest": digest},
        "images": {value: images[image] for image, value in SERVING.items() if image in images},
        "fetch": {"caConfigMap": AUTHORITY, "allowedCIDRs": list(allowed_cidrs)},
    }
    for name, value in (settings or {}).items():
        if isinstance(value, dict):
            values[name] = {**values.get(name, {}), **value}
        else:
            values[name] = value
    _unlock(kube, namespace)
    kube.run(
        *("helm", "upgrade", "--install", RELEASE, str(CHART), "--namespace", namespace, *rights),
        *("--values", "-", "--wait", "--timeout", "180s"),
        stdin=json.dumps(values),
    )


def uninstall_operator(kube: Kube, namespace: str) -> None:
    """Removes the release of that namespace; returns when its pods are gone."""
    kube.run("helm", "uninstall", RELEASE, "--namespace", namespace, "--wait", "--timeout", "120s")


def _owner(kube: Kube, namespace: str) -> str:
    name = f"owner-of-{namespace}"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    kube.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "owner", "namespace": namespace},
            "roleRef": role,
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
        }
    )
    return name


def _unlock(kube: Kube, namespace: str) -> None:
    """A run that was killed while Helm worked leaves the release locked for good."""
    asked = kube.run("helm", "status", RELEASE, "--namespace", namespace, "--output", "json", check=False)
    if asked.returncode == 0 and json.loads(asked.stdout)["info"]["status"].startswith("pending-"):
        uninstall_operator(kube, namespace)
