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
_JSON: Final = "Content-Type: application/json"
_SECONDS: Final = 10.0
# Ours, and where the frameworks put them in a user's own application.
_DOCUMENTS: Final = ("/openapi.json", "/schema/openapi.json", "/docs/openapi.json")
_PAGES: Final = ("/docs", "/schema")
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


def lines(url: str, model: str, folder: Path, *, handler: bool) -> list[str]:
    """What to type or open next, of a server that answers at `url`.

    Args:
        model: its name.
        folder: for bodies that are too long for a line.
        handler: the model is code of the user, who alone knows what it takes beside its signature.
    """
    metadata = _got(url, f"/v2/models/{model}") or {"inputs": []}
    documents = (_got(url, path) for path in _DOCUMENTS)
    document: Mapping[str, Any] = next((found for found in documents if found), {})
    found = []
    if metadata["inputs"]:
        if takes_inputs(document, metadata):
            found.append(_curl(f"{url}/predict", native(metadata), folder / "predict.json"))
        if all(tensor["datatype"] != "FP16" for tensor in metadata["inputs"]):  # the protocol's JSON has none
            found.append(_curl(f"{url}/v2/models/{model}/infer", infer(metadata), folder / "infer.json"))
        if handler:
            found.append("# the smallest values of the signature; your handler may want others")
    elif "/predict" in document.get("paths", {}):
        found.append(f"curl {url}/predict -H '{_JSON}' -d ...  # an object such as your handler's example")
    page = next((path for path in _PAGES if _asked(url, path)[0] == 200), None)
    return found if page is None else [*found, f"open {url}{page}"]


def _curl(url: str, body: Body, file: Path) -> str:
    text = json.dumps(body, separators=(",", ":"))
    if len(text) > _LONGEST:
        file.write_text(text)
        data = f"@{file}"
    else:
        data = "'" + text.replace("'", "'\\''") + "'"
    return f"curl {url} -H '{_JSON}' -d {data}"


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
