"""A body that says one thing twice is refused, however its keys are written; nothing else is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlapi_runtime.errors import BadInput
from mlapi_runtime.jsonkeys import check_unique

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def pairs(value: Any) -> int:
    """Keys in all objects of a value."""
    if isinstance(value, dict):
        return len(value) + sum(map(pairs, value.values()))
    return sum(map(pairs, value)) if isinstance(value, list) else 0


@given(JSON)
def test_body_without_equal_keys_passes(value: Any) -> None:
    body = json.dumps(value).encode()
    check_unique(body, pairs(value))
    check_unique(body, 0)


@given(st.dictionaries(st.text(), JSON, min_size=1, max_size=3), JSON, st.booleans())
def test_key_given_twice_is_found_at_any_depth(value: dict[str, Any], again: Any, deep: bool) -> None:
    key = next(iter(value))
    body = f"{json.dumps(value)[:-1]}, {json.dumps(key)}: {json.dumps(again)}}}"
    if deep:
        body = f'{{"outer": [{body}]}}'
    # What a parser hands over has one of the two.
    with pytest.raises(BadInput, match="twice in one object"):
        check_unique(body.encode(), pairs(json.loads(body)))


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": 4}]}',
        b'{"a": "b:c::"}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b'{"a": NaN, "b": 1e999}',
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 10,
    ],
)
def test_body_that_is_in_order_or_no_json_is_left_to_its_parser(body: bytes) -> None:
    check_unique(body, -1)


def test_key_is_named_also_when_it_is_written_in_another_way() -> None:
    with pytest.raises(BadInput) as raised:
        check_unique(b'{"id": "1", "\\u0069d": "2"}', 1)
    assert raised.value.detail == "id: found twice in one object, wanted each key once"
