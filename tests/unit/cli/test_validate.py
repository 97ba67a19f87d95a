"""`mlapi validate` as a user meets it in a terminal or a pipeline."""

import io
from pathlib import Path

import pytest
import yaml

from mlapi_operator.cli import main
from tests.support.mlapis import Object, mlapi

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mlapi.yaml"


def written(file: Path, *manifests: Object) -> str:
    file.write_text(yaml.safe_dump_all(manifests))
    return str(file)


def test_validate_of_a_sound_file_says_ok(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "spec": {}}
    assert main(["validate", "-f", written(file, mlapi({}), service, mlapi({}, "second"))]) == 0
    assert capsys.readouterr().out == f"{file}: MLApi digits: OK\n{file}: MLApi second: OK\n"


def test_validate_names_every_problem_of_every_document(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = mlapi({"image": "digits:v1", "replicas": "2"})
    assert main(["validate", "-f", written(file, mlapi({}), wrong, mlapi({"suspend": 1}, "third"))]) == 1
    said = capsys.readouterr()
    assert said.out == f"{file}: MLApi digits: OK\n"
    assert said.err.splitlines() == [
        f"{file}: MLApi digits: spec.image: found 'digits:v1'; must name an image by digest, as in "
        "registry.example.com/resnet@sha256:<64 hex digits>; tags cannot be resolved yet",
        f"{file}: MLApi digits: spec.replicas: found '2', wanted an integer",
        f"{file}: MLApi third: spec.suspend: found 1, wanted true or false",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: MLApi\nkind: MLApi\n", "key 'kind' is written twice"),
        ("a: [\n", "not YAML"),
        ("", "no MLApi in it; wanted apiVersion: mlapi.dev/v1alpha1"),
        ("apiVersion: mlapi.dev/v1\nkind: MLApi\n", "found 'mlapi.dev/v1', wanted mlapi.dev/v1alpha1"),
        ("apiVersion: mlapi.dev/v1alpha1\nkind: MLApi\n", "MLApi without a name: spec: missing; add it"),
        (
            "apiVersion: mlapi.dev/v1alpha1\nkind: MLApi\nmetadata: []\nspec: 1\n",
            "spec: found 1, wanted an object",
        ),
    ],
)
def test_validate_of_a_text_that_is_no_mlapi_says_what_it_is(
    text: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert main(["validate", "-f", "-"]) == 1
    assert words in capsys.readouterr().err


def test_validate_of_a_missing_file_is_wrong_usage(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "-f", str(file)]) == 2
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "example", sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.yaml"))
)
def test_validate_of_an_example_says_ok(example: str) -> None:
    assert main(["validate", "-f", str(EXAMPLES / example)]) == 0
