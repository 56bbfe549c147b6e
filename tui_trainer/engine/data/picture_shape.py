"""How a sample lies in its row where it is a picture."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class PictureShape:
    """`channels` (1: grey, 3: red, green, blue) one after the other, each row by row from the top.

    `full_scale` is the number of white; transposed pictures lie column by column, as EMNIST's do.
    """

    channels: int
    height: int
    width: int
    full_scale: float
    is_transposed: bool = False

    def upright(self, rows: Tensor) -> Tensor:
        """Rows of inputs (n, features) -> (n, channels, height, width), as a person looks at them."""
        if self.is_transposed:
            return rows.reshape(-1, self.channels, self.width, self.height).transpose(2, 3)
        return rows.reshape(-1, self.channels, self.height, self.width)

    def in_rows(self, pictures: Tensor) -> Tensor:
        """The way back from `upright`."""
        if self.is_transposed:
            pictures = pictures.transpose(2, 3)
        return pictures.reshape(-1, self.channels * self.height * self.width)
