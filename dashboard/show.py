"""How pages show things: templates, times, links between pages."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup, escape

from dashboard.reader import Model
from dashboard.words import duration, enough_ether, ether, score

HERE = Path(__file__).resolve().parent


def environment() -> jinja2.Environment:
    """The templates, all compiled, with their filters."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        auto_reload=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "ether": ether,
        "enough": enough_ether,
        "duration": duration,
        "score": score,
        "time": show_time,
        "times": show_times,
        "number": lambda n: f"{n:,}",
        "short": lambda a: f"{a[:6]}…{a[-4:]}",
    }
    for name in templates.list_templates():
        templates.get_template(name)
    return templates


def pager(path: str, query: dict[str, str], page: int, total: int, size: int) -> dict[str, Any]:
    last = max(1, -(-total // size))

    def link(n: int) -> str:
        return f"{path}?{urlencode({k: v for k, v in query.items() if v} | {'page': n})}"

    return {
        "page": page,
        "last": last,
        "before": link(page - 1) if page > 1 else "",
        "after": link(page + 1) if page < last else "",
    }


def show_time(seconds: int) -> Markup:
    """A moment, in UTC."""
    try:
        moment = time.gmtime(seconds)
        machine = time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)
        person = time.strftime("%Y-%m-%d %H:%M UTC", moment)
    except (OverflowError, ValueError, OSError):
        return escape("far away")
    return Markup('<time datetime="{}">{}</time>').format(machine, person)


def show_times(text: str) -> Markup:
    """A sentence with moments written as ``{time:123}``."""
    parts = re.split(r"\{time:(\d{1,12})\}", text)
    return Markup("").join(show_time(int(p)) if i % 2 else escape(p) for i, p in enumerate(parts))


def day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def count_labels(model: Model, contributions: list) -> list[tuple[str, int]]:
    counts: dict[int, int] = {}
    for c in contributions:
        counts[c.label] = counts.get(c.label, 0) + 1
    return [(model.class_name(y), n) for y, n in sorted(counts.items())]
