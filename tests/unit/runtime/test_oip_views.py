"""Binary tensors are views of the request's body: every model takes them, and none can write there."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import skops.io
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
from sklearn.svm import SVC

from mlapi_runtime.config import Model
from mlapi_runtime.formats import handler, sklearn
from mlapi_runtime.formats import onnx as onnx_format
from mlapi_runtime.oip import Codec
from mlapi_runtime.signature import Array, Signature, Tensor, Tensors
from tests.support import oip
from tests.support.onnx_models import IR_VERSION, OPSET, digits

X, Y = load_iris(return_X_y=True)
SHIFTS = pytest.mark.parametrize("shift", range(8))  # of the tensor's first byte from an aligned address


def received(signature: Signature, arrays: dict[str, Array], shift: int) -> tuple[bytes, Tensors]:
    """A binary request's body, and what the codec makes of it."""
    body, length = oip.request(signature.inputs, arrays, binary=list(arrays))
    assert length is not None
    spaces = b" " * (-length % 8 + shift)
    body = body[:length] + spaces + body[length:]
    return body, Codec("m", "1", "none", signature).decode(body, length + len(spaces)).inputs


@SHIFTS
@pytest.mark.parametrize("datatype", ["INT8", "FP16", "FP32", "FP64", "BOOL"])
def test_binary_tensor_is_aligned_and_cannot_be_written(datatype: str, shift: int) -> None:
    tensor = Tensor("x", datatype, (2,))
    array = np.array([1, 0]).astype(tensor.dtype)
    body, inputs = received(Signature((tensor,), (tensor,)), {"x": array}, shift)
    found = inputs["x"]
    assert found.flags.aligned
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 0
    if shift == 0:
        assert np.shares_memory(found, np.frombuffer(body, np.uint8))
    assert_array_equal(found, array, strict=True)


@SHIFTS
def test_onnxruntime_takes_views_and_leaves_them_as_they_are(tmp_path: Path, shift: int) -> None:
    path = tmp_path / "m.onnx"
    # Operators that work in place on what is their own.
    nodes = [
        helper.make_node("Relu", ["x"], ["relu"]),
        helper.make_node("Neg", ["x"], ["negative"]),
        helper.make_node("Identity", ["x"], ["same"]),
        helper.make_node("Flatten", ["x"], ["flat"]),
    ]
    outputs = [node.output[0] for node in nodes]
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 65])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 65]) for name in outputs],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION), path
    )
    model = onnx_format.load(Model("m", "ONNX", str(path)), 1)
    x = np.random.default_rng(0).normal(size=(9, 65)).astype(np.float32)
    body, inputs = received(model.signature, {"x": x}, shift)
    before = bytes(bytearray(body))
    found = model.run(inputs)
    assert body == before
    assert_array_equal(found["relu"], np.maximum(x, 0))
    assert_array_equal(found["negative"], -x)
    assert_array_equal(found["same"], x)
    assert_array_equal(found["flat"], x)


@SHIFTS
def test_digits_from_views_equal_digits_from_arrays(tmp_path: Path, shift: int) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(digits().onnx)
    model = onnx_format.load(Model("m", "ONNX", str(path)), 1)
    arrays = {"X": digits().held_out[:7]}
    _, inputs = received(model.signature, arrays, shift)
    wanted = model.run(arrays)
    for name, found in model.run(inputs).items():
        assert_array_equal(found, wanted[name])


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(copy=False), LogisticRegression()),
        make_pipeline(MinMaxScaler(copy=False, clip=True), Normalizer(copy=False), LogisticRegression()),
        RandomForestClassifier(5),
        HistGradientBoostingClassifier(max_iter=3),
        KNeighborsClassifier(algorithm="kd_tree"),
        KNeighborsClassifier(algorithm="brute"),
        MLPClassifier((3,), max_iter=2000),
        SVC(),
    ],
    ids=lambda estimator: str(estimator).partition("(")[0],
)
def test_estimators_take_views_and_leave_them_as_they_are(tmp_path: Path, estimator: Any) -> None:
    estimator.fit(X.copy(), Y)
    skops.io.dump(estimator, tmp_path / "m.skops")
    model = sklearn.load(Model("iris", "Sklearn", str(tmp_path / "m.skops")), threads=1)
    for shift in (0, 1):
        body, inputs = received(model.signature, {"input": X}, shift)
        before = bytes(bytearray(body))
        assert_array_equal(model.run(inputs)["label"], estimator.predict(X.copy()))
        assert body == before


def test_handler_may_work_in_place_on_what_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "in_place", raising=False)
    (tmp_path / "in_place.py").write_text(
        "from mlapi_runtime import Signature, Tensor\n"
        "class Handler:\n"
        "    signature = Signature((Tensor('x', 'FP64', (-1, 4)),), (Tensor('y', 'FP64', (-1, 4)),))\n"
        "    def load(self, path): pass\n"
        "    def predict(self, inputs):\n"
        "        inputs['x'] -= 1\n"
        "        return {'y': inputs['x']}\n"
    )
    model = handler.load(Model("m", "Python", "", "in_place:Handler"), threads=1)
    body, inputs = received(model.signature, {"x": X}, 0)
    before = bytes(bytearray(body))
    assert_array_equal(model.run(inputs)["y"], X - 1)
    assert body == before
