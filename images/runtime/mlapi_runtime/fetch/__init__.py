"""The init container that brings the model: from `https://`, checked, within limits, resumed if it broke.

One on a claim (`pvc://`) is checked where it lies.
"""

from mlapi_runtime.fetch.command import main

__all__ = ["main"]
