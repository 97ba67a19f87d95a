"""The Python base that images are built on where no public one can be pulled: Debian, made by debootstrap."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from e2e.cluster.cache import cache_dir
from e2e.cluster.oci import Registry
from e2e.cluster.packages import ensure_image_packages
from e2e.cluster.progress import run_long

_SUITE: Final = "trixie"
_PACKAGES: Final = "ca-certificates,python3,python3-venv"
_LEFT_OUT: Final = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "var/lib/apt/lists",
    "var/cache/apt",
    "var/cache/debconf",
    "var/log",
)
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _mirror() -> str:
    """Where this machine's own packages come from.

    Raises:
        RuntimeError: apt's sources name no mirror of Debian.
    """
    ask = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian", "Label: Debian"]
    # Only what was downloaded once says whose it is.
    for prepare in ([], ["apt-get", "update", "-q"]):
        if prepare:
            run_long("asking the Debian mirror for its lists", prepare, cache_dir() / "logs" / "apt.log")
        found = subprocess.run(ask, capture_output=True, text=True).stdout.split()
        if found:
            return found[0]
    raise RuntimeError("apt's sources name no mirror of Debian, which the base image is made from; add one")


def base_image(registry: Registry) -> str:
    """Reference by digest of a Debian with Python 3.13, made and pushed unless the registry has it."""
    recipe = repr((_SUITE, _PACKAGES, _LEFT_OUT, _PATH))
    image = registry.image("base", hashlib.sha256(recipe.encode()).hexdigest()[:16])
    found = registry.digest(image)
    if found is not None:
        return found
    ensure_image_packages()
    log = cache_dir() / "logs" / "base.log"
    with tempfile.TemporaryDirectory(prefix="base-", dir=cache_dir()) as work:
        root, layer = Path(work) / "root", Path(work) / "base.tar"
        bootstrap = [
            "debootstrap",
            "--variant=minbase",
            f"--include={_PACKAGES}",
            _SUITE,
            str(root),
            _mirror(),
        ]
        run_long("making the Debian base (once for this registry)", bootstrap, log)
        for folder in _LEFT_OUT:
            shutil.rmtree(root / folder, ignore_errors=True)
            (root / folder).mkdir()
        # Times stay as they are: by other ones Python would find its bytecode outdated.
        pack = [
            "tar",
            "--create",
            "--numeric-owner",
            "--sort=name",
            f"--file={layer}",
            f"--directory={root}",
            ".",
        ]
        subprocess.run(pack, check=True)
        settings = [
            "--set-platform=linux/amd64",
            f"--env=PATH={_PATH}",
            "--env=LANG=C.UTF-8",
            "--cmd=python3",
        ]
        return registry.append(layer, image, settings)
