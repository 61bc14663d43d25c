"""How pages show things: templates, times, links between pages."""

from __future__ import annotations

import functools
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup, escape

from comodels.dashboard import say
from comodels.dashboard.library import told
from comodels.dashboard.reader import Model
from comodels.dashboard.safe import clean
from comodels.dashboard.words import score

HERE = Path(__file__).resolve().parent


@functools.cache
def environment() -> jinja2.Environment:
    """The templates, all compiled, with their filters; once in a process."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        auto_reload=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "ether": say.ether,
        "exact": say.exact,
        "enough": say.enough,
        "duration": say.span,
        "score": score,
        "time": show_time,
        "times": show_times,
        "number": say.number,
        "percent": say.percent,
        "clean": clean,
        "told": told,
        "short": lambda a: f"{a[:6]}…{a[-4:]}",
    }
    templates.globals |= {
        "t": text,
        "language": say.language,
        "script_texts": script_texts,
        "pairs": lambda names: [(name, name) for name in names],
        "glossary_words": [
            key.split(".")[1] for key in say.LANGUAGES[say.USUAL] if re.fullmatch(r"glossary\..+\.name", key)
        ],
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


def text(key: str, **values: Any) -> Markup:
    """A text of the page, with its values escaped."""
    shown = {name: say.number(v) if type(v) is int else v for name, v in values.items()}
    return escape(say.text_of(key, values.get("n"))).format(**shown)


def script_texts() -> dict[str, str]:
    """What the script says, by its keys."""
    texts = say.LANGUAGES[say.language()]
    return {key.removeprefix("script."): value for key, value in texts.items() if key.startswith("script.")}


def relative(seconds: int, now: int) -> str:
    """A moment as seen from another, e.g. ``in 2 days 3 hours`` or ``5 minutes ago``."""
    distance = abs(seconds - now)
    if distance < 1:
        return say.say("when.now")
    return say.say("when.later" if seconds > now else "when.before", time=say.span(distance))


def _machine(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _person(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


@jinja2.pass_context
def show_time(context: jinja2.runtime.Context, seconds: int, form: str = "time") -> Markup:
    """A moment: how far away it is, and in UTC, until the script writes it in the browser's own time.

    With the form ``span`` only how far away it is.
    """
    try:
        machine, person = _machine(seconds), _person(seconds)
    except (OverflowError, ValueError, OSError):
        return escape(say.say("when.never"))
    far = relative(seconds, context["now"])
    shown = far if form == "span" else f"{person} ({far})"
    return Markup('<time datetime="{}" data-form="{}" title="{}">{}</time>').format(machine, form, person, shown)


TOKEN = re.compile(r"\{(time|span):(\d{1,12})\}")


@jinja2.pass_context
def show_times(context: jinja2.runtime.Context, text: str) -> Markup:
    """A sentence with moments written as ``{time:123}``."""
    parts = TOKEN.split(text)
    shown = [escape(parts[0])]
    for form, seconds, after in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        shown += [show_time(context, int(seconds), form), escape(after)]
    return Markup("").join(shown)


def plain_times(text: str) -> str:
    """The same without markup, in UTC."""
    return TOKEN.sub(lambda match: _person(int(match[2])), text)


def day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def count_labels(model: Model, contributions: list) -> list[tuple[str, int]]:
    counts: dict[int, int] = {}
    for c in contributions:
        counts[c.label] = counts.get(c.label, 0) + 1
    return [(model.class_name(y), n) for y, n in sorted(counts.items())]
