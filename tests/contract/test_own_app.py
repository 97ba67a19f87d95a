"""The user's own application is extended: what it had works on, beside the model's routes, within limits."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime as ort
import pytest
import yaml

from e2e.digits import INPUT, train
from mlapi_runtime import predict
from tests.support.serving import Pod, configuration, eventually

EXAMPLES = Path(__file__).parents[2] / "examples" / "apps"
OWN = Path(__file__).parents[1] / "support" / "own"
MODULES = {"FastAPI": "fastapi_app", "Litestar": "litestar_app", "DjangoNinja": "ninja_app"}
PROBLEM = "application/problem+json"
ROW = {"X": [[0.0] * 64]}
ZERO = ["  .##.  ", " o#..#o ", " #o  o# ", " #.  .# ", " #    # ", " #.  .# ", " .#..#o ", "  .##.  "]
DOCUMENTS = ("/openapi.json", "/docs/openapi.json", "/schema/openapi.json")


def hosting(
    folder: Path, model: Path, framework: str, app: str, source: Path = OWN, env: Any = (), **serving: Any
) -> Pod:
    """A pod whose image holds the user's sources."""
    pod = Pod(folder, {**configuration(model, **serving), "framework": framework, "app": app})
    pod.environment["PYTHONPATH"] += f":{source}"
    pod.environment.update({variable["name"]: variable["value"] for variable in env})
    return pod


@dataclass(frozen=True, slots=True)
class Own:
    framework: str
    pod: Pod
    client: httpx.Client


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the examples."""
    file = tmp_path_factory.mktemp("trained") / "digits.onnx"
    file.write_bytes(train().onnx)
    return file


@pytest.fixture(scope="module", params=sorted(path.parent.name for path in EXAMPLES.glob("*/mlapi.yaml")))
def example(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, trained: Path
) -> Iterator[Own]:
    """An example as its manifest has it served."""
    source = EXAMPLES / request.param
    spec = yaml.safe_load((source / "mlapi.yaml").read_text())["spec"]
    folder, framework, env = tmp_path_factory.mktemp("example"), spec["framework"], spec.get("env", ())
    with (
        hosting(folder, trained, framework["name"], framework["app"], source, env) as pod,
        httpx.Client(base_url=pod.url) as client,
    ):
        yield Own(framework["name"], pod.started(), client)


@pytest.fixture(scope="module", params=MODULES)
def own(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model: Path
) -> Iterator[Own]:
    folder = tmp_path_factory.mktemp("own")
    app = f"{MODULES[request.param]}:app"
    env = [{"name": "DJANGO_SETTINGS_MODULE", "value": "ninja_settings"}]  # where Django has its middlewares
    with (
        hosting(folder, model, request.param, app, env=env, maxRequestBytes=20_000) as pod,
        httpx.Client(base_url=pod.url) as client,
    ):
        yield Own(request.param, pod.started(), client)


def test_example_reads_a_drawing_as_the_model_does(example: Own, trained: Path) -> None:
    grey = {" ": 0, ".": 5, "o": 11, "#": 16}
    row = np.array([[grey[character] for line in ZERO for character in line]], dtype=np.float32)
    _, probabilities = ort.InferenceSession(trained).run(None, {INPUT: row})
    answer = example.client.post("/read", params={"language": "de"}, json={"rows": ZERO})
    assert answer.status_code == 200
    assert answer.json() == {
        "digit": 0,
        "word": "null",
        "confidence": pytest.approx(float(probabilities[0, 0]), rel=1e-5),
    }
    assert "server-timing" in answer.headers


def test_example_in_an_unknown_language_is_answered_as_the_example_says(example: Own) -> None:
    answer = example.client.post("/read", params={"language": "xx"}, json={"rows": ZERO})
    assert answer.status_code == 404
    assert answer.json()["detail"] == "language xx is unknown, known are de, en"


def test_example_serves_the_models_own_routes_too(example: Own) -> None:
    native = example.client.post("/predict", json={INPUT: [[0.0] * 64]})
    assert native.status_code == 200
    assert "server-timing" in native.headers  # the user's middleware holds there too
    tensor = {"name": INPUT, "shape": [1, 64], "datatype": "FP32", "data": [0.0] * 64}
    infer = example.client.post("/v2/models/digits/infer", json={"inputs": [tensor]})
    assert infer.json()["outputs"][0]["data"] == native.json()["label"]
    documents = [example.client.get(path) for path in DOCUMENTS]
    (document,) = [answer.json() for answer in documents if answer.status_code == 200]
    assert {"/read", "/predict"} <= document["paths"].keys()
    assert example.client.get("/docs").status_code == 200


def test_user_route_is_answered_and_counted(own: Own) -> None:
    before = Counter(own.pod.counted())
    answer = own.client.post("/label", params={"by": 2}, json=[[0] * 64])
    predicted = own.client.post("/predict", json=ROW).json()["label"][0]
    assert answer.json() == {"label": predicted + 2}
    expected = {("user", "2xx"): 1, ("predict", "2xx"): 1}
    eventually(lambda: Counter(own.pod.counted()) - before == expected)


def test_user_dependency_refuses_with_its_own_words(own: Own) -> None:
    answer = own.client.post("/label", params={"by": -1}, json=[[0] * 64])
    assert answer.status_code == 400
    assert "by is negative" in answer.text


def test_user_exception_handler_answers(own: Own) -> None:
    answer = own.client.get("/ink")
    assert (answer.status_code, answer.json()) == (418, {"ink": "none left"})


def test_user_middleware_sees_native_and_user_routes(own: Own) -> None:
    assert own.client.post("/label", json=[[0] * 64]).headers["x-stamp"] == "seen"
    assert own.client.post("/predict", json=ROW).headers["x-stamp"] == "seen"


@pytest.mark.parametrize("own", ["FastAPI", "Litestar"], indirect=True)  # Django has no lifespan
def test_user_lifespan_may_predict_before_the_first_request(own: Own) -> None:
    predicted = own.client.post("/predict", json=ROW).json()["label"][0]
    assert own.client.get("/blank").json() == {"label": predicted}


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        ([[0] * 63], "X: found shape [1, 63], wanted shape [-1, 64]"),
        ([["a"] * 64], "X: found strings, shape [1, 64], wanted FP32 values"),
        ([[0], [0, 1]], "X: found rows of unequal length"),
    ],
)
def test_bad_input_of_the_hook_is_the_clients_error(own: Own, pixels: list[Any], says: str) -> None:
    answer = own.client.post("/label", json=pixels)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
    assert says in answer.json()["detail"]
    assert answer.json()["errors"][0]["field"] == "X"


def test_user_route_that_fails_tells_its_words_to_the_log_alone(own: Own) -> None:
    answer = own.client.get("/fail")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    eventually(lambda: "secret words" in own.pod.errors())  # which may come after the answer


def test_user_route_beyond_the_byte_limit_is_413(own: Own) -> None:
    answer = own.client.post("/label", json=[[0] * 20_000])
    assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)


@pytest.mark.parametrize("framework", MODULES)
def test_user_route_is_admitted_and_ends_at_the_deadline(framework: str, tmp_path: Path, model: Path) -> None:
    app = f"{MODULES[framework]}:app"
    with (
        hosting(tmp_path, model, framework, app, maxConcurrency=1, requestTimeoutSeconds=3) as pod,
        ThreadPoolExecutor(1) as background,
    ):
        pod.started()
        slow = background.submit(httpx.get, f"{pod.url}/slow", timeout=60)
        eventually(lambda: pod.stats().in_flight == 1)
        refused = httpx.get(f"{pod.url}/ink")
        assert (refused.status_code, refused.headers["content-type"]) == (429, PROBLEM)
        assert int(refused.headers["retry-after"]) >= 1
        assert slow.result().status_code == 504
        assert slow.result().headers["content-type"] == PROBLEM
        assert httpx.get(f"{pod.url}/ink").status_code == 418


@pytest.mark.parametrize("framework", MODULES)
def test_users_own_predict_wins_and_the_model_is_still_proven(
    framework: str, tmp_path: Path, model: Path
) -> None:
    with hosting(tmp_path, model, framework, f"{MODULES[framework]}:winning") as pod:
        pod.started()
        assert httpx.post(f"{pod.url}/predict").json() == {"predicted": "by the user"}
        assert httpx.get(f"{pod.url}/_mlapi/smoke").json() == {"status": "pass"}
        eventually(lambda: pod.counted() == {("user", "2xx"): 1})


@pytest.mark.parametrize("framework", MODULES)
def test_application_that_asks_for_a_key_everywhere_starts_and_guards_predict(
    framework: str, tmp_path: Path, model: Path
) -> None:
    with hosting(tmp_path, model, framework, f"{MODULES[framework]}:guarded", fastPath=False) as pod:
        pod.started()
        assert httpx.post(f"{pod.url}/predict", json=ROW).status_code == 401
        assert httpx.post(f"{pod.url}/predict", json=ROW, headers={"x-key": "open"}).status_code == 200
        assert httpx.get(f"{pod.url}/_mlapi/smoke").json() == {"status": "pass"}


@pytest.mark.parametrize("framework", ["FastAPI", "Litestar"])  # Ninja has none but middlewares for it
def test_header_that_an_application_gives_all_its_answers_stands_on_predict(
    framework: str, tmp_path: Path, model: Path
) -> None:
    with hosting(tmp_path, model, framework, f"{MODULES[framework]}:guarded") as pod:
        pod.started()
        answer = httpx.post(f"{pod.url}/predict", json=ROW, headers={"x-key": "open"})
        assert (answer.status_code, answer.headers["x-door"]) == (200, "open")
        assert answer.json().keys() == {"label", "probabilities"}


@pytest.mark.parametrize(
    ("framework", "app", "says"),
    [
        ("FastAPI", "fastapi_app:unrelated", "app: found builtins.dict, wanted a FastAPI"),
        ("Litestar", "litestar_app:unrelated", "app: found builtins.dict, wanted a Litestar"),
        (
            "Litestar",
            "litestar_app:prefixed",
            "app: found path='/api', under which the model's routes would stand",
        ),
        ("DjangoNinja", "ninja_app:unrelated", "app: found builtins.dict, wanted a NinjaAPI"),
        ("DjangoNinja", "ninja_app:nothing", "app: found no nothing in ninja_app, which has "),
        ("DjangoNinja", "ninja_app", "app: found ninja_app, wanted module:attribute"),
        ("DjangoNinja", "bound:api", "app: the URLs of this NinjaAPI are made already"),
        ("FastAPI", "nowhere:app", "app: found no module nowhere"),
        ("FastAPI", "broken:app", "app: importing broken failed: RuntimeError: out of order"),
    ],
)
def test_application_that_cannot_be_loaded_says_why(
    framework: str, app: str, says: str, tmp_path: Path, model: Path
) -> None:
    with hosting(tmp_path, model, framework, app) as pod:
        assert pod.ended() != 0
        assert pod.termination()["reason"] == "LoadFailed"
        assert pod.termination()["message"].startswith(says)


def test_django_project_keeps_its_settings_urls_and_database(tmp_path: Path, model: Path) -> None:
    env = [{"name": "DJANGO_SETTINGS_MODULE", "value": "project.settings"}]
    with (
        hosting(tmp_path, model, "DjangoNinja", "project.views:api", env=env, maxRequestBytes=1 << 23) as pod,
        httpx.Client(base_url=pod.started().url) as client,
    ):
        one = client.get("/api/one")
        assert (one.json(), one.headers["x-stamp"]) == ({"one": 1}, "seen")
        native = client.post("/predict", json=ROW)
        assert (native.status_code, native.headers["x-stamp"]) == (200, "seen")
        for path in ("/blank", "/api/blank"):  # an async view, one in a thread
            assert client.get(path).json()["label"] == native.json()["label"][0]
        misfit = client.get("/blank", params={"pixels": 63})
        assert (misfit.status_code, misfit.headers["content-type"]) == (422, PROBLEM)
        assert client.get("/api/openapi.json").json()["paths"].keys() == {"/api/one", "/api/blank"}
        assert client.get("/openapi.json").json()["paths"].keys() == {"/predict"}
        beyond_djangos_limit = {"X": [[0.0] * 64] * 10_000}
        assert len(client.post("/predict", json=beyond_djangos_limit).json()["label"]) == 10_000
        assert client.get("/blank", headers={"host": "elsewhere"}).status_code == 400
        assert client.get("/fail").status_code == 500
        eventually(lambda: "secret words" in pod.errors())
        stranger = client.get("/nowhere")
        assert (stranger.status_code, stranger.headers["content-type"]) == (404, PROBLEM)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere.settings", "DJANGO_SETTINGS_MODULE: found nowhere.settings: ModuleNotFoundError: "),
        ("project.astray", "ROOT_URLCONF: found nowhere.urls: ModuleNotFoundError: "),
    ],
)
def test_django_settings_that_cannot_be_used_are_named(
    name: str, says: str, tmp_path: Path, model: Path
) -> None:
    env = [{"name": "DJANGO_SETTINGS_MODULE", "value": name}]
    with hosting(tmp_path, model, "DjangoNinja", "ninja_app:app", env=env) as pod:
        assert pod.ended() != 0
        assert pod.termination()["message"].startswith(says)


def test_hook_outside_a_worker_says_so() -> None:
    with pytest.raises(RuntimeError, match="no model is served in this process"):
        asyncio.run(predict({"x": [1]}))
