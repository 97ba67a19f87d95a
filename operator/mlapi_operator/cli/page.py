"""The status of an MLApi as people read it. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mlapi_operator.api.conditions import Condition
from mlapi_operator.api.types import Manifest
from mlapi_operator.cli import rows, words
from mlapi_operator.cli.advice import what_next
from mlapi_operator.cli.paper import table
from mlapi_operator.cli.state import condition, faults, is_ready, is_stuck, observed
from mlapi_operator.latency.digest import UNKNOWN

EVENTS: Final = 8
BAR: Final = 40
# Steps of a start, in order; that of the first answer is counted from when the pod was made.
STARTUP: Final = {
    "scheduleSeconds": "schedule",
    "imagePullSeconds": "pull image",
    "downloadSeconds": "fetch model",
    "loadSeconds": "load",
}
RESULTS: Final = {"Active": "green", "RolledBack": "red", "Failed": "red"}


def page(mlapi: Manifest, events: Sequence[Manifest] | None, now: datetime, options: str) -> Group:
    """
    Args:
        mlapi: as read.
        events: of the MLApi, None where they may not be read.
        options: what leads kubectl and mlapi to its place, such as `-n team-a`.
    """
    status = mlapi.get("status") or {}
    parts: list[RenderableType] = [headline(mlapi, now), *reason(mlapi), facts(mlapi, status, now)]
    for title, part in (
        ("Start", startup(status.get("startup") or {})),
        ("Revisions", revisions(status)),
        ("Not as it should be", conditions(mlapi, now)),
        ("Last failure", failure(status.get("lastFailure"), now)),
        ("Events", recent(events, now)),
    ):
        if part is not None:
            parts += [Text(), Text(title, "bold"), Padding(part, (0, 0, 0, 2), expand=False)]
    if steps := what_next(mlapi, options):
        parts += [Text(), Text("What to do next", "bold"), *map(step, steps)]
    return Group(*parts)


def headline(mlapi: Manifest, now: datetime) -> Text:
    metadata = mlapi["metadata"]
    phase, ready = (mlapi.get("status") or {}).get("phase", "Unknown"), condition(mlapi, Condition.READY)
    shown = Text(f"{metadata['namespace']}/{metadata['name']}: ", "bold")
    if not observed(mlapi):
        return shown.append("the operator has not looked at the present spec yet", "bold yellow")
    colour = "green" if is_ready(mlapi) else "red" if is_stuck(mlapi) else "yellow"
    shown.append(phase, f"bold {colour}")
    if ready is not None:
        answer = "answering" if is_ready(mlapi) else f"not ready ({ready['reason']})"
        shown.append(f", {answer} for {words.age(ready['lastTransitionTime'], now)}")
    if is_stuck(mlapi):
        shown.append("; waiting does not help", "red")
    return shown


def reason(mlapi: Manifest) -> Iterator[Text]:
    """Why it is not ready, unless a condition below says the same."""
    ready = condition(mlapi, Condition.READY)
    said = {fault["message"] for fault in faults(mlapi)}
    if ready is not None and not is_ready(mlapi) and ready["message"] not in said:
        yield Text(ready["message"])


def facts(mlapi: Manifest, status: Manifest, now: datetime) -> Table:
    found = {
        "Runs": rows.runs(status),
        "Model": rows.model(status.get("model")),
        "Image": rows.image(status.get("image")),
        "URL": status.get("url") or status.get("internalUrl"),
        "Answers": rows.answers(status.get("latency"), now),
        "Replicas": rows.replicas(mlapi["spec"], status),
        "GPU": rows.gpu(status.get("gpu")),
        "Rollout": rows.rollout(status, now),
    }
    shown = table("", "")
    for name, text in found.items():
        if text:
            shown.add_row(Text(name, "dim"), Text(text))
    return shown


def startup(found: Manifest) -> Table | None:
    """One bar below the other, each beginning where the one before it ended."""
    steps = {name: found.get(field, UNKNOWN) for field, name in STARTUP.items()}
    if all(seconds == UNKNOWN for seconds in steps.values()):
        return None
    first = found.get("firstAnswerSeconds", UNKNOWN)
    total = max(sum(max(seconds, 0) for seconds in steps.values()), 1)
    shown, begin = table("", "", ""), 0
    for name, seconds in steps.items():
        end = begin + max(seconds, 0)
        shown.add_row(name, _seconds(seconds), Bar(total, begin, end, width=BAR, color="cyan"))
        begin = end
    if first != UNKNOWN:
        shown.add_row("first answer", _seconds(first), Text("after the pod was made", "dim"))
    return shown


def revisions(status: Manifest) -> Group | None:
    entries = status.get("revisions")
    if not entries:
        return None
    shown = table("NAME", "FRAMEWORK", "READY", *words.FIGURES, "RESULT", right={"READY", *words.FIGURES})
    for entry in entries:
        ready, figures = str(entry["readyReplicas"]), words.figures(entry)
        result = outcome(entry.get("result", ""))
        shown.add_row(Text(entry["name"]), Text(entry["framework"]), ready, *figures, result)
    return Group(shown, *grounds((entry["name"], entry.get("message", "")) for entry in entries))


def outcome(result: str) -> Text:
    """What became of a revision."""
    return Text(result, RESULTS.get(result, ""))


def grounds(found: Iterable[tuple[str, str]]) -> Iterator[Table]:
    """Why that became of the revisions, by their names; below their table, as sentences need room.

    Args:
        found: name and reason of each, which may be empty.
    """
    known = [(name, why) for name, why in found if why]
    if known:
        shown = table("", "")
        for name, why in known:
            shown.add_row(Text(f"{name}:", "dim"), Text(why))
        yield shown


def conditions(mlapi: Manifest, now: datetime) -> Table | None:
    found = faults(mlapi)
    if not found:
        return None
    shown = table("", "", "")
    for each in found:
        since = words.age(each["lastTransitionTime"], now)
        state = f"{each['type']}={each['status']}/{each['reason']}"
        shown.add_row(Text(state), Text(f"for {since}", "dim"), Text(each["message"]))
    return shown


def failure(found: Manifest | None, now: datetime) -> Text | None:
    if found is None:
        return None
    code = "" if found["exitCode"] == UNKNOWN else f" with exit code {found['exitCode']}"
    where = f"{found['pod']}, container {found['container']}" if found["container"] else found["pod"]
    return Text(f"{words.age(found['time'], now)} ago, {found['reason']}{code}, {where}: {found['message']}")


def recent(events: Sequence[Manifest] | None, now: datetime) -> RenderableType | None:
    if events is None:
        return Text("you may not read events", "dim")
    newest = sorted(events, key=_last_seen, reverse=True)[:EVENTS]
    if not newest:
        return None
    shown = table("", "", "")
    for event in newest:
        times = event.get("count") or 1
        kind = f"{event.get('reason', '')}{f' x{times}' if times > 1 else ''}"
        style = "yellow" if event.get("type") == "Warning" else ""
        seen = Text(f"{words.age(_last_seen(event), now)} ago", "dim")
        shown.add_row(seen, Text(kind, style), Text(event.get("message", "")))
    return shown


def step(text: str) -> Text:
    """In one line that nothing breaks, so that a command can be copied."""
    is_command = text.startswith(("kubectl ", "mlapi "))
    return Text(f"  {text}", "cyan" if is_command else "", no_wrap=True, overflow="ignore")


def line(mlapi: Manifest) -> str:
    """The state in one line, for a log."""
    status = mlapi.get("status") or {}
    if not observed(mlapi):
        return "the operator has not looked at the present spec yet"
    shown = f"{status.get('phase', 'Unknown')}, {rows.replicas(mlapi['spec'], status)}"
    latency = status.get("latency") or {}
    if latency.get("p95Microseconds", UNKNOWN) != UNKNOWN:
        shown += f", p95 {words.latency(latency['p95Microseconds'])}"
    ready = condition(mlapi, Condition.READY)
    return " ".join(f"{shown}: {ready['reason']}: {ready['message']}".split()) if ready else shown


def _seconds(seconds: int) -> Text:
    return Text(words.NOTHING if seconds == UNKNOWN else f"{seconds} s", justify="right")


def _last_seen(event: Manifest) -> Any:
    """Of the two shapes that events have, the older has lastTimestamp, the newer eventTime alone."""
    return event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
