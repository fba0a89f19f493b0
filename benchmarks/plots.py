"""Bar charts as SVG, in the house's own colours, light and dark."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

TOKENS = Path(__file__).resolve().parent.parent / "static" / "css" / "tokens.css"
COLOURS = ("ink", "soft", "line", "card", "sunk", "edge", "accent", "good")
WIDTH, LABELS, FIGURES, PAD, ROW, BAR, HEAD = 760, 236, 84, 24, 34, 16, 78


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it stands for, how long, the figure at its end, and whether it is one of ours."""

    label: str
    value: float
    figure: str
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars under a title; `mark` is a value to reach, drawn as a line with its words."""

    title: str
    subtitle: str
    bars: Sequence[Bar]
    mark: float | None = None
    mark_says: str = ""

    def svg(self) -> str:
        """The chart as a file that can stand in a document by itself."""
        height = HEAD + ROW * len(self.bars) + PAD + (18 if self.mark is not None else 0)
        longest = max([bar.value for bar in self.bars] + ([self.mark] if self.mark is not None else []))
        scale = (WIDTH - LABELS - FIGURES - 2 * PAD) / longest
        rows = [self._row(number, bar, scale) for number, bar in enumerate(self.bars)]
        said = "; ".join(f"{bar.label}: {bar.figure}" for bar in self.bars)
        size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        label = _quoted(f"{self.title}. {self.subtitle}. {said}.")
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{label}">',
                f"<style>\n{style()}</style>",
                f'<rect class="card" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="14"/>',
                f'<text class="title" x="{PAD}" y="34">{escape(self.title)}</text>',
                f'<text class="soft" x="{PAD}" y="55">{escape(self.subtitle)}</text>',
                *rows,
                *self._mark(scale),
                "</svg>\n",
            ]
        )

    def _row(self, number: int, bar: Bar, scale: float) -> str:
        top = HEAD + ROW * number
        left, width, middle = PAD + LABELS, max(2.0, bar.value * scale), top + ROW / 2 - 5
        kind = "ours" if bar.ours else "other"
        return (
            f'<text class="label" x="{PAD}" y="{middle + 5:g}">{escape(bar.label)}</text>'
            f'<rect class="{kind}" x="{left}" y="{middle - BAR / 2:g}" width="{width:.1f}" height="{BAR}" rx="4"/>'
            f'<text class="figure" x="{left + width + 8:.1f}" y="{middle + 5:g}">{escape(bar.figure)}</text>'
        )

    def _mark(self, scale: float) -> list[str]:
        if self.mark is None:
            return []
        x, bottom = PAD + LABELS + self.mark * scale, HEAD + ROW * len(self.bars)
        return [
            f'<line class="mark" x1="{x:.1f}" y1="{HEAD - 8}" x2="{x:.1f}" y2="{bottom}"/>',
            f'<text class="said" x="{x:.1f}" y="{bottom + 16}">{escape(self.mark_says)}</text>',
        ]


def style() -> str:
    """The chart's colours and type; a picture in a document follows the reader's scheme by itself."""
    light, dark = colours()
    return f"""svg {{ {_declared(light)}; font: 13px "Geist", ui-sans-serif, system-ui, "Segoe UI", sans-serif }}
@media (prefers-color-scheme: dark) {{ svg {{ {_declared(dark)} }} }}
text {{ fill: var(--ink) }}
.card {{ fill: var(--card); stroke: var(--line) }}
.title {{ font-size: 16px; font-weight: 600 }}
.soft {{ fill: var(--soft) }}
.figure {{ font-weight: 600; font-variant-numeric: tabular-nums }}
.ours {{ fill: var(--accent) }}
.other {{ fill: var(--edge); opacity: .55 }}
.mark {{ stroke: var(--good); stroke-width: 1.5; stroke-dasharray: 4 4 }}
.said {{ fill: var(--good); font-size: 12px; text-anchor: middle }}
"""


def colours() -> tuple[dict[str, str], dict[str, str]]:
    """The light and the dark value of each colour, as the pages have them."""
    tokens = TOKENS.read_text()
    pairs = {name: re.search(rf"--{name}: light-dark\((.+?), (.+?)\);", tokens) for name in COLOURS}
    missing = [name for name, pair in pairs.items() if pair is None]
    if missing:
        raise RuntimeError(f"{TOKENS.name} has no colour of this name: {', '.join(missing)}")
    known = {name: pair for name, pair in pairs.items() if pair}
    return {name: pair[1] for name, pair in known.items()}, {name: pair[2] for name, pair in known.items()}


def _declared(colours: dict[str, str]) -> str:
    return "; ".join(f"--{name}: {value}" for name, value in colours.items())


def _quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})
