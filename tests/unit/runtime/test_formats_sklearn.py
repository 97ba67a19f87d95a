"""scikit-learn estimators keep their word through skops, or are refused with what to do instead."""

import logging
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn import __version__
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from mlapi_runtime.config import Model
from mlapi_runtime.errors import BadInput, LoadError
from mlapi_runtime.formats import sklearn
from mlapi_runtime.signature import Tensor

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])
INPUT = (Tensor("input", "FP64", (-1, 4)),)
LABEL = Tensor("label", "INT64", (-1,))
NAME = Tensor("label", "BYTES", (-1,))
PROBABILITIES = Tensor("probabilities", "FP64", (-1, 3))


class OfUsers(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator that no library has."""

    def fit(self, x: Any, y: Any) -> "OfUsers":
        self.n_features_in_ = x.shape[1]
        return self

    def predict(self, x: Any) -> Any:
        return np.zeros(len(x))


def loaded(folder: Path, estimator: Any) -> sklearn.SklearnModel:
    path = folder / "model.skops"
    skops.io.dump(estimator, path)
    return sklearn.load(Model("iris", "Sklearn", str(path)), threads=1)


@pytest.mark.parametrize(
    ("estimator", "labels", "outputs"),
    [
        (make_pipeline(StandardScaler(), LogisticRegression()), Y, (LABEL, PROBABILITIES)),
        (RandomForestClassifier(5, n_jobs=2), Y, (LABEL, PROBABILITIES)),
        (make_pipeline(StandardScaler(), ExtraTreesClassifier(5)), NAMES[Y], (NAME, PROBABILITIES)),
        (BaggingClassifier(n_estimators=3), NAMES[Y], (NAME, PROBABILITIES)),
        (HistGradientBoostingClassifier(max_iter=3), Y, (LABEL, PROBABILITIES)),
        (KNeighborsClassifier(), NAMES[Y], (NAME, PROBABILITIES)),
        (
            MLPClassifier(max_iter=5),
            NAMES[Y].astype(object),
            (NAME, PROBABILITIES),
        ),
        (SVC(), Y > 0, (Tensor("label", "BOOL", (-1,)),)),
        (Ridge(), X[:, 0], (Tensor("prediction", "FP64", (-1,)),)),
        (LinearRegression(), X[:, :2], (Tensor("prediction", "FP64", (-1, 2)),)),
        (GradientBoostingRegressor(n_estimators=3), X[:, 0], (Tensor("prediction", "FP64", (-1,)),)),
        (GaussianProcessRegressor(), X[:, 0], (Tensor("prediction", "FP64", (-1,)),)),
        (KMeans(3), None, (Tensor("prediction", "INT64", (-1,)),)),
        (IsolationForest(n_estimators=3), None, (Tensor("prediction", "INT64", (-1,)),)),
        (GaussianMixture(3), None, (Tensor("prediction", "INT64", (-1,)), PROBABILITIES)),
        (GridSearchCV(LogisticRegression(max_iter=500), {"C": [1.0]}), Y, (LABEL, PROBABILITIES)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseEstimator) else "",
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimator_answers_as_the_library_does(
    tmp_path: Path, estimator: Any, labels: Any, outputs: tuple[Tensor, ...]
) -> None:
    estimator.fit(X, labels)
    model = loaded(tmp_path, estimator)
    assert model.signature.inputs == INPUT
    assert model.signature.outputs == outputs
    answered = model.run({"input": X})
    first = answered[outputs[0].name]
    assert first.dtype == outputs[0].dtype
    assert first.tolist() == estimator.predict(X).tolist()
    if len(outputs) > 1:
        assert np.array_equal(answered["probabilities"], estimator.predict_proba(X))
    assert model.run(model.example)  # what the warm-up sends


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_columns_with_names_are_inputs_of_their_own_stacked_in_order(tmp_path: Path) -> None:
    estimator = LogisticRegression(max_iter=500).fit(X, Y)
    estimator.feature_names_in_ = np.array(["d", "c", "b", "input"], dtype=object)  # as of a data frame
    model = loaded(tmp_path, estimator)
    assert model.signature.inputs == tuple(Tensor(name, "FP64", (-1,)) for name in ("d", "c", "b", "input"))
    columns = {"input": X[:, 3], "b": X[:, 2], "c": X[:, 1], "d": X[:, 0]}
    assert np.array_equal(model.run(columns)["probabilities"], estimator.predict_proba(X))
    assert model.run(model.example)


def test_values_that_the_estimator_refuses_are_the_clients_fault(tmp_path: Path) -> None:
    model = loaded(tmp_path, LogisticRegression(max_iter=500).fit(X, Y))
    with pytest.raises(BadInput, match="the model refuses these values: Input X contains NaN"):
        model.run({"input": np.full((1, 4), np.nan)})


def test_estimator_that_refuses_zeros_has_ones_for_its_example(tmp_path: Path) -> None:
    estimator = make_pipeline(FunctionTransformer(np.log), Ridge()).fit(X, Y)
    with np.errstate(divide="ignore"):
        model = loaded(tmp_path, estimator)
    assert np.array_equal(model.example["input"], np.ones((1, 4)))


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LogisticRegression(), "LogisticRegression has no n_features_in_: it is not fitted, or takes text"),
        (StandardScaler().fit(X), "StandardScaler has no predict; add the last step"),
        (DBSCAN().fit(X), "DBSCAN has no predict"),
        (
            make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["one", "two"], [0, 1]),
            "no n_features_in_: it is not fitted, or takes text .* Python handler",
        ),
        (
            make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge()).fit([["a"], ["b"]], [0, 1]),
            "OneHotEncoder encodes text, and only numbers can be served; .* Python handler",
        ),
        (
            RandomForestClassifier(2).fit(X, np.stack([Y, Y], axis=1)),
            "RandomForestClassifier predicts several labels for a row, .* Python handler",
        ),
        ({"weights": 1}, "found dict in the file, wanted a fitted scikit-learn estimator"),
        (OfUsers().fit(X, Y), "found types that are not scikit-learn's own data: .*OfUsers; .* trusted="),
        (
            GridSearchCV(LogisticRegression(max_iter=500), {"C": [1.0]}, scoring="f1_macro").fit(X, Y),
            "found types .*f1_score.*; save the fitted estimator alone",
        ),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_served_is_refused_with_what_to_do(
    tmp_path: Path, estimator: Any, message: str
) -> None:
    with pytest.raises(LoadError, match=message):
        loaded(tmp_path, estimator)


def test_columns_selected_by_name_are_refused(tmp_path: Path) -> None:
    estimator = make_pipeline(ColumnTransformer([("scaled", StandardScaler(), [0])]), Ridge()).fit(X, Y)
    estimator[0].transformers = [("scaled", StandardScaler(), ["width"])]
    with pytest.raises(LoadError, match=r"selects columns by name \(\['width'\]\), which needs a data frame"):
        loaded(tmp_path, estimator)


def test_forest_starts_no_threads_for_a_call(tmp_path: Path) -> None:
    model = loaded(tmp_path, RandomForestRegressor(2, n_jobs=-1).fit(X, Y))
    assert model._estimator.n_jobs is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.pkl", b"\x80\x04", "m.pkl: pickle and joblib files run any code .* skops.io.dump"),
        ("m.JOBLIB", b"\x80\x04", "m.JOBLIB: pickle and joblib"),
        ("m.skops", b"\x80\x04", "m.skops: skops .* cannot load it: BadZipFile: .* skops.io.dump"),
        ("m.skops", b"", "cannot load it: BadZipFile"),
    ],
)
def test_file_that_is_no_skops_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LoadError, match=message):
        sklearn.load(Model("iris", "Sklearn", str(path)), 1)


def test_pickle_that_is_called_skops_is_never_run(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    path.write_bytes(pickle.dumps(Ridge().fit(X, Y)))
    with pytest.raises(LoadError, match="cannot load it: BadZipFile"):
        sklearn.load(Model("iris", "Sklearn", str(path)), 1)


def test_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump(RandomForestClassifier(2).fit(X, Y), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(LoadError, match=r"model\.skops: skops .* cannot load it"):
        sklearn.load(Model("iris", "Sklearn", str(path)), 1)


def test_file_of_another_scikit_learn_is_served_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, older = tmp_path / "model.skops", tmp_path / "older.skops"
    skops.io.dump(RandomForestClassifier(10).fit(X, Y), path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(older, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "schema.json":
                content = content.replace(__version__.encode(), b"1.3.0")
            target.writestr(name, content)
    with caplog.at_level(logging.WARNING):
        model = sklearn.load(Model("iris", "Sklearn", str(older)), 1)
    assert model.run({"input": X})
    assert [record.getMessage() for record in caplog.records] == [
        f"older.skops was written with scikit-learn 1.3.0 and is served with {__version__}: "
        "its results may differ"
    ]
