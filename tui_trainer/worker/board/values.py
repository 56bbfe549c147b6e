"""One value of a record: a number, a histogram, a picture, a text, the hyperparameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from tensorboard.compat.proto.histogram_pb2 import HistogramProto
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.text.summary_v2 import text_pb

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import TABLE_OF
from tui_trainer.events import RunEnded
from tui_trainer.inside_events import Histogram
from tui_trainer.knobs import KNOBS, MOVABLE, Knob, stray_value

Value: TypeAlias = Summary.Value
STATUS = {"completed": "SUCCESS", "early_stopped": "SUCCESS", "diverged": "FAILURE", "failed": "FAILURE"}


def scalars(figures: Mapping[str, float | None]) -> list[Value]:
    """Of {tag: number}, those that were measured."""
    return [Value(tag=tag, simple_value=value) for tag, value in figures.items() if value is not None]


def histogram(tag: str, of: Histogram) -> Value:
    """The same bins: the reader takes each one's left edge from the one before, the first's from `min`."""
    width = (of.high - of.low) / max(1, len(of.counts))
    limits = [of.low + width * number for number in range(1, len(of.counts))] + [of.high]
    told = HistogramProto(
        min=of.low, max=of.high, num=sum(of.counts), bucket_limit=limits[: len(of.counts)], bucket=of.counts
    )
    return Value(tag=tag, histo=told)


def picture(tag: str, png: bytes, size: tuple[int, int]) -> Value:
    """A picture of (width, height)."""
    return Value(tag=tag, image=Summary.Image(width=size[0], height=size[1], colorspace=3, encoded_image_string=png))


def text(tag: str, markdown: str) -> Value:
    """A text, which TensorBoard shows as Markdown."""
    return text_pb(tag, markdown).value[0]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; the first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(cell: object) -> str:
    return "".join(mark if mark.isprintable() else " " for mark in str(cell)).replace("|", "\\|")


def hyperparameters(config: RunConfig, began: float) -> Value:
    """One row of the HPARAMS tab: what decides the result, as far as it has an effect."""
    told = {knob.name: _plain(knob.of(config)) for knob in KNOBS.values() if _decides(knob, config)}
    return hparams_pb(told, trial_id="", start_time_secs=began).value[0]  # without an id its row has the run's name


def end_of_session(event: RunEnded) -> list[Value]:
    """How it ended; one that was stopped can go on, and has not ended for TensorBoard, which hears of one end only."""
    if event.reason not in STATUS:
        return []
    end = SessionEndInfo(status=Status.Value(f"STATUS_{STATUS[event.reason]}"), end_time_secs=event.time)
    told = metadata.create_summary_metadata(HParamsPluginData(session_end_info=end))
    return [Value(tag=metadata.SESSION_END_INFO_TAG, metadata=told, tensor=metadata.NULL_TENSOR)]


def _decides(knob: Knob, config: RunConfig) -> bool:
    if knob.name in MOVABLE or stray_value(knob.name, config):
        return False
    if knob.only_with and KNOBS[knob.only_with[0]].of(config) not in knob.only_with[1]:
        return False
    is_of_data = knob.section in TABLE_OF or knob.section == "data"
    return knob.name == "data" or not is_of_data or knob.of(config) != knob.default


def _plain(value: Any) -> bool | float | str:
    match value:
        case bool() | int() | float() | str():
            return value
        case Mapping():
            return ",".join(f"{name}={word}" for name, word in value.items())
    return ",".join(map(str, value))
