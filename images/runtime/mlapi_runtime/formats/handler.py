"""Models behind a Python class that the user wrote: `model.handler`, `module:Class`.

What crosses between handler and server is arrays and JSON values alone, so that the handler may as well live
in another process.
"""

import inspect
import logging
import os
import traceback
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, Final

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from mlapi_runtime.config import ConfigError, Model
from mlapi_runtime.errors import BadInput, LoadError, ModelFailed, ServingError
from mlapi_runtime.registry import attribute
from mlapi_runtime.signature import UNTYPED, Array, Signature, Values, plain, stackable, wanted_shape

METHODS: Final = {
    "load": "load(self, path)",
    "warm_up": "warm_up(self)",
    "predict": "predict(self, inputs)",
    "predict_batch": "predict_batch(self, inputs)",
}

log = logging.getLogger("uvicorn.error")


class HandlerModel:
    """Calls the handler and holds it to what it declares.

    Args:
        name: `module:Class`, for errors.
        call: its `predict` or `predict_batch`.
    """

    platform = "python_handler"
    brief = False

    def __init__(
        self, name: str, call: Callable[[Values], Any], signature: Signature, batches: bool, example: Values
    ) -> None:
        self.signature = signature
        self.batches = batches
        self.example = example
        self._name = name
        self._call = call

    def run(self, inputs: Values) -> Values:
        """One call of the handler.

        Raises:
            BadInput: raised by the handler.
            ModelFailed: it raised anything else, or its outputs are not those of the signature.
        """
        try:
            outputs = self._call({name: _writable(value) for name, value in inputs.items()})
        except ServingError:
            raise
        except BaseException as error:  # SystemExit too: it would end the model's thread, and nothing else
            log.exception("handler failed: %s", self._name)
            raise ModelFailed(f"the model failed: {type(error).__name__}: {error}") from error
        if not isinstance(outputs, Mapping):
            raise self._misfit("outputs", type(outputs).__name__, "a dict of name: array")
        checked = self._typed(outputs) if self.signature.typed else self._untyped(outputs)
        if self.batches:
            rows = self.signature.rows(inputs)
            for name, array in checked.items():
                if len(array) != rows:
                    raise self._misfit(name, f"{len(array)} rows", f"{rows}, one for each row of the inputs")
        return checked

    def _typed(self, outputs: Mapping[str, Any]) -> dict[str, Array]:
        arrays = {}
        for tensor in self.signature.outputs:
            if tensor.name not in outputs:
                raise self._misfit(
                    tensor.name, "nothing", f"{tensor.datatype} values, {wanted_shape(tensor)}"
                )
            try:
                arrays[tensor.name] = tensor.array(outputs[tensor.name], least=0)
            except BadInput as error:
                raise self._misfit(tensor.name, error.found, error.wanted) from None
        if len(arrays) < len(outputs):
            unknown = ", ".join(str(name) for name in outputs if name not in arrays)
            raise self._misfit("outputs", unknown, f"only those of the signature: {', '.join(arrays)}")
        return arrays

    def _untyped(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        if self.batches:
            try:
                return dict(stackable(outputs))
            except BadInput as error:
                raise self._misfit(error.field, error.found, error.wanted) from None
        return {
            name: value
            if isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
            else plain({name: value})[name]
            for name, value in outputs.items()
        }

    def _misfit(self, output: str, found: str, wanted: str) -> ModelFailed:
        return ModelFailed(f"{self._name}: output {output}: found {found}, wanted {wanted}")


def _writable(value: Any) -> Any:
    """Handlers may work in place; a tensor that came in binary form is a view of the request's body."""
    return value.copy() if isinstance(value, np.ndarray) and not value.flags.writeable else value


def load(model: Model, threads: int) -> HandlerModel:
    """Imports the class, loads the model with it and lets it warm up.

    Args:
        model: whose `path` is handed to the handler.
        threads: that the libraries of one call may use.
    Raises:
        ConfigError: there is no such class to import.
        LoadError: the class is no handler, or it fails; the text names it and says what to write.
    """
    name = model.handler
    if name is None:
        raise ConfigError("model.handler: found nothing, wanted module:Class; the format Python needs it")
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # of libraries that the handler brings
    handler_class = _guarded(f"{name}: importing it", lambda: attribute("model.handler", name))
    if not inspect.isclass(handler_class):
        raise LoadError(f"{name}: found {type(handler_class).__name__}, wanted a class with load and predict")
    call = _call_of(name, handler_class)
    try:
        inspect.signature(handler_class).bind()
    except TypeError as error:
        raise LoadError(
            f"{name}: __init__ needs arguments ({error}), wanted none; do the work in {METHODS['load']}"
        ) from None
    handler = _guarded(f"{name}()", handler_class)
    _guarded(f"{name}.load", lambda: handler.load(model.path))
    threadpool_limits(threads, user_api="blas")  # of those that were there before
    signature = _signature(name, handler)
    batches = call == "predict_batch"
    if batches and not signature.batches:
        raise LoadError(
            f"{name}: predict_batch stacks rows of several requests, so every tensor of the signature needs "
            f"-1 as its first dimension; write {METHODS['predict']} for a model that takes one request"
        )
    example = _example(name, handler, signature, batches)
    if warm_up := getattr(handler, "warm_up", None):
        _guarded(f"{name}.warm_up", warm_up)
    return HandlerModel(name, getattr(handler, call), signature, batches, example)


def _call_of(name: str, handler_class: type) -> str:
    """Which of `predict` and `predict_batch` the class has, once all its methods can be called."""
    for method, form in METHODS.items():
        function = getattr(handler_class, method, None)
        if function is None:
            continue
        if not callable(function):
            raise LoadError(f"{name}.{method}: found {type(function).__name__}, wanted def {form}")
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise LoadError(
                f"{name}.{method}: found async def, wanted def {form}; it is called in the model's own thread"
            )
        if inspect.isgeneratorfunction(function):
            raise LoadError(f"{name}.{method}: found a generator (yield), wanted def {form} that returns")
        try:
            own = isinstance(inspect.getattr_static(handler_class, method), staticmethod | classmethod)
            inspect.signature(function).bind(*[None] * (form.count(",") + (not own)))
        except TypeError:
            raise LoadError(
                f"{name}.{method}: found {method}{inspect.signature(function)}, wanted {form}"
            ) from None
    if not hasattr(handler_class, "load"):
        raise LoadError(f"{name}: found no load, wanted def {METHODS['load']} that opens the model's files")
    calls = [method for method in ("predict", "predict_batch") if hasattr(handler_class, method)]
    if len(calls) != 1:
        raise LoadError(
            f"{name}: found {' and '.join(calls) or 'no predict'}, wanted one of def {METHODS['predict']}, "
            f"for one request, and def {METHODS['predict_batch']}, for the stacked rows of several"
        )
    return calls[0]


def _signature(name: str, handler: Any) -> Signature:
    declared = getattr(handler, "signature", None)
    if declared is None:
        return UNTYPED
    if not isinstance(declared, Signature):
        raise LoadError(
            f"{name}.signature: found {type(declared).__name__}, wanted Signature(inputs=(Tensor(name, "
            "datatype, shape), ...), outputs=(...)), both from mlapi_runtime"
        )
    return declared


def _example(name: str, handler: Any, signature: Signature, batches: bool) -> Values:
    declared = getattr(handler, "example", None)
    if declared is None:
        if not signature.typed:
            raise LoadError(
                f"{name}: found neither signature nor example, wanted one of them: without a signature the "
                "warm-up and the smoke test need a request, example = {...} as a client would send it"
            )
        return signature.example()
    if not isinstance(declared, Mapping):
        raise LoadError(f"{name}.example: found {type(declared).__name__}, wanted a dict of name: value")
    try:
        example = signature.arrays(declared)
        if batches and not signature.typed:
            stackable(example)
        # As a client sends it: what JSON cannot say is no example.
        decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(plain(example)))
    except ServingError as error:
        raise LoadError(f"{name}.example: {error.detail.removeprefix('output ')}") from None
    return example if signature.typed else decoded


def _guarded(act: str, step: Callable[[], Any]) -> Any:
    """Runs the user's code.

    Raises:
        LoadError: it raised; the text says what and where.
    """
    try:
        return step()
    except (ConfigError, LoadError):
        raise
    except BaseException as error:  # SystemExit too: a worker that goes silently tells nobody why
        log.exception("%s failed", act)
        steps = [step for step in traceback.extract_tb(error.__traceback__) if step.filename != __file__]
        place = f" ({PurePath(steps[0].filename).name}, line {steps[0].lineno})" if steps else ""
        raise LoadError(f"{act} failed: {type(error).__name__}: {error}{place}") from error
