"""The revisions of an MLApi as people read them. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import yaml
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mlapi_operator.api.types import Manifest
from mlapi_operator.cli import words
from mlapi_operator.cli.changes import Change, changes
from mlapi_operator.cli.kept import Kept
from mlapi_operator.cli.page import grounds, outcome
from mlapi_operator.cli.paper import table
from mlapi_operator.desired import labels

INDENT = (0, 0, 0, 2)


def overview(mlapi: Manifest, found: Sequence[Kept], now: datetime) -> Group | Text:
    """One line for each revision, the newest first."""
    if not found:
        return Text(f"MLApi {mlapi['metadata']['name']} has no revision yet")
    columns = ("NO", "NAME", "STATE", "CREATED", "FRAMEWORK", "MODEL", "IMAGE", *words.FIGURES, "RESULT")
    shown = table(*columns, right={"NO", *words.FIGURES})
    for each in found:
        revision = each.revision
        shown.add_row(
            str(revision.number),
            Text(revision.name),
            state(mlapi, revision.name),
            f"{words.age(revision.created_at, now)} ago",
            revision.framework,
            Text(model(each.fields)),
            Text(image(revision.image)),
            *words.figures(figures(mlapi, each)),
            outcome(revision.result),
        )
    return Group(shown, *grounds((each.revision.name, each.revision.reason) for each in found))


def detail(mlapi: Manifest, one: Kept, present: Manifest, now: datetime) -> Group:
    """All that a revision was.

    Args:
        present: workload fields of the spec.
    """
    revision = one.revision
    title = Text(revision.name, "bold")
    known = [f"number {revision.number}", revision.result, state(mlapi, revision.name)]
    title.append(f": {words.listed(known)}, made {words.age(revision.created_at, now)} ago", "default")
    found = changes(present, one.fields)
    return Group(
        title,
        *([Text(revision.reason)] if revision.reason else []),
        Text(f"image {revision.image}"),
        Text(),
        Text("Fields", "bold"),
        Padding(Text(yaml.safe_dump(one.fields, sort_keys=False).rstrip()), INDENT, expand=False),
        Text(),
        Text("From the present spec to this revision" if found else "The present spec asks for it", "bold"),
        Padding(difference(found), INDENT, expand=False),
    )


def going_back(name: str, target: Kept, present: Manifest) -> Group:
    """What a rollback changes.

    Args:
        name: the MLApi's.
        present: workload fields of the spec.
    """
    revision = target.revision
    known = words.listed([f"number {revision.number}", revision.framework, revision.result])
    accepted = revision.result in (labels.ACTIVE, labels.SUPERSEDED)
    why = "" if accepted or not revision.reason else f": {revision.reason}"
    title = Text(f"{name} goes back to {revision.name} ({known}{why})")
    return Group(title, Padding(difference(changes(present, target.fields)), INDENT, expand=False))


def difference(found: Sequence[Change]) -> Table:
    shown = table("", "", "", "")
    for change in found:
        gone, comes = Text(change.before or "(none)", "red"), Text(change.after or "(none)", "green")
        shown.add_row(Text(change.path), gone, Text("->"), comes)
    return shown


def state(mlapi: Manifest, name: str) -> str:
    """Whether the spec asks for it, and whether it was accepted last; in words of status.rollout."""
    rollout = (mlapi.get("status") or {}).get("rollout") or {}
    names = {"current": rollout.get("revision"), "stable": rollout.get("stableRevision")}
    return words.listed(word for word, which in names.items() if which == name)


def model(fields: Manifest) -> str:
    """The file's name."""
    path: str = fields["model"]["uri"].partition("?")[0]
    return path.rpartition("/")[2]


def image(reference: str) -> str:
    """The repository's last part and the beginning of the digest."""
    repository, _, digest = reference.partition("@")
    return f"{repository.rpartition('/')[2]}@{digest[:14]}" if digest else reference


def figures(mlapi: Manifest, one: Kept) -> Mapping[str, Any]:
    """As status has them while the revision has pods, else as they were when it was replaced."""
    entries = (mlapi.get("status") or {}).get("revisions") or ()
    entry = next((entry for entry in entries if entry["name"] == one.revision.name), None)
    return one.revision.figures if entry is None else entry
