"""The web page: predict, train, refund and reward in a browser. See docs/dashboard.md.

Modules
-------
reader
    What is on chain: models, contributions, terms. Keeps what cannot change; knows nothing of pages.
incentives
    What each incentive contract offers: the claims of an account, and the transactions that make them.
store
    Encoders by their spec, original words, test sets.
sponsors
    Services that send and pay for what people only sign.
outbox
    Unsigned transactions on their way through a wallet, none of them twice.
create
    From a data file to the transactions that publish a model.
markets
    Where a market stands, and the next transaction of whoever moves it on.
due
    What an account can have now, what comes when, and what runs out.
why
    Why a model answers as it does.
charts
    Curves as SVG.
terms
    The terms of each incentive as fields of a form.
guard
    Who may ask the server what.
forms
    What browsers send, bounded and checked.
say
    All texts, in the language of who reads them; they stand in `texts`.
safe
    Texts of strangers, bounded and without tricks.
show
    How pages show things: templates, times, links between pages.
api
    What the script of the pages asks.
site
    What stands behind the pages, and what it is made with.
pages
    The pages, a file for each thing that they are about.
server
    What stands behind the pages, what they all do, and their addresses.
serve
    The port that they are served on.
demo
    Models and data to show on a local chain.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)  # own parts stand in folders of the same name: docs/new-model.md
