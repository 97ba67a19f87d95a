"""Forecasts a series that has seasons, by Holt and Winters' multiplicative smoothing.

Source: Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", section 8.3.
"""

import json
from pathlib import Path
from typing import ClassVar

import numpy as np

from mlapi_runtime import BadInput, Signature, Tensor

FURTHEST = 1000


class Forecast:
    """The smoothing weights come from the model's file, the series with each request."""

    signature = Signature(
        inputs=(Tensor("history", "FP64", (-1,)), Tensor("ahead", "INT64", (1,))),
        outputs=(Tensor("forecast", "FP64", (-1,)),),
    )
    # For the warm-up and the smoke test: zeros, which a signature alone would give, have no seasons.
    example: ClassVar = {"history": [2.0, 1.0] * 12, "ahead": [3]}

    def load(self, path: str) -> None:
        model = json.loads(Path(path).read_text())
        self.length: int = model["season"]
        self.level, self.trend, self.season = model["level"], model["trend"], model["seasonal"]

    def predict(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        history, ahead = inputs["history"], int(inputs["ahead"][0])
        if len(history) < 2 * self.length or not (history > 0).all():
            raise BadInput.at(
                "history", f"{len(history)} values", f"two seasons, {2 * self.length}, or more, all above 0"
            )
        if not 1 <= ahead <= FURTHEST:
            raise BadInput.at("ahead[0]", ahead, f"1 to {FURTHEST}")
        return {"forecast": self.forecast(history, ahead)}

    def forecast(self, history: np.ndarray, ahead: int) -> np.ndarray:
        first, second = history[: self.length], history[self.length : 2 * self.length]
        level = first.mean()
        trend = (second.mean() - level) / self.length
        seasons = first / level
        for i, value in enumerate(history[self.length :]):
            month = i % self.length
            before = level
            level = self.level * value / seasons[month] + (1 - self.level) * (level + trend)
            trend = self.trend * (level - before) + (1 - self.trend) * trend
            seasons[month] = self.season * value / level + (1 - self.season) * seasons[month]
        steps = np.arange(ahead)
        return (level + (steps + 1) * trend) * seasons[(len(history) + steps) % self.length]
