"""skops files: what they may hold, and why one is refused. Pickle is never read.

Source: https://skops.readthedocs.io/en/stable/persistence.html
"""

import logging
import warnings
from pathlib import PurePath
from typing import Any, Final

import sklearn
import skops.io
from sklearn.exceptions import InconsistentVersionWarning
from skops.io.exceptions import UntrustedTypesFoundException

from mlapi_runtime.errors import LoadError
from mlapi_runtime.registry import PICKLES

HANDLER: Final = "serve it with a Python handler (model.format: Python)"

# scikit-learn's own data, which skops leaves to its users to trust: a forged file of these types runs no
# code, but can crash the worker, as scikit-learn does not check their indices. No functions, no other types.
TRUSTED: Final = [
    "numpy.dtype",
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    *(
        f"sklearn.gaussian_process.kernels.{kernel}"
        for kernel in (
            "CompoundKernel",
            "ConstantKernel",
            "DotProduct",
            "ExpSineSquared",
            "Exponentiation",
            "Matern",
            "Product",
            "RBF",
            "RationalQuadratic",
            "Sum",
            "WhiteKernel",
        )
    ),
    *(
        f"sklearn.metrics._dist_metrics.{metric}Distance64"
        for metric in (
            "BrayCurtis",
            "Canberra",
            "Chebyshev",
            "Euclidean",
            "Hamming",
            "Manhattan",
            "Minkowski",
        )
    ),
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.multiclass._ConstantPredictor",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
]

log = logging.getLogger("uvicorn.error")


def read(path: str) -> Any:
    """The object in the file.

    Raises:
        LoadError: it cannot be read, or holds types that are not trusted.
    """
    name = PurePath(path).name
    if PurePath(path).suffix.lower() in PICKLES:
        raise LoadError(
            f"{name}: pickle and joblib files run any code that they hold and are not loaded; "
            "write the model with skops.io.dump(model, 'model.skops')"
        )
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", InconsistentVersionWarning)
            estimator = skops.io.load(path, trusted=TRUSTED)
    except UntrustedTypesFoundException as error:
        raise LoadError(f"{name}: {_untrusted(path)}") from error
    except Exception as error:  # a forged or broken file fails in any way
        raise LoadError(
            f"{name}: skops {skops.__version__} with scikit-learn {sklearn.__version__} cannot load it: "
            f"{type(error).__name__}: {error}; write it with skops.io.dump(model, path)"
        ) from error
    versions = {
        warning.message.original_sklearn_version
        for warning in caught
        if isinstance(warning.message, InconsistentVersionWarning)
    }
    if versions:
        log.warning(
            "%s was written with scikit-learn %s and is served with %s: its results may differ",
            name,
            ", ".join(sorted(versions)),
            sklearn.__version__,
        )
    return estimator


def _untrusted(path: str) -> str:
    found = [name for name in skops.io.get_untrusted_types(file=path) if name not in TRUSTED]
    return (
        f"found types that are not scikit-learn's own data: {', '.join(found)}; save the fitted estimator "
        f"alone (of a search, its best_estimator_), or {HANDLER} that trusts them by name: "
        "skops.io.load(path, trusted=[...])"
    )
