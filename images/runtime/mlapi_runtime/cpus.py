"""How many CPUs this container may use."""

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def available() -> int:
    """CPUs of the affinity mask, or of the cgroup's quota when that is less; at least 1.

    The count of the node's CPUs would start a thread for each of them, which the quota then throttles.
    """
    allowed = len(os.sched_getaffinity(0))
    quota = _quota()
    return max(1, allowed if quota is None else min(allowed, int(quota)))


def _quota() -> float | None:
    try:
        quota, period = (CGROUP / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:  # cgroup v1
            quota = (CGROUP / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (CGROUP / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    return None if quota in ("max", "-1") else int(quota) / int(period)
