"""The locks of the serving images: what runs on a laptop is what runs in the pod."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import mlapi_operator
from mlapi_operator.cli.problem import Problem

# Framework -> folder of its image, and the package that `--framework-version` means.
IMAGES: Final = {
    "FastAPI": ("fastapi", "fastapi"),
    "Litestar": ("litestar", "litestar"),
    "DjangoNinja": ("django-ninja", "django-ninja"),
}
_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: *; *([^\\]*[^\\ ]))?", re.MULTILINE)


class Incomplete(Problem):
    """This installation lacks a part that it should have."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One line of a lock; `marker` says for which Python or platform, empty for all."""

    name: str
    version: str
    marker: str


def lock(framework: str) -> Path:
    """The lock of a framework's image: beside the package in a wheel, in `images/` of a clone.

    Raises:
        Incomplete: it is in neither.
    """
    image, _ = IMAGES[framework]
    package = Path(mlapi_operator.__file__).parent
    for images in (package / "locks", package.parents[1] / "images"):
        if (found := images / image / "requirements.lock").is_file():
            return found
    raise Incomplete(f"the lock of {framework} is not installed; install mlapi-operator[cli] again")


def pins(text: str) -> list[Pin]:
    """What a lock pins, without the hashes."""
    return [Pin(name, version, marker or "") for name, version, marker in _PIN.findall(text)]


def runtime_packages() -> list[Path]:
    """Folders of the two packages that a serving process imports; found, never imported.

    Raises:
        Incomplete: they are not installed.
    """
    found = []
    for name in ("mlapi_runtime", "mlapi_stats"):
        spec = find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise Incomplete(
                f"{name} is not installed; install mlapi-operator[cli] again, or in a clone "
                "put images/runtime on the PYTHONPATH"
            )
        found.append(Path(next(iter(spec.submodule_search_locations))))
    return found
