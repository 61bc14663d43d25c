"""The card of an exported data set, README.md, which Hugging Face's `datasets` and people read.

What a model calls itself was written by strangers: in the card it is text, and neither Markdown nor HTML.
"""

import re
import unicodedata
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

from comodels.units import ETHER
from encoders.files import write_atomically

SIZES = [  # as the hub names them
    *((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")),
    (10_000_000, "1M<n<10M"),
]
TASKS = {"text": "text-classification", "image": "image-classification", "numbers": "tabular-classification"}
KEPT = "\u200c\u200d"  # joiners, which belong to words and emoji

COLUMNS = """\
| column | |
|---|---|
| `id` | position among the model's contributions, from 0 |
| `time` | when it was contributed: seconds since 1970 (UTC) |
| `contributor` | address of who contributed it |
| `label`, `class_name` | index and name of the class that the contributor says it has |
| `effect` | what it did to the model; 0: nothing |
| `deposit` | what was deposited for it, in wei |
| `state` | open, validated (the model agreed later) or settled (others took the deposit) when this was exported |
| `x` | the sample as the model learnt from it, in hexadecimal |
| `features` | sparse: indices of the features that are present; dense: values |
| `words` | the words that the sample proves, where the encoder knows words; their order is not known |
| `text` | the original, where somebody kept it and the encoder makes this very sample of it; the order of its words, \
and those that the encoder does not know, are not proved |
| `block`, `log_index` | where the event stands on the chain |
"""


def write_card(model, arrow, path: Path) -> None:
    """Write the card of a data set.

    Parameters
    ----------
    model : PublishedModel
    arrow : pyarrow.Table
        As `comodels.export.table` makes it.
    """
    write_atomically(path, card(facts_of(model), arrow.select(["contributor", "label", "time", "deposit", "text"])))


def facts_of(model) -> dict:
    """What the card says of a model and its chain."""
    return {
        "name": model.name,
        "description": model.contract.call("description"),
        "address": model.address,
        "kind": model.kind,
        "chain": model.node.chain_id,
        "genesis": model.node.genesis,
        "block": model.node.block,
        "incentive": model.incentive_kind or "one that this library does not know",
        "trainer": model.trainer,
        "encoder": model.encoder_spec,
        "classes": model.class_names,
    }


def card(facts: dict, arrow) -> str:
    """The text of a card, from what `facts_of` tells and the columns that it counts."""
    counts = Counter(arrow["label"].to_pylist())
    people = len(set(arrow["contributor"].to_pylist()))
    times = arrow["time"].to_pylist()
    deposits = sum(map(int, arrow["deposit"].to_pylist()))
    originals = arrow.num_rows - arrow["text"].null_count
    kind = facts["encoder"].partition("/")[0]
    task = TASKS["text" if "words" in kind or kind == "embedding" else "image" if kind == "image" else "numbers"]
    size = next((name for most, name in SIZES if arrow.num_rows < most), "n>10M")
    classes = "\n".join(
        f"| {label} | {markdown(name)} | {counts.get(label, 0):,} |" for label, name in enumerate(facts["classes"])
    )
    description = f"\n{markdown(facts['description'])}\n" if facts["description"].strip() else ""
    return f"""\
---
pretty_name: {quoted(facts["name"])}
license: unknown
task_categories:
- {task}
size_categories:
- {size}
tags:
- collaborative
- on-chain
configs:
- config_name: default
  data_files: contributions.parquet
---

# What people taught the model {markdown(facts["name"])}
{description}
{counted(arrow.num_rows, "contribution")} by {counted(people, "account")}, from {day(min(times))} to {day(max(times))},
in the order in which the model learnt them. Exported from the chain at block {facts["block"]:,}.

| | |
|---|---|
| chain | {facts["chain"]}, whose first block is `{facts["genesis"]}` |
| model | `{facts["address"]}`, {facts["kind"]} |
| incentive | `{facts["trainer"]}`, {facts["incentive"]}; {deposits / ETHER:g} ether deposited |
| encoder | {markdown(facts["encoder"])} |

| label | class | contributions |
|---|---|---|
{classes}

**Nobody has looked through this.** Anybody could contribute anything, for money or for fun: labels may be wrong, on
purpose too, the same sample may come many times, and texts may insult or name people. It is public and cannot be taken
back from the chain; what an address contributed can be followed.

**The licence is unknown.** Contributors stated none, and what they sent may be the work of others. The
original text is here of {counted(originals, "contribution")}.

```python
import datasets, pandas

datasets.load_dataset("path/to/this/folder", split="train")
pandas.read_parquet("contributions.parquet")  # or read_csv("contributions.csv", dtype={{"x": str}})
```

{COLUMNS}"""


def counted(number: int, what: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "account"), counted(1_000, "account")
    ('1 account', '1,000 accounts')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def markdown(text: str) -> str:
    """A stranger's text as Markdown shows it, character by character.

    Examples
    --------
    >>> print(markdown("<b>*good*</b>\\n| film"))
    \\<b\\>\\*good\\*\\<\\/b\\> \\| film
    """
    shown = "".join(c if c in KEPT or unicodedata.category(c)[0] != "C" else " " for c in text)
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(shown.split()))


def quoted(text: str) -> str:
    """A text as YAML has it, in ASCII.

    Examples
    --------
    >>> print(quoted('a "great" film 👍'))
    "a \\U00000022great\\U00000022 film \\U0001f44d"
    """
    plain = (c if " " <= c <= "~" and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{"".join(plain)}"'


def day(time: int) -> str:
    """A date, from seconds since 1970."""
    return datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d")
