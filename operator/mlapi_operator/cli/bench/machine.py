"""Where figures come from; nothing that names the machine."""

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Final

from mlapi_operator import __version__
from mlapi_operator.cli.bench import wrk
from mlapi_operator.cli.bench.cores import Cores
from mlapi_operator.cli.environment import Environment

# What a request passes through, and what the model runs in.
PACKAGES: Final = (
    "fastapi",
    "starlette",
    "litestar",
    "django",
    "django-ninja",
    "pydantic",
    "msgspec",
    "gunicorn",
    "uvicorn",
    "uvicorn-worker",
    "uvloop",
    "httptools",
    "numpy",
    "onnxruntime",
    "scikit-learn",
)
_ASK: Final = """
import importlib.metadata, sys
for name in sys.argv[1:]:
    try: print(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError: pass
"""


def describe(cores: Cores) -> dict[str, str]:
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    apart = "threads of one physical core" if cores.siblings else "different physical cores"
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": f"{os.cpu_count()}; server on {cores.server}, client on {cores.client}, {apart}",
        "memory": f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "unknown",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "client": _wrk_version(),
        "mlapi": __version__,
        "load before": f"{os.getloadavg()[0]:.2f} (mean of a minute)",
    }


def versions(environment: Environment) -> dict[str, str]:
    """Package -> version, of those in `PACKAGES` that the environment has."""
    done = subprocess.run(
        [environment.python, "-I", "-c", _ASK, *PACKAGES], capture_output=True, text=True, check=True
    )
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def _wrk_version() -> str:
    done = subprocess.run([wrk.find(), "-v"], capture_output=True, text=True, check=False)
    return " ".join((done.stdout or done.stderr).split()[:2])
