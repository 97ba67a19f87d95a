"""Builds and pushes the images of this repository; the registry tells which are unchanged."""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from e2e.cluster.base import base_image
from e2e.cluster.buildah import Buildah, one_build
from e2e.cluster.cache import cache_dir
from e2e.cluster.cluster import Cluster
from e2e.cluster.context import copied, fill
from e2e.cluster.layout import clusters_dir
from e2e.cluster.oci import Registry
from e2e.cluster.packages import ensure_image_packages

_REPOSITORY: Final = Path(__file__).parents[2]
# Changes of how images are built, other than those of their inputs, count here.
_RECIPE: Final = "2"
_CA_BUNDLE: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_PIP_CONFIG: Final = Path("/etc/pip.conf")
# Run by the image's own Python: what a builder must know of the image it extends.
_DESCRIBE: Final = """
import importlib.metadata, json, platform, re, sys
found = {re.sub(r"[-_.]+", "-", d.name).lower(): d.version for d in importlib.metadata.distributions()}
major, minor = platform.libc_ver()[1].split(".")[:2]
print(json.dumps({
    "mlapi.dev/lock": " ".join(f"{name}=={version}" for name, version in sorted(found.items())),
    "mlapi.dev/python": f"{sys.version_info.major}.{sys.version_info.minor}",
    "mlapi.dev/platform": f"{platform.machine()}-manylinux_{major}_{minor}",
}))
"""


def _host_files() -> list[str]:
    """Mounts by which a build reaches the package index as this machine does; nothing of them stays."""
    files = [file for file in (_CA_BUNDLE, _PIP_CONFIG) if file.exists()]
    return [f"--volume={file}:{file}:ro" for file in files]


def build_image(folder: Path, base: str, registry: Registry, repository: Path = _REPOSITORY) -> str:
    """Builds and pushes the image of a Containerfile, unless the registry has it with the same inputs.

    Args:
        folder: holds the Containerfile, which takes its base as `ARG BASE`; names the image.
        base: reference by digest.
        repository: root of the paths that the Containerfile copies.
    Returns:
        Reference by digest.
    Raises:
        RuntimeError: the build or the push failed.
        ValueError, FileNotFoundError: the Containerfile copies what cannot be known or is not there.
    """
    text = (folder / "Containerfile").read_text()
    with tempfile.TemporaryDirectory(prefix="mlapi-context-") as work:
        context = Path(work)
        inputs = fill(repository, copied(text), context)
        key = hashlib.sha256("\0".join((_RECIPE, text, inputs, base)).encode()).hexdigest()[:16]
        image = registry.image(folder.name, key)
        found = registry.digest(image)
        if found is not None:
            return found
        ensure_image_packages()
        with one_build() as buildah:
            # Another process may have built it while this one waited.
            return registry.digest(image) or _build(buildah, folder, base, registry, context, image)


def _build(buildah: Buildah, folder: Path, base: str, registry: Registry, context: Path, image: str) -> str:
    name, logs = folder.name, cache_dir() / "logs"
    tls = f"--tls-verify={str(not registry.plain_http).lower()}"
    local, raw = f"localhost/{name}:build", f"{image}-raw"
    for container in buildah.output("containers", "--quiet").split():
        buildah.output("rm", container)  # of a killed build
    buildah.run(
        f"building image {name}",
        logs / f"image-{name}.log",
        # No --timestamp: Python would take the bytecode for outdated.
        "bud",
        "--isolation=chroot",
        "--layers",  # a change of our sources alone does not install dependencies again
        tls,
        f"--build-arg=BASE={base}",
        *_host_files(),
        f"--file={folder / 'Containerfile'}",
        f"--tag={local}",
        str(context),
    )
    labels = _describe(buildah, local)
    buildah.run(f"pushing image {name}", logs / f"push-{name}.log", "push", tls, local, f"docker://{raw}")
    # Only now does the tag that means `built` appear.
    return registry.change(raw, image, [f"--label={label}={value}" for label, value in labels.items()])


def _describe(buildah: Buildah, image: str) -> dict[str, str]:
    container = buildah.output("from", "--pull=never", image)
    try:
        answer = buildah.output(
            "run", "--isolation=chroot", container, "--", "/opt/app/bin/python", "-c", _DESCRIBE
        )
    finally:
        buildah.output("rm", container)
    labels: dict[str, str] = json.loads(answer)
    return labels


def build_images(cluster: Cluster, names: Sequence[str] = ()) -> dict[str, str]:
    """Builds what is missing in the cluster's registry.

    Args:
        names: folders of images/; all that have a Containerfile when empty.
    Returns:
        Name -> reference by digest; also written to images.json beside the clusters' folders.
    """
    registry = Registry(cluster.registry)
    base = base_image(registry)
    folders = sorted(file.parent for file in (_REPOSITORY / "images").glob("*/Containerfile"))
    unknown = set(names) - {folder.name for folder in folders}
    if unknown:
        raise RuntimeError(
            f"images {sorted(unknown)}: no Containerfile; there are {[f.name for f in folders]}"
        )
    references = {}
    for folder in folders:
        if not names or folder.name in names:
            references[folder.name] = build_image(folder, base, registry)
    file = clusters_dir() / "images.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(references, indent=1))
    return references
