"""The example models are ONNX files as others read them."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from mlapi_operator.cli.bench.onnx import classifier


@pytest.mark.parametrize(("shape", "classes"), [(("n", 4), 3), ((1, 3, 224, 224), 10), ((2, 7, 5), 200)])
def test_classifier_is_a_valid_model_that_computes_what_it_says(
    shape: tuple[int | str, ...], classes: int
) -> None:
    data = classifier(shape, classes)
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    weights, bias = (onnx.numpy_helper.to_array(each) for each in model.graph.initializer)

    x = np.random.default_rng(1).random(
        [5 if isinstance(length, str) else length for length in shape], np.float32
    )
    (found,) = ort.InferenceSession(data).run(["probabilities"], {"x": x})

    scores = x.mean(axis=tuple(range(2, x.ndim))) @ weights + bias
    wanted = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_classifier_of_free_rows_says_so() -> None:
    session = ort.InferenceSession(classifier(("n", 4), 3))
    assert [(each.name, each.shape) for each in session.get_inputs()] == [("x", ["n", 4])]
    assert [(each.name, each.shape) for each in session.get_outputs()] == [("probabilities", ["n", 3])]
