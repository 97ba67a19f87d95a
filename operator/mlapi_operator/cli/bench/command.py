"""From options to results, and to wherever these are shown."""

import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from mlapi_operator.cli import environment, locks
from mlapi_operator.cli.bench import cores, html, machine, markdown, terminal, versions, wrk, yours
from mlapi_operator.cli.bench.candidates import BY_HAND
from mlapi_operator.cli.bench.cores import Cores
from mlapi_operator.cli.bench.figures import failed
from mlapi_operator.cli.bench.progress import Progress
from mlapi_operator.cli.bench.record import Results
from mlapi_operator.cli.bench.session import Group, Hosted, Session
from mlapi_operator.cli.bench.subject import Subject, examples
from mlapi_operator.cli.pod import Failed
from mlapi_operator.cli.problem import Problem
from mlapi_operator.cli.screen import Screen

WINDOW_SECONDS: Final = 1
STARTS: Final = 5
LAST_CHARACTERS: Final = 2000
# Of the tables, where no terminal says how wide it is.
WIDTH: Final = 150


@dataclass(frozen=True, slots=True)
class Options:
    """As of the command line; `frameworks` is None for all that can serve the model."""

    yours: yours.Choice | None
    frameworks: tuple[str, ...] | None
    versions: tuple[str, str] | None
    pairs: int
    quick: bool
    report: Path | None


def run(options: Options) -> int:
    """
    Raises:
        Problem: there are too few cores, no client, no environment, or a server that does not do its work.
    """
    wrk.find()
    places = cores.of_this_machine()
    if options.versions:
        versions.check_suite()
    own = yours.checked(options.yours) if options.yours else None
    every = tuple(locks.IMAGES)
    frameworks = yours.frameworks(own, options.frameworks, every) if own else options.frameworks or every
    screen = Screen()
    groups = _groups(frameworks, options.versions, screen)
    with tempfile.TemporaryDirectory(prefix="mlapi-bench-") as name:
        folder = Path(name)
        floor = groups[0].hosted[0].environment
        subjects = [own.subject(floor, screen)] if own else list(examples(folder))
        appendices = {}
        if options.versions:
            appendices = versions.compare(groups[0].hosted, subjects[0], folder, screen)
        console = Console() if Console().is_terminal else Console(width=WIDTH)
        description = machine.describe(places)
        session = _measured(options, groups, places, folder, subjects, console)
    results = Results(
        title=_title(groups, own),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        command=_command(frameworks, options),
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
        appendices=appendices,
    )
    terminal.show(results, console)
    if options.report is not None:
        _write(results, options.report, _stem(groups, options, own), console)
    return 0


def _groups(frameworks: Sequence[str], asked: tuple[str, str] | None, screen: Screen) -> list[Group]:
    def prepared(framework: str, version: str | None = None) -> environment.Environment:
        with screen.working(f"preparing the environment of {framework} {version or ''}".rstrip()) as report:
            return environment.prepare(framework, version=version, report=report)

    if asked:
        (framework,) = frameworks
        return [
            Group([], [Hosted(f"{framework} {v}", framework, prepared(framework, v)) for v in asked]),
        ]
    found = []
    for framework in frameworks:
        env = prepared(framework)
        found.append(Group([(BY_HAND[framework], env)], [Hosted(framework, framework, env)]))
    return found


def _measured(
    options: Options,
    groups: Sequence[Group],
    places: Cores,
    folder: Path,
    subjects: Sequence[Subject],
    console: Console,
) -> Session:
    # Nothing of this process may run where the server does.
    with (folder / "log").open("wb") as log, Progress(console) as progress, cores.on(places.client):
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
        try:
            session.start_up(subjects[0])
            for subject in subjects:
                session.measure(subject)
        except Failed as failed:
            said = Path(log.name).read_text(errors="replace")[-LAST_CHARACTERS:]
            raise Problem(f"{failed}\n{said}".rstrip()) from failed
    return session


def _title(groups: Sequence[Group], own: yours.Yours | None) -> str:
    names = [hosted.name for group in groups for hosted in group.hosted]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{listed} serving {own.name}" if own else f"{listed} under inference"


def _stem(groups: Sequence[Group], options: Options, own: yours.Yours | None) -> str:
    """Of the names of the files that are written."""
    if options.versions:
        return "-".join(hosted.name.lower().replace(" ", "-") for hosted in groups[0].hosted)
    return own.name if own else "frameworks"


def _command(frameworks: Sequence[str], options: Options) -> str:
    """What was called, but for where the report went and what lies on this machine alone."""
    words = ["mlapi", "bench", "--frameworks", ",".join(frameworks), "--pairs", str(options.pairs)]
    if options.quick:
        words.append("--quick")
    if options.versions:
        words += ["--framework-version", ",".join(options.versions)]
    return shlex.join(words)


def _notes(session: Session) -> list[str]:
    if count := failed(session.blocks):
        return [f"{count} requests failed; the tables show of which servers. Their figures mean little."]
    return []


def _write(results: Results, folder: Path, stem: str, console: Console) -> None:
    """The data, and the two pages made from it."""
    folder.mkdir(parents=True, exist_ok=True)
    texts: Mapping[str, str] = {
        "json": results.model_dump_json(by_alias=True, indent=1) + "\n",
        "md": markdown.page(results, stem),
        "html": html.page(results, stem),
    }
    for suffix, text in texts.items():
        path = folder / f"{stem}.{suffix}"
        path.write_text(text, encoding="utf-8")
        console.print(f"written: {path}", highlight=False)
