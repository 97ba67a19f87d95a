"""A registry as crane sees it: is an image there, put one there."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from e2e.cluster.components import component
from e2e.cluster.processes import WITH_PARENT
from e2e.cluster.ready import answers


class Registry:
    """One registry, or one path in it.

    Args:
        address: host:port or host:port/path; it is asked with plain HTTP if it answers that.
    """

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self.plain_http = answers(f"http://{address.split('/')[0]}/v2/")

    def image(self, name: str, tag: str) -> str:
        return f"{self._address}/{name}:{tag}"

    def digest(self, image: str) -> str | None:
        """Reference by digest; None when the registry has no such image.

        Raises:
            RuntimeError: the registry does not say.
        """
        result = self._crane("digest", image)
        if result.returncode == 0:
            return f"{image.rpartition(':')[0]}@{result.stdout.strip()}"
        if any(text in result.stderr for text in ("MANIFEST_UNKNOWN", "NAME_UNKNOWN", "404")):
            return None
        raise RuntimeError(f"asking the registry for {image}: {result.stderr.strip()}")

    def append(self, layer: Path, image: str, settings: Sequence[str]) -> str:
        """Pushes an image of one layer (a tar file) and returns its reference by digest.

        Args:
            settings: options of `crane mutate`.
        """
        raw = f"{image}-raw"
        self._must("append", "--oci-empty-base", "--new_layer", str(layer), "--new_tag", raw)
        return self.change(raw, image, settings)

    def change(self, source: str, image: str, settings: Sequence[str]) -> str:
        """Pushes `source` with other settings as `image` and returns its reference by digest."""
        self._must("mutate", *settings, "--tag", image, source)
        reference = self.digest(image)
        if reference is None:
            raise RuntimeError(f"the registry took {image} and does not have it")
        return reference

    def _must(self, *arguments: str) -> None:
        result = self._crane(*arguments)
        if result.returncode != 0:
            raise RuntimeError(f"crane {' '.join(arguments)}: {result.stderr.strip()}")

    def _crane(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        insecure = ["--insecure"] if self.plain_http else []
        return subprocess.run(
            [*WITH_PARENT, component("crane"), *arguments, *insecure], capture_output=True, text=True
        )
