"""What asks before something is done, and what helps."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from aliquot.errors import AliquotError
from aliquot.shares import parse_guarantee, parse_percent, parse_priority, parse_weight
from aliquot.sizes import format_size, parse_size
from aliquot.tui.grid import words
from aliquot.tui.source import NewSize
from aliquot.tui.view import VgpuView


class Confirm(ModalScreen[bool]):
    """Yes or no; no is where the focus is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n,escape,q", "answer(False)", show=False),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, question: str, yes: str) -> None:
        """Ask `question`; the button that does it says `yes`."""
        super().__init__()
        self._question = question
        self._yes = yes

    def compose(self) -> ComposeResult:
        """The question and two buttons."""
        with Vertical(classes="dialog"):
            yield Static(Text(self._question))
            with Horizontal():
                yield Button("No (n)", id="no", compact=True)
                yield Button(f"{self._yes} (y)", id="yes", compact=True)

    def on_mount(self) -> None:
        """Enter alone does nothing that can't be undone."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button was pressed."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """A key was pressed."""
        self.dismiss(yes)


class Resize(ModalScreen[NewSize | None]):
    """Memory, shares and priority of a vGPU; what can't be is said at once."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]

    def __init__(self, vgpu: VgpuView) -> None:
        """Begin with what it has."""
        super().__init__()
        self._vgpu = vgpu

    def compose(self) -> ComposeResult:
        """A line for each."""
        shares = self._vgpu.shares
        with Vertical(classes="dialog"):
            yield Static(Text(f"Resize vGPU {words(self._vgpu.name)}"))
            for name, told, value in (
                ("memory", "memory", format_size(self._vgpu.memory_limit).replace(" ", "")),
                ("compute", "guarantee", f"{shares.guarantee / 100:g}" if shares.guarantee
                 else "none"),
                ("limit", "limit", f"{shares.limit / 100:g}"),
                ("weight", "weight", str(shares.weight)),
                ("priority", "priority", shares.priority.word),
            ):  # fmt: skip
                with Horizontal():
                    yield Static(told, classes="label")
                    yield Input(value, id=name, compact=True)
            yield Static("Enter: do it   Tab: next   Escape: leave it", id="said")

    def on_mount(self) -> None:
        """Begin at the top."""
        self.query_one("#memory", Input).focus()

    def on_input_submitted(self) -> None:
        """Enter in any of the lines."""
        try:
            wanted = self._wanted()
        except AliquotError as error:
            self.query_one("#said", Static).update(Text(str(error)))
            return
        self.dismiss(wanted)

    def action_cancel(self) -> None:
        """Nothing is changed."""
        self.dismiss(None)

    def _wanted(self) -> NewSize:
        before = self._vgpu

        def text(name: str) -> str:
            return self.query_one(f"#{name}", Input).value

        memory = parse_size(text("memory"))
        shown = parse_size(format_size(before.memory_limit))
        shares = before.shares._replace(
            guarantee=parse_guarantee(text("compute")),
            limit=parse_percent(text("limit"), "limit"),
            weight=parse_weight(text("weight")),
            priority=parse_priority(text("priority")),
        )
        # What is shown is rounded: untouched, it means what there is.
        return NewSize(None if memory in (shown, before.memory_limit) else memory, shares)


class Help(ModalScreen[None]):
    """What the keys do, and why some do nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter,space", "close", show=False)
    ]

    def __init__(self, lines: list[Text]) -> None:
        """Show these lines."""
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        """The lines."""
        with Vertical(classes="dialog wide"):
            yield Static(Text("\n").join(self._lines))

    def action_close(self) -> None:
        """Enough."""
        self.dismiss(None)

    def on_click(self) -> None:
        """A click is enough, too."""
        self.dismiss(None)
