"""Each framework's own OpenAPI document describes the same inputs, outputs and errors of the model."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis

from tests.contract.conftest import FRAMEWORKS, Served
from tests.support.onnx_models import many_types, written
from tests.support.serving import Pod, configuration

FP32_MAX = 3.4028234663852886e38
FP32 = {"type": "number", "minimum": -FP32_MAX, "maximum": FP32_MAX}
ANSWERED_FP32 = {"anyOf": [{"type": "number"}, {"type": "null"}]}  # NaN and infinities are null in JSON
PROBLEM = {
    "type": "object",
    "required": ["detail", "status", "title"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "found", "wanted"],
                "properties": {name: {"type": "string"} for name in ("field", "found", "wanted")},
            },
        },
    },
}


def tensors(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": sorted(properties),
        "properties": properties,
    }


def vector(datatype: str, items: dict[str, Any]) -> dict[str, Any]:
    """Of three."""
    described = {"description": f"{datatype}, shape [3]"}
    return {"type": "array", **described, "items": items, "minItems": 3, "maxItems": 3}


def said(document: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """What a document says of request, answer and errors of `POST /predict`, references resolved."""

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            found: Any = document
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            return plain(found)
        kept = {
            key: {name: plain(value) for name, value in value.items()}
            if key == "properties"
            else plain(value)
            for key, value in node.items()
            if not (key in ("title", "default") or (key == "description" and node.get("type") == "object"))
        }
        return kept | ({"required": sorted(kept["required"])} if "required" in kept else {})

    operation = document["paths"]["/predict"]["post"]
    assert operation["requestBody"]["required"]
    answers = operation["responses"]
    return (
        plain(operation["requestBody"]["content"]["application/json"]["schema"]),
        plain(answers["200"]["content"]["application/json"]["schema"]),
        {status: plain(answer["content"]) for status, answer in answers.items() if status != "200"},
    )


@pytest.fixture(params=FRAMEWORKS)
def mixed(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The document of a model with inputs of four datatypes and names that are no Python names."""
    model = written(tmp_path, "digits.onnx", many_types(3))
    with Pod(tmp_path, configuration(model, framework=request.param)) as pod:
        return httpx.get(f"{pod.started().url}/openapi.json").json()


def test_document_names_inputs_and_outputs_with_types_and_shapes(served_alone: Served) -> None:
    row = {"type": "array", "items": FP32, "minItems": 64, "maxItems": 64}
    probabilities = {"type": "array", "items": ANSWERED_FP32, "minItems": 10, "maxItems": 10}
    request, answer, errors = said(served_alone.client.get("/openapi.json").json())
    assert request == tensors(
        X={"type": "array", "description": "FP32, shape [-1, 64]", "items": row, "minItems": 1}
    )
    assert answer == tensors(
        label={"type": "array", "description": "INT64, shape [-1]", "items": {"type": "integer"}},
        probabilities={"type": "array", "description": "FP32, shape [-1, 10]", "items": probabilities},
    )
    assert set(errors) == {"400", "413", "415", "422", "429", "500", "503", "504"}
    assert all(content == {"application/problem+json": {"schema": PROBLEM}} for content in errors.values())


def test_document_of_mixed_datatypes_names_them_as_they_are(mixed: dict[str, Any]) -> None:
    byte = {"type": "integer", "minimum": 0, "maximum": 255}
    request, answer, _ = said(mixed)
    assert request == tensors(
        **{
            "text.in": vector("BYTES", {"type": "string"}),
            "flag:0": vector("BOOL", {"type": "boolean"}),
            "byte": vector("UINT8", byte),
            "root": vector("FP32", FP32),
        }
    )
    assert answer == tensors(
        **{
            "text.in.out": vector("BYTES", {"type": "string"}),
            "flag:0.out": vector("BOOL", {"type": "boolean"}),
            "byte.out": vector("UINT8", {"type": "integer"}),
            "root.out": vector("FP32", ANSWERED_FP32),
        }
    )


def test_document_is_valid_openapi_and_names_the_model(served_alone: Served) -> None:
    document = served_alone.client.get("/openapi.json").json()
    schemathesis.openapi.from_dict(document).validate()
    assert document["openapi"].startswith("3.1.")
    assert (document["info"]["title"], document["info"]["version"]) == ("digits", "1")
    assert list(document["paths"]) == ["/predict"]
    assert document["paths"]["/predict"]["post"]["summary"] == "Predict"


def test_page_shows_the_document(served_alone: Served) -> None:
    page = served_alone.client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "digits" in page.text
    assert "openapi.json" in page.text or '"/predict"' in page.text  # fetched by the page, or in it


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_document_of_a_model_that_declares_nothing_takes_any_object(tmp_path: Path, framework: str) -> None:
    (tmp_path / "echo.py").write_text(
        "class Echo:\n"
        "    example = {'a': 1}\n"
        "    def load(self, path): pass\n"
        "    def predict(self, inputs): return inputs\n"
    )
    config = configuration(written(tmp_path, "model.bin", b""), framework=framework)
    config["model"] |= {"format": "Python", "handler": "echo:Echo"}
    with Pod(tmp_path, config, source=tmp_path) as pod:
        url = pod.started().url
        document = httpx.get(f"{url}/openapi.json").json()
        schemathesis.openapi.from_dict(document).validate()
        request, answer, _ = said(document)
        assert {"type": "object"}.items() <= request.items()
        assert {"type": "object"}.items() <= answer.items()
        assert "properties" not in request
        for body in (b'{"a": {"b": [1, "c", null]}}', b"{}"):
            assert httpx.post(f"{url}/predict", content=body).content.replace(b" ", b"") == body.replace(
                b" ", b""
            )
        for body, status in (
            (b"[]", 422),
            (b'{"a": NaN}', 400),
            (b'{"a": 1e400}', 422),
            (b'{"a":1,"a":2}', 422),
        ):
            refused = httpx.post(f"{url}/predict", content=body)
            assert (refused.status_code, refused.headers["content-type"]) == (
                status,
                "application/problem+json",
            )
