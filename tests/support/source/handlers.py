"""Handler classes as users write them, for tests of what a server makes of them."""

import ctypes
import os
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mlapi_runtime import BadInput, Signature, Tensor

TYPED = Signature(
    inputs=(Tensor("x", "FP32", (-1, 2)), Tensor("name", "BYTES", (-1,))),
    outputs=(Tensor("sum", "FP64", (-1,)), Tensor("greeting", "BYTES", (-1,))),
)


def answered(inputs: Any) -> dict[str, Any]:
    greetings = [f"hello {name}" for name in inputs["name"]]
    return {"sum": np.sum(inputs["x"], axis=1, dtype=np.float64), "greeting": greetings}


class _Opened:
    def load(self, path: str) -> None:
        self.folder = Path(path)


class TypedOne(_Opened):
    signature = TYPED

    def predict(self, inputs: Any) -> dict[str, Any]:
        return answered(inputs)


class TypedBatch(_Opened):
    signature = TYPED

    def predict_batch(self, inputs: Any) -> dict[str, Any]:
        return answered(inputs)


class UntypedOne(_Opened):
    """Answers what it was given, of arrays their sums, and what is no number if asked for it."""

    example: ClassVar = {"text": "hello", "options": {"depth": 1}}

    def predict(self, inputs: Any) -> dict[str, Any]:
        return {name: self._answered(value) for name, value in inputs.items()}

    @staticmethod
    def _answered(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.sum(keepdims=True)
        return np.array([1, np.nan, -np.inf]) if value == "no number" else value


class UntypedBatch(_Opened):
    """Answers what it was given twice over, and how many rows shared the call."""

    example: ClassVar = {"x": [1]}

    def predict_batch(self, inputs: Any) -> dict[str, Any]:
        rows = len(next(iter(inputs.values())))
        time.sleep(0.01)  # so that others wait in the meantime
        return {**{name: value + value for name, value in inputs.items()}, "rows": np.full(rows, rows)}


class Faulty(_Opened):
    """Does what it is asked for, however bad."""

    signature = Signature(inputs=(Tensor("do", "BYTES", (1,)),), outputs=(Tensor("done", "FP32", (1,)),))
    example: ClassVar = {"do": ["well"]}

    def predict(self, inputs: Any) -> Any:
        match inputs["do"][0]:
            case "raise":
                raise ValueError("no luck")
            case "refuse":
                raise BadInput.at("do[0]", "refuse", "something that can be done")
            case "garbage":
                return "done"
            case "nothing":
                return {}
            case "shape":
                return {"done": [1.0, 2.0]}
            case "dtype":
                return {"done": ["yes"]}
            case "exit":
                raise SystemExit(3)
            case "die":
                os._exit(7)
            case "hold":
                ctypes.PyDLL(None).sleep(1)  # keeps the interpreter's lock
            case "wait":
                (self.folder / "waiting").touch()
                while not (self.folder / "go on").exists():
                    time.sleep(0.01)
        return {"done": [1.0]}


class Unloadable:
    example: ClassVar = {"x": 1}

    def load(self, path: str) -> None:
        raise FileNotFoundError(f"{path}/weights.json")

    def predict(self, inputs: Any) -> Any:
        return inputs
