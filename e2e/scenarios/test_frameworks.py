"""Three frameworks serve one contract, and a running MLApi goes from one to the other unnoticed."""

import asyncio
import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from e2e.digits import INPUT, Digits
from e2e.kube import wait_for
from e2e.load import Load
from e2e.traffic import answers
from e2e.world import World

pytestmark = pytest.mark.node

EXAMPLES = Path(__file__).parents[2] / "examples"
# Of what a server imports; a pod whose root is read-only would compile it at every start.
IMPORTED_WITHOUT_BYTECODE = """
import importlib, os, sys
parts = ("launcher", "fetch.command", "formats.onnx", "formats.sklearn", "formats.handler")
for name in (*(f"mlapi_runtime.{part}" for part in parts), sys.argv[1]):
    importlib.import_module(name)
cached = {name: getattr(module, "__cached__", None) for name, module in sys.modules.items()}
print([name for name, file in cached.items() if file and not os.path.exists(file)])
"""
# Requests a second, of each of three loads.
RATE = 25


@pytest.mark.parametrize(
    ("name", "framework"),
    [("digits", "FastAPI"), ("digits-litestar", "Litestar"), ("digits-django-ninja", "DjangoNinja")],
)
def test_example_of_each_framework_answers_on_every_route_what_the_model_says(
    name: str, framework: str, demo: World, digits: Digits
) -> None:
    file = "digits-fastapi" if framework == "FastAPI" else name
    demo.kube.kubectl("apply", "-f", str(EXAMPLES / f"{file}.yaml"))
    status = demo.ready(name)["status"]
    address = demo.address(name)
    found = asyncio.run(answers(address, name, digits))
    assert len(found) == 3
    labels = digits.expected()
    assert {route: given == labels for route, given in found.items()} == dict.fromkeys(found, True)

    page = httpx.get(f"http://{address}/docs")
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
    document = httpx.get(f"http://{address}/openapi.json").json()
    told = json.dumps(document)
    assert "/predict" in document["paths"]
    tensors = (INPUT, "label", "probabilities", "FP32, shape [-1, 64]", "INT64, shape [-1]")
    assert [word for word in tensors if word not in told] == [], told

    (pod, *_) = demo.pods(name)
    adapter = f"mlapi_runtime.adapters.{framework.lower()}"
    command = ("/opt/app/bin/python", "-P", "-c", IMPORTED_WITHOUT_BYTECODE, adapter)
    where = ("-n", demo.namespace, "exec", pod["metadata"]["name"], "-c", "server")
    assert demo.kube.kubectl(*where, "--", *command) == "[]\n"

    assert status["framework"] == {"name": framework}
    listed = demo.kube.kubectl("-n", demo.namespace, "get", "mla", name)
    assert listed.splitlines()[1].split()[1] == framework


@pytest.mark.parametrize("framework", ["Litestar", "DjangoNinja"])
def test_scikit_learn_model_saved_by_skops_answers_what_scikit_learn_says(
    framework: str, world: World, digits: Digits
) -> None:
    name = "digits"
    world.apply(name, framework={"name": framework}, model={"uri": world.model("digits.skops")})
    world.ready(name)
    url = f"http://{world.address(name)}"
    (image,) = httpx.get(f"{url}/v2/models/{name}").json()["inputs"]
    rows = digits.images[:50]
    answer = httpx.post(f"{url}/predict", json={image["name"]: rows.tolist()}, timeout=60)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["label"] == digits.expected()[:50]
    assert np.argmax(told["probabilities"], axis=1).tolist() == told["label"]


def test_framework_changed_under_load_rolls_over_without_a_failed_request(
    world: World, digits: Digits
) -> None:
    name = "digits"
    # Not judged: the frameworks are not equally fast.
    spec = {"model": {"uri": world.model("digits.onnx")}, "rollout": {"bakeSeconds": 0}}
    world.apply(name, framework={"name": "FastAPI"}, **spec)
    world.ready(name)
    native = json.dumps({INPUT: [digits.images[0].tolist()]}).encode()
    protocol = world.predict_body(digits)
    predict, infer = f"http://{world.address(name)}/predict", world.predict_url(name)

    async def switch_under_load() -> list[Load]:
        async with (
            Load(infer, protocol, keep_alive=True, rate=RATE) as kept,
            Load(infer, protocol, keep_alive=False, rate=RATE) as anew,
            Load(predict, native, keep_alive=True, rate=RATE) as natively,
        ):
            before = await asyncio.to_thread(figures, world, name, "FastAPI")
            for framework in ("Litestar", "DjangoNinja", "FastAPI"):
                world.apply(name, framework={"name": framework}, **spec)
                await asyncio.to_thread(world.ready, name)
                await asyncio.to_thread(world.only_pods_of_the_current_revision, name)
                side_by_side = await asyncio.to_thread(figures, world, name, framework)
                assert side_by_side.keys() >= {framework, *before}
                before = side_by_side
        return [kept, anew, natively]

    loads = asyncio.run(switch_under_load())
    assert [load.result.failures for load in loads] == [[], [], []]
    assert all(load.result.sent > 0 for load in loads)
    # Back where it began: the first revision answers again.
    shown = world.get(name)["status"]["revisions"]
    assert {entry["framework"]: entry["result"] for entry in shown} == {
        "FastAPI": "Active",
        "Litestar": "Superseded",
        "DjangoNinja": "Superseded",
    }


def figures(world: World, name: str, current: str) -> dict[str, int]:
    """Framework -> p95 in microseconds of each revision that has one, once the current framework's has."""

    def told() -> dict[str, int] | None:
        revisions = world.get(name)["status"]["revisions"]
        found = {r["framework"]: r["p95Microseconds"] for r in revisions if r["p95Microseconds"] > 0}
        return found if current in found else None

    return wait_for(f"the latency of {current} in status", told)
