"""A signature takes exactly the values that its datatypes hold, whoever hands them over."""

import math
import re
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from mlapi_runtime.errors import BadInput, ModelFailed
from mlapi_runtime.signature import DTYPES, UNTYPED, Signature, Tensor, plain, stackable

NUMBERS = sorted(set(DTYPES) - {"BYTES"})
X = Tensor("x", "FP32", (-1, 2))


def signature(*inputs: Tensor) -> Signature:
    return Signature(inputs=inputs, outputs=(Tensor("y", "FP32", (-1,)),))


@st.composite
def tensors(draw: st.DrawFn) -> tuple[Tensor, Any]:
    """A tensor and an array that fits it."""
    datatype = draw(st.sampled_from(sorted(DTYPES)))
    shape = draw(npst.array_shapes(min_dims=0, max_dims=4, max_side=3))
    free = draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    declared = tuple(-1 if any_length else length for any_length, length in zip(free, shape, strict=True))
    if datatype == "BYTES":
        array = draw(npst.arrays(np.object_, shape, elements=st.text()))
    else:
        # What JSON can say: FP32 as Python prints it, no NaN.
        elements = {"allow_nan": False, "allow_infinity": False} if datatype.startswith("FP") else {}
        array = draw(npst.arrays(DTYPES[datatype], shape, elements=elements or None))
    return Tensor("x", datatype, declared), array


@given(tensors())
def test_values_of_every_datatype_and_shape_come_back_as_they_were(drawn: tuple[Tensor, Any]) -> None:
    tensor, array = drawn
    typed = signature(tensor)
    for convert, value in product((typed.arrays, typed.proven), (array, array.tolist())):
        found = convert({"x": value})["x"]
        assert found.dtype == tensor.dtype
        assert found.shape == array.shape
        assert found.tolist() == array.tolist()
    assert plain({"x": array}) == {"x": array.tolist()}


@given(st.sampled_from(["INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"]), st.data())
def test_integers_beyond_the_datatype_are_refused_and_those_within_are_exact(
    datatype: str, data: st.DataObject
) -> None:
    limits = np.iinfo(DTYPES[datatype])
    values = data.draw(st.lists(st.integers(-(2**65), 2**65), min_size=1, max_size=4))
    typed = signature(Tensor("x", datatype, (-1,)))
    if all(limits.min <= value <= limits.max for value in values):
        assert typed.arrays({"x": values})["x"].tolist() == values
    else:
        with pytest.raises(BadInput, match=f"^x: found .*, wanted {datatype} values"):
            typed.arrays({"x": values})


@pytest.mark.parametrize(
    ("tensor", "value", "message"),
    [
        (X, [["1", "2"]], r"x: found strings, shape \[1, 2\], wanted FP32 values, shape \[-1, 2\]"),
        (X, [[True, False]], "x: found BOOL"),
        (X, [[1, None]], "x: found other values"),
        (X, [[1, 2], [3]], "x: found rows of unequal length"),
        (X, [[1e39, 0]], "x: found FP64"),
        (X, [], r"x: found shape \[0\], wanted shape \[-1, 2\] with at least 1 for each -1"),
        (X, [[1, 2, 3]], r"x: found shape \[1, 3\]"),
        (X, 1.0, r"x: found shape \[\]"),
        (X, {"a": 1}, "x: found dict"),
        (X, None, "x: found NoneType"),
        (Tensor("x", "FP16", (-1,)), [70000], "x: found INT64"),
        (Tensor("x", "INT8", (-1,)), [1.5], "x: found FP64"),
        (Tensor("x", "INT8", (-1,)), [True], "x: found BOOL"),
        (Tensor("x", "BOOL", (-1,)), [1], "x: found INT64"),
        (Tensor("x", "BYTES", (-1,)), ["a", 1], "x: found other values"),
        (Tensor("x", "BYTES", (-1,)), [b"a"], "x: found other values"),
    ],
)
def test_values_of_another_kind_are_refused_by_name(tensor: Tensor, value: Any, message: str) -> None:
    with pytest.raises(BadInput, match=f"^{message}"):
        signature(tensor).arrays({"x": value})


@pytest.mark.parametrize(
    ("tensor", "value", "message"),
    [
        (Tensor("x", "FP32", (-1, -1)), [[1.0], [1.0, 2.0]], "x: found rows of unequal length, wanted shape"),
        (
            Tensor("x", "BYTES", (-1, -1)),
            [["a"], ["b", "c"]],
            "x: found other values, shape [2]",
        ),
        (Tensor("x", "UINT64", (-1,)), [2**64], "x: found other values, shape [1], wanted UINT64 values"),
    ],
)
def test_what_no_frameworks_validation_knows_is_refused_by_name(
    tensor: Tensor, value: Any, message: str
) -> None:
    with pytest.raises(BadInput, match=re.escape(message)):
        signature(tensor).proven({"x": value})


def test_names_must_be_those_of_the_signature() -> None:
    two = signature(X, Tensor("z", "INT64", (-1,)))
    for values, found in (({}, "none"), ({"x": [[1, 2]]}, "x"), ({"x": [[1, 2]], "Z": [1]}, "x, Z")):
        with pytest.raises(BadInput, match=f"^inputs: found {found}, wanted each of x, z$"):
            two.arrays(values)


def test_numbers_that_are_not_finite_pass_where_code_hands_them_over() -> None:
    found = signature(X).arrays({"x": np.array([[np.nan, np.inf]])})["x"]
    assert np.isnan(found[0, 0])
    assert math.isinf(found[0, 1])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Tensor("", "FP32", (-1,)), "name: found '', wanted a text"),
        (lambda: Tensor("x", "FLOAT", (-1,)), "x: found datatype 'FLOAT', wanted one of BOOL, INT8"),
        (
            lambda: Tensor("x", "FP32", (0, 2)),
            r"x: found shape \[0, 2\], wanted lengths of at least 1",
        ),
        (lambda: signature(X, X), "inputs: found x, x, wanted each name once"),
        (lambda: Signature((X,), ()), "outputs: found none, wanted at least one tensor"),
    ],
)
def test_declaration_that_cannot_hold_is_refused(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        build()


def test_untyped_signature_hands_values_on_and_stacks_only_rows() -> None:
    values = {"text": "a", "options": {"deep": [1, None]}}
    assert not UNTYPED.typed
    assert UNTYPED.arrays(values) == values
    stacked = stackable({"x": [[1, 2], [3, 4]], "t": ["a", "b"]})
    assert [array.dtype.kind for array in stacked.values()] == ["i", "O"]
    refused: tuple[dict[str, Any], ...] = (
        {},
        {"x": 1},
        {"x": []},
        {"x": [[1], [2, 3]]},
        {"x": [{"a": 1}]},
        {"x": [None]},
    )
    for bad in refused:
        with pytest.raises(BadInput):
            stackable(bad)


def test_values_nested_beyond_reason_are_refused_before_anyone_walks_through_them() -> None:
    value: Any = 1
    for _ in range(63):
        value = [value]
    assert UNTYPED.arrays({"x": {"y": value}})
    for deep in ([[value]], {"y": [value]}):
        with pytest.raises(BadInput, match=r"^inputs: found more than 64 levels, wanted JSON nested less"):
            UNTYPED.arrays({"x": deep})


def test_outputs_become_json_values_or_are_refused_by_name() -> None:
    outputs = {"a": np.float32(0.5), "b": [np.int8(1), {"c": np.array(["x"])}], "d": None, "e": (1,)}
    assert plain(outputs) == {"a": 0.5, "b": [1, {"c": ["x"]}], "d": None, "e": [1]}
    for bad in ({1, 2}, b"x", np.array([1j]), {"k": object()}, {1: 2}, np.array([object()])):
        with pytest.raises(ModelFailed, match=r"^output bad: found"):
            plain({"bad": bad})
