"""A stats document comes back as it was sent; garbage is refused with the path of the culprit."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlapi_stats.buckets import FIRST, LAST
from mlapi_stats.document import MAX_BYTES, ROUTES, STATUSES, Series, Stats, decode, encode

COUNTS = st.integers(0, 2**50)


@st.composite
def all_series(draw: st.DrawFn) -> tuple[Series, ...]:
    pairs = st.tuples(st.sampled_from(ROUTES), st.sampled_from(STATUSES))
    series = []
    for route, status in draw(st.lists(pairs, unique=True)):
        buckets = draw(st.dictionaries(st.integers(FIRST, LAST), COUNTS, max_size=20))
        series.append(Series(route, status, sum(buckets.values()), draw(COUNTS), buckets))
    return tuple(series)


DOCUMENTS = st.builds(
    Stats,
    revision=st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True),
    start_time=st.floats(1, 4e9),
    model_loaded=st.booleans(),
    in_flight=COUNTS,
    queued=COUNTS,
    capacity=COUNTS,
    loop_lag_microseconds=COUNTS,
    rejected=COUNTS,
    series=all_series(),
)

PLAIN = Stats(
    revision="digits-1a2b3c4d",
    start_time=1795368000.25,
    model_loaded=True,
    in_flight=1,
    queued=0,
    capacity=100,
    loop_lag_microseconds=80,
    rejected=2,
    series=(Series("predict", "2xx", 5, 6000, {160: 4, 170: 1}),),
)


@given(DOCUMENTS)
def test_document_sent_comes_back_equal(stats: Stats) -> None:
    assert decode(encode(stats)) == stats


def test_document_is_camel_case_with_sparse_buckets() -> None:
    assert json.loads(encode(PLAIN)) == {
        "version": 1,
        "revision": "digits-1a2b3c4d",
        "startTime": 1795368000.25,
        "modelLoaded": True,
        "inFlight": 1,
        "queued": 0,
        "capacity": 100,
        "loopLagMicroseconds": 80,
        "rejected": 2,
        "series": [
            {
                "route": "predict",
                "status": "2xx",
                "count": 5,
                "sumMicroseconds": 6000,
                "buckets": {"160": 4, "170": 1},
            }
        ],
    }


def test_document_with_fields_of_a_newer_runtime_is_read() -> None:
    document = json.loads(encode(PLAIN)) | {"firstByte": []}
    assert decode(json.dumps(document).encode()) == PLAIN


def put(*path: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


def drop(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.pop(key)


FIRST_SERIES = ("series", 0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (put("version", value=2), "version: 2, this reader knows 1"),
        (put("version", value=True), "version: True, wanted an integer"),
        (drop("rejected"), "rejected: missing"),
        (put("inFlight", value=-1), "inFlight: -1, wanted an integer"),
        (put("queued", value=1.5), "queued: 1.5, wanted an integer"),
        (put("capacity", value=2**63), "capacity: 9223372036854775808, wanted an integer"),
        (put("loopLagMicroseconds", value="8"), "loopLagMicroseconds: '8', wanted an integer"),
        (put("revision", value=""), "revision: wanted a name"),
        (put("revision", value="a" * 64), "revision: wanted a name"),
        (put("startTime", value=0), "startTime: 0, wanted unix seconds"),
        (put("startTime", value=None), "startTime: None, wanted unix seconds"),
        (put("modelLoaded", value=1), "modelLoaded: 1, wanted true or false"),
        (put("series", value={}), "series: wanted a list"),
        (put("series", value=[{}] * 65), "series: wanted a list of at most 64"),
        (put("series", value=[3]), r"series\[0\]: 3, wanted an object"),
        (put(*FIRST_SERIES, "route", value="x" * 99), r"series\[0\].route: 'x+\.\.\., wanted one of predict"),
        (put(*FIRST_SERIES, "status", value=["2xx"]), r"series\[0\].status: list, wanted one of 2xx"),
        (put(*FIRST_SERIES, "count", value=6), r"series\[0\].count: 6, but the buckets hold 5"),
        (put(*FIRST_SERIES, "buckets", value=[4]), r"series\[0\].buckets: list, wanted an object"),
        (put(*FIRST_SERIES, "buckets", "160", value=-4), r"series\[0\].buckets.160: -4, wanted an integer"),
        (put(*FIRST_SERIES, "buckets", "0160", value=0), r"series\[0\].buckets\['0160'\]: wanted an index"),
        (put(*FIRST_SERIES, "buckets", "53", value=0), r"series\[0\].buckets\['53'\]: wanted an index"),
        (put(*FIRST_SERIES, "buckets", "509", value=0), r"series\[0\].buckets\['509'\]: wanted an index"),
        (put(*FIRST_SERIES, "buckets", "", value=0), r"series\[0\].buckets\[''\]: wanted an index"),
        (
            lambda document: document["series"].append(document["series"][0]),
            "series: the same route and status twice",
        ),
    ],
)
def test_document_with_a_bad_value_is_refused_naming_it(
    change: Callable[[dict[str, Any]], None], text: str
) -> None:
    document = json.loads(encode(PLAIN))
    change(document)
    with pytest.raises(ValueError, match=f"^{text}"):
        decode(json.dumps(document).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[1]",
        b"null",
        encode(PLAIN).replace(b"1795368000.25", b"NaN"),
        encode(PLAIN).replace(b"1795368000.25", b"Infinity"),
        encode(PLAIN).replace(b'"rejected":2', b'"rejected":' + b"9" * 5000),
        encode(PLAIN) + b" " * MAX_BYTES,
    ],
)
def test_document_that_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^document: "):
        decode(data)


@given(st.binary(max_size=300))
def test_document_of_random_bytes_raises_value_error_alone(data: bytes) -> None:
    with pytest.raises(ValueError, match=": "):
        decode(data)
