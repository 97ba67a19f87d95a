"""ONNX models through onnxruntime, on the CPU."""

import re
from pathlib import Path
from typing import Any, Final

import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from mlapi_runtime.config import Model
from mlapi_runtime.errors import BadInput, LoadError
from mlapi_runtime.signature import Signature, Tensor, Values

DATATYPES: Final = {
    "tensor(bool)": "BOOL",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}


# Operators whose work depends on values, not on shapes alone. A node's type is field 4 of NodeProto in
# onnx.proto3, on the wire tag 0x22, length, name; a weight that looks like one costs nothing but speed.
REPEATING: Final = re.compile(
    rb"\x22(?:\x02If|\x04(?:Loop|Scan)|\x08Sampling|\x0aBeamSearch|\x0bSequenceMap|\x0cGreedySearch"
    rb"|\x11WhisperBeamSearch)"
)
# Whoever has more weights than that takes longer than the event loop has time for.
MAX_BRIEF_BYTES: Final = 64 << 20


class OnnxModel:
    platform = "onnxruntime_onnx"

    def __init__(self, session: ort.InferenceSession, signature: Signature, *, brief: bool) -> None:
        self.signature = signature
        self.brief = brief
        self.batches = signature.batches
        self.example: Values = signature.example()
        self._session = session
        self._names = [tensor.name for tensor in signature.outputs]

    def run(self, inputs: Values) -> Values:
        try:
            return dict(zip(self._names, self._session.run(self._names, inputs), strict=True))
        except InvalidArgument as error:
            raise BadInput(f"the model refuses these values: {error}") from error


def load(model: Model, threads: int) -> OnnxModel:
    """Opens the file and reads its signature.

    Args:
        model: whose `path` is that of the .onnx file.
        threads: that one call may use.
    Raises:
        LoadError: onnxruntime cannot read it, or an input or output is no tensor.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin between calls burn the CPU share that the workers need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(model.path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no base
        raise LoadError(f"{model.path}: onnxruntime {ort.__version__} cannot load it: {error}") from error
    try:
        signature = Signature(
            inputs=tuple(_tensor("input", node) for node in session.get_inputs()),
            outputs=tuple(_tensor("output", node) for node in session.get_outputs()),
        )
    except ValueError as error:
        raise LoadError(f"{model.path}: {error}") from error
    return OnnxModel(session, signature, brief=_bounded(Path(model.path)))


def _bounded(path: Path) -> bool:
    """Whether calls of one size take about the same time."""
    return path.stat().st_size <= MAX_BRIEF_BYTES and REPEATING.search(path.read_bytes()) is None


def _tensor(kind: str, node: Any) -> Tensor:
    if node.type not in DATATYPES:
        hint = "; convert the classifier with zipmap=False" if "map(" in node.type else ""
        raise LoadError(f"{kind} {node.name}: found {node.type}, only tensors can be served{hint}")
    return Tensor(
        name=node.name,
        datatype=DATATYPES[node.type],
        # A free dimension is None or has a name.
        shape=tuple(length if isinstance(length, int) and length > 0 else -1 for length in node.shape),
    )
