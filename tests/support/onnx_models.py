"""Models made when the tests run: nothing binary is kept."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

OPSET = 17
IR_VERSION = 8


@dataclass(frozen=True, slots=True)
class Digits:
    """A classifier of 8x8 digits: outputs `label` INT64 [n] and `probabilities` FP32 [n, 10]."""

    held_out: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    onnx: bytes
    onnx_with_zipmap: bytes


@cache
def digits() -> Digits:
    features, labels = load_digits(return_X_y=True)
    features = features.astype(np.float32)
    train = 1200
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    model.fit(features[:train], labels[:train])
    plain, zipped = (
        to_onnx(model, features[:1], target_opset=OPSET, options={"zipmap": zipmap}).SerializeToString()
        for zipmap in (False, True)
    )
    return Digits(features[train:], labels[train:], plain, zipped)


def fixed_batch() -> bytes:
    """`doubled` = 2 * `x`, FP32 [1, 3] both: a model that takes one row alone."""
    return _model(
        [helper.make_node("Add", ["x", "x"], ["doubled"])],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info("doubled", TensorProto.FLOAT, [1, 3])],
    )


def many_types(length: int | str = "n") -> bytes:
    """Passes strings, bools, unsigned bytes and floats through, with names that are no Python names."""
    types = {
        "text.in": TensorProto.STRING,
        "flag:0": TensorProto.BOOL,
        "byte": TensorProto.UINT8,
        "root": TensorProto.FLOAT,
    }
    nodes = [
        helper.make_node("Sqrt" if name == "root" else "Identity", [name], [f"{name}.out"]) for name in types
    ]
    return _model(
        nodes,
        [helper.make_tensor_value_info(name, kind, [length]) for name, kind in types.items()],
        [helper.make_tensor_value_info(f"{name}.out", kind, [length]) for name, kind in types.items()],
    )


def every_type() -> bytes:
    """Answers each of its inputs, named after the protocol's datatypes, shape [n, any]."""
    types = {
        "bool": TensorProto.BOOL,
        "int8": TensorProto.INT8,
        "int16": TensorProto.INT16,
        "int32": TensorProto.INT32,
        "int64": TensorProto.INT64,
        "uint8": TensorProto.UINT8,
        "uint16": TensorProto.UINT16,
        "uint32": TensorProto.UINT32,
        "uint64": TensorProto.UINT64,
        "fp16": TensorProto.FLOAT16,
        "fp32": TensorProto.FLOAT,
        "fp64": TensorProto.DOUBLE,
        "bytes": TensorProto.STRING,
    }
    return _model(
        [helper.make_node("Identity", [name], [f"{name}.out"]) for name in types],
        [helper.make_tensor_value_info(name, kind, ["n", f"{name}_m"]) for name, kind in types.items()],
        [
            helper.make_tensor_value_info(f"{name}.out", kind, ["n", f"{name}_m"])
            for name, kind in types.items()
        ],
    )


def looped() -> bytes:
    """Multiplies two matrices `n[0]` times and answers `done` = `n`: as slow as a test wants it to be."""
    size = 256
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["product", "factor"], ["next"]),
            helper.make_node("Identity", ["running"], ["go_on"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("running", TensorProto.BOOL, []),
            helper.make_tensor_value_info("product", TensorProto.FLOAT, [size, size]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [size, size]),
        ],
    )
    identity = helper.make_tensor(
        "eye", TensorProto.FLOAT, [size, size], np.eye(size, dtype=np.float32).ravel()
    )
    turns = helper.make_tensor("first", TensorProto.INT64, [], [0])
    nodes = [
        helper.make_node("Constant", [], ["factor"], value=identity),
        helper.make_node("Constant", [], ["first"], value=turns),
        helper.make_node("Gather", ["n", "first"], ["turns"]),
        helper.make_node("Loop", ["turns", "", "factor"], ["product"], body=body),
        helper.make_node("ReduceMax", ["product"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["one"], to=TensorProto.INT64),
        helper.make_node("Mul", ["n", "one"], ["done"]),
    ]
    return _model(
        nodes,
        [helper.make_tensor_value_info("n", TensorProto.INT64, [1])],
        [helper.make_tensor_value_info("done", TensorProto.INT64, [1])],
    )


def _model(
    nodes: list[onnx.NodeProto], inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
) -> bytes:
    graph = helper.make_graph(nodes, "model", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def written(folder: Path, name: str, data: bytes) -> Path:
    """The file `name` with `data`, in `folder`."""
    path = folder / name
    path.write_bytes(data)
    return path
