"""Files of arrays, a slice at a time: .npy, .npz, .pt and .safetensors. Nothing in them is ever executed.

.npy, .safetensors and .pt are mapped into memory; a .npz may be compressed, and is read from its start to its end.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from tui_trainer.errors import InputError

ALONE = ""  # the name of the only array of a .npy, or of a tensor that was saved by itself
NAMES_OF_TUPLES = {2: ("x", "y"), 4: ("x_train", "y_train", "x_test", "y_test")}


@dataclass(frozen=True)
class Stored:
    """An array in a file: `read(start, stop)` gives these rows of its first dimension."""

    path: Path
    name: str
    shape: tuple[int, ...]
    read: Callable[[int, int], np.ndarray]

    def __len__(self) -> int:
        return self.shape[0]

    def __str__(self) -> str:
        return f"{self.path}, array {self.name!r}" if self.name else str(self.path)

    def pieces(self, size: int) -> Iterator[np.ndarray]:
        """All rows, so many at once. Raises InputError where the file is damaged."""
        for start in range(0, len(self), size):
            try:
                piece = self.read(start, min(start + size, len(self)))
            except MemoryError:
                raise
            except Exception as error:  # zlib, zipfile, torch and safetensors have a class of their own each
                raise damaged(self.path, error) from None
            yield piece

    def whole(self) -> np.ndarray:
        """All rows at once."""
        return next(self.pieces(max(1, len(self))), np.empty(self.shape))


def arrays_in(path: Path) -> dict[str, Stored]:
    """The arrays of a file by their names, with at least one dimension each. Raises InputError for a damaged file."""
    suffix = path.suffix.lower()
    readers = {".npy": _npy, ".npz": _npz, ".safetensors": _safetensors}
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: the file is empty; save the arrays anew")
        arrays = readers.get(suffix, _pt)(path)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # as above
        raise damaged(path, error) from None
    return {name: array for name, array in arrays.items() if array.shape}


def damaged(path: Path, error: Exception) -> InputError:
    """The sentence for a file that its library cannot read."""
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return InputError(f"{path}: cannot be read: it is truncated, damaged, or not a {path.suffix} file ({reason})")


def _npy(path: Path) -> dict[str, Stored]:
    with path.open("rb") as file:
        _, _, dtype = _header(file)
    _check_type(dtype, path)
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    return {ALONE: Stored(path, ALONE, mapped.shape, lambda start, stop: mapped[start:stop])}


def _npz(path: Path) -> dict[str, Stored]:
    arrays = {}
    with zipfile.ZipFile(path) as file:
        for member in file.namelist():
            with file.open(member) as stream:
                shape, is_fortran, dtype = _header(stream)
            name = member.removesuffix(".npy")
            _check_type(dtype, f"{path}, array {name!r}")
            in_order = not is_fortran or len(shape) < 2
            read = _Stream(path, member, shape, dtype) if in_order else _member(path, name)
            arrays[name] = Stored(path, name, shape, read)
    return arrays


class _Stream:
    """Rows of a compressed array in the order they are asked for, and from the start again for an earlier one."""

    def __init__(self, path: Path, member: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._path, self._member = path, member
        self._row, self._dtype = shape[1:], dtype
        self._stream: IO[bytes] | None = None
        self._next = 0

    def __call__(self, start: int, stop: int) -> np.ndarray:
        width = int(np.prod(self._row, dtype=np.int64)) * self._dtype.itemsize
        if self._stream is None or start < self._next:
            self._stream = zipfile.ZipFile(self._path).open(self._member)  # noqa: SIM115 open until the last slice
            _header(self._stream)
            self._next = 0
        while self._next < start:
            skipped = min(start - self._next, 1024)
            self._stream.read(skipped * width)
            self._next += skipped
        data = self._stream.read((stop - start) * width)
        if len(data) < (stop - start) * width:
            row = start + len(data) // max(1, width) + 1
            raise InputError(
                f"{self._path}, array {self._member!r}: ends in its row {row:,}, before its header says; save it anew"
            )
        self._next = stop
        return np.frombuffer(data, self._dtype).reshape(stop - start, *self._row)


def _member(path: Path, name: str) -> Callable[[int, int], np.ndarray]:
    """An array that is stored column by column: whole in memory from its first slice on."""
    whole: list[np.ndarray] = []

    def read(start: int, stop: int) -> np.ndarray:
        if not whole:
            with np.load(path, allow_pickle=False) as file:
                whole.append(file[name])
        return whole[0][start:stop]

    return read


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """(shape, whether columns come first, type) of a .npy, whose data come next."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(stream)


def _check_type(dtype: np.dtype[Any], where: object) -> None:
    if dtype.hasobject:
        raise InputError(
            f"{where}: holds Python objects, which are never unpickled, for that would execute what stands in them; "
            "save numbers or strings instead, as in array.astype(float)"
        )
    if dtype.fields or dtype.kind not in "biufUS":
        raise InputError(f"{where}: holds {dtype}; expected numbers, or strings for classes")


def _safetensors(path: Path) -> dict[str, Stored]:
    from safetensors import safe_open

    file: Any = safe_open(path, framework="pt")
    return {name: _sliced(path, name, file.get_slice(name)) for name in list(file.keys())}


def _pt(path: Path) -> dict[str, Stored]:
    try:
        loaded = _loaded(path)
    except pickle.UnpicklingError:  # torch's own sentence says how to execute what stands in the file
        raise InputError(
            f"{path}: is damaged, or holds Python objects beside its tensors, which are never unpickled: that would "
            "execute what stands in them; save a dict of tensors, or (inputs, targets)"
        ) from None
    if isinstance(loaded, torch.Tensor):
        loaded = {ALONE: loaded}
    elif isinstance(loaded, list | tuple) and len(loaded) in NAMES_OF_TUPLES:
        loaded = dict(zip(NAMES_OF_TUPLES[len(loaded)], loaded, strict=True))
    if not isinstance(loaded, dict):
        raise InputError(f"{path}: holds a {type(loaded).__name__}; expected a dict of tensors, or (inputs, targets)")
    tensors = {str(name): tensor for name, tensor in loaded.items() if isinstance(tensor, torch.Tensor)}
    return {name: _sliced(path, name, tensor) for name, tensor in tensors.items()}


def _loaded(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError as error:
            if "mmap can only be used" not in str(error):
                raise
            return torch.load(path, map_location="cpu", weights_only=True)  # as torch 1.5 and older saved


def _sliced(path: Path, name: str, rows: Any) -> Stored:
    """`rows` is a tensor, or one of safetensors that is not read yet."""
    shape = tuple(rows.shape) if isinstance(rows, torch.Tensor) else tuple(rows.get_shape())

    def read(start: int, stop: int) -> np.ndarray:
        if isinstance(rows, torch.Tensor) and (kind := _unfit(rows)):
            raise InputError(
                f"{path}, array {name!r}: a {kind} tensor where plain numbers were expected; save it dense, "
                "on the CPU, as float32 or integers"
            )
        return _array(rows[start:stop])

    return Stored(path, name, shape, read)


def _unfit(tensor: torch.Tensor) -> str:
    """What makes a tensor no plain array of numbers, or ""."""
    kinds = {
        "meta (without data)": tensor.is_meta, "sparse": tensor.layout != torch.strided,
        "quantized": tensor.is_quantized, "complex": tensor.is_complex(),
    }  # fmt: skip
    return next((kind for kind, is_so in kinds.items() if is_so), "")


def _array(tensor: torch.Tensor) -> np.ndarray:
    dense = tensor.detach()
    is_short_float = dense.is_floating_point() and dense.dtype not in (torch.float32, torch.float64)
    array: np.ndarray = (dense.float() if is_short_float else dense).numpy()  # numpy knows no bfloat16
    return array
