"""The digits model: trained at run time on scikit-learn's own data, so that nothing binary is committed."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
import skops.io
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# The highest that onnxruntime has called stable for several releases; ai.onnx.ml holds the label encoder.
OPSET: Final = {"": 18, "ai.onnx.ml": 3}
INPUT: Final = "image"


@dataclass(frozen=True, slots=True)
class Digits:
    """A trained model and the digits that it has not seen.

    Args:
        onnx: input `image` float32 [N, 64], outputs `label` int64 [N] and `probabilities` float32 [N, 10].
        skops: the same model as scikit-learn has it.
        images: float32 [M, 64], grey levels 0 to 16, row by row.
        labels: int64 [M], 0 to 9.
    """

    onnx: bytes
    skops: bytes
    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def expected(self) -> list[int]:
        """What onnxruntime, called directly, takes each digit for."""
        session = onnxruntime.InferenceSession(self.onnx)
        (labels,) = session.run(["label"], {INPUT: self.images})
        return [int(label) for label in labels]


def train() -> Digits:
    """Trains on three quarters of the data, the same each time, and keeps the rest apart."""
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.float32)
    seen, held_out, seen_labels, held_out_labels = train_test_split(
        images, labels, test_size=0.25, random_state=0, stratify=labels
    )
    model = make_pipeline(StandardScaler(), MLPClassifier((128,), learning_rate_init=0.005, random_state=0))
    model.fit(seen, seen_labels)
    proto = to_onnx(
        model,
        initial_types=[(INPUT, FloatTensorType([None, seen.shape[1]]))],
        target_opset=OPSET,
        options={"zipmap": False},  # probabilities as one tensor, not as a list of maps
    )
    return Digits(
        proto.SerializeToString(), skops.io.dumps(model), held_out, held_out_labels.astype(np.int64)
    )


def main() -> None:
    """Argument: the file to write."""
    file = Path(sys.argv[1])
    part = file.with_suffix(".part")
    part.write_bytes(train().onnx)
    part.replace(file)


if __name__ == "__main__":
    main()
