"""Answers equal those of the library called directly: any shape, any datatype, alone and in company."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime as ort
import pytest
import skops.io
import tritonclient.http as triton
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlapi_runtime.signature import DTYPES
from tests.contract.conftest import FRAMEWORKS
from tests.support.onnx_models import digits, every_type, written
from tests.support.serving import Pod, configuration

Arrays = Mapping[str, Any]
PIXELS = npst.arrays(
    np.float32, st.tuples(st.integers(1, 4), st.just(64)), elements=st.floats(0, 16, width=32)
)
MEASURES = npst.arrays(np.float64, st.tuples(st.integers(1, 4), st.just(4)), elements=st.floats(-10, 10))
drawn = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


class Server:
    """A model on a server, asked on each of its routes."""

    def __init__(self, pod: Pod, client: httpx.Client) -> None:
        self.client = client
        self.triton = triton.InferenceServerClient(pod.url.removeprefix("http://"))
        metadata = self.triton.get_model_metadata("digits")
        self.outputs = {output["name"]: output["datatype"] for output in metadata["outputs"]}
        self.inputs = {given["name"]: given["datatype"] for given in metadata["inputs"]}

    def predict(self, inputs: Arrays) -> Arrays:
        """On the native route."""
        answer = self.client.post("/predict", json={name: array.tolist() for name, array in inputs.items()})
        assert answer.status_code == 200, answer.text
        return {name: np.array(value, DTYPES[self.outputs[name]]) for name, value in answer.json().items()}

    def infer(self, inputs: Arrays, *, binary: bool) -> Arrays:
        """On the protocol's route, through a client that is not ours."""
        tensors = []
        for name, array in inputs.items():
            tensors.append(triton.InferInput(name, list(array.shape), self.inputs[name]))
            tensors[-1].set_data_from_numpy(array, binary_data=binary)
        outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in self.outputs]
        answer = self.triton.infer("digits", tensors, outputs=outputs)
        return {name: _texts(answer.as_numpy(name)) for name in self.outputs}

    def infer_json(self, inputs: Arrays) -> Arrays:
        """The protocol in JSON of every datatype; the other client has no halves there."""
        tensors = [
            {"name": name, "datatype": self.inputs[name], "shape": array.shape, "data": array.tolist()}
            for name, array in inputs.items()
        ]
        answer = self.client.post("/v2/models/digits/infer", json={"inputs": tensors})
        assert answer.status_code == 200, answer.text
        return {
            output["name"]: np.array(output["data"], DTYPES[output["datatype"]]).reshape(output["shape"])
            for output in answer.json()["outputs"]
        }

    def routes(self) -> tuple[Callable[[Arrays], Arrays], ...]:
        return (
            self.predict,
            lambda inputs: self.infer(inputs, binary=False),
            lambda inputs: self.infer(inputs, binary=True),
        )


def _texts(array: Any) -> Any:
    """Strings come as bytes from the client."""
    if array.dtype != np.object_:
        return array
    texts = [text.decode() if isinstance(text, bytes) else text for text in array.flat]
    return np.array(texts, np.object_).reshape(array.shape)


@contextmanager
def served(folder: Path, model: Path, framework: str) -> Iterator[Server]:
    config = configuration(model, framework=framework)
    with Pod(folder, config) as pod, httpx.Client(base_url=pod.url, timeout=60) as client:
        server = Server(pod.started(), client)
        yield server
        server.triton.close()


def assert_equal(found: Arrays, wanted: Arrays, rtol: float = 0.0) -> None:
    assert set(found) == set(wanted)
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype
        if array.dtype.kind == "f":
            np.testing.assert_allclose(found[name], array, rtol=rtol, atol=rtol / 1000)
        else:
            np.testing.assert_array_equal(found[name], array)


def at_once(server: Server, requests: Sequence[Arrays]) -> list[Arrays]:
    """Answers on the native route, many requests in the server's hands together."""
    with ThreadPoolExecutor(32) as pool:
        return list(pool.map(server.predict, requests))


@pytest.fixture(scope="module", params=FRAMEWORKS)
def classifier(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model: Path
) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("digits"), model, request.param) as server:
        yield server


@pytest.fixture(scope="module")
def reference(model: Path) -> Callable[[Arrays], Arrays]:
    session = ort.InferenceSession(str(model))
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, dict(inputs)), strict=True))


def test_onnx_answers_equal_onnxruntime(classifier: Server, reference: Callable[[Arrays], Arrays]) -> None:
    @drawn
    @given(PIXELS)
    def check(rows: Any) -> None:
        wanted = reference({"X": rows})
        for ask in classifier.routes():
            assert_equal(ask({"X": rows}), wanted, rtol=1e-5)

    check()


def test_onnx_answers_in_company_equal_onnxruntime(
    classifier: Server, reference: Callable[[Arrays], Arrays]
) -> None:
    held_out = digits().held_out
    requests = [{"X": held_out[start : start + 1 + start % 5]} for start in range(200)]
    for request, answer in zip(requests, at_once(classifier, requests), strict=True):
        assert_equal(answer, reference(request), rtol=1e-4)


@st.composite
def anything(draw: st.DrawFn, datatypes: tuple[str, ...]) -> Arrays:
    """A tensor of each datatype with the same number of rows, and each with its own shape otherwise."""
    rows = draw(st.integers(1, 3))
    arrays = {}
    for datatype in datatypes:
        shape = (rows, draw(st.integers(1, 3)))
        elements: Any = None
        if datatype == "BYTES":
            # The client writes strings that end in zeros as numpy reads them: without.
            elements = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
        elif datatype.startswith("FP"):
            elements = {"allow_nan": False, "allow_infinity": False}
        arrays[datatype.lower()] = draw(npst.arrays(DTYPES[datatype], shape, elements=elements))
    return arrays


@pytest.fixture(scope="module", params=FRAMEWORKS)
def mirror(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A model that answers each of its inputs, one per datatype."""
    folder = tmp_path_factory.mktemp("mirror")
    with served(folder, written(folder, "mirror.onnx", every_type()), request.param) as server:
        yield server


def test_every_datatype_comes_back_as_it_was(mirror: Server) -> None:
    @drawn
    @given(anything(tuple(DTYPES)))
    def check(inputs: Arrays) -> None:
        wanted = {f"{name}.out": array for name, array in inputs.items()}
        assert_equal(mirror.predict(inputs), wanted)
        assert_equal(mirror.infer_json(inputs), wanted)
        assert_equal(mirror.infer(inputs, binary=True), wanted)

    check()


def test_requests_of_other_shapes_in_company_keep_apart(mirror: Server) -> None:
    generator = np.random.default_rng(7)
    requests = []
    for i in range(60):
        rows = 1 + i % 3
        shapes = {name: (rows, int(generator.integers(1, 4))) for name in mirror.inputs}
        requests.append(
            {
                name: generator.integers(0, 2, shape).astype(DTYPES[mirror.inputs[name]])
                if mirror.inputs[name] != "BYTES"
                else np.full(shape, f"text {i}", np.object_)
                for name, shape in shapes.items()
            }
        )
    for request, answer in zip(requests, at_once(mirror, requests), strict=True):
        assert_equal(answer, {f"{name}.out": array for name, array in request.items()})


X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])
ESTIMATORS: dict[str, Any] = {
    "forest": RandomForestClassifier(10, random_state=0).fit(X, Y),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()).fit(X, NAMES[Y]),
    "ridge": Ridge().fit(X[:, :4], X[:, 1:3]),
}
IN_TURN = list(zip(FRAMEWORKS, ESTIMATORS, strict=True))


@pytest.mark.parametrize(("framework", "name"), IN_TURN, ids="-".join)
def test_skops_answers_equal_scikit_learn(tmp_path: Path, framework: str, name: str) -> None:
    estimator = ESTIMATORS[name]
    path = tmp_path / "iris.skops"
    skops.io.dump(estimator, path)

    def wanted(rows: Any) -> Arrays:
        predicted = estimator.predict(rows)
        if name == "ridge":
            return {"prediction": predicted}
        labels = predicted.astype(np.object_) if predicted.dtype.kind == "U" else predicted
        return {"label": labels, "probabilities": estimator.predict_proba(rows)}

    with served(tmp_path, path, framework) as server:

        @drawn
        @given(MEASURES)
        def check(rows: Any) -> None:
            for ask in server.routes():
                assert_equal(ask({"input": rows}), wanted(rows), rtol=1e-9)

        check()
        requests = [{"input": X[start : start + 1 + start % 3]} for start in range(0, 147)]
        for request, answer in zip(requests, at_once(server, requests), strict=True):
            assert_equal(answer, wanted(request["input"]), rtol=1e-9)
