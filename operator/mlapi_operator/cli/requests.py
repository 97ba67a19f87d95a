"""Requests that a user can send at once: made from what the model says it takes."""

import http.client
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

Body = Mapping[str, Any]

# A longer body goes into a file: nobody reads a screen of zeros.
_LONGEST: Final = 400
_SECONDS: Final = 10.0
_VALUES: Final = {"BOOL": False, "BYTES": "text", "FP16": 0.0, "FP32": 0.0, "FP64": 0.0}


def native(metadata: Mapping[str, Any]) -> Body:
    """The smallest body of `POST /predict`, by the model's metadata of the Open Inference Protocol."""
    return {tensor["name"]: _nested(_shape(tensor), _value(tensor)) for tensor in metadata["inputs"]}


def infer(metadata: Mapping[str, Any]) -> Body:
    """The same as a request of the protocol."""
    return {
        "inputs": [
            {
                "name": tensor["name"],
                "datatype": tensor["datatype"],
                "shape": _shape(tensor),
                "data": [_value(tensor)] * math.prod(_shape(tensor)),
            }
            for tensor in metadata["inputs"]
        ]
    }


def takes_inputs(document: Mapping[str, Any], metadata: Mapping[str, Any]) -> bool:
    """Whether `POST /predict` takes the model's inputs by its OpenAPI document: a user's own may not."""
    operation = document.get("paths", {}).get("/predict", {}).get("post", {})
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if reference := schema.get("$ref"):
        schema = document
        for part in reference.removeprefix("#/").split("/"):
            schema = schema.get(part, {})
    return set(schema.get("properties", {})) == {tensor["name"] for tensor in metadata["inputs"]}


def lines(url: str, model: str, folder: Path) -> list[str]:
    """What to type or open next, of a server that answers at `url`.

    Args:
        model: its name.
        folder: for bodies that are too long for a line.
    """
    metadata = _got(url, f"/v2/models/{model}") or {"inputs": []}
    document = _got(url, "/openapi.json") or {}
    found = []
    if metadata["inputs"]:
        if takes_inputs(document, metadata):
            found.append(_curl(f"{url}/predict", native(metadata), folder / "predict.json"))
        if all(tensor["datatype"] != "FP16" for tensor in metadata["inputs"]):  # the protocol's JSON has none
            found.append(_curl(f"{url}/v2/models/{model}/infer", infer(metadata), folder / "infer.json"))
    elif "/predict" in document.get("paths", {}):
        found.append(f"POST {url}/predict  takes a JSON object such as the handler's `example`")
    if _asked(url, "/docs")[0] == 200:
        found.append(f"open {url}/docs")
    return found


def _curl(url: str, body: Body, file: Path) -> str:
    text = json.dumps(body, separators=(",", ":"))
    if len(text) > _LONGEST:
        file.write_text(text)
        data = f"@{file}"
    else:
        data = "'" + text.replace("'", "'\\''") + "'"
    return f"curl {url} -H 'Content-Type: application/json' -d {data}"


def _got(url: str, path: str) -> Any:
    status, body = _asked(url, path)
    return json.loads(body) if status == 200 else None


def _asked(url: str, path: str) -> tuple[int, bytes]:
    """Not with urllib, which would send it to a proxy."""
    address = urlsplit(url)
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _shape(tensor: Mapping[str, Any]) -> list[int]:
    return [1 if length == -1 else length for length in tensor["shape"]]


def _value(tensor: Mapping[str, Any]) -> Any:
    return _VALUES.get(tensor["datatype"], 0)


def _nested(shape: list[int], value: Any) -> Any:
    return [_nested(shape[1:], value)] * shape[0] if shape else value
