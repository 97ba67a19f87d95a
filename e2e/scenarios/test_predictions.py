"""From apply to Ready to predictions: what is answered is right, and what status says of it is exact."""

import asyncio
import json

import numpy as np
import onnxruntime
import pytest
import tritonclient.http as triton

from e2e.digits import Digits
from e2e.kube import condition, observed, wait_for
from e2e.load import run
from e2e.world import World

pytestmark = pytest.mark.node

REQUESTS = 2000
AT_ONCE = 50


def test_mlapi_applied_becomes_ready_and_predicts_what_onnxruntime_predicts(
    world: World, digits: Digits
) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")}, observability={"logRequests": "Metadata"})
    ready = world.ready(name)
    direct = onnxruntime.InferenceSession(digits.onnx)
    (signature,) = direct.get_inputs()
    labels, probabilities = direct.run(["label", "probabilities"], {signature.name: digits.images})

    address = world.address(name)
    rows = [digits.images[i % len(digits.images)] for i in range(REQUESTS)]
    payloads = [_infer(signature.name, row) for row in rows]
    result = asyncio.run(
        run(f"http://{address}/v2/models/{name}/infer", payloads, concurrency=AT_ONCE, total=REQUESTS)
    )
    assert result.failures == []
    answers = {index: json.loads(body) for index, body in result.bodies.items()}
    assert len(answers) == REQUESTS
    for index, answer in answers.items():
        outputs = {output["name"]: output["data"] for output in answer["outputs"]}
        row = index % len(digits.images)
        assert outputs["label"] == [labels[row]]
        # Rows that share a call of the model may differ in their last bits.
        assert outputs["probabilities"] == pytest.approx(probabilities[row], rel=1e-5, abs=1e-7)

    durations = _logged_durations(world, name)
    assert len(durations) == REQUESTS
    settled = wait_for(
        "all requests in status",
        lambda: (
            found
            if (found := world.get(name))["status"].get("latency", {}).get("requests") == REQUESTS
            and found["status"]["revisions"][0]["requests"] == REQUESTS
            else None
        ),
        seconds=60,
    )
    latency = settled["status"]["latency"]
    for percent, field in ((50, "p50Microseconds"), (95, "p95Microseconds")):
        exact = float(np.percentile(durations, percent, method="inverted_cdf"))
        assert latency[field] == pytest.approx(exact, rel=0.025)
        assert settled["status"]["revisions"][0][field] == pytest.approx(exact, rel=0.025)
    assert latency["errorPercent"] == 0
    assert ready["metadata"]["uid"] == settled["metadata"]["uid"]


def test_foreign_clients_understand_every_answer(world: World, digits: Digits) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    world.ready(name)
    client = triton.InferenceServerClient(world.address(name))
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(name)
    (signature,) = client.get_model_metadata(name)["inputs"]
    image = triton.InferInput(signature["name"], [8, 64], "FP32")
    image.set_data_from_numpy(digits.images[:8], binary_data=False)
    label = triton.InferRequestedOutput("label", binary_data=False)
    answer = client.infer(name, [image], outputs=[label])
    assert answer.as_numpy("label").tolist() == digits.expected()[:8]


def test_kubectl_shows_what_a_person_wants_to_know(world: World) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    world.kube.kubectl(
        "-n", world.namespace, "wait", "--for=condition=Ready", f"mlapi/{name}", "--timeout=120s"
    )
    found = world.get(name)
    assert observed(found)
    assert condition(found, "Ready")["status"] == "True"
    table = world.kube.kubectl("-n", world.namespace, "get", "mla", name, "-o", "wide")
    heading, line = table.splitlines()[:2]
    for column in ("FRAMEWORK", "READY", "PHASE", "REPLICAS", "P95", "URL", "AGE", "IMAGE", "REASON"):
        assert column in heading
    assert "FastAPI" in line
    assert "Ready" in line
    for field, word in (("spec.model.uri", "https"), ("spec.serving.maxConcurrency", "429")):
        assert word in world.kube.kubectl("explain", f"mlapi.{field}")
    events = world.kube.kubectl("-n", world.namespace, "get", "events")
    assert "mlapi/digits" in events


def _infer(tensor: str, row: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
    inputs = [{"name": tensor, "shape": [1, len(row)], "datatype": "FP32", "data": row.tolist()}]
    return json.dumps({"inputs": inputs}).encode()


def _logged_durations(world: World, name: str) -> list[int]:
    found = []
    for pod in world.pods(name):
        for line in world.kube.log(world.namespace, pod["metadata"]["name"], "server").splitlines():
            entry = json.loads(line) if line.startswith("{") else {}
            found += [int(entry["durationMicroseconds"])] if "durationMicroseconds" in entry else []
    return found
