"""The health script of docs/gitops/argo-cd with its test data, in the layout of Argo CD's own tree."""

from typing import Any

import pytest
import yaml

from e2e.verdicts import ARGO, Judges
from tests.gitops.test_verdicts import CASES, golden

TESTS = ARGO / "health_test.yaml"
CONFIG_MAP = ARGO.parents[1] / "argocd-cm.yaml"
CUSTOMIZATION = "resource.customizations.health.mlapi.dev_MLApi"

Object = dict[str, Any]


def inputs() -> dict[str, Object]:
    """Every golden status, and the two states in which the operator has not looked yet."""
    ready = golden("ready")
    changed = {**ready, "metadata": {**ready["metadata"], "generation": ready["metadata"]["generation"] + 1}}
    untouched = {**ready, "status": {"observedGeneration": -1}}
    return {**{case: golden(case) for case in CASES}, "changed": changed, "untouched": untouched}


def judged(states: dict[str, Object], asked: Judges) -> Object:
    tests = [
        {"healthStatus": asked.explain(state)["argo"], "inputPath": f"testdata/{name}.yaml"}
        for name, state in states.items()
    ]
    return {"tests": tests}


def test_test_data_is_the_golden_statuses(pytestconfig: pytest.Config, asked: Judges) -> None:
    if pytestconfig.getoption("--update-golden", default=False):
        for file in (ARGO / "testdata").iterdir():
            file.unlink()
        for name, state in inputs().items():
            (ARGO / "testdata" / f"{name}.yaml").write_text(yaml.safe_dump(state, sort_keys=False, width=110))
        TESTS.write_text(yaml.safe_dump(judged(inputs(), asked), sort_keys=False, width=110))
    written = {file.stem: yaml.safe_load(file.read_text()) for file in sorted((ARGO / "testdata").iterdir())}
    assert written == inputs()


def test_script_on_its_test_data_gives_the_written_health(asked: Judges) -> None:
    tests = yaml.safe_load(TESTS.read_text())["tests"]
    assert {test["inputPath"] for test in tests} == {f"testdata/{name}.yaml" for name in inputs()}
    for test in tests:
        state = yaml.safe_load((ARGO / test["inputPath"]).read_text())
        assert asked.explain(state)["argo"] == test["healthStatus"], test["inputPath"]


def test_config_map_of_argo_cd_holds_the_script() -> None:
    data = yaml.safe_load(CONFIG_MAP.read_text())["data"]
    assert data[CUSTOMIZATION] == (ARGO / "health.lua").read_text()
