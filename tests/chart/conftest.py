"""Helm itself, and what it makes of the chart."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster.components import component

CHART = Path(__file__).parents[2] / "charts" / "mlapi-operator"
GOLDEN = Path(__file__).parent / "golden"

Object = dict[str, Any]
Helm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Runs helm with the arguments given; the caller looks at the exit code."""
    program = component("helm")

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60)

    return run


@pytest.fixture(scope="session")
def render(helm: Helm) -> Callable[[Path], str]:
    """The chart's manifests under a file of values."""

    def rendered(values: Path) -> str:
        done = helm("template", "mlapi-operator", CHART, "--namespace", "mlapi-system", "--values", values)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return rendered


@pytest.fixture(scope="session")
def objects(render: Callable[[Path], str]) -> Callable[[str], list[Object]]:
    """The chart's objects in one of the golden cases."""
    return lambda case: list(yaml.safe_load_all(render(GOLDEN / case / "values.yaml")))
