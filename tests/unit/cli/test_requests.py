"""Requests that are shown to a user fit the model that the metadata describes."""

from typing import Any

import pytest

from mlapi_operator.cli import requests

Document = dict[str, Any]

METADATA: Document = {
    "inputs": [
        {"name": "image", "datatype": "FP32", "shape": [-1, 2, 2]},
        {"name": "note", "datatype": "BYTES", "shape": [-1]},
        {"name": "flags", "datatype": "BOOL", "shape": [3]},
        {"name": "turns", "datatype": "INT64", "shape": []},
    ]
}


def test_native_request_nests_lists_as_the_shapes_say() -> None:
    assert requests.native(METADATA) == {
        "image": [[[0.0, 0.0], [0.0, 0.0]]],
        "note": ["text"],
        "flags": [False, False, False],
        "turns": 0,
    }


def test_infer_request_is_flat_and_names_the_shapes() -> None:
    image, note, flags, turns = requests.infer(METADATA)["inputs"]
    assert image == {"name": "image", "datatype": "FP32", "shape": [1, 2, 2], "data": [0.0] * 4}
    assert (note["shape"], note["data"]) == ([1], ["text"])
    assert (flags["shape"], flags["data"]) == ([3], [False] * 3)
    assert (turns["shape"], turns["data"]) == ([], [0])


def openapi(schema: Document, **components: Document) -> Document:
    content = {"application/json": {"schema": schema}}
    return {
        "paths": {"/predict": {"post": {"requestBody": {"content": content}}}},
        "components": {"schemas": components},
    }


OURS: Document = {"properties": {tensor["name"]: {} for tensor in METADATA["inputs"]}}
REFERENCE = {"$ref": "#/components/schemas/PredictRequest"}


@pytest.mark.parametrize(
    ("document", "ours"),
    [
        (openapi(OURS), True),
        (openapi(REFERENCE, PredictRequest=OURS), True),
        (openapi(REFERENCE, PredictRequest={"properties": {"rows": {}}}), False),
        (openapi({"type": "string"}), False),
        ({"paths": {"/predict": {"get": {}}}}, False),
        ({}, False),
    ],
)
def test_predict_of_the_user_is_told_from_ours_by_its_document(document: Document, ours: bool) -> None:
    assert requests.takes_inputs(document, METADATA) is ours
