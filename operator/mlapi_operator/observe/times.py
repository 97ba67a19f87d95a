"""Kubernetes times: UTC, whole seconds."""

from datetime import UTC, datetime


def moment(text: str | None) -> datetime | None:
    """Of a metav1.Time or MicroTime; None when absent."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def timestamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
