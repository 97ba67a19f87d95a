"""A pod of one framework needs and loads no other; its launcher and supervisor load no model library."""

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import httpx
import pytest

from tests.contract.conftest import FRAMEWORKS
from tests.support.onnx_models import digits
from tests.support.serving import Pod, configuration

IMAGES = Path(__file__).parents[2] / "images"
FOLDERS = dict(zip(FRAMEWORKS, ("fastapi", "litestar", "django-ninja"), strict=True))
PACKAGES = {"FastAPI": {"fastapi"}, "Litestar": {"litestar"}, "DjangoNinja": {"django", "ninja"}}
WORKER = """
import json, os, sys
from mlapi_runtime.application import Application
from mlapi_runtime.config import parse
from mlapi_runtime.shared import Shared
shared = Shared(1)
Application(parse(os.environ), shared, shared.slots[0])
print(json.dumps([name.partition(".")[0] for name in sys.modules]))
"""
WITHOUT = """
import sys
for name in {absent}:
    sys.modules[name] = None  # importing it fails
"""


def locked(framework: str) -> set[str]:
    """Distributions in the image of a framework."""
    lock = (IMAGES / FOLDERS[framework] / "requirements.lock").read_text()
    return {re.sub("[-_.]+", "-", name).lower() for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}


def imported(framework: str, folder: Path, model: Path) -> set[str]:
    """Packages that a worker has imported once it holds its application."""
    environment = Pod(folder, configuration(model, framework=framework)).environment
    command = [sys.executable, "-P", "-c", WORKER]
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return set(json.loads(outcome.stdout))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_worker_imports_its_framework_and_no_other(framework: str, tmp_path: Path, model: Path) -> None:
    found = imported(framework, tmp_path, model)
    assert found >= PACKAGES[framework] | {"onnxruntime", "msgspec"}
    others = set().union(*PACKAGES.values()) - PACKAGES[framework]
    assert not found & (others | {"sklearn", "skops", "scipy", "mlapi_operator", "kopf", "kubernetes"})


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_pod_needs_nothing_that_its_image_does_not_hold(framework: str, tmp_path: Path, model: Path) -> None:
    here = locked(framework)
    absent = {
        package
        for package, distributions in packages_distributions().items()
        if here.isdisjoint(re.sub("[-_.]+", "-", name).lower() for name in distributions)
    }
    assert {"kopf", "pytest", *set().union(*PACKAGES.values()) - PACKAGES[framework]} <= absent
    (tmp_path / "sitecustomize.py").write_text(WITHOUT.format(absent=absent))
    with Pod(tmp_path, configuration(model, framework=framework), source=tmp_path) as pod:
        answer = httpx.post(f"{pod.started().url}/predict", json={"X": digits().held_out[:1].tolist()})
        assert answer.status_code == 200
        assert httpx.get(f"{pod.url}/openapi.json").status_code == 200
        assert httpx.get(f"{pod.url}/docs").status_code == 200


def test_launcher_and_supervisor_hold_no_model_library(tmp_path: Path, model: Path) -> None:
    with Pod(tmp_path, configuration(model)) as pod:
        pod.started()
        (worker,) = pod.workers()
        supervisor = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
        assert "onnxruntime" in Path(f"/proc/{worker}/maps").read_text()
        for process in (pod.process.pid, supervisor):
            mapped = Path(f"/proc/{process}/maps").read_text()
            assert "onnxruntime" not in mapped
            assert "numpy" not in mapped


def test_hook_costs_no_import_until_it_is_asked_for(tmp_path: Path, model: Path) -> None:
    environment = Pod(tmp_path, configuration(model)).environment
    code = "import sys, mlapi_runtime; print([name for name in sys.modules if name.startswith('mlapi')])"
    command = [sys.executable, "-P", "-c", code]
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "['mlapi_runtime']"
