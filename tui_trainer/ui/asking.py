"""The small windows: type a value, pick from a list, say yes or no."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui_trainer.errors import InputError

Answer = TypeVar("Answer")


class Asking(ModalScreen[Answer | None], Generic[Answer]):
    """A box in the middle; escape leaves everything as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "back", show=False)]

    def __init__(self, title: str, sentence: str) -> None:
        super().__init__()
        self._title, self._sentence = title, sentence

    def head(self) -> ComposeResult:
        """What is asked."""
        yield Static(Text(self._title, "bold"), classes="title")
        if self._sentence:
            yield Static(Text(self._sentence), classes="sentence")


class AskText(Asking[str]):
    """One line of text; `check` raises InputError for what is not allowed."""

    def __init__(self, title: str, sentence: str, value: str, check: Callable[[str], object]) -> None:
        super().__init__(title, sentence)
        self._value, self._check = value, check

    def compose(self) -> ComposeResult:
        """Title, sentence, input, error."""
        with Vertical(classes="box"):
            yield from self.head()
            yield Input(self._value, select_on_focus=True)
            yield Static("", classes="wrong")
            yield Static(Text("enter takes it   esc leaves it", "dim"))

    @on(Input.Changed)
    def say_what_is_wrong(self, event: Input.Changed) -> None:
        """While typing."""
        self.query_one(".wrong", Static).update(Text(self._wrong(event.value)))

    @on(Input.Submitted)
    def take(self, event: Input.Submitted) -> None:
        """Only what is allowed closes the box."""
        if self._wrong(event.value):
            self.app.bell()
        else:
            self.dismiss(event.value)

    def _wrong(self, text: str) -> str:
        try:
            self._check(text)
        except InputError as error:
            return str(error)
        return ""


class AskChoice(Asking[str]):
    """One of a list; each choice is (answer, what is shown)."""

    def __init__(self, title: str, sentence: str, choices: Sequence[tuple[str, Text]], current: str = "") -> None:
        super().__init__(title, sentence)
        self._choices, self._current = choices, current

    def compose(self) -> ComposeResult:
        """Title, sentence, list."""
        with Vertical(classes="box"):
            yield from self.head()
            yield OptionList(*(Option(shown, id=f"choice-{n}") for n, (_, shown) in enumerate(self._choices)))
            yield Static(Text("enter takes it   esc leaves it", "dim"))

    def on_mount(self) -> None:
        """The present choice under the cursor."""
        answers = [answer for answer, _ in self._choices]
        self.query_one(OptionList).highlighted = answers.index(self._current) if self._current in answers else 0

    @on(OptionList.OptionSelected)
    def take(self, event: OptionList.OptionSelected) -> None:
        """The answer."""
        self.dismiss(self._choices[event.option_index][0])


class AskYes(Asking[bool]):
    """Yes by its own key; enter alone does nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "yes", show=False),
        Binding("n", "dismiss(None)", "no", show=False),
    ]

    def compose(self) -> ComposeResult:
        """Title, sentence, keys."""
        with Vertical(classes="box"):
            yield from self.head()
            yield Static(Text.assemble(("y", "bold"), " yes   ", ("n", "bold"), " or esc no"))
