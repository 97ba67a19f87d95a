"""The serving runtime: a core that knows no framework, an adapter per framework, the processes of a pod.

For user code: `predict`, the hook into the model that is served, and what a handler class declares.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlapi_runtime.errors import BadInput
    from mlapi_runtime.hook import predict
    from mlapi_runtime.signature import Signature, Tensor

__version__ = "0.1.0"
__all__ = ["BadInput", "Signature", "Tensor", "predict"]

_MODULES = {"BadInput": "errors", "Signature": "signature", "Tensor": "signature", "predict": "hook"}


def __getattr__(name: str) -> Any:
    """Loaded when asked for: the launcher imports no numpy, and tells so in its memory."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
