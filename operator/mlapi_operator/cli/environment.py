"""A Python environment for one framework, made from the lock of its image."""

import contextlib
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from mlapi_operator.cli import cache, children, locks
from mlapi_operator.cli.problem import Problem

Report = Callable[[str], None]

_NO_WHEEL: Final = ("no wheel", "no source distribution", "no usable wheels", "building source distributions")
_NO_NETWORK: Final = ("failed to fetch", "error sending request", "dns error", "connect error")
_LAST_LINES: Final = 12


class PreparationFailed(Problem):
    """There is no environment; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Environment:
    """`python` has the packages of the image; `variables` put the runtime's own two packages on its path."""

    python: Path
    variables: dict[str, str]


def prepare(framework: str, *, version: str | None = None, report: Report) -> Environment:
    """The environment of a framework, made if it is not there.

    Args:
        framework: as in `spec.framework.name`.
        version: of the framework, instead of the one that the lock pins; what else is pinned stays as far as
            that version can live with it.
        report: told what happens, a line each; nothing when all is there.
    Raises:
        PreparationFailed
    """
    try:
        lock = locks.lock(framework)
        variables = {"PYTHONPATH": str(_importable(locks.runtime_packages()))}
    except locks.Incomplete as error:
        raise PreparationFailed(str(error)) from error
    wanted = f"{sys.version}\n{sys.base_prefix}\n{version or ''}\n{lock.read_text()}"
    environment = cache.folder("environments") / f"{locks.IMAGES[framework][0]}-{_key(wanted)}"
    ready = environment / "ready"
    with cache.locked(environment):
        if not ready.exists():
            report(f"preparing the environment of {framework} {version or ''}".rstrip())
            try:
                _make(environment, framework, version, lock.read_text(), report)
            except PreparationFailed:
                shutil.rmtree(environment, ignore_errors=True)
                raise
            ready.touch()
    return Environment(environment / "bin" / "python", variables)


def _make(environment: Path, framework: str, version: str | None, lock: str, report: Report) -> None:
    _uv(["venv", "--quiet", "--clear", "--python", sys.executable, str(environment)], framework, report)
    requirements = environment / "requirements.lock"
    requirements.write_text(lock)
    if version is not None:
        _move(requirements, framework, version, report)
    python = ["--python", str(environment / "bin" / "python")]
    # No build: a compiler that works for minutes and then fails is no help.
    install = ["pip", "install", *python, "--require-hashes", "--no-build", "-r", str(requirements)]
    _uv(install, framework, report)


def _move(requirements: Path, framework: str, version: str, report: Report) -> None:
    """Pins another version of the framework; of a file that it writes anew uv keeps the pins that it can."""
    package = locks.IMAGES[framework][1]
    wanted = {
        f"{pin.name}=={version}" if pin.name == package else f"{pin.name} ; {pin.marker}".rstrip(" ;")
        for pin in locks.pins(requirements.read_text())
    }
    names = requirements.with_name("requirements.in")
    names.write_text("\n".join(sorted(wanted)) + "\n")
    compile_ = ["pip", "compile", "--quiet", "--python", sys.executable, "--generate-hashes", "--no-header"]
    _uv(
        [*compile_, "--upgrade-package", package, str(names), "-o", str(requirements)],
        f"{framework} {version}",
        report,
    )


def _importable(packages: Sequence[Path]) -> Path:
    """A folder in which these packages are, and nothing else that an installation may hold."""
    folder = cache.folder(f"runtime/{_key(chr(10).join(map(str, packages)))}")
    for package in packages:
        with contextlib.suppress(FileExistsError):
            (folder / package.name).symlink_to(package)
    return folder


def _uv(arguments: Sequence[str], what: str, report: Report) -> None:
    """Runs uv and reports its lines.

    Raises:
        PreparationFailed: it says that it failed.
    """
    quiet = ["--no-progress", "--no-python-downloads", "--color", "never"]
    try:
        command = children.with_parent([find_uv_bin(), *arguments, *quiet])
    except children.Missing as error:
        raise PreparationFailed(str(error)) from error
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            report(lines[-1])
    if process.returncode:
        said = "\n".join(lines[-_LAST_LINES:])
        raise PreparationFailed(f"the environment of {what} cannot be prepared:\n{said}\n{_remedy(said)}")


def _remedy(said: str) -> str:
    text = " ".join(said.lower().split())
    if any(words in text for words in _NO_WHEEL):
        return (
            f"Not every package has a wheel for this Python ({sys.version.split()[0]}); "
            "run mlapi with Python 3.11, 3.12 or 3.13."
        )
    if any(words in text for words in _NO_NETWORK):
        return (
            "The package index is asked once per framework: is it reachable? uv's own variables name another "
            "one (UV_DEFAULT_INDEX), a proxy (HTTPS_PROXY), a private authority (SSL_CERT_FILE)."
        )
    return "The lines above are uv's."


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
