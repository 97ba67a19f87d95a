"""Builds each component once, from the committed go.mod and go.sum of its family, into the cache."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from e2e.cluster.cache import cache_dir, locked
from e2e.cluster.go import go_env, toolchain
from e2e.cluster.progress import run_long

_SOURCES: Final = Path(__file__).parent / "components"
_KUBE: Final = "k8s.io/kubernetes/cmd"
_CONTAINERD: Final = "github.com/containerd/containerd/v2/cmd"
_CNI: Final = "github.com/containernetworking/plugins/plugins"

# Without gitVersion the API server reports v0.0.0-master, and version skew checks misbehave.
_KUBERNETES_LDFLAGS: Final = "-s -w" + "".join(
    f" -X k8s.io/component-base/version.{variable}"
    for variable in (
        "gitVersion=v{version}",
        "gitMajor={major}",
        "gitMinor={minor}",
        "gitCommit=",
        "gitTreeState=clean",
        "buildDate=1970-01-01T00:00:00Z",
    )
)


@dataclass(frozen=True, slots=True)
class Family:
    """Binaries that share one go.mod.

    Args:
        binaries: file name -> package; the package must be a `tool` of the go.mod or lie beside it.
        module: where `{version}`, `{major}` and `{minor}` in the ldflags come from.
    """

    binaries: dict[str, str]
    tags: str = ""
    ldflags: str = "-s -w"
    cgo: bool = False
    module: str = ""


FAMILIES: Final[dict[str, Family]] = {
    "etcd": Family({"etcd": "go.etcd.io/etcd/server/v3"}),
    "kubernetes": Family(
        {
            name: f"{_KUBE}/{name}"
            for name in (
                "kube-apiserver",
                "kube-controller-manager",
                "kubectl",
                "kubelet",
                "kube-scheduler",
                "kube-proxy",
            )
        },
        tags="selinux,notest,grpcnotrace",
        ldflags=_KUBERNETES_LDFLAGS,
        module="k8s.io/kubernetes",
    ),
    "crane": Family({"crane": "github.com/google/go-containerregistry/cmd/crane"}),
    # Without the seccomp tag (and so cgo) every pod with seccompProfile RuntimeDefault fails.
    "runc": Family(
        {"runc": "github.com/opencontainers/runc"},
        tags="netgo,osusergo,seccomp",
        ldflags="-s -w -extldflags -static -X main.version={version}",
        cgo=True,
        module="github.com/opencontainers/runc",
    ),
    "cni": Family(
        {
            "bridge": f"{_CNI}/main/bridge",
            "loopback": f"{_CNI}/main/loopback",
            "host-local": f"{_CNI}/ipam/host-local",
            "portmap": f"{_CNI}/meta/portmap",
        }
    ),
    "containerd": Family(
        {name: f"{_CONTAINERD}/{name}" for name in ("containerd", "containerd-shim-runc-v2")},
        tags="no_btrfs,no_devmapper,no_zfs",
    ),
    "registry": Family({"registry": "github.com/distribution/distribution/v3/cmd/registry"}),
    "coredns": Family({"coredns": "github.com/coredns/coredns"}, tags="grpcnotrace"),
    "helm": Family({"helm": "helm.sh/helm/v4/cmd/helm"}),
    "kwok": Family({"kwok": "sigs.k8s.io/kwok/cmd/kwok"}),
    "pause": Family({"pause": "."}),
    "gitops": Family({"gitops": "."}),
}

CONTROL_PLANE: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
FAKE_NODES: Final = ("kube-scheduler", "kwok")
NODE: Final = (
    "kubelet",
    "kube-scheduler",
    "kube-proxy",
    "runc",
    "bridge",
    "loopback",
    "host-local",
    "portmap",
    "containerd",
    "containerd-shim-runc-v2",
    "registry",
    "crane",
    "pause",
    "coredns",
)


def _family_of(binary: str) -> tuple[str, Family]:
    for name, family in FAMILIES.items():
        if binary in family.binaries:
            return name, family
    raise RuntimeError(f"component {binary!r} is unknown; FAMILIES in {__file__} lists those there are")


def _flags(name: str, family: Family) -> list[str]:
    ldflags = family.ldflags
    if family.module:
        go_mod = (_SOURCES / name / "go.mod").read_text()
        found = re.search(rf"{re.escape(family.module)} v((\d+)\.(\d+)\.\S+)", go_mod)
        if found is None:
            raise RuntimeError(f"components/{name}/go.mod: no requirement of {family.module} found")
        ldflags = ldflags.format(version=found[1], major=found[2], minor=found[3])
    return ["-trimpath", "-tags", family.tags, "-ldflags", ldflags]


def _key(name: str, family: Family, flags: list[str], go_version: str) -> str:
    digest = hashlib.sha256(repr((flags, family.cgo, go_version)).encode())
    for file in sorted((_SOURCES / name).iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _build(binary: str) -> Path:
    name, family = _family_of(binary)
    go, go_version = toolchain()
    flags = _flags(name, family)
    root = cache_dir() / "components"
    target = root / f"{binary}-{_key(name, family, flags, go_version)}" / binary
    if target.exists():
        return target
    # One lock per family: its binaries share most of what is compiled.
    with locked(root / f".{name}.lock"):
        if target.exists():
            return target
        with tempfile.TemporaryDirectory(prefix=f".{binary}-", dir=root) as work:
            built = Path(work) / "out" / binary
            run_long(
                f"building {binary} (once on this machine)",
                [str(go), "build", *flags, "-o", str(built), family.binaries[binary]],
                cache_dir() / "logs" / f"build-{binary}.log",
                env=go_env(CGO_ENABLED="1" if family.cgo else "0", GOOS="linux"),
                cwd=_SOURCES / name,
            )
            shutil.rmtree(target.parent, ignore_errors=True)
            built.parent.rename(target.parent)
    return target


def component(binary: str) -> Path:
    """Path of a component, built now if this machine has none of this version.

    $KUBEBUILDER_ASSETS, the folder that setup-envtest makes, is asked first.

    Raises:
        RuntimeError: unknown component, or the build failed.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and os.access(Path(assets) / binary, os.X_OK):
        return (Path(assets) / binary).absolute()
    return _build(binary)


def link(binaries: Iterable[str], folder: Path) -> None:
    """Builds components and links them into one folder: containerd finds its shim by PATH, CNI by folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for binary in binaries:
        path = component(binary)
        place = folder / binary
        if not place.is_symlink() or place.readlink() != path:
            place.unlink(missing_ok=True)
            place.symlink_to(path)


def linked(binaries: Iterable[str], folder: Path) -> bool:
    """Whether the folder holds these components at the versions of now."""
    return all(
        (folder / binary).is_symlink() and (folder / binary).readlink() == component(binary)
        for binary in binaries
    )
