"""Fitted scikit-learn estimators; the signature is what they tell of themselves."""

import warnings
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline
from threadpoolctl import ThreadpoolController

from mlapi_runtime.config import Model
from mlapi_runtime.errors import BadInput, LoadError
from mlapi_runtime.formats.skopsfile import HANDLER, read
from mlapi_runtime.signature import Array, Signature, Tensor, Values

INPUT: Final = "input"
# Their predict is the most probable class; asked for both, they would run every tree twice.
MOST_PROBABLE: Final = (BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier)

# Columns come by name and are put in the estimator's own order here.
warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)


class SklearnModel:
    """Calls `predict` and, where there is one, `predict_proba`.

    Args:
        rows: example of the estimator's input, FP64 [1, n].
    """

    platform = "sklearn_skops"
    batches = True
    brief = True

    def __init__(self, estimator: Any, signature: Signature, rows: Array, threads: int) -> None:
        self.signature = signature
        names = [tensor.name for tensor in signature.inputs]
        self._columns = None if names == [INPUT] and len(signature.inputs[0].shape) == 2 else names
        self.example: Values = (
            {INPUT: rows} if self._columns is None else dict(zip(names, rows.T, strict=True))
        )
        self._estimator = estimator
        self._threads = threads
        self._pools = ThreadpoolController()

    def run(self, inputs: Values) -> Values:
        if self._columns is None:
            rows = inputs[INPUT]
        else:
            rows = np.column_stack([inputs[name] for name in self._columns])
        try:
            # In each call: OpenMP keeps the limit of each thread apart.
            with self._pools.limit(limits=self._threads):
                found = _answers(self._estimator, rows)
        except ValueError as error:
            raise BadInput(f"the model refuses these values: {error}") from error
        return {
            tensor.name: array.astype(tensor.dtype, copy=False)
            for tensor, array in zip(self.signature.outputs, found, strict=True)
        }


def load(model: Model, threads: int) -> SklearnModel:
    """Opens the file and reads the estimator's signature.

    Args:
        model: whose `path` is that of the .skops file.
        threads: that one call may use.
    Raises:
        LoadError: the file cannot be read or trusted, or holds no estimator that predicts from numbers.
    """
    estimator = read(model.path)
    inputs = _inputs(estimator)
    for part in _parts(estimator):
        _refuse_text(part)
        if getattr(part, "n_jobs", None) is not None:
            part.n_jobs = None  # joblib would start threads or processes for each call
    rows, answers = _first_answers(estimator)
    return SklearnModel(estimator, Signature(inputs, _outputs(estimator, answers)), rows, threads)


def _inputs(estimator: Any) -> tuple[Tensor, ...]:
    if not isinstance(estimator, BaseEstimator):
        raise LoadError(
            f"found {type(estimator).__name__} in the file, wanted a fitted scikit-learn estimator"
        )
    name = type(estimator).__name__
    if not hasattr(estimator, "predict"):
        raise LoadError(f"{name} has no predict; add the last step to the pipeline, or {HANDLER}")
    if not hasattr(estimator, "n_features_in_"):
        raise LoadError(
            f"{name} has no n_features_in_: it is not fitted, or takes text and no numbers; fit it before "
            f"it is written, or {HANDLER}"
        )
    columns = getattr(estimator, "feature_names_in_", None)
    if columns is None:
        return (Tensor(INPUT, "FP64", (-1, int(estimator.n_features_in_))),)
    return tuple(Tensor(str(column), "FP64", (-1,)) for column in columns)


def _parts(value: Any) -> Iterator[BaseEstimator]:
    """The estimator and all that it is made of."""
    if isinstance(value, BaseEstimator):
        yield value
        value = vars(value)
    if isinstance(value, dict):
        value = value.values()
    elif isinstance(value, np.ndarray) and value.dtype == np.object_:
        value = value.ravel()
    elif not isinstance(value, list | tuple):
        return
    for item in value:
        yield from _parts(item)


def _refuse_text(part: BaseEstimator) -> None:
    """Raises LoadError for a step that takes more than an array of numbers."""
    name = type(part).__name__
    if isinstance(part, ColumnTransformer):
        by_name = [
            columns
            for _, _, columns in part.transformers
            if isinstance(columns, str)
            or (isinstance(columns, list | tuple | np.ndarray) and any(isinstance(c, str) for c in columns))
            or callable(columns)
        ]
        if by_name:
            raise LoadError(
                f"{name} selects columns by name ({by_name[0]}), which needs a data frame; select them by "
                f"position, or {HANDLER}"
            )
    categories = getattr(part, "categories_", None)
    if isinstance(categories, list) and any(np.asarray(each).dtype.kind in "OUS" for each in categories):
        raise LoadError(f"{name} encodes text, and only numbers can be served; {HANDLER}")


def _first_answers(estimator: Any) -> tuple[Array, list[Array]]:
    """A row that the estimator takes and what it answers: not every attribute tells its outputs' shapes."""
    refusal: Exception | None = None
    for value in (0.0, 1.0):  # a logarithm refuses zeros
        rows = np.full((1, int(estimator.n_features_in_)), value)
        try:
            return rows, _answers(estimator, rows)
        except Exception as error:  # whatever the steps of a pipeline raise
            refusal = error
    raise LoadError(
        f"{type(estimator).__name__} answers neither a row of zeros nor one of ones: "
        f"{type(refusal).__name__}: {refusal}; {HANDLER}"
    ) from refusal


def _answers(estimator: Any, rows: Array) -> list[Array]:
    if not hasattr(estimator, "predict_proba"):
        return [estimator.predict(rows)]
    probabilities = estimator.predict_proba(rows)
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if isinstance(last, MOST_PROBABLE) and isinstance(last.classes_, np.ndarray):
        return [last.classes_.take(probabilities.argmax(axis=1)), probabilities]
    return [estimator.predict(rows), probabilities]


def _outputs(estimator: Any, answers: list[Array]) -> tuple[Tensor, ...]:
    """Raises LoadError for outputs that are no tensors of numbers or strings."""
    name = type(estimator).__name__
    predicted = answers[0]
    if is_classifier(estimator):
        classes = getattr(estimator, "classes_", None)
        if predicted.ndim != 1 or not isinstance(classes, np.ndarray):
            raise LoadError(f"{name} predicts several labels for a row, which has no signature; {HANDLER}")
        datatype = _datatype(name, classes)
        outputs = [Tensor("label", datatype, (-1,))]
    else:
        outputs = [Tensor("prediction", _datatype(name, predicted), (-1, *predicted.shape[1:]))]
    if len(answers) > 1:
        outputs.append(Tensor("probabilities", "FP64", (-1, *answers[1].shape[1:])))
    return tuple(outputs)


def _datatype(name: str, values: Array) -> str:
    match values.dtype.kind:
        case "i" | "u":
            return "INT64"
        case "f":
            return "FP64"
        case "b":
            return "BOOL"
        case "U" | "O" if all(isinstance(value, str) for value in values.flat):
            return "BYTES"
    raise LoadError(
        f"{name} predicts {values.dtype}, wanted numbers or strings; fit it with such labels, or {HANDLER}"
    )
