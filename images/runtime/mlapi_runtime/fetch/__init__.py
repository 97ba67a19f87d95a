"""The init container that brings the model: from `https://`, checked, within limits, resumed if it broke."""

from mlapi_runtime.fetch.command import main

__all__ = ["main"]
