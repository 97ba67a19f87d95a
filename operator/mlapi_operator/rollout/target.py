"""Which revision is to run."""

from collections.abc import Sequence

from mlapi_operator.desired.labels import ACTIVE, ROLLED_BACK
from mlapi_operator.observe.revisions import Revision


def target(wanted: Revision, known: Sequence[Revision], *, running: str, paused: bool) -> Revision:
    """
    Args:
        wanted: what the spec asks for.
        known: every revision, newest first.
        running: name of the one that the Deployment has; empty where there is none.
        paused: what runs is to stay.
    """
    if paused:
        return next((revision for revision in known if revision.name == running), wanted)
    if wanted.result == ROLLED_BACK and (before := stable(known)):
        return before
    return wanted


def stable(known: Sequence[Revision]) -> Revision | None:
    """The revision that was accepted last.

    Args:
        known: newest first: for a moment there are two, when the older one is not yet marked as superseded.
    """
    return next((revision for revision in known if revision.result == ACTIVE), None)
