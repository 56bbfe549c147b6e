"""The colours, by what they mean. Told apart in every common kind of colour blindness (Okabe and Ito's set, 2008).

No meaning rests on colour alone: signs, words and, where there is no colour, plot markers carry it too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rich.color import Color
from rich.style import Style
from textual.app import App
from textual.theme import Theme

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """Styles for rich text, and plain colours for plots and heat."""

    train: RGB
    val: RGB
    mark: RGB
    lr: RGB
    hit: RGB  # heat of right predictions at full strength
    miss: RGB
    ground: RGB | None  # heat starts here; None where there is no colour
    good: str
    warn: str
    bad: str
    accent: str
    is_coarse: bool = False  # sixteen colours: no shades

    def of_status(self, status: str) -> str:
        """The style of a run's state."""
        if status in ("training", "completed", "early_stopped"):
            return self.good
        if status == "ready":
            return self.accent
        return self.warn if status in ("starting", "paused", "stopped") else self.bad

    def heat(self, share: float, *, is_hit: bool) -> Style:
        """A background that grows with the share in twelve steps; a rare mistake still shows."""
        if share <= 0:
            return Style(dim=True)
        if self.ground is None:
            return Style(bold=is_hit, reverse=share >= 0.5)
        if self.is_coarse:
            ground = "blue" if is_hit else "red" if share >= 0.05 else None
            return Style(color="bright_white" if ground else None, bgcolor=ground, bold=is_hit)
        strength = 0.25 + 0.75 * share if is_hit else min(1.0, 0.1 + 1.6 * share**0.5)
        strength = round(strength * 12) / 12
        full = self.hit if is_hit else self.miss
        red, green, blue = (round(low + (high - low) * strength) for low, high in zip(self.ground, full, strict=True))
        is_light = 0.3 * red + 0.59 * green + 0.11 * blue > 140
        text = Color.from_rgb(20, 20, 20) if is_light else Color.from_rgb(240, 240, 240)
        return Style(color=text, bgcolor=Color.from_rgb(red, green, blue), bold=is_hit)


BLACK, WHITE, ORANGE, SKY, GREEN = (0, 0, 0), (255, 255, 255), (230, 159, 0), (86, 180, 233), (0, 158, 115)
YELLOW, BLUE, VERMILLION, PURPLE = (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167)
GREY, DARK_GREY = (140, 140, 140), (100, 100, 100)

DARK = Palette(
    train=SKY, val=ORANGE, mark=GREY, lr=PURPLE, hit=(38, 98, 156), miss=(176, 84, 20), ground=(18, 22, 28),
    good="#2fbf94", warn="#f0e442", bad="#ff7f3f", accent="#56b4e9",
)  # fmt: skip
LIGHT = Palette(
    train=BLUE, val=(190, 90, 0), mark=DARK_GREY, lr=(150, 70, 120), hit=BLUE, miss=(225, 120, 40),
    ground=(250, 250, 248), good="#007a58", warn="#8a6d00", bad="#b84300", accent="#0072b2",
)  # fmt: skip
NO_COLOUR = Palette(
    train=WHITE, val=WHITE, mark=GREY, lr=GREY, hit=WHITE, miss=WHITE, ground=None,
    good="bold", warn="bold", bad="bold reverse", accent="bold",
)  # fmt: skip

THEMES = (
    Theme(
        name="trainer-dark", primary="#56b4e9", secondary="#e69f00", accent="#56b4e9", warning="#f0e442",
        error="#ff7f3f", success="#2fbf94", foreground="#d8dee6", background="#12161c", surface="#171c24",
        panel="#1d232d", dark=True, variables={"border": "#3a4452", "block-cursor-foreground": "#12161c"},
    ),
    Theme(
        name="trainer-light", primary="#0072b2", secondary="#b85c00", accent="#0072b2", warning="#8a6d00",
        error="#b84300", success="#007a58", foreground="#1d2530", background="#fafaf8", surface="#f2f2ee",
        panel="#e8e8e2", dark=False, variables={"border": "#b9bfc8"},
    ),
)  # fmt: skip


def palette_for(theme: Theme, *, has_colour: bool, is_coarse: bool = False) -> Palette:
    """The palette that fits a theme and a terminal."""
    if not has_colour:
        return NO_COLOUR
    palette = DARK if theme.dark else LIGHT
    return replace(palette, is_coarse=True) if is_coarse else palette


def palette_of(app: App[Any]) -> Palette:
    """The palette of the theme in force, as the terminal can show it."""
    is_coarse = app.console.color_system == "standard"
    return palette_for(app.current_theme, has_colour=not app.no_color, is_coarse=is_coarse)
