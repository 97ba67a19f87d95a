"""Models of all shapes and types, through engine and framework application, without a server."""

from pathlib import Path

import httpx
import numpy as np
import pytest

from mlapi_runtime.adapters import fastapi
from mlapi_runtime.config import Batching, ConfigError, Model
from mlapi_runtime.engine import VERSION, Engine
from mlapi_runtime.errors import BadInput, LoadError
from mlapi_runtime.formats import onnx
from mlapi_runtime.oip import Codec
from mlapi_runtime.registry import FORMATS, format_of, resolve
from tests.support.onnx_models import digits, fixed_batch, many_types, written


def engine(folder: Path, model: bytes) -> Engine:
    return Engine("digits", loaded(written(folder, "m.onnx", model)), Batching(8, 0))


def loaded(path: Path) -> onnx.OnnxModel:
    return onnx.load(Model("digits", "ONNX", str(path)), 1)


async def test_model_with_a_fixed_batch_runs_request_by_request(tmp_path: Path) -> None:
    fixed = engine(tmp_path, fixed_batch())
    fixed.batcher.start()
    assert not fixed.signature.batches
    row = np.array([[1, 2, 3]], dtype=np.float32)
    assert (await fixed.predict({"x": row}))["doubled"].tolist() == [[2, 4, 6]]
    fixed.batcher.stop()
    with pytest.raises(BadInput, match=r"inputs\[0\].shape: found \[2, 3\], wanted shape \[1, 3\]"):
        Codec("digits", VERSION, fixed.platform, fixed.signature).decode(
            b'{"inputs":[{"name":"x","datatype":"FP32","shape":[2,3],"data":[1,2,3,4,5,6]}]}'
        )


async def test_every_kind_of_tensor_passes_the_native_route_under_its_own_name(tmp_path: Path) -> None:
    mixed = engine(tmp_path, many_types())
    mixed.batcher.start()
    transport = httpx.ASGITransport(fastapi.application(mixed, None, None).app)
    values = {"text.in": ["a", "ß"], "flag:0": [True, False], "byte": [0, 255], "root": [4.0, -1.0]}
    async with httpx.AsyncClient(transport=transport, base_url="http://pod") as client:
        answer = await client.post("/predict", json=values)
        # The root of a negative number is not a number: JSON has no word for it.
        assert answer.json() == {
            "text.in.out": ["a", "ß"],
            "flag:0.out": [True, False],
            "byte.out": [0, 255],
            "root.out": [2.0, None],
        }
        too_big = await client.post("/predict", json={**values, "byte": [0, 256]})
        assert too_big.json()["errors"] == [
            {"field": "byte[1]", "found": "256", "wanted": "an integer from 0 to 255"}
        ]
        uneven = await client.post("/predict", json={**values, "byte": [0]})
        assert uneven.status_code == 422
        assert "the same number of rows in every input" in uneven.json()["detail"]
    mixed.batcher.stop()


def test_every_kind_of_tensor_passes_the_protocol(tmp_path: Path) -> None:
    mixed = engine(tmp_path, many_types())
    codec = Codec("digits", VERSION, mixed.platform, mixed.signature)
    body = (
        b'{"inputs":[{"name":"text.in","datatype":"BYTES","shape":[2],"data":["a","b"]},'
        b'{"name":"flag:0","datatype":"BOOL","shape":[2],"data":[true,false]},'
        b'{"name":"byte","datatype":"UINT8","shape":[2],"data":[0,255]},'
        b'{"name":"root","datatype":"FP32","shape":[2],"data":[4,2.25]}]}'
    )
    found = codec.decode(body).inputs
    assert {name: (array.dtype.kind, array.tolist()) for name, array in found.items()} == {
        "text.in": ("O", ["a", "b"]),
        "flag:0": ("b", [True, False]),
        "byte": ("u", [0, 255]),
        "root": ("f", [4.0, 2.25]),
    }
    with pytest.raises(BadInput, match=r"inputs\[2\].data"):
        codec.decode(body.replace(b"255", b"256"))
    with pytest.raises(BadInput, match=r"inputs\[3\].data"):
        codec.decode(body.replace(b"[4,", b'["4",'))


def test_model_that_answers_maps_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = written(tmp_path, "m.onnx", digits().onnx_with_zipmap)
    with pytest.raises(LoadError, match=r"only tensors can be served; convert .* zipmap=False"):
        loaded(path)


def test_format_goes_by_the_name_of_the_file_alone() -> None:
    assert format_of("Auto", "/models/Digits.ONNX") == "ONNX"
    assert format_of("ONNX", "/models/weights.bin") == "ONNX"
    assert format_of("Auto", "/models/forest.skops") == "Sklearn"
    assert format_of("Auto", "/models/forest.pkl") == "Sklearn"  # whose loader refuses it with the remedy
    with pytest.raises(ConfigError, match=r"Auto cannot tell the format of weights.bin; .* suffixes .onnx"):
        format_of("Auto", "/models/weights.bin")
    with pytest.raises(ConfigError, match=r"model\.format: found Keras, wanted one of ONNX"):
        resolve("model.format", FORMATS, "Keras")
