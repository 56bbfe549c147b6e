"""The window that asks for one field's value: a list of its choices, or a line of text.

A data set may be chosen by name, or be somebody's own file: the list has an entry that asks for the path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text

from tui_trainer.data_sections import is_path
from tui_trainer.errors import InputError
from tui_trainer.knobs import Knob, read_value
from tui_trainer.paths import found
from tui_trainer.ui.form import Form, label, typed

if TYPE_CHECKING:
    from tui_trainer.ui.asking import AskChoice, AskText

OF_YOUR_OWN = "a file or folder of your own ..."  # an answer that asks for the path


def asking_for(knob: Knob, form: Form, devices: list[str]) -> AskChoice | AskText:
    """For any knob. Imported when it opens: the first paint does not wait for it."""
    from tui_trainer.ui.asking import AskChoice, AskText

    value = form.value(knob)
    choices = knob.choices
    if knob.name == "device":
        gpus = [name for name in devices if name.startswith("cuda:")]
        choices = ("auto", *devices, *([",".join(gpus)] if len(gpus) > 1 else []))
    if knob.name == "data":
        choices = (OF_YOUR_OWN, *choices)
        value = OF_YOUR_OWN if is_path(value) else value
    if choices:
        return AskChoice(label(knob), knob.sentence, [(choice, Text(choice)) for choice in choices], str(value))
    return AskText(label(knob), f"{knob.sentence}. {knob.expected}.", typed(value), _checking(knob))


def asking_for_path(knob: Knob, form: Form) -> AskText:
    """For the path of somebody's own data, which has to be there."""
    from tui_trainer.ui.asking import AskText

    value = form.value(knob)

    def check(text: str) -> None:
        found(text, form.values["data_dir"], "--data")
        _checking(knob)(text)

    kinds = knob.expected.partition("; or the path of ")[2]
    sentence = f"The path, from here or from the data folder (~ is your home), of {kinds}."
    return AskText("data of your own", sentence, value if is_path(value) else "", check)


def _checking(knob: Knob) -> Callable[[str], None]:
    def check(text: str) -> None:
        try:
            read_value(knob.name, text)
        except InputError as error:  # the window's title names it already
            raise InputError(str(error).removeprefix(f"{knob.name}: ")) from None

    return check
