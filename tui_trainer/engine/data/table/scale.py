"""How a number becomes an input: as it is, for the net to scale, or here, by the quantiles of its column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tui_trainer.config import RunConfig

LARGEST = 1e30  # what lies beyond is taken for this: float32 ends at 3.4e38, and the net still divides by the spread
LOST_DIGITS = 1000.0  # mean / deviation from which float32's 7 digits would no longer tell neighbours apart well


@dataclass(frozen=True, eq=False)
class Scale:
    """input = value - offset, and the net's (input - shift) / spread; or the quantiles' normal score.

    `offset` is taken off in float64: a time stamp of 1.7e9 that varies by 1,000 would not survive float32.
    """

    shift: float = 0.0
    spread: float = 1.0
    offset: float = 0.0
    quantiles: np.ndarray | None = None  # (q,) float64, of the training values

    def inputs(self, values: np.ndarray) -> np.ndarray:
        """Of float64 (n,), all finite."""
        values = within_float32(values)
        if self.quantiles is not None:
            scores: np.ndarray = _transformer(self.quantiles).transform(values[:, None])[:, 0]
            return scores
        return values - self.offset if self.offset else values

    def facts(self) -> dict[str, float]:
        """Its numbers, for JSON; the quantiles go beside it."""
        return {"shift": self.shift, "spread": self.spread, "offset": self.offset}

    @classmethod
    def of(cls, facts: dict[str, float], quantiles: np.ndarray | None) -> Self:
        """The same again."""
        return cls(facts["shift"], facts["spread"], facts["offset"], quantiles)


def within_float32(values: np.ndarray) -> np.ndarray:
    """The finite values, none beyond LARGEST."""
    if not len(values) or (values.min() >= -LARGEST and values.max() <= LARGEST):
        return values
    clipped: np.ndarray = np.clip(values, -LARGEST, LARGEST)
    return clipped


def _transformer(quantiles: np.ndarray) -> Any:
    """scikit-learn's, as it was fitted."""
    from sklearn.preprocessing import QuantileTransformer

    transformer = QuantileTransformer(n_quantiles=len(quantiles), output_distribution="normal", subsample=None)
    transformer.n_quantiles_ = len(quantiles)
    transformer.references_ = np.linspace(0, 1, len(quantiles), endpoint=True)
    transformer.quantiles_ = quantiles[:, None]
    transformer.n_features_in_ = 1
    return transformer


AS_IT_IS = Scale()


class Measure:
    """Measures training values as `--normalize` asks. The quantiles' noise is drawn column after column."""

    def __init__(self, config: RunConfig) -> None:
        self._kind = config.data.normalize
        self._noise = config.data.quantile_noise
        self._random = np.random.default_rng(config.training.seed)

    def __call__(self, values: np.ndarray) -> Scale:
        """Of float64 (n,), all finite: no row of another part may be among them."""
        if self._kind == "none":
            return AS_IT_IS
        values = within_float32(values)
        if self._kind == "quantile":
            return Scale(quantiles=self._quantiles(values))
        low, high = float(values.min()), float(values.max())
        if self._kind == "unit":
            shift, spread = low, high - low
        else:
            shift, spread = float(values.mean()), float(values.std()) if low < high else 0.0
        offset = shift if abs(shift) > LOST_DIGITS * spread else 0.0
        return Scale(shift - offset, spread if np.float32(spread) > 0 else 1.0, offset)

    def _quantiles(self, values: np.ndarray) -> np.ndarray:
        """As Gorishniy, Rubachev, Babenko 2022 (On Embeddings for Numerical Features) prepare their numbers."""
        from sklearn.preprocessing import QuantileTransformer

        if self._noise:
            deviation = self._noise / max(float(values.std()), self._noise)
            values = values + deviation * self._random.standard_normal(len(values))
        most = min(max(min(len(values) // 30, 1000), 10), len(values))
        transformer = QuantileTransformer(n_quantiles=most, output_distribution="normal", subsample=None)
        quantiles: np.ndarray = transformer.fit(values[:, None]).quantiles_[:, 0]
        return quantiles
