"""The web page: predict, train, refund and reward in a browser. See docs/dashboard.md.

Modules
-------
rpc
    JSON-RPC in batches, and contract calls by their signatures.
reader
    What is on chain: models, contributions, terms. Keeps what cannot change; knows nothing of pages.
incentives
    What each incentive contract offers: the claims of an account, and the transactions that make them.
store
    Encoders by their spec, original words, test sets.
outbox
    Unsigned transactions on their way through a wallet, none of them twice.
create
    From a data file to the transactions that publish a model.
charts
    Curves as SVG.
terms
    The terms of each incentive as fields of a form.
guard
    Who may ask the server what.
forms
    What browsers send, bounded and checked.
show
    How pages show things: templates, times, links between pages.
server
    The pages.
demo
    Models and data to show on a local chain.
"""
