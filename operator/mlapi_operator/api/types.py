"""Shapes that every part shares."""

from typing import Any

Manifest = dict[str, Any]
"""A Kubernetes object as JSON."""

Key = tuple[str, str]
"""Namespace and name of an MLApi."""
