"""Ask a model that somebody has published, and teach it: a program that needs a node and the library, nothing else.

    pip install "comodels[accounts] @ git+<this project>"
    python app.py http://127.0.0.1:8545 imdb "a great film" positive

Without a label it only asks, which is free. With one it contributes, from the account whose private key is in the
environment variable KEY; on a local chain without one, from the first account of the node.
"""

import os
import sys
from pathlib import Path

from comodels.chain.node import Node
from comodels.published import find
from comodels.wire import ADD_DATA_TOPIC, AddData


def account_on(node: Node):
    """Who contributes."""
    if "KEY" not in os.environ:
        return node.accounts[0]
    from eth_account import Account

    return Account.from_key(os.environ["KEY"])


def main(url: str, name: str, sample: str, label: str | None = None, deployments: str = "deployments") -> None:
    """Print what the model says, and what came of the contribution."""
    node = Node(url)
    model = find(node, name, Path(deployments))
    print(f"{model.name} takes it for {model.predict(sample)!r}")
    if label is None:
        return
    receipt = model.contribute(sample, label, account_on(node), max_deposit=10**18)
    (facts,) = (AddData.from_log(log).facts for log in receipt["logs"] if log["topics"][0] == ADD_DATA_TOPIC)
    print(f"Contributed with a deposit of {facts.deposit:,} wei; the model {'learned' if facts.effect else 'agreed'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
