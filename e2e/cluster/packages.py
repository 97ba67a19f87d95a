"""The Debian packages that clusters with nodes and image builds need; installed when missing."""

import os
import shutil
from pathlib import Path
from typing import Final

from e2e.cluster.cache import cache_dir
from e2e.cluster.progress import run_long

# Package -> what shows that it is there.
_NODE: Final = {
    "iproute2": "ip",
    "nftables": "nft",
    "conntrack": "conntrack",
    "openssl": "openssl",
    "procps": "sysctl",
    "gcc": "gcc",
    "libc6-dev": "/usr/include/stdlib.h",
    "libseccomp-dev": "/usr/include/seccomp.h",
}
_IMAGES: Final = {"debootstrap": "debootstrap", "buildah": "buildah"}
_SBIN: Final = "/usr/local/sbin:/usr/sbin:/sbin"


def _there(sign: str) -> bool:
    return Path(sign).exists() if sign.startswith("/") else shutil.which(sign) is not None


def _ensure(signs: dict[str, str]) -> None:
    if "/usr/sbin" not in os.environ["PATH"].split(":"):
        os.environ["PATH"] += f":{_SBIN}"
    missing = [package for package, sign in signs.items() if not _there(sign)]
    if not missing:
        return
    names = " ".join(missing)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise RuntimeError(
            f"missing on this machine: {names} (names of Debian); install them, or run as root on Debian"
        )
    log = cache_dir() / "logs" / "apt.log"
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run_long("refreshing the list of Debian packages", ["apt-get", "update"], log, env)
    run_long(
        f"installing {names}", ["apt-get", "install", "-y", "--no-install-recommends", *missing], log, env
    )


def ensure_node_packages() -> None:
    """Installs what bringing up a node needs.

    Raises:
        RuntimeError: something is missing and this user or system cannot install it; names it.
    """
    _ensure(_NODE)


def ensure_image_packages() -> None:
    """Installs what building images needs; raises as `ensure_node_packages`, and for want of root."""
    if os.geteuid() != 0:
        raise RuntimeError("building images needs root (debootstrap, buildah with chroot isolation)")
    _ensure(_IMAGES)


def why_no_node() -> str | None:
    """Why this process cannot have a cluster with a node; None when it can."""
    if os.environ.get("KUBECONFIG") and os.environ.get("REGISTRY"):
        return None
    if os.geteuid() != 0:
        return "a node needs root (network namespaces, containers); or set KUBECONFIG and REGISTRY"
    status = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line
    )
    capabilities = int(status["CapEff"], 16)
    for name, bit in (("CAP_NET_ADMIN", 12), ("CAP_SYS_ADMIN", 21)):
        if not capabilities >> bit & 1:
            return f"a node needs {name}, which root lacks here; or set KUBECONFIG and REGISTRY"
    return None
