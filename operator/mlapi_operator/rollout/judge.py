"""Whether a new revision does worse than the one before it, from what both were asked."""

import math
from dataclasses import dataclass
from typing import Final

from mlapi_operator.latency.digest import UNKNOWN, Digest, readable

ENOUGH_REQUESTS: Final = 100
# Fewer errors than this part of the requests are nobody's reason to go back.
TOLERATED_ERRORS: Final = 0.02
TIMES_SLOWER: Final = 1.5
# The quantile of the normal distribution that leaves 2.5 % on either side.
Z: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Sample:
    """What one revision was asked.

    Attributes:
        requests: answered 2xx, 4xx or 5xx.
        errors: answered 5xx.
        p95_microseconds: of the 2xx; -1 when unknown.
    """

    requests: int = 0
    errors: int = 0
    p95_microseconds: int = UNKNOWN

    @classmethod
    def of(cls, digest: Digest | None) -> "Sample":
        if digest is None or digest.requests <= 0:
            return cls()
        return cls(digest.requests, min(max(digest.errors, 0), digest.requests), digest.p95_microseconds)

    @property
    def is_enough(self) -> bool:
        return self.requests >= ENOUGH_REQUESTS


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    Attributes:
        worse: the new revision is to be given up.
        message: the figures that it was judged by.
    """

    worse: bool
    message: str


def judge(new: Sample, old: Sample, *, at_end: bool) -> Verdict | None:
    """What is known so far; None while the judgement has to wait.

    Errors are judged as soon as both sides have enough requests, latency at the end of the bake alone: the
    first requests of a server are slow.

    Args:
        new: since the new revision took over.
        old: of the stable revision, from before the rollout.
        at_end: the bake is over.
    """
    if new.is_enough and old.is_enough:
        if errors_regressed(new, old):
            return Verdict(True, f"errors regressed: {errors(new)}, against {errors(old)} before")
        if at_end and latency_regressed(new, old):
            return Verdict(True, f"latency regressed: p95 {latency(new)}, against {latency(old)} before")
    if not at_end:
        return None
    if not new.is_enough:
        return Verdict(
            False, f"too few requests to judge by: {new.requests}, where {ENOUGH_REQUESTS} are needed"
        )
    if not old.is_enough:
        return Verdict(
            False,
            f"too few requests of the revision before to judge by: {old.requests}, where {ENOUGH_REQUESTS} "
            "are needed",
        )
    figures = f"{errors(new)} (before: {errors(old)}), p95 {latency(new)} (before: {latency(old)})"
    return Verdict(False, f"no worse than the revision before: {figures}")


def errors_regressed(new: Sample, old: Sample) -> bool:
    """Whether chance does not explain the errors of the new side, nor are they few."""
    least, _ = wilson(new.errors, new.requests)
    _, most = wilson(old.errors, old.requests)
    return least > most and least > TOLERATED_ERRORS


def latency_regressed(new: Sample, old: Sample) -> bool:
    return (
        old.p95_microseconds > 0
        and new.p95_microseconds > 0
        and new.p95_microseconds > TIMES_SLOWER * old.p95_microseconds
    )


def wilson(errors: int, requests: int) -> tuple[float, float]:
    """Bounds of the part of errors that the true one lies between, 95 times of 100.

    Args:
        errors: 0 to `requests`.
        requests: at least 1.
    Source: Wilson's score interval; E. B. Wilson, Probable Inference, the Law of Succession, and Statistical
        Inference, J. Am. Stat. Assoc. 22 (1927), pp. 209-212.
    """
    part, square = errors / requests, Z * Z
    scale = 1 + square / requests
    middle = (part + square / (2 * requests)) / scale
    spread = Z / scale * math.sqrt(part * (1 - part) / requests + square / (4 * requests * requests))
    return max(middle - spread, 0.0), min(middle + spread, 1.0)


def errors(sample: Sample) -> str:
    percent = 100 * sample.errors / sample.requests
    noun = "error" if sample.errors == 1 else "errors"
    return f"{sample.errors} {noun} in {sample.requests} requests ({percent:.1f} %)"


def latency(sample: Sample) -> str:
    return readable(sample.p95_microseconds) if sample.p95_microseconds > 0 else "unknown"
