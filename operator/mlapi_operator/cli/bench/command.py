"""From options to results, and to wherever these are shown."""

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from mlapi_operator.cli import environment
from mlapi_operator.cli.bench import cores, html, machine, markdown, terminal, wrk
from mlapi_operator.cli.bench.candidates import BY_HAND
from mlapi_operator.cli.bench.figures import failed
from mlapi_operator.cli.bench.progress import Progress
from mlapi_operator.cli.bench.record import Results
from mlapi_operator.cli.bench.session import Group, Hosted, Session
from mlapi_operator.cli.bench.subject import Subject, examples

WINDOW_SECONDS: Final = 1
STARTS: Final = 5
TITLE: Final = "The frameworks under inference"
STEM: Final = "frameworks"


@dataclass(frozen=True, slots=True)
class Options:
    frameworks: tuple[str, ...]
    versions: tuple[str, str] | None
    pairs: int
    quick: bool
    report: Path | None

    @property
    def command(self) -> str:
        """What was called, but for where the report went."""
        words = ["mlapi", "bench", "--frameworks", ",".join(self.frameworks), "--pairs", str(self.pairs)]
        if self.quick:
            words.append("--quick")
        if self.versions:
            words += ["--framework-version", ",".join(self.versions)]
        return shlex.join(words)


def run(options: Options) -> int:
    """
    Raises:
        Problem: there are too few cores, no client, no environment, or a server that does not do its work.
    """
    wrk.find()
    places = cores.of_this_machine()
    console = Console()
    groups = _groups(options, console)
    with tempfile.TemporaryDirectory(prefix="mlapi-bench-") as name, Progress(console) as progress:
        folder = Path(name)
        with (folder / "log").open("wb") as log:
            session = Session(
                groups=groups,
                floor=groups[0].hosted[0].environment,
                cores=places,
                folder=folder,
                log=log,
                pairs=options.pairs,
                window_seconds=WINDOW_SECONDS,
                starts=1 if options.quick else STARTS,
                quick=options.quick,
                progress=progress,
            )
            description = machine.describe(places)
            # Nothing of this process may run where the server does.
            with cores.on(places.client):
                _measure(session, list(examples(folder)))
    results = Results(
        title=TITLE,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        command=options.command,
        machine=description,
        versions={
            hosted.name: machine.versions(hosted.environment) for group in groups for hosted in group.hosted
        },
        models=session.models,
        window_seconds=WINDOW_SECONDS,
        pairs=options.pairs,
        blocks=session.blocks,
        starts=session.start_times,
        memory=session.memory,
        notes=_notes(session),
    )
    terminal.show(results, console)
    if options.report is not None:
        _write(results, options.report, console)
    return 0


def _measure(session: Session, subjects: Sequence[Subject]) -> None:
    session.start_up(subjects[0])
    for subject in subjects:
        session.measure(subject)


def _groups(options: Options, console: Console) -> list[Group]:
    def prepared(framework: str, version: str | None = None) -> environment.Environment:
        return environment.prepare(framework, version=version, report=console.print)

    if options.versions:
        (framework,) = options.frameworks
        hosted = [Hosted(f"{framework} {v}", framework, prepared(framework, v)) for v in options.versions]
        return [Group([], hosted)]
    found = []
    for framework in options.frameworks:
        env = prepared(framework)
        found.append(Group([(BY_HAND[framework], env)], [Hosted(framework, framework, env)]))
    return found


def _notes(session: Session) -> list[str]:
    if count := failed(session.blocks):
        return [f"{count} requests failed; the tables show of which servers. Their figures mean little."]
    return []


def _write(results: Results, folder: Path, console: Console) -> None:
    """The data, and the two pages made from it."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, text in (
        ("json", results.model_dump_json(by_alias=True, indent=1) + "\n"),
        ("md", markdown.page(results, STEM)),
        ("html", html.page(results, STEM)),
    ):
        path = folder / f"{STEM}.{suffix}"
        path.write_text(text, encoding="utf-8")
        console.print(f"written: {path}", highlight=False)
