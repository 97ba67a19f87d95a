"""What the probes ask: pure, over the workers' cells."""

from mlapi_runtime.shared import EMPTY, HEARTBEAT, READY, STATE, Shared

# gunicorn kills a worker after 30 s of silence; one that is silent for twice that has no living arbiter.
DEAD_NANOSECONDS = 60 * 10**9
# Short of that a worker that does not run its loop takes no requests.
STALE_NANOSECONDS = 10 * 10**9


def dead(shared: Shared, now_nanoseconds: int) -> str:
    """Why the container must be restarted; empty while it lives."""
    for number, slot in enumerate(shared.slots):
        age = now_nanoseconds - slot.cells[HEARTBEAT]
        if slot.cells[STATE] != EMPTY and age > DEAD_NANOSECONDS:
            return f"worker {number} has given no sign for {age // 10**9} s"
    return ""


def unready(shared: Shared, now_nanoseconds: int) -> str:
    """Why no request should come here; empty while one worker at least can take some."""
    if shared.stopping:
        return "stopping"
    if any(
        slot.cells[STATE] == READY and now_nanoseconds - slot.cells[HEARTBEAT] <= STALE_NANOSECONDS
        for slot in shared.slots
    ):
        return ""
    return "no worker is ready"


def unstarted(shared: Shared) -> str:
    """Why the start is not over; empty once every worker has loaded the model and warmed it up."""
    ready = sum(slot.cells[STATE] == READY for slot in shared.slots)
    return "" if ready == len(shared.slots) else f"{ready} of {len(shared.slots)} workers are ready"
