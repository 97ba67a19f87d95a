"""Models that a serving pod must survive, or whose failure it must explain."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

_OPSET = 18


def broken() -> bytes:
    """A file with the right name that is no ONNX model."""
    return b"this is not a model\n" * 64


def hungry(gibibytes: int) -> bytes:
    """A small file whose first prediction needs that much memory."""
    rows = gibibytes * 2**30 // 4
    # The shape arrives with the request, so that nothing is computed, and nothing fails, while loading.
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        helper.make_node("ReduceSum", ["image"], ["total"], keepdims=0),
        helper.make_node("Mul", ["total", "zero"], ["nothing"]),
        helper.make_node("Cast", ["nothing"], ["offset"], to=TensorProto.INT64),
        helper.make_node("Add", ["rows", "offset"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["much"], value=one),
        helper.make_node("ReduceSum", ["much"], ["sum"], keepdims=0),
        helper.make_node("Add", ["image", "sum"], ["answer"]),
    ]
    graph = helper.make_graph(
        nodes,
        "hungry",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["N", 4])],
        [
            numpy_helper.from_array(np.array(0.0, np.float32), "zero"),
            numpy_helper.from_array(np.array([rows], np.int64), "rows"),
        ],
    )
    opsets = [helper.make_opsetid("", _OPSET)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
