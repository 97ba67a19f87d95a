"""What to do next, for every reason that there is."""

import re
import shlex

import pytest

from mlapi_operator.api import conditions
from mlapi_operator.api.conditions import REASONS, Reason
from mlapi_operator.cli import main
from mlapi_operator.cli.advice import STEPS, what_next
from tests.support import statuses
from tests.support.mlapis import mlapi
from tests.support.strategies import Object

GOOD = {
    conditions.ACCEPTED,
    conditions.IMAGE_READY,
    conditions.MODEL_AVAILABLE,
    conditions.SCHEDULED,
    conditions.AVAILABLE,
    conditions.SERVING,
    conditions.LATENCY_WITHIN_TARGET,
    conditions.READY,
}
BAD = [reason for reason in REASONS if reason not in GOOD]
OF_LATENCY = {conditions.ABOVE_TARGET, conditions.TOO_FEW_REQUESTS, conditions.NO_DATA}


def failing(reason: str, spec: Object | None = None, **status: object) -> Object:
    manifest = mlapi(spec or {})
    manifest["metadata"] |= {"namespace": "team-a", "generation": 1}
    ready = statuses.condition("Ready", "False", reason, "said so")
    rollout = {"revision": statuses.NEW}
    manifest["status"] = {"observedGeneration": 1, "conditions": [ready], "rollout": rollout, **status}
    return manifest


@pytest.mark.parametrize("reason", BAD, ids=lambda reason: f"{reason.condition}-{reason}")
def test_steps_of_each_reason_are_known_and_filled_in(reason: Reason) -> None:
    if reason in OF_LATENCY:
        assert reason.name in STEPS
        return
    steps = what_next(failing(reason.name), "-n team-a")
    assert steps
    for step in steps:
        assert not re.search(r"\{[a-z]", step), step
        if step.startswith(("kubectl ", "mlapi ")):
            shlex.split(step)  # raises where a quote is left open


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("CrashLoop", f"kubectl logs -n team-a -l mlapi.dev/name=digits,mlapi.dev/revision={statuses.NEW}"),
        ("OOMKilled", "raise spec.resources.limits.memory"),
        ("ChecksumMismatch", "correct spec.model.sha256"),
        ("PullDenied", "kubectl create secret docker-registry -n team-a"),
        ("UntoleratedTaint", "spec.scheduling.tolerations"),
        ("RolledBack", "mlapi rollback digits -n team-a"),
        ("ProgressDeadlineExceeded", "spec.rollout.progressDeadlineSeconds"),
        ("Suspended", "set spec.suspend to false"),
        ("Downloading", "mlapi status digits -n team-a --watch"),
    ],
)
def test_step_of_a_reason_names_the_field_or_the_command(reason: str, step: str) -> None:
    assert any(step in found for found in what_next(failing(reason), "-n team-a"))


def test_step_of_amd_devices_lists_these() -> None:
    manifest = failing("InsufficientGPU", gpu={"resourceName": "amd.com/gpu"})
    assert any("limits.amd\\.com/gpu" in step for step in what_next(manifest, "-n team-a"))


def test_steps_while_paused_are_to_let_the_revision_out() -> None:
    steps = what_next(failing("Updating", {"rollout": {"paused": True}}), "-n team-a")
    assert steps[0] == "let the revision out: set spec.rollout.paused to false"
    assert steps[1].startswith("kubectl patch mlapi -n team-a digits")


def test_steps_of_a_reason_of_a_newer_operator_lead_to_its_message_and_events() -> None:
    steps = what_next(failing("Bewitched"), "-n team-a")
    assert "kubectl events -n team-a --for mlapi/digits" in steps


def test_steps_of_what_stalls_stand_beside_those_of_what_fails_first() -> None:
    manifest = failing("Updating")
    manifest["status"]["conditions"].append(statuses.condition("Stalled", "True", "NotFound", "404"))
    steps = what_next(manifest, "-n team-a")
    assert any("--watch" in step for step in steps)
    assert any("spec.model.uri" in step for step in steps)


def test_steps_of_what_stalls_end_with_the_way_back_where_there_is_one() -> None:
    manifest = failing("ChecksumMismatch")
    manifest["status"]["conditions"].append(
        statuses.condition("Stalled", "True", "ChecksumMismatch", "said so")
    )
    assert not any("rollback" in step for step in what_next(manifest, "-n team-a"))
    manifest["status"]["rollout"]["stableRevision"] = statuses.OLD
    assert what_next(manifest, "-n team-a")[-1] == "mlapi rollback digits -n team-a"


def test_ready_one_needs_no_step() -> None:
    manifest = failing("Answering")
    manifest["status"]["conditions"][0]["status"] = "True"
    assert what_next(manifest, "-n team-a") == []


@pytest.mark.parametrize("command", ["status", "history", "rollback"])
def test_commands_of_a_cluster_have_the_options_of_kubectl(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = capsys.readouterr().out
    assert all(option in shown for option in ("-n", "--namespace", "--context", "--kubeconfig"))
