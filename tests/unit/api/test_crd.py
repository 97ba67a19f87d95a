"""The CRD is what the types say, and small and strict enough for every way of applying it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlapi_operator.api.conditions import REASONS
from mlapi_operator.api.crd import crd, crd_yaml, schema, schema_hash
from mlapi_operator.api.patterns import WORDS
from mlapi_operator.cli.crd import generated

ROOT = Path(__file__).parents[3]
UNBOUNDED_ON_PURPOSE = {".apiVersion", ".kind"}  # the API server's own
CLIENT_SIDE_APPLY = 262144


@pytest.mark.parametrize("path", generated())
def test_generated_file_equals_what_the_types_say(path: str) -> None:
    assert (ROOT / path).read_text() == generated()[path], "run `make crd`"


def test_crd_is_small() -> None:
    assert len(crd_yaml()) < 100_000
    assert len(json.dumps(crd())) < CLIENT_SIDE_APPLY


def test_every_string_list_and_map_is_bounded() -> None:
    assert {path for path, node in nodes(schema()) if not bounded(path, node)} == set()


def bounded(path: str, node: dict[str, Any]) -> bool:
    if path in UNBOUNDED_ON_PURPOSE or "enum" in node or node.get("format") == "date-time":
        return True
    if "additionalProperties" in node:
        return "maxProperties" in node
    needed = {"string": "maxLength", "array": "maxItems"}.get(node.get("type", "string"))
    return needed is None or needed in node


def test_no_number_is_a_float() -> None:
    assert {path for path, node in nodes(schema()) if node.get("type") == "number"} == set()


def test_enum_values_are_camel_case_but_for_http_methods() -> None:
    values = {
        value for path, node in nodes(schema()) if "method" not in path for value in node.get("enum", ())
    }
    assert {value for value in values if not re.fullmatch("[A-Z][A-Za-z]*", value)} == set()


def test_every_field_of_the_spec_is_described() -> None:
    spec = schema()["properties"]["spec"]
    assert {
        path for path, node in nodes(spec) if path and is_field(path) and "description" not in node
    } == set()


def test_every_pattern_of_the_spec_is_said_in_words_by_the_cli() -> None:
    patterns = {node["pattern"] for _, node in nodes(schema()["properties"]["spec"]) if "pattern" in node}
    assert patterns == set(WORDS)


def test_nothing_defaults_the_replicas() -> None:
    assert "default" not in schema()["properties"]["spec"]["properties"]["replicas"]


def test_hash_follows_the_schema() -> None:
    assert crd()["metadata"]["annotations"]["mlapi.dev/schema-hash"] == schema_hash()
    assert re.fullmatch("[0-9a-f]{16}", schema_hash())


def test_reasons_are_told_apart_by_condition_and_name() -> None:
    assert len({(reason.condition, reason.name) for reason in REASONS}) == len(REASONS)


def is_field(path: str) -> bool:
    return not path.endswith(("[]", "{}"))


def nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, with a path such as `.spec.env[].name`."""
    yield path, node
    for name, member in node.get("properties", {}).items():
        yield from nodes(member, f"{path}.{name}")
    for keyword, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if keyword in node:
            yield from nodes(node[keyword], path + mark)
