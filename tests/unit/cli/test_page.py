"""What `mlapi status` prints: every status that the operator can write, and some of them to the letter."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from mlapi_operator.api.status import MLApiStatus
from mlapi_operator.cli.page import line, page
from mlapi_operator.cli.paper import plain
from mlapi_operator.cli.state import is_ready
from mlapi_operator.status.compose import status
from tests.support import statuses
from tests.support.kubelet import IMAGE
from tests.support.mlapis import mlapi
from tests.support.recorded import facts_of
from tests.support.statuses import NEW, OLD, WAITS, WORSE
from tests.support.strategies import Object, recordings, valid_mlapis

NOW = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
GOLDEN = Path(__file__).parents[2] / "golden" / "status"


def shown(found: Object | None, spec: Object | None = None, events: list[Object] | None = None) -> list[str]:
    manifest = mlapi(spec or {"replicas": 2})
    manifest["metadata"] |= {"namespace": "team-a", "uid": "u-1", "generation": 1}
    manifest |= {"status": found} if found else {}
    return plain(page(manifest, events or [], NOW, "-n team-a")).split("\n")


@pytest.mark.parametrize("made", [statuses.ready, statuses.waiting_for_gpu, statuses.rolled_back])
def test_statuses_of_these_tests_are_of_the_schema(made: Any) -> None:
    MLApiStatus.model_validate_json(json.dumps(made()), by_name=False, by_alias=True)


def test_page_of_a_ready_one_tells_what_runs_how_fast_and_how_it_started() -> None:
    events: list[Object] = [
        {"lastTimestamp": "2026-01-01T00:00:10Z", "reason": "Ready", "message": "answers", "type": "Normal"},
        {"lastTimestamp": "2026-01-01T00:00:50Z", "reason": "OOMKilled", "message": "died", "count": 3},
    ]
    assert shown(statuses.ready(), events=events) == [
        "team-a/digits: Ready, answering for 60s",
        f"Runs      FastAPI, revision {NEW}",
        "Model     digits, sha256:abababababab, 22.7 kB",
        f"Image     {IMAGE} (the operator's)",
        "URL       http://digits.team-a.svc",
        "Answers   p50 1.3ms, p95 140ms, p99 160ms; 82 requests/min (412 in 300 s), 0 % errors; "
        "2 pods, 5s ago",
        "Replicas  2 ready of 2, 2 up to date",
        f"Rollout   {NEW} is stable; accepted after 60 s",
        "",
        "Start",
        "  schedule       0 s",
        "  pull image     6 s  ████████████████████████",
        "  fetch model    3 s                          ████████████",
        "  load           1 s                                      ████",
        "  first answer  12 s  after the pod was made",
        "",
        "Revisions",
        "  NAME             FRAMEWORK  READY  REQUESTS    P50    P95  ERRORS  RESULT",
        f"  {NEW}  FastAPI        2       412  1.3ms  140ms     0 %  Active",
        f"  {OLD}  Litestar       0     5,200  1.2ms  3.9ms     1 %  Superseded",
        "",
        "Not as it should be",
        "  LatencyWithinTarget=False/AboveTarget  for 60s  p95 is 140ms, the target 100ms",
        "",
        "Last failure",
        "  2h ago, OOMKilled with exit code 137, digits-5d9f-abcde, container server: the server was killed",
        "",
        "Events",
        "  10s ago  OOMKilled x3  died",
        "  50s ago  Ready         answers",
        "",
        "What to do next",
        "  raise spec.replicas, spec.serving.workers or spec.resources.requests.cpu, "
        "or the target in spec.slo",
        "  mlapi history digits -n team-a",
    ]


def test_page_of_one_that_waits_for_a_gpu_says_so_once_and_why() -> None:
    assert shown(statuses.waiting_for_gpu()) == [
        "team-a/digits: WaitingForGPU, not ready (InsufficientGPU) for 60s",
        "Runs      no ready pod",
        "Answers   not measured yet",
        "Replicas  0 ready of 2, 1 up to date",
        "GPU       1 x nvidia.com/gpu per pod, H100, 2 nodes match, 0 devices free; "
        "the H100 have 81559 MiB, not 80Gi; write 80G",
        f"Rollout   to {NEW}, since 60s, InPlace (no matching device is free); waiting for a device",
        "",
        "Revisions",
        "  NAME             FRAMEWORK  READY  REQUESTS  P50  P95  ERRORS  RESULT",
        f"  {NEW}  FastAPI        0         -    -    -       -",
        "",
        "Not as it should be",
        f"  Scheduled=False/InsufficientGPU  for 60s  {WAITS}",
        "",
        "What to do next",
        "  free a device, or ask for less: spec.gpu.products, minMemory, count, sharing",
        "  kubectl get pods -A -o custom-columns='NAMESPACE:.metadata.namespace,POD:.metadata.name,"
        "NODE:.spec.nodeName,DEVICES:.spec.containers[*].resources.limits.nvidia\\.com/gpu'",
    ]


def test_page_of_a_rollback_names_what_runs_instead_and_the_ways_on() -> None:
    found = shown(statuses.rolled_back(), {})
    assert found[0] == ("team-a/digits: Degraded, not ready (RolledBack) for 60s; waiting does not help")
    assert found[1].startswith(f"{NEW} was rolled back: {WORSE}; change the spec")
    assert f"Runs      Litestar, revision {OLD}" in found
    assert f"Rollout   to {NEW}, stable is {OLD}" in found
    assert f"  {NEW}  FastAPI        0       400  1.3ms  4.0ms    10 %  RolledBack" in found
    assert f"  {NEW}:  {WORSE}" in found
    assert found[-3:] == [
        f"  mlapi history digits -n team-a --revision {NEW}",
        "  make the spec say what runs: mlapi rollback digits -n team-a",
        "  try the same again: kubectl patch mlapi -n team-a digits --type=merge "
        """-p '{"spec":{"rollout":{"retryToken":"retry-1"}}}'""",
    ]


def test_page_of_one_that_no_operator_has_seen_says_where_to_look() -> None:
    found = shown(None)
    assert found[0] == "team-a/digits: the operator has not looked at the present spec yet"
    assert "  kubectl get pods -A -l app.kubernetes.io/name=mlapi-operator" in found
    manifest = {**mlapi({}), "status": {**statuses.ready(), "observedGeneration": 1}}
    manifest["metadata"]["generation"] = 2
    assert not is_ready(manifest)


def test_page_of_a_download_tells_how_far_it_is() -> None:
    download = {
        "doneBytes": 400_000_000,
        "totalBytes": 1_000_000_000,
        "bytesPerSecond": 50_000_000,
        "remainingSeconds": 12,
        "pod": "digits-5d9f-abcde",
    }
    found = {**statuses.ready(), "model": {"name": "digits", "sizeBytes": -1, "download": download}}
    assert "Model     digits, fetched 40 % of 1.0 GB, 50.0 MB/s, 12s left, digits-5d9f-abcde" in shown(found)


def test_page_where_nodes_may_not_be_read_shows_no_counts() -> None:
    found = statuses.waiting_for_gpu()
    found["gpu"] |= {"matchingNodes": -1, "freeDevices": -1, "message": "nodes may not be read"}
    assert any("H100, nodes not readable; nodes may not be read" in each for each in shown(found))


@pytest.mark.parametrize("case", sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir()))
def test_page_of_a_recorded_status_shows_each_fault_and_what_to_do(case: str) -> None:
    manifest = yaml.safe_load((GOLDEN / case / "mlapi.yaml").read_text())
    manifest["status"] = yaml.safe_load((GOLDEN / case / "expected.yaml").read_text())
    text = plain(page(manifest, None, NOW, "-n team-a"))
    for found in manifest["status"]["conditions"]:
        if found["type"] not in ("Ready", "Reconciling", "Stalled") and found["status"] != "True":
            assert found["message"] in text
    assert is_ready(manifest) or "What to do next" in text


@settings(max_examples=60, deadline=None)
@given(manifest=valid_mlapis, recorded=recordings())
def test_page_and_line_of_any_status_of_the_operator_are_made(manifest: Object, recorded: Object) -> None:
    manifest["status"] = status(manifest, facts_of(manifest, recorded), NOW)
    text = plain(page(manifest, [], NOW, "-n team-a"))
    assert manifest["status"]["phase"] in text
    assert "\n" not in line(manifest)
