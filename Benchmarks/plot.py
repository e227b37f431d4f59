"""Plots as SVG: bars with the spread of the rounds, and series. Readable on light and on dark ground."""

import math
from html import escape

WIDTH, LEFT, RIGHT = 760, 210, 110
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600; font-size: 14px }
.quiet { fill: #6e7781 }
.axis { stroke: #d0d7de } .ours { fill: #0969da } .other { fill: #8c959f } .spread { stroke: #24292f }
.line0 { stroke: #0969da } .line1 { stroke: #bc4c00 } .line2 { stroke: #1a7f37 } .line3 { stroke: #8250df }
.line4 { stroke: #6e7781 }
.held { fill: #8c959f; opacity: .18 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .quiet { fill: #8d96a0 } .axis { stroke: #3d444d }
.ours { fill: #4493f8 } .other { fill: #656c76 } .spread { stroke: #e6edf3 }
.line0 { stroke: #4493f8 } .line1 { stroke: #db6d28 } .line2 { stroke: #3fb950 } .line3 { stroke: #ab7df8 }
.line4 { stroke: #8d96a0 } }
</style>"""


def picture(height, parts, description):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img">'
        f"<title>{escape(description)}</title>\n{STYLE}\n" + "\n".join(parts) + "\n</svg>\n"
    )


def text(x, y, words, style="", anchor="start"):
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{style}" text-anchor="{anchor}">{escape(str(words))}</text>'


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 10 else f"{value:.0f}"


def bars(groups):
    """`groups` is a list of (title, unit, [(label, median, low, high, is_ours)]); each group has a scale of its own."""
    parts, y = [], 10
    for title, unit, entries in groups:
        y += 16
        parts.append(text(10, y, title, "title"))
        most = max((high for _, _, _, high, _ in entries), default=0) or 1
        scale = (WIDTH - LEFT - RIGHT) / most
        for label, value, low, high, is_ours in entries:
            y += 24
            parts.append(text(LEFT - 8, y, label, "", "end"))
            parts.append(
                f'<rect x="{LEFT}" y="{y - 13}" width="{max(1, value * scale):.1f}" height="16" rx="2" '
                f'class="{"ours" if is_ours else "other"}"/>'
            )
            if high > low:
                parts.append(
                    f'<line x1="{LEFT + low * scale:.1f}" x2="{LEFT + high * scale:.1f}" y1="{y - 5}" y2="{y - 5}" '
                    'class="spread" stroke-width="1.5"/>'
                )
            parts.append(text(LEFT + high * scale + 8, y, f"{number(value)}{unit}", "quiet"))
        y += 18
    return picture(y + 6, parts, "; ".join(title for title, _, _ in groups))


def lines(title, unit, series, step, held):
    """`series` is a list of (label, values), one value every `step` seconds; `held` is the span to be shaded, in
    seconds."""
    height, top, bottom, left = 330, 40, 50, 70
    most = max((max(values) for _, values in series if values), default=0) or 1
    seconds = max((len(values) for _, values in series), default=1) * step
    across, down = (WIDTH - left - RIGHT - 20) / seconds, (height - top - bottom) / most
    floor = height - bottom
    parts = [
        text(10, 22, title, "title"),
        f'<rect x="{left + held[0] * across:.1f}" y="{top}" width="{(held[1] - held[0]) * across:.1f}" '
        f'height="{floor - top}" class="held"/>',
        text(left + held[0] * across + 6, top + 16, "snapshot held", "quiet"),
    ]
    for value in ticks(most):
        y = floor - value * down
        parts.append(f'<line x1="{left}" x2="{WIDTH - RIGHT - 20}" y1="{y:.1f}" y2="{y:.1f}" class="axis"/>')
        parts.append(text(left - 8, y + 4, number(value), "quiet", "end"))
    labels = spaced([floor - values[-1] * down for _, values in series])
    for index, (label, values) in enumerate(series):
        points = " ".join(
            f"{left + (at + 0.5) * step * across:.1f},{floor - value * down:.1f}" for at, value in enumerate(values)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke-width="2" class="line{index % 5}"/>')
        parts.append(text(WIDTH - RIGHT - 14, labels[index] + 4, label))
    parts.append(text(left, height - 18, f"{unit}, over {seconds:.0f} seconds", "quiet"))
    return picture(height, parts, title)


def ticks(most):
    """Round numbers from 0 up to `most`, three to six of them."""
    step = 10 ** math.floor(math.log10(most))
    step *= 0.5 if most < 2 * step else 2 if most >= 6 * step else 1
    return [step * count for count in range(int(most / step) + 1)]


def spaced(heights, least=15):
    """The same heights, pushed apart far enough for a label each."""
    placed, last = {}, None
    for index in sorted(range(len(heights)), key=lambda index: -heights[index]):
        y = heights[index] if last is None else min(heights[index], last - least)
        placed[index] = last = y
    return placed
