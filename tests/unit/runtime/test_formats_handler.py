"""A handler class is held to its word when it is loaded and with every answer; what is wrong is named."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from mlapi_runtime.config import ConfigError, Model
from mlapi_runtime.errors import BadInput, LoadError, ModelFailed
from mlapi_runtime.formats import handler
from mlapi_runtime.signature import Tensor

HEAD = """\
import numpy as np
from mlapi_runtime import BadInput, Signature, Tensor

X = Tensor("x", "FP32", (-1, 2))
Y = Tensor("y", "FP32", (-1,))
"""
Load = Callable[[str], handler.HandlerModel]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads `served:Handler` from a source text."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "served", raising=False)

    def loaded(source: str) -> handler.HandlerModel:
        (tmp_path / "served.py").write_text(HEAD + dedent(source))
        return handler.load(Model("m", "Python", str(tmp_path / "weights"), "served:Handler"), threads=1)

    return loaded


def handler_class(body: str) -> str:
    """A class whose members are `body` and, where it has none, a load that does nothing."""
    more = "" if "load" in body else "\n    def load(self, path): pass\n"
    return f"class Handler:\n{''.join('    ' + line for line in dedent(body).splitlines(True))}\n{more}"


def test_handler_is_loaded_with_the_path_then_warmed_up_then_called(load: Load, tmp_path: Path) -> None:
    model = load(
        handler_class(
            """
            signature = Signature(inputs=(X,), outputs=(Y,))
            def load(self, path): self.done = [path]
            def warm_up(self): self.done.append("warm")
            def predict_batch(self, inputs):
                assert self.done == [PATH, "warm"]
                return {"y": inputs["x"].sum(axis=1)}
            """
        ).replace("PATH", repr(str(tmp_path / "weights")))
    )
    assert model.signature.inputs == (Tensor("x", "FP32", (-1, 2)),)
    assert (model.batches, model.brief) == (True, False)
    assert model.example["x"].tolist() == [[0, 0]]
    answered = model.run({"x": np.array([[1, 2], [3, 4]], np.float32)})
    assert (answered["y"].tolist(), answered["y"].dtype) == ([3, 7], np.float32)


def test_outputs_may_be_lists_and_become_the_signatures_datatype(load: Load) -> None:
    model = load(
        handler_class(
            """
            signature = Signature(inputs=(X,), outputs=(Y, Tensor("t", "BYTES", (-1,))))
            example = {"x": [[1, 1]]}
            def predict(self, inputs): return {"t": np.array(["a"]), "y": []}
            """
        )
    )
    answered = model.run(model.example)
    assert not model.batches
    assert model.example["x"].dtype == np.float32
    assert (answered["y"].shape, answered["y"].dtype, answered["t"].tolist()) == ((0,), np.float32, ["a"])


def test_untyped_handler_takes_and_gives_what_json_says(load: Load) -> None:
    model = load(
        handler_class(
            """
            example = {"text": "a"}
            def predict(self, inputs):
                return {"seen": inputs, "n": np.int64(1), "v": np.zeros(2), "s": np.array(["x"])}
            """
        )
    )
    assert not model.signature.typed
    answered = model.run({"text": "b", "more": [None]})
    assert isinstance(answered["v"], np.ndarray)
    assert (answered["seen"], answered["n"], answered["s"]) == ({"text": "b", "more": [None]}, 1, ["x"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("Handler = 1", "served:Handler: found int, wanted a class with load and predict"),
        (handler_class("pass"), "found no predict, wanted one of def predict(self, inputs)"),
        (
            handler_class("def predict(self, inputs): pass\ndef predict_batch(self, inputs): pass"),
            "found predict and predict_batch, wanted one of",
        ),
        ("class Handler:\n    def predict(self, inputs): pass", "found no load, wanted def load(self, path)"),
        (
            handler_class("async def predict(self, inputs): pass"),
            "Handler.predict: found async def, wanted def predict(self, inputs); it is called in the model's",
        ),
        (
            handler_class("async def load(self, path): pass\ndef predict(self, inputs): pass"),
            "Handler.load: found async def, wanted def load(self, path)",
        ),
        (handler_class("def predict(self, inputs): yield"), "found a generator (yield), wanted def predict"),
        (handler_class("predict = 3"), "Handler.predict: found int, wanted def predict(self, inputs)"),
        (
            handler_class("def predict(self): pass"),
            "found predict(self), wanted predict(self, inputs)",
        ),
        (
            handler_class("def load(self): pass\ndef predict(self, inputs): pass"),
            "found load(self), wanted load(self, path)",
        ),
        (
            handler_class("def __init__(self, path): pass\ndef predict(self, inputs): pass"),
            "__init__ needs arguments (missing a required argument: 'path'), wanted none; do the work in",
        ),
        (
            handler_class("def __init__(self): raise OSError('no disk')\ndef predict(self, inputs): pass"),
            "served:Handler() failed: OSError: no disk (served.py, line ",
        ),
        (
            handler_class("def load(self, path): open(path)\ndef predict(self, inputs): pass"),
            "served:Handler.load failed: FileNotFoundError",
        ),
        (
            handler_class("def load(self, path): raise SystemExit(3)\ndef predict(self, inputs): pass"),
            "served:Handler.load failed: SystemExit: 3 (served.py, line ",
        ),
        (
            handler_class("example = {'a': 1}\ndef warm_up(self): 1 / 0\ndef predict(self, inputs): pass"),
            "served:Handler.warm_up failed: ZeroDivisionError",
        ),
        (
            handler_class("signature = {'x': 1}\ndef predict(self, inputs): pass"),
            "Handler.signature: found dict, wanted Signature(inputs=(Tensor(",
        ),
        (
            handler_class("def predict(self, inputs): pass"),
            "found neither signature nor example, wanted one of them",
        ),
        (
            handler_class("example = [1]\ndef predict(self, inputs): pass"),
            "Handler.example: found list, wanted a dict of name: value",
        ),
        (
            handler_class("example = {'a': {1}}\ndef predict(self, inputs): pass"),
            "Handler.example: a: found set, wanted arrays or JSON values",
        ),
        (
            handler_class("example = {'a': 1}\ndef predict_batch(self, inputs): pass"),
            "Handler.example: a: found INT64, shape [], wanted a list with a row",
        ),
        (
            handler_class(
                "signature = Signature((X,), (Y,))\nexample = {'x': [1]}\ndef predict(self, inputs): pass"
            ),
            "Handler.example: x: found shape [1], wanted shape [-1, 2]",
        ),
        (
            handler_class(
                "signature = Signature((Tensor('x', 'FP32', (2,)),), (Y,))\n"
                "def predict_batch(self, inputs): pass"
            ),
            "predict_batch stacks rows of several requests, so every tensor of the signature needs -1",
        ),
        ("import sys; sys.exit(2)", "served:Handler: importing it failed: SystemExit: 2"),
    ],
    ids=lambda value: value[:40] if "\n" not in value else "",
)
def test_class_that_is_no_handler_is_refused_with_what_to_write(
    load: Load, source: str, message: str
) -> None:
    with pytest.raises(LoadError, match=re.escape(message)):
        load(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "found no Handler in served"),
        ("import nowhere", "nowhere"),
        ("raise ValueError('bad')", "importing served failed: ValueError: bad"),
        ("Tensor('x', 'FLOAT', ())", "found datatype 'FLOAT', wanted one of BOOL"),
    ],
)
def test_class_that_cannot_be_imported_is_refused(load: Load, source: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^model.handler: .*{message}"):
        load(source)


def test_format_python_needs_a_handler() -> None:
    with pytest.raises(ConfigError, match=r"model\.handler: found nothing, wanted module:Class"):
        handler.load(Model("m", "Python", "/m"), 1)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("None", "output outputs: found NoneType, wanted a dict of name: array"),
        ("[1]", "output outputs: found list"),
        ("{}", "output y: found nothing, wanted FP32 values, shape [-1]"),
        ("{'y': [[1.0]]}", "output y: found shape [1, 1], wanted shape [-1]"),
        ("{'y': ['a']}", "output y: found strings, shape [1], wanted FP32 values"),
        ("{'y': np.array([1 + 1j])}", "output y: found other values"),
        ("{'y': [1.0], 'z': 1}", "output outputs: found z, wanted only those of the signature: y"),
        ("{'y': [1.0]}", "output y: found 1 rows, wanted 2, one for each row of the inputs"),
        ("1 / 0", "the model failed: ZeroDivisionError: division by zero"),
        ("exit(1)", "the model failed: SystemExit: 1"),
    ],
)
def test_answer_that_is_not_the_signatures_is_the_models_fault(load: Load, answer: str, message: str) -> None:
    model = load(
        handler_class(f"signature = Signature((X,), (Y,))\ndef predict_batch(self, inputs): return {answer}")
    )
    with pytest.raises(ModelFailed, match=re.escape(message)):
        model.run({"x": np.zeros((2, 2), np.float32)})


@pytest.mark.parametrize("answer", ["{1}", "b'a'", "np.array(['2020'], 'datetime64[D]')", "object()"])
def test_untyped_answer_that_json_has_no_word_for_is_the_models_fault(load: Load, answer: str) -> None:
    model = load(handler_class(f"example = {{'a': 1}}\ndef predict(self, inputs): return {{'y': {answer}}}"))
    with pytest.raises(ModelFailed, match=r"output y: found .*, wanted"):
        model.run({})


def test_bad_input_that_a_handler_raises_is_the_clients_fault(load: Load) -> None:
    model = load(
        handler_class(
            """
            example = {"a": 1}
            def predict(self, inputs): raise BadInput.at("a", inputs["a"], "an even number")
            """
        )
    )
    with pytest.raises(BadInput, match=r"^a: found 3, wanted an even number$"):
        model.run({"a": 3})


def test_attributes_may_be_set_by_load(load: Load) -> None:
    model: Any = load(
        handler_class(
            """
            def load(self, path): self.signature = Signature((X,), (Y,))
            @staticmethod
            def predict(inputs): return {"y": inputs["x"][:, 0]}
            """
        )
    )
    assert model.run({"x": np.ones((3, 2), np.float32)})["y"].tolist() == [1, 1, 1]
