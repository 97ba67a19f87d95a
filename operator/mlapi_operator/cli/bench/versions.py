"""Two versions of a framework: the contract suite on each, and what changed in the OpenAPI document."""

import difflib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import mlapi_operator
from mlapi_operator.cli.bench.measure import get
from mlapi_operator.cli.bench.session import START_SECONDS, Hosted
from mlapi_operator.cli.bench.subject import Subject
from mlapi_operator.cli.environment import Environment
from mlapi_operator.cli.pod import Pod
from mlapi_operator.cli.problem import Problem
from mlapi_operator.cli.screen import Screen

ROOT: Final = Path(mlapi_operator.__file__).parents[2]
SUITE: Final = ROOT / "tests" / "contract"
PYTHON: Final = "MLAPI_TEST_PYTHON"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of the contract suite; `failed` names the tests."""

    passed: int
    skipped: int
    failed: tuple[str, ...]

    def __str__(self) -> str:
        count = f"{self.passed} passed, {self.skipped} skipped, {len(self.failed)} failed"
        return "\n".join((count, *(f"    {name}" for name in self.failed)))


def check_suite() -> None:
    """
    Raises:
        Problem: the suite, or what it needs, is not here.
    """
    if not SUITE.is_dir():
        raise Problem(
            "--framework-version: runs the contract suite, which is in the repository and not in the "
            "package; clone it and run `mlapi bench` there"
        )
    if find_spec("pytest") is None:
        raise Problem(
            "--framework-version: pytest is not installed here; run `make venv` in the clone, and `mlapi "
            "bench` with the Python of that environment"
        )


def compare(hosted: Sequence[Hosted], subject: Subject, folder: Path, screen: Screen) -> dict[str, str]:
    """Title -> what was found, for the report.

    Args:
        hosted: the two versions, the older first.
    Raises:
        Problem: a server or the suite cannot be started.
    """
    found = {}
    for each in hosted:
        with screen.working(f"contract suite of {each.name}") as report:
            found[f"Contract suite of {each.name}"] = str(suite(each.framework, each.environment, report))
    before, after = (document(each, subject, folder) for each in hosted)
    names = hosted[0].name, hosted[1].name
    changed = difference(before, after, names) or "no difference"
    found[f"OpenAPI documents of {subject.name}: {names[0]}, {names[1]}"] = changed
    return found


def document(hosted: Hosted, subject: Subject, folder: Path) -> bytes:
    """The OpenAPI document that a framework makes of the native route."""
    with (
        (folder / "log").open("wb") as log,
        Pod(
            hosted.environment,
            subject.hosted(hosted.framework),
            folder,
            output=log,
            path=subject.path,
            variables=subject.variables,
        ) as pod,
    ):
        pod.started(START_SECONDS)
        status, _, body = get(f"{pod.url}/openapi.json")
    if status != 200:
        raise Problem(f"{hosted.name}, GET /openapi.json: found {status}, wanted 200")
    return body


def suite(framework: str, environment: Environment, report: Callable[[str], None]) -> Verdict:
    """Runs the tests of one framework: the tests in this Python, their servers in that environment.

    Args:
        report: told each line of pytest's.
    Raises:
        Problem: pytest could not run.
    """
    with tempfile.TemporaryDirectory(prefix="mlapi-suite-") as folder:
        results = Path(folder) / "results.xml"
        with subprocess.Popen(
            [
                *(sys.executable, "-m", "pytest", str(SUITE), "-q"),
                *("-k", framework, "-m", "not full"),
                *(f"--junitxml={results}", "-p", "no:cacheprovider"),
            ],
            cwd=ROOT,
            env={**os.environ, PYTHON: str(environment.python)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line.rstrip())
                report(lines[-1])
        if not results.is_file():
            raise Problem(f"the contract suite of {framework} did not run:\n" + "\n".join(lines[-10:]))
        return verdict(results.read_text())


def verdict(xml: str) -> Verdict:
    """What pytest's JUnit file says."""
    passed, skipped, failed = 0, 0, []
    for case in ElementTree.fromstring(xml).iter("testcase"):  # noqa: S314 - written by pytest, just now
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(f"{case.get('classname')}::{case.get('name')}")
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return Verdict(passed, skipped, tuple(failed))


def difference(before: bytes, after: bytes, names: tuple[str, str]) -> str:
    """What changed between two JSON documents, as a unified diff; empty if nothing."""
    old, new = (
        json.dumps(json.loads(document), indent=2, sort_keys=True).splitlines()
        for document in (before, after)
    )
    return "\n".join(difflib.unified_diff(old, new, *names, lineterm="", n=2))
