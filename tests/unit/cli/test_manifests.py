"""Which MLApi of a file is served, and that it is one the API server would take."""

from pathlib import Path

import pytest
import yaml

from mlapi_operator.cli.problem import Problem, Usage
from mlapi_operator.cli.session import chosen
from tests.support.mlapis import Object, mlapi

SERVICE: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "digits"}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mlapi.yaml"


def test_only_mlapi_of_a_file_is_served(file: Path) -> None:
    file.write_text(yaml.safe_dump_all([SERVICE, mlapi({})]))
    assert chosen(str(file), None) == mlapi({})


def test_one_of_several_is_served_by_name_whatever_the_others_are(file: Path) -> None:
    file.write_text(yaml.safe_dump_all([mlapi({"replicas": -1}, "first"), mlapi({}, "second")]))
    assert chosen(str(file), "second") == mlapi({}, "second")


@pytest.mark.parametrize(
    ("documents", "name", "kind", "words"),
    [
        ([mlapi({}, "a"), mlapi({}, "b")], None, Usage, "holds 2 MLApis: a, b; say which with --name"),
        ([mlapi({}, "a")], "b", Usage, "--name: found b, wanted one of a"),
        (
            [mlapi({"replicas": -1})],
            None,
            Problem,
            "MLApi digits: spec.replicas: found -1, wanted at least 0",
        ),
        ([SERVICE], None, Problem, "mlapi.yaml: no MLApi in it"),
        (["a: ["], None, Problem, "mlapi.yaml: no MLApi in it"),
    ],
)
def test_file_that_cannot_be_served_says_why(
    documents: list[Object], name: str | None, kind: type[Problem], words: str, file: Path
) -> None:
    file.write_text(yaml.safe_dump_all(documents))
    with pytest.raises(kind) as told:
        chosen(str(file), name)
    assert words in str(told.value)


def test_file_that_is_no_text_is_named(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(Problem, match=r"mlapi.yaml: not UTF-8"):
        chosen(str(file), None)
