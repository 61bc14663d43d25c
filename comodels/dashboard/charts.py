"""Curves as SVG, without scripts: colours come from the page's style sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 140, 12, 12, 34


def line_chart(
    points: Sequence[tuple[float, float]],
    title: str,
    x_text: Callable[[float], str],
    y_text: Callable[[float], str],
    y_max: float | None = None,
    steps: bool = False,
) -> str:
    """A line through points.

    Parameters
    ----------
    points : sequence of (float, float)
        At least two, x not falling.
    x_text, y_text : callable
        How values are written at the axes.
    steps : bool
        Whether values hold until the next point.
    """
    if len(points) < 2:
        return ""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    x0, x1 = xs[0], max(xs[-1], xs[0] + 1)
    top = y_max if y_max is not None else (max(ys) or 1)

    def place(x: float, y: float) -> str:
        across = LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)
        down = HEIGHT - BOTTOM - min(y, top) / top * (HEIGHT - TOP - BOTTOM)
        return f"{across:.1f},{down:.1f}"

    path = []
    for i, (x, y) in enumerate(points):
        if steps and i:
            path.append(place(x, points[i - 1][1]))
        path.append(place(x, y))
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}">',
        f"<title>{escape(title)}</title>",
    ]
    for share in (0, 0.5, 1):
        down = HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{down:.1f}" y2="{down:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{down + 4:.1f}" text-anchor="end">{escape(y_text(share * top))}</text>')
    for share, anchor in ((0, "start"), (0.5, "middle"), (1, "end")):
        across = LEFT + share * (WIDTH - LEFT - RIGHT)
        text = escape(x_text(x0 + share * (x1 - x0)))
        parts.append(f'<text x="{across:.1f}" y="{HEIGHT - 10}" text-anchor="{anchor}">{text}</text>')
    parts.append(f'<polyline class="curve" points="{" ".join(path)}"/></svg>')
    return "".join(parts)
