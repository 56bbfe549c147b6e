"""The machine's CPU and GPUs: how busy, how full, how hot, and who else is there."""

from __future__ import annotations

import platform
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.message import Message

from tui_trainer.devices import GB, Cpu, Gpu
from tui_trainer.errors import printable
from tui_trainer.ui.charts import BLOCKS
from tui_trainer.ui.panels.panel import Panel, bindings


class DevicesPanel(Panel):
    """Readings come from the dashboard's clock, by `show_readings`; `chosen` is what the form or the run says.

    Several processes stand in `chosen` as a list, with a device for each: `cpu,cpu`, `cuda:0,cuda:1`, and on several
    hosts `node1 cuda:0,node2 cuda:0`.
    """

    heading = "Devices"
    BINDINGS: ClassVar[list[BindingType]] = bindings("devices")

    class Taken(Message):
        """The next run shall train here."""

        def __init__(self, device: str) -> None:
            super().__init__()
            self.device = device

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.cpu: Cpu | None = None
        self.gpus: list[Gpu] = []
        self.chosen = "auto"
        self._cursor = 0
        self._rows: list[int] = []  # the device that each line belongs to

    def show_readings(self, cpu: Cpu, gpus: list[Gpu]) -> None:
        """A new sample of the machine."""
        self.cpu, self.gpus = cpu, gpus
        self.repaint()

    @property
    def names(self) -> list[str]:
        """What `--device` may name here."""
        return ["cpu", *(f"cuda:{gpu.index}" for gpu in self.gpus)]

    @property
    def taken(self) -> list[str]:
        """The devices that `chosen` means (auto: the freest GPU); those of another host begin with its name."""
        if self.chosen == "cuda" or (self.chosen == "auto" and self.gpus):
            freest = max(self.gpus, key=lambda gpu: gpu.memory_total - gpu.memory_used, default=None)
            return [f"cuda:{freest.index}" if freest and self.chosen == "auto" else "cuda:0"]
        here = f"{platform.node()} "
        return ["cpu"] if self.chosen == "auto" else [one.strip().removeprefix(here) for one in self.chosen.split(",")]

    def share_of(self, name: str) -> str:
        """What part of each batch a device has, where several processes share it."""
        own, processes = self.taken.count(name), len(self.taken)
        if processes == 1 or not own:
            return ""
        return f"1/{processes} of each batch" if own == 1 else f"{own} processes, each 1/{processes} of a batch"

    @property
    def rows_needed(self) -> int:
        """To show every device without scrolling."""
        shares = sum(bool(self.share_of(name)) for name in self.names)
        return shares + (3 if not self.gpus else 2 + sum(3 if gpu.processes else 2 for gpu in self.gpus))

    def lines(self, width: int, height: int) -> list[Text]:
        """Two lines a device, one more where others compute there, one more where several devices share the batches."""
        if self.cpu is None:
            return [Text("Looking…", "dim")]
        blocks = [self._cpu(self.cpu), *(self._gpu(gpu) for gpu in self.gpus)]
        self._cursor = min(self._cursor, len(blocks) - 1)
        rows: list[Text] = []
        self._rows = []
        for number, block in enumerate(blocks):
            rows += block
            self._rows += [number] * len(block)
        if not self.gpus:
            rows.append(Text("No NVIDIA driver answers: CPU only.", "dim"))
        top = max(0, min(self._rows.index(self._cursor), len(rows) - height))
        self._rows = self._rows[top:]
        for row in rows:
            row.truncate(width, overflow="ellipsis")
        return rows[top:]

    def _head(self, number: int, name: str, words: str) -> Text:
        is_taken = self.names[number] in self.taken
        style = "reverse" if self.has_focus and number == self._cursor else ""
        sign = Text("● " if is_taken else "○ ", self.palette.good if is_taken else "dim")
        return Text.assemble(sign, (f"{name:7}", f"bold {style}" if is_taken else style), " ", words)

    def _cpu(self, cpu: Cpu) -> list[Text]:
        cores = "1 core" if cpu.cores == 1 else f"{cpu.cores} cores"
        facts = Text.assemble("  ", self._load(cpu.load), f"  {memory(cpu.memory_used, cpu.memory_total)}")
        return [self._head(0, "cpu", f"{printable(cpu.name)}, {cores}"), facts, *self._share("cpu")]

    def _share(self, name: str) -> list[Text]:
        share = self.share_of(name)
        return [Text(f"  {share}", self.palette.good)] if share else []

    def _gpu(self, gpu: Gpu) -> list[Text]:
        facts = Text.assemble("  ", self._load(gpu.load), f"  {memory(gpu.memory_used, gpu.memory_total)}")
        if gpu.temperature is not None:
            facts.append(f"  {gpu.temperature} °C", self.palette.warn if gpu.temperature >= 85 else "")
        if gpu.watts is not None:
            facts.append(f"  {gpu.watts:.0f} W")
        head = self._head(self.gpus.index(gpu) + 1, f"cuda:{gpu.index}", printable(gpu.name))
        lines = [head, facts, *self._share(f"cuda:{gpu.index}")]
        if not gpu.processes:
            return lines
        who = ", ".join(f"{printable(one.user) or 'somebody'} {one.memory / GB:.1f} GB" for one in gpu.processes)
        count = "1 process" if len(gpu.processes) == 1 else f"{len(gpu.processes)} processes"
        return [*lines, Text(f"  {count}: {who}", self.palette.warn)]

    def _load(self, load: float | None) -> Text:
        if load is None:
            return Text("  ? %", "dim")
        block = BLOCKS[min(len(BLOCKS) - 1, int(load * len(BLOCKS)))]
        return Text.assemble((block, self.palette.warn if load > 0.9 else self.palette.accent), f" {load:4.0%}")

    def action_device_move(self, by: int) -> None:
        """The cursor, to the device above or below."""
        self._cursor = min(max(0, self._cursor + by), len(self.gpus))
        self.repaint()

    def action_device_take(self) -> None:
        """Ask for the device under the cursor."""
        self.post_message(self.Taken(self.names[self._cursor]))

    def on_click(self, event: events.Click) -> None:
        """A click takes the device."""
        offset = event.get_content_offset(self)
        row = offset.y if offset else -1
        if 0 <= row < len(self._rows):
            self._cursor = self._rows[row]
            self.action_device_take()

    def on_focus(self) -> None:
        """The cursor shows."""
        self.repaint()

    def on_blur(self) -> None:
        """And goes."""
        self.repaint()


def memory(used: int, total: int) -> str:
    """`3.2/25.2 GB`."""
    return f"{used / GB:.1f}/{total / GB:.1f} GB"
