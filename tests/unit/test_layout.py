"""The shape of the repository that everything else relies on."""

import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPERATOR = {"kopf", "kubernetes", "aiohttp"}
FRAMEWORKS = {
    "fastapi": {"fastapi", "starlette"},
    "litestar": {"litestar"},
    "django-ninja": {"django", "django-ninja"},
}
SERVING = {"gunicorn", "onnxruntime", "scikit-learn"}.union(*FRAMEWORKS.values())


def test_folder_operator_does_not_shadow_the_standard_library() -> None:
    # Started as a user would, in the root of the repository, with the folder `operator` beside it.
    found = subprocess.run(
        [sys.executable, "-c", "import operator, collections; print(operator.__file__)"],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert Path(found) == Path(sysconfig.get_path("stdlib")) / "operator.py"


@pytest.mark.parametrize("image", ["operator", *FRAMEWORKS])
def test_lock_of_an_image_holds_only_what_its_role_needs(image: str) -> None:
    pins = _locked(ROOT / "images" / image / "requirements.lock")
    others = set().union(*(own for name, own in FRAMEWORKS.items() if name != image))
    found = {pin.partition("==")[0] for pin in pins}
    assert not found & (SERVING if image == "operator" else OPERATOR | others)
    assert found >= FRAMEWORKS.get(image, set())


@pytest.mark.parametrize("image", FRAMEWORKS)
def test_lock_of_a_serving_image_begins_with_what_they_share(image: str) -> None:
    shared = _locked(ROOT / "images" / "runtime.lock")
    assert shared
    assert shared <= _locked(ROOT / "images" / image / "requirements.lock")


@pytest.mark.parametrize("image", ["operator", *FRAMEWORKS])
def test_lock_of_an_image_is_part_of_what_the_tests_run_with(image: str) -> None:
    tested = _locked(ROOT / "tests" / "requirements.lock")
    shipped = _locked(ROOT / "images" / image / "requirements.lock")
    assert {_version(pin) for pin in shipped} <= {_version(pin) for pin in tested}


def test_locks_name_no_index_and_hash_every_package() -> None:
    for lock in [*ROOT.glob("**/requirements.lock"), *ROOT.glob("images/*.lock")]:
        text = lock.read_text()
        assert "://" not in text
        for pin in re.findall(r"^[a-z].*$(?:\n    --hash=.*)*", text, re.MULTILINE):
            assert "--hash=sha256:" in pin, pin


def test_version_is_the_same_everywhere() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = (ROOT / "charts" / "mlapi-operator" / "Chart.yaml").read_text()
    assert f'__version__ = "{declared}"' in (ROOT / "operator/mlapi_operator/__init__.py").read_text()
    assert re.search(rf'^appVersion: "?{re.escape(declared)}"?$', chart, re.MULTILINE)


def _version(pin: str) -> str:
    """Without the marker: the tests may need everywhere what an image needs on some platform."""
    return pin.rstrip("\\ ").partition(" ;")[0]


def _locked(lock: Path) -> set[str]:
    """Each pin, with its version and marker."""
    return {line for line in lock.read_text().splitlines() if re.match(r"[a-z0-9]", line)}
