"""How the current rollout goes, as status tells it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Rollout:
    """
    Attributes:
        strategy_used: `Surge`, `InPlace`, `RollingUpdate` or `Recreate`; empty where nothing is replaced.
        strategy_reason: why that one.
        started_at: when the Deployment was given the revision; None before.
        message: what is waited for, or on what grounds the revision was accepted or given up; may be empty.
        paused: the revision that the spec asks for is held back by spec.rollout.paused.
        overdue: that and why the progress deadline has passed, with the remedy; empty if it has not.
    """

    strategy_used: str = ""
    strategy_reason: str = ""
    started_at: datetime | None = None
    message: str = ""
    paused: bool = False
    overdue: str = ""
