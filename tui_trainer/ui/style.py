"""The layout in Textual's CSS."""

CSS = """
Screen { background: $background; color: $foreground; }
Painted { background: $background; }
#status { height: 3; }
#tabs { height: 1; }
#keys { height: 1; dock: bottom; }
#panels { height: 1fr; }
Panel { border: round $border; border-title-color: $foreground 70%; border-title-style: none; height: 1fr; width: 1fr;
        border-subtitle-color: $foreground 50%; border-subtitle-style: none; }
Panel:focus { border: round $primary; border-title-color: $primary; border-title-style: bold; }
#status, #alert { border: none; }
#alert { height: 1; }
#left { width: 42; }
#right { width: 1fr; grid-size: 5; }
#devices { height: 5; }
#losses, #inside { column-span: 5; }
#confusion { column-span: 3; }
#log { column-span: 2; }
Dashboard.-wide #left { width: 52; }
Dashboard.-column #left { width: 42; }
Dashboard.-column #losses { column-span: 3; }
Dashboard.-column #inside { column-span: 2; }
Dashboard.-solo #left, Dashboard.-solo #right { width: 1fr; height: 1fr; }
Dashboard.-solo #right Panel { column-span: 5; }
Dashboard.-solo #devices { height: 1fr !important; }
ModalScreen { align: center middle; background: $background 60%; }
.box { width: 76; max-width: 96%; height: auto; max-height: 90%; border: round $primary; background: $background;
       padding: 0 1; }
.box.help { height: 90%; width: 96; }
.box Input { border: none; height: 1; padding: 0; background: $panel; margin: 1 0 0 0; }
.box Input:focus { border: none; }
.box OptionList { border: none; height: auto; max-height: 20; background: $background; padding: 0; margin: 1 0; }
.box .sentence { color: $foreground 80%; }
.box .wrong { color: $error; min-height: 1; }
OptionList:nocolor > .option-list--option-highlighted { text-style: reverse; }
Toast { padding: 0 1; margin: 0; }
DataTable { background: $background; height: 1fr; }
"""
