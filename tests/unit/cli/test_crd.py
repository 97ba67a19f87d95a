"""`mlapi crd` keeps the files of the repository equal to the types."""

from pathlib import Path

import pytest
import yaml

from mlapi_operator.api.crd import crd
from mlapi_operator.cli import main

FILE = Path("crds/mlapi.dev_mlapis.yaml")


@pytest.fixture
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)


def test_crd_printed_is_the_definition(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crd"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == crd()


@pytest.mark.usefixtures("_repository")
def test_crd_checked_names_the_file_that_was_edited(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crd", "--write"]) == 0
    assert main(["crd", "--check"]) == 0
    FILE.write_text(FILE.read_text() + "# by hand\n")
    capsys.readouterr()
    assert main(["crd", "--check"]) == 1
    assert capsys.readouterr().out == f"{FILE}: differs from the types; run `make crd`\n"


def test_crd_written_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["crd", "--write"]) == 2
    assert "root of the repository" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
