"""Names to objects: the API's own, and a user's `module:attribute`. Nothing is loaded that is not served."""

from importlib import import_module
from inspect import ismodule
from pathlib import PurePath
from typing import Any, Final

from mlapi_runtime.config import ConfigError

FRAMEWORKS: Final = {
    "FastAPI": "mlapi_runtime.adapters.fastapi:application",
    "Litestar": "mlapi_runtime.adapters.litestar:application",
    "DjangoNinja": "mlapi_runtime.adapters.djangoninja:application",
}
FORMATS: Final = {
    "ONNX": "mlapi_runtime.formats.onnx:load",
    "Sklearn": "mlapi_runtime.formats.sklearn:load",
    "Python": "mlapi_runtime.formats.handler:load",
}
SUFFIXES: Final = {".onnx": "ONNX", ".skops": "Sklearn"}
PICKLES: Final = frozenset((".pkl", ".pickle", ".joblib"))
SHOWN_NAMES: Final = 10


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
    if suffix in PICKLES:
        return "Sklearn"  # which says why it does not read them, and what to do
    if suffix not in SUFFIXES:
        raise ConfigError(
            f"model.format: Auto cannot tell the format of {PurePath(path).name}; "
            f"name it, or give the file one of the suffixes {', '.join(SUFFIXES)}"
        )
    return SUFFIXES[suffix]


def attribute(field: str, text: str) -> Any:
    """What the user's `module:attribute` stands for; attributes of attributes too, as in `main:site.app`.

    Raises:
        ConfigError: `text` has another form, the module is not found or fails, or has no such attribute.
    """
    module_name, colon, path = text.partition(":")
    if not (module_name and colon and path):
        raise ConfigError(f"{field}: found {text}, wanted module:attribute, as in main:app")
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise ConfigError(
                f"{field}: importing {module_name} failed: {error}; add the package to the image"
            ) from error
        raise ConfigError(
            f"{field}: found no module {error.name}; the image must hold it under /opt/app/src "
            f"(with mlapi serve: --source, the folder that holds {error.name.rpartition('.')[2]}.py)"
        ) from error
    except Exception as error:
        raise ConfigError(
            f"{field}: importing {module_name} failed: {type(error).__name__}: {error}"
        ) from error
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise ConfigError(
                f"{field}: found no {name} in {module_name}, which has {_names(found)}; correct {text}"
            ) from None
    return found


def _names(place: Any) -> str:
    """Public names that could have been meant."""
    names = [
        name for name in dir(place) if not name.startswith("_") and not ismodule(getattr(place, name, None))
    ]
    more = ", ..." if len(names) > SHOWN_NAMES else ""
    return (", ".join(names[:SHOWN_NAMES]) + more) or "no names"
