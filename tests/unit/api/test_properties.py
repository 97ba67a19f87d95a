"""What holds for every spec that people may write, mixed from all rows of the tables."""

import json
import re

from hypothesis import given, settings

from mlapi_operator.api.v1alpha1 import parse
from mlapi_operator.cli.validate import check
from mlapi_operator.desired.revision import workload
from tests.support.mlapis import Object, mlapi
from tests.support.strategies import doubtful_specs, valid_mlapis

# Field, found, and what to do: `spec.serving.workers: found 0, wanted at least 1`.
SENTENCE = re.compile(
    r"(spec[^ ]*(?: [^:]*)?): (found .+[;,] .+|missing; add it|unknown field; .+)", re.DOTALL
)


@given(doubtful_specs())
@settings(max_examples=200, deadline=None)
def test_problem_of_any_spec_names_field_found_and_wanted(spec: Object) -> None:
    for problem in check({**mlapi({}), "spec": spec}):
        assert SENTENCE.fullmatch(problem), problem
        assert len(problem) < 700


@given(valid_mlapis)
@settings(max_examples=200, deadline=None)
def test_sound_spec_written_without_its_defaults_means_the_same(manifest: Object) -> None:
    meant = parse(manifest)
    written = meant.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
    assert parse({**manifest, "spec": json.loads(json.dumps(written))}) == meant


@given(valid_mlapis)
@settings(max_examples=200, deadline=None)
def test_workload_of_a_sound_spec_read_back_from_its_revision_is_the_same(manifest: Object) -> None:
    fields = workload(parse(manifest))
    assert workload(parse({**manifest, "spec": json.loads(json.dumps(fields))})) == fields
