"""Names of the API to import strings: nothing is loaded that is not served."""

from importlib import import_module
from pathlib import PurePath
from typing import Any, Final

from mlapi_runtime.config import ConfigError

FRAMEWORKS: Final = {"FastAPI": "mlapi_runtime.adapters.fastapi:application"}
FORMATS: Final = {"ONNX": "mlapi_runtime.formats.onnx:load"}
SUFFIXES: Final = {".onnx": "ONNX"}


def resolve(field: str, known: dict[str, str], name: str) -> Any:
    """The object that `name` stands for.

    Raises:
        ConfigError: the name is unknown, or this image does not hold the packages it needs.
    """
    if name not in known:
        raise ConfigError(f"{field}: found {name}, wanted one of {', '.join(known)}")
    module, attribute = known[name].split(":")
    try:
        return getattr(import_module(module), attribute)
    except ImportError as error:
        raise ConfigError(f"{field}: {name} cannot be used in this image: {error}") from error


def format_of(declared: str, path: str) -> str:
    """The model's format; `Auto` goes by the file's name alone.

    Raises:
        ConfigError: the name tells nothing.
    """
    if declared != "Auto":
        return declared
    suffix = PurePath(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(
            f"model.format: Auto cannot tell the format of {PurePath(path).name}; "
            f"name it, or give the file one of the suffixes {', '.join(SUFFIXES)}"
        )
    return SUFFIXES[suffix]
