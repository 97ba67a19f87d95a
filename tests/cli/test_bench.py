"""`mlapi bench` from the command line to the report, on this machine."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlapi_operator.cli import main
from mlapi_operator.cli.bench.figures import figures
from mlapi_operator.cli.bench.record import Results
from mlapi_operator.cli.bench.tables import COLUMNS

ROOT = Path(__file__).parents[2]
LOADS = re.compile(
    r"""(?:src|href)\s*=\s*["'](?!\#)|@import|url\(\s*["']?(?!\#)|<script|<link|<iframe""", re.IGNORECASE
)

needs_wrk = pytest.mark.skipif(
    shutil.which("wrk") is None or len(os.sched_getaffinity(0)) < 2,
    reason="needs wrk (apt-get install wrk) and two CPUs",
)


def bench(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "mlapi_operator.cli", "bench", *arguments]
    variables = {**os.environ, "PYTHONPATH": f"{ROOT}/operator:{ROOT}/images/runtime", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=variables, timeout=550, check=False)


@dataclass(frozen=True, slots=True)
class Report:
    """`temporary`: where the command kept what it needed; in the environment of each of its processes."""

    folder: Path
    shown: str
    temporary: Path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Of one framework."""
    folder, temporary = tmp_path_factory.mktemp("report"), tmp_path_factory.mktemp("temporary")
    done = bench("--frameworks", "Litestar", "--quick", "--report", str(folder), TMPDIR=str(temporary))
    assert done.returncode == 0, done.stdout + done.stderr
    return Report(folder, done.stdout, temporary)


@pytest.fixture(scope="module")
def results(report: Report) -> Results:
    return Results.model_validate_json((report.folder / "frameworks.json").read_text())


@needs_wrk
def test_bench_quick_measures_every_route_beside_the_floor_and_its_twin(results: Results) -> None:
    measured: dict[tuple[str, str], set[str]] = {}
    for block in results.blocks:
        measured.setdefault((block.model, block.route), set()).update(block.servers)
    ours = {"floor", "floor again", "Litestar"}
    assert measured == {
        (model, route): ours | ({"Litestar by hand"} if route == "native" else set())
        for model in ("linear", "image")
        for route in ("native", "json", "binary")
    }


@needs_wrk
def test_bench_quick_figures_fit_each_other(results: Results) -> None:
    for block in results.blocks:
        assert block.servers[0] == "floor"
        for server in block.servers:
            windows = [window for window in block.windows if window.server == server]
            assert [window.turn for window in windows] == list(range(results.pairs))
            for window in windows:
                assert window.requests > 0
                assert not window.errors
                # One worker on one core: no more CPU than time went by, but for the clock's steps.
                assert 0 < window.cpu_seconds <= window.seconds * 1.2
                assert window.p50_microseconds <= window.p99_microseconds
        for figure in figures(block):
            assert figure.requests_ratio is not None
            assert figure.requests_ratio.low <= figure.requests_ratio.median <= figure.requests_ratio.high
    assert all(seconds > 0 for start in results.starts for seconds in start.seconds)
    assert {start.server for start in results.starts} == {"Litestar"}
    assert all(each.pss_bytes > 10 << 20 for each in results.memory)


@needs_wrk
def test_bench_quick_says_where_it_was_measured(results: Results) -> None:
    assert {"cpu", "cores", "kernel", "memory", "python", "client"} <= results.machine.keys()
    assert {"litestar", "msgspec", "gunicorn", "uvicorn", "onnxruntime"} <= results.versions[
        "Litestar"
    ].keys()
    assert [model.inputs for model in results.models] == [["x FP32 [-1, 4]"], ["x FP32 [1, 3, 224, 224]"]]


@needs_wrk
def test_bench_quick_report_loads_nothing_and_shows_what_the_terminal_shows(
    report: Report, results: Results
) -> None:
    page = (report.folder / "frameworks.html").read_text()
    markdown = (report.folder / "frameworks.md").read_text()
    assert not LOADS.search(page)
    assert page.count("<svg") == 6 + 1  # for each model and route, and the starts
    for text in (report.shown, page, markdown):
        assert "Litestar by hand" in text
        assert "floor again" in text
    rows = [line for line in markdown.splitlines() if re.match(r"\| (8|100) \|", line)]
    assert len(rows) == sum(len(list(figures(block))) for block in results.blocks)
    assert all(line.count("|") == len(COLUMNS) + 1 for line in rows)


@needs_wrk
def test_bench_leaves_no_process_and_no_file(report: Report) -> None:
    assert not list(report.temporary.iterdir())
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue  # ended meanwhile, or another user's
            assert str(report.temporary).encode() not in environment, (folder / "cmdline").read_bytes()


MANIFEST = f"""
apiVersion: mlapi.dev/v1alpha1
kind: MLApi
metadata: {{name: greeter}}
spec:
  framework: {{name: FastAPI}}
  image: registry.example.com/greeter@sha256:{"0" * 64}
  model:
    uri: https://localhost/greetings.txt
    format: Python
    handler: greeter:Greeter
  env:
    - {{name: SCALE, value: "2"}}
"""
HANDLER = """
import os
from mlapi_runtime import Signature, Tensor

class Greeter:
    signature = Signature(
        inputs=(Tensor("x.1", "FP64", (-1, 2)), Tensor("name", "BYTES", (-1,))),
        outputs=(Tensor("doubled", "FP64", (-1, 2)), Tensor("text", "BYTES", (-1,))),
    )
    def load(self, path):
        self.greeting, self.scale = open(path).read(), int(os.environ["SCALE"])
    def predict_batch(self, inputs):
        texts = [self.greeting + name for name in inputs["name"]]
        return {"doubled": inputs["x.1"] * self.scale, "text": texts}
"""


@needs_wrk
def test_bench_of_a_handler_class_measures_it_on_the_routes_that_its_tensors_have(tmp_path: Path) -> None:
    for name, text in (("m.yaml", MANIFEST), ("greeter.py", HANDLER), ("greetings.txt", "hello ")):
        (tmp_path / name).write_text(text)
    choice = ("-f", f"{tmp_path}/m.yaml", "--model", f"{tmp_path}/greetings.txt", "--source", str(tmp_path))
    done = bench(*choice, "--frameworks", "FastAPI", "--quick", "--pairs", "1", "--report", f"{tmp_path}/out")
    assert done.returncode == 0, done.stdout + done.stderr
    results = Results.model_validate_json((tmp_path / "out" / "greeter.json").read_text())
    assert {block.route for block in results.blocks} == {"native", "json"}  # BYTES have no binary form here
    assert {server for block in results.blocks for server in block.servers} >= {"FastAPI", "FastAPI by hand"}
    assert not any(window.errors for block in results.blocks for window in block.windows)


@needs_wrk
def test_bench_of_a_model_that_does_not_load_says_why(tmp_path: Path) -> None:
    for name, text in (
        ("m.yaml", MANIFEST),
        ("greeter.py", "raise RuntimeError('not today')"),
        ("g.txt", ""),
    ):
        (tmp_path / name).write_text(text)
    choice = ("-f", f"{tmp_path}/m.yaml", "--model", f"{tmp_path}/g.txt", "--source", str(tmp_path))
    done = bench(*choice, "--frameworks", "FastAPI", "--quick")
    assert done.returncode == 1
    assert "not today" in done.stderr
    assert "Traceback" not in done.stderr.partition("mlapi: ")[0]


def test_bench_without_wrk_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["bench"]) == 1
    assert "wrk is not on the PATH; install it" in capsys.readouterr().err


@needs_wrk
def test_bench_on_one_cpu_says_what_it_needs() -> None:
    cpu = str(min(os.sched_getaffinity(0)))
    command = ["taskset", "-c", cpu, sys.executable, "-m", "mlapi_operator.cli", "bench", "--quick"]
    variables = {**os.environ, "PYTHONPATH": f"{ROOT}/operator:{ROOT}/images/runtime"}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=60, check=False)
    assert done.returncode == 1
    assert "found 1 CPU that this process may use, wanted 2" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--frameworks", "Flask"], "found 'Flask', wanted some of FastAPI, Litestar, DjangoNinja"),
        (["--pairs", "0"], "found '0', wanted a number of at least 1"),
        (["--framework-version", "1.0"], "found '1.0', wanted two versions"),
        (["--framework-version", "1.0,2.0"], "name the framework it is a version of"),
        (["--model", "x.onnx"], "name it with -f"),
        (["-f", "absent.yaml"], "absent.yaml"),
    ],
)
def test_bench_called_wrongly_says_what_was_wanted(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: Any = main(["bench", *arguments])
    except SystemExit as exit_:  # argparse's way
        code = exit_.code
    assert code == 2
    assert said in capsys.readouterr().err
