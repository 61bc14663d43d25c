"""The pages: server-rendered HTML, so they open fast, work on any device and with any screen reader.

One small script in the browser talks to the wallet (static/app.js); nothing here can sign. Texts from the chain go
through the templates' escaping, and the content security policy forbids every script and style that is not a file of
this folder.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_utils import to_checksum_address
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dashboard import terms
from dashboard.charts import line_chart
from dashboard.create import MAX_SAMPLES, Plans, choices
from dashboard.forms import account_of, number_in, read_form, uploaded
from dashboard.guard import LOOPBACK, Guard
from dashboard.incentives import MOMENTS, Incentive, Incentives, Points
from dashboard.outbox import Outbox, OutboxError, describe
from dashboard.reader import ADD_DATA, Entry, Model, NotAModelError, Reader, checksummed, is_address, topic
from dashboard.rpc import ChainUnreachableError, Node, RpcError
from dashboard.show import count_labels, day, environment, pager
from dashboard.store import InputError, Store, TestSet
from dashboard.words import duration, ether, exact_ether, explain, parse_ether

HERE = Path(__file__).resolve().parent
MODELS_PER_PAGE = 25
ROWS_PER_PAGE = 25
CURVE_POINTS = 200
ACCURACY_POINTS = 12
WARM = 10  # models, the newest, whose events are read when the server starts


# ---- the application -------------------------------------------------------------------------------------------------


@dataclass
class Settings:
    """What the page is made with.

    Attributes
    ----------
    incentives : dict of str to str
        Names by address, as far as they are known from deployments; others are found out.
    originals : path or None
        Where the words of samples are kept that are contributed here.
    words : sequence of path
        Files of words that third parties keep.
    hosts : tuple of str
        Host names under which the page answers.
    addresses : bool
        Whether it also answers under any numeric address, for those who open it from other machines.
    """

    node_url: str
    registry: str
    encoder_folder: Path
    originals: Path | None = None
    words: Sequence[Path] = ()
    incentives: dict[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = LOOPBACK
    addresses: bool = False


class Dashboard:
    """Everything behind the pages."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.node = Node(settings.node_url)
        self.reader = Reader(self.node, settings.registry)
        self.incentives = Incentives(self.reader, settings.incentives)
        self.outbox = Outbox(self.node)
        self.store = Store(settings.encoder_folder, settings.originals, settings.words)
        self.plans = Plans(self.reader, self.store)
        self.test_sets: dict[str, TestSet] = {}
        self._accuracy: dict[tuple, float | None] = {}
        self.templates = environment()

    def app(self) -> Starlette:
        def get(path: str, function: Callable) -> Route:
            return Route(path, self._page(function), methods=["GET"])

        def post(path: str, function: Callable) -> Route:
            return Route(path, self._page(function), methods=["POST"])

        def api(path: str, function: Callable) -> Route:
            return Route(path, self._api(function), methods=["POST"])

        @asynccontextmanager
        async def lifespan(app):
            def warm():
                with suppress(RpcError, ChainUnreachableError, NotAModelError):  # the pages will say it
                    for entry in self.reader.entries()[:WARM]:
                        self.reader.history(self.reader.model(entry.address))

            threading.Thread(target=warm, daemon=True).start()
            yield

        app = Starlette(
            routes=[
                get("/", self.list_models),
                get("/create", self.create),
                post("/create", self.create_plan),
                get("/create/{plan}", self.show_plan),
                get("/account", self.account),
                get("/models/{address}", self.predict),
                post("/models/{address}", self.predict),
                get("/models/{address}/train", self.train),
                get("/models/{address}/refund", self.refund),
                get("/models/{address}/reward", self.reward),
                get("/models/{address}/data", self.data),
                post("/models/{address}/encoder", self.add_encoder),
                post("/models/{address}/test-set", self.add_test_set),
                api("/api/prepare", self.api_prepare),
                api("/api/claim", self.api_claim),
                api("/api/rejected", self.api_rejected),
                api("/api/sent", self.api_sent),
                api("/api/local", self.api_local),
                api("/api/status", self.api_status),
                api("/api/clock", self.api_clock),
                Mount("/static", StaticFiles(directory=HERE / "static")),
            ],
            lifespan=lifespan,
        )
        app.add_middleware(Guard, hosts=self.settings.hosts, addresses=self.settings.addresses)
        return app

    # ---- what every page does ----------------------------------------------------------------------------------------

    def _page(self, function: Callable):
        async def endpoint(request: Request) -> Response:
            form = await read_form(request) if request.method == "POST" else {}
            return await run_in_threadpool(self._answer, function, request, form)

        return endpoint

    def _answer(self, function: Callable, request: Request, form: dict) -> Response:
        try:
            return function(request, form)
        except NotAModelError as error:
            return self.error(request, 404, "No such model", f"{error}. Choose one from the list.")
        except InputError as error:
            return self.error(request, 400, "This cannot be used", str(error))
        except ChainUnreachableError as error:
            return self.error(
                request,
                503,
                "The chain cannot be reached",
                f"{error}. Check that the chain runs and that this machine is online, then load this page again. "
                "Nothing is lost: everything is on the chain.",
            )
        except RpcError as error:
            return self.error(request, 502, "The chain refuses this", explain(str(error)))

    def _api(self, function: Callable):
        async def endpoint(request: Request) -> Response:
            form = await read_form(request)

            def answer() -> Response:
                try:
                    return JSONResponse(function(request, form))
                except (InputError, OutboxError, NotAModelError, ValueError) as error:
                    return JSONResponse({"error": str(error)}, 400)
                except RpcError as error:
                    return JSONResponse({"error": explain(str(error))}, 400)
                except ChainUnreachableError as error:
                    message = f"The chain cannot be reached: {error}. Check that it runs, then try again."
                    return JSONResponse({"error": message, "unreachable": True}, 503)

            return await run_in_threadpool(answer)

        return endpoint

    def render(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        local = self.reader.local_accounts()
        account = account_of(request)
        html = self.templates.get_template(template).render(
            account=account,
            account_is_local=account in local,
            local_accounts=local,
            chain_id=self.reader.chain_id,
            is_local=self.reader.is_local,
            path=request.url.path,
            **values,
        )
        return HTMLResponse(html, status)

    def error(self, request: Request, status: int, title: str, message: str) -> HTMLResponse:
        html = self.templates.get_template("error.html").render(
            account=account_of(request),
            account_is_local=False,
            local_accounts=[],
            chain_id=0,
            is_local=False,
            path=request.url.path,
            title=title,
            message=message,
        )
        return HTMLResponse(html, status)

    # ---- models ------------------------------------------------------------------------------------------------------

    def list_models(self, request: Request, form: dict) -> Response:
        query = request.query_params.get("q", "")[:100].strip()
        entries = self.reader.entries()
        words = query.lower().split()
        found = [
            e for e in entries if all(w in f"{e.name} {e.description} {e.kind} {e.address}".lower() for w in words)
        ]
        page = number_in(request, "page", 1, max(1, -(-len(found) // MODELS_PER_PAGE)))
        shown = found[(page - 1) * MODELS_PER_PAGE : page * MODELS_PER_PAGE]
        pairs = [(e.address, e.trainer) for e in shown]
        rows = list(
            zip(
                shown,
                self.incentives.of_many(pairs),
                self._counts(shown, pairs),
                [self._known_accuracy(e.address) for e in shown],
                strict=True,
            )
        )
        return self.render(
            request,
            "models.html",
            rows=rows,
            query=query,
            total=len(entries),
            found=len(found),
            pages=pager("/", {"q": query}, page, len(found), MODELS_PER_PAGE),
        )

    def _counts(self, entries: list[Entry], pairs: list[tuple[str, str]]) -> list[int | None]:
        """The numbers of contributions: as the incentive tells, or counted."""
        counts = self.incentives.counts(pairs)
        return [
            len(self.reader.history(entry).contributions) if count is None and incentive.can_train else count
            for entry, incentive, count in zip(entries, self.incentives.of_many(pairs), counts, strict=True)
        ]

    def _known_accuracy(self, address: str) -> float | None:
        return self.accuracy(self.reader.model(address)) if address in self.test_sets else None

    def accuracy(self, model: Model, block: int | None = None) -> float | None:
        """The part of the test set that the model gets right, now or at a block; None without a test set."""
        test_set = self.test_sets.get(model.address)
        if test_set is None:
            return None
        key = (model.address, id(test_set), self.reader.reorganisations, model.state if block is None else block)
        if key not in self._accuracy:
            errors = self.reader.errors(model.address, test_set.parts, "latest" if block is None else hex(block))
            self._accuracy[key] = None if errors is None else 1 - errors / test_set.count
        return self._accuracy[key]

    def _model_page(self, request: Request, template: str, tab: str, **values: Any) -> Response:
        model: Model = values.pop("model")
        incentive = self.incentives.of(model)
        encoder = self.store.find(model.encoder_spec)
        return self.render(
            request,
            template,
            model=model,
            incentive=incentive,
            encoder=encoder,
            input_kind=encoder.input_kind if encoder else "",
            tab=tab,
            **values,
        )

    def _model(self, request: Request) -> Model:
        return self.reader.model(request.path_params["address"])

    def predict(self, request: Request, form: dict) -> Response:
        model = self._model(request)
        answer, problem = None, ""
        if request.method == "POST":
            try:
                x = self.store.encode(
                    model.encoder_spec, form.get("text", ""), form.get("picture", b""), form.get("raw", "")
                )
                y, scores = self.reader.predict(model, x)
                answer = {
                    "label": model.class_name(y),
                    "scores": [(model.class_name(i), s, i == y) for i, s in enumerate(scores)],
                    "seen": self.store.show(x, model.encoder_spec),
                }
            except InputError as error:
                problem = str(error)
            except RpcError as error:
                problem = explain(str(error))
        return self._model_page(
            request,
            "predict.html",
            "predict",
            model=model,
            answer=answer,
            problem=problem,
            text=form.get("text", ""),
            listed=any(e.address == model.address and e.version for e in self.reader.entries()),
        )

    def train(self, request: Request, form: dict) -> Response:
        model = self._model(request)
        incentive = self.incentives.of(model)
        terms = incentive.terms(self.reader, model)
        chart, table = "", []
        if terms.curve:
            chart = line_chart(
                terms.curve[1:],
                "Deposit required in the next 24 hours if nobody contributes before",
                lambda s: (
                    "now"
                    if s < 60
                    else f"in {duration(round(s / 3_600) * 3_600)}"
                    if s >= 3_600
                    else f"in {duration(round(s))}"
                ),
                lambda wei: ether(int(wei)),
            )
            table = [(duration(s) if s else "now", ether(w)) for s, w in terms.curve if s in MOMENTS]
        return self._model_page(
            request,
            "train.html",
            "train",
            model=model,
            terms=terms,
            chart=chart,
            table=table,
            accuracy=self.accuracy(model),
        )

    def refund(self, request: Request, form: dict) -> Response:
        model = self._model(request)
        account = account_of(request)
        begin = number_in(request, "from", 0, 10**9, 0)
        rows = self.incentives.of(model).mine(self.reader, model, account, begin, ROWS_PER_PAGE) if account else None
        due = self.incentives.of(model).due(self.reader, model, account) if account else []
        return self._rows_page(request, "refund.html", "refund", model, rows, due=due)

    def reward(self, request: Request, form: dict) -> Response:
        model = self._model(request)
        account = account_of(request)
        begin = number_in(request, "from", 0, 10**9, 0)
        rows = self.incentives.of(model).others(self.reader, model, account, begin) if account else None
        return self._rows_page(request, "reward.html", "reward", model, rows)

    def _rows_page(self, request: Request, template: str, tab: str, model: Model, rows: Any, **more: Any) -> Response:
        samples = [self.store.show(r.contribution.x, model.encoder_spec) for r in rows.rows] if rows else []
        return self._model_page(request, template, tab, model=model, rows=rows, samples=samples, **more)

    def data(self, request: Request, form: dict) -> Response:
        model = self._model(request)
        incentive = self.incentives.of(model)
        contributions = self.reader.history(model).contributions
        page = number_in(request, "page", 1, max(1, -(-len(contributions) // ROWS_PER_PAGE)))
        end = len(contributions) - (page - 1) * ROWS_PER_PAGE
        shown = list(reversed(contributions[max(0, end - ROWS_PER_PAGE) : end]))
        return self._model_page(
            request,
            "data.html",
            "data",
            model=model,
            shown=[(c, self.store.show(c.x, model.encoder_spec)) for c in shown],
            total=len(contributions),
            by_label=count_labels(model, contributions),
            growth=self._growth_chart(contributions),
            accuracy=self.accuracy(model),
            test_set=self.test_sets.get(model.address),
            accuracy_chart=self._accuracy_chart(model, contributions),
            leaderboard=incentive.leaderboard(self.reader, model)[:50] if isinstance(incentive, Points) else [],
            pages=pager(request.url.path, {}, page, len(contributions), ROWS_PER_PAGE),
        )

    @staticmethod
    def _growth_chart(contributions: list) -> str:
        if len(contributions) < 2:
            return ""
        step = max(1, len(contributions) // CURVE_POINTS)
        points = [(c.time, c.id + 1) for c in contributions[::step]] + [(contributions[-1].time, len(contributions))]
        return line_chart(points, "Contributions over time", day, lambda n: f"{n:,.0f}", steps=True)

    def _accuracy_chart(self, model: Model, contributions: list) -> str:
        if model.address not in self.test_sets or len(contributions) < 2:
            return ""
        step = max(1, (len(contributions) - 1) // ACCURACY_POINTS)
        chosen = {c.block: c.time for c in [*contributions[::step], contributions[-1]]}
        points = [(moment, self.accuracy(model, block)) for block, moment in chosen.items()]
        points = [(moment, value) for moment, value in points if value is not None]
        return line_chart(points, "Accuracy over time", day, lambda share: f"{share:.0%}", y_max=1.0)

    def add_encoder(self, request: Request, form: dict) -> Response:
        model = self._model(request)
        self.store.add_file(form.get("file", b""), model.encoder_spec)
        return RedirectResponse(f"/models/{model.address}", 303)

    def add_test_set(self, request: Request, form: dict) -> Response:
        model = self._model(request)
        encoder = self.store.find(model.encoder_spec)
        if encoder is None:
            raise InputError("The encoder of this model is not on this machine: give its file first.")
        name = form.get("file.name", "")[:100]
        with uploaded(form.get("file", b""), name) as path:
            self.test_sets[model.address] = TestSet.from_file(path, name, encoder, model.class_names)
        return RedirectResponse(f"/models/{model.address}/data", 303)

    # ---- create ------------------------------------------------------------------------------------------------------

    def create(self, request: Request, form: dict, problem: str = "") -> Response:
        return self.render(
            request,
            "create.html",
            status=400 if problem else 200,
            choices=choices(self.reader, self.settings.incentives),
            terms=terms.shown,
            most=MAX_SAMPLES,
            problem=problem,
            form=form,
        )

    def create_plan(self, request: Request, form: dict) -> Response:
        try:
            content, name = form.get("file", b""), form.get("file.name", "")
            if content:
                with uploaded(content, name) as path:
                    plan = self.plans.make(form, choices(self.reader, self.settings.incentives), path, name)
            else:
                plan = self.plans.make(form, choices(self.reader, self.settings.incentives))
        except (InputError, ValueError) as error:
            return self.create(request, form, str(error))
        return RedirectResponse(f"/create/{plan.token}", 303)

    def show_plan(self, request: Request, form: dict) -> Response:
        plan = self.plans.get(request.path_params["plan"])
        account = account_of(request)
        done = self.plans.done(plan, account) if account else 0
        return self.render(
            request,
            "plan.html",
            plan=plan,
            done=done,
            steps=plan.step_texts(),
            gas=self.plans.gas(plan, account) if account else [],
            address=self.plans.address(plan, account) if account else "",
        )

    # ---- account -----------------------------------------------------------------------------------------------------

    def account(self, request: Request, form: dict) -> Response:
        account = account_of(request)
        models = []
        if account:
            for entry in self._models_of(account):
                model = self.reader.model(entry)
                models.append((model, self.incentives.of(model).account_lines(self.reader, model, account)))
        return self.render(
            request, "account.html", models=models, balance=self.reader.balance(account) if account else 0
        )

    def _models_of(self, account: str) -> list[str]:
        """The published models to which an account contributed: one request for the events of all known incentives."""
        entries = {e.address: e for e in self.reader.entries()}
        if not entries:
            return []
        query = {
            "fromBlock": hex(self.reader.published_block(self.reader.entries()[-1].address)),
            "toBlock": "latest",
            "topics": [ADD_DATA, None, topic(account)],
        }
        found: dict[str, None] = {}
        for log in self.node.one("eth_getLogs", query):
            address = checksummed(log["topics"][1])
            entry = entries.get(address)
            if entry is not None and entry.trainer.lower() == log["address"].lower():
                found.setdefault(address)
        return list(found)[-20:]

    # ---- what the script asks ----------------------------------------------------------------------------------------

    def api_prepare(self, request: Request, form: dict) -> dict:
        account = form.get("account", "")
        if not is_address(account):
            raise InputError("Choose an account first.")
        account = to_checksum_address(account)
        action = form.get("action", "")
        if action == "create":
            plan = self.plans.get(form.get("plan", ""))
            transaction = self.plans.transaction(plan, account, int(form.get("step", "0")))
            model_address = self.plans.address(plan, account)
            notes: list[str] = []
        else:
            model = self.reader.model(form.get("model", ""))
            incentive = self.incentives.of(model)
            model_address = model.address
            transaction, notes = self._transaction(model, incentive, action, form)
        parcel = self.outbox.prepare(account, transaction, model_address)
        return {
            "token": parcel.token,
            "what": transaction.what,
            "lines": [
                *notes,
                f"From {account}",
                f"To {transaction.to}",
                f"Value {exact_ether(transaction.value)}",
                f"Gas at most {parcel.gas:,}",
            ],
            "transaction": parcel.fields(self.reader.chain_id),
        }

    def _transaction(self, model: Model, incentive: Incentive, action: str, form: dict):
        if action != "train" and "contribution" not in form:
            try:
                return incentive.model_action(model, action), []
            except KeyError:
                raise InputError("This cannot be done with this model.") from None
        if action != "train":
            number = form.get("contribution", "")
            contributions = self.reader.history(model).contributions
            if not number.isdecimal() or int(number) >= len(contributions):
                raise InputError("There is no such contribution. Reload the page.")
            try:
                return incentive.action(model, contributions[int(number)], action), []
            except KeyError:
                raise InputError("This cannot be done with this model.") from None
        if not incentive.can_train:
            raise InputError(incentive.about)
        label = form.get("label", "")
        if not label.isdecimal() or int(label) >= len(model.class_names):
            raise InputError("Choose a label.")
        x = self.store.encode(model.encoder_spec, form.get("text", ""), form.get("picture", b""), form.get("raw", ""))
        value = parse_ether(form.get("maximum", "") or "0") if incentive.has_deposit else 0
        seen, source = self.store.show(x, model.encoder_spec)
        notes = [f"The model sees: {seen}"]
        if incentive.has_deposit:
            required = incentive.terms(self.reader, model).required
            notes.append(f"Deposit required now: {exact_ether(required)}; what you send above it comes back at once")
        if form.get("text", "").strip() and form.get("remember") and not form.get("raw", "").strip():
            self.store.remember(x, form["text"].strip())
        return incentive.add_data(model, x, int(label), value), notes

    def api_claim(self, request: Request, form: dict) -> dict:
        return describe(self.outbox.claim(form.get("token", "")))

    def api_rejected(self, request: Request, form: dict) -> dict:
        self.outbox.rejected(form.get("token", ""), form.get("message", "")[:300])
        return {}

    def api_sent(self, request: Request, form: dict) -> dict:
        transaction_hash = form.get("hash", "")
        if not re.fullmatch(r"0x[0-9a-fA-F]{64}", transaction_hash):
            raise InputError("The wallet answered without the hash of a transaction.")
        self.outbox.sent(form.get("token", ""), transaction_hash)
        return {}

    def api_local(self, request: Request, form: dict) -> dict:
        parcel = self.outbox.get(form.get("token", ""))
        if parcel.account not in self.reader.local_accounts():
            raise InputError("This account is none of the local chain's: choose it in your wallet.")
        return describe(self.outbox.send_locally(parcel.token))

    def api_status(self, request: Request, form: dict) -> dict:
        return describe(self.outbox.status(form.get("token", "")))

    def api_clock(self, request: Request, form: dict) -> dict:
        """Move the clock of a local chain ahead, to see what happens after the waits."""
        if not self.reader.is_local:
            raise InputError("Only the clock of a local chain can be moved.")
        seconds = form.get("seconds", "")
        if not seconds.isdecimal() or not 0 < int(seconds) <= 31 * 86_400:
            raise InputError("The clock moves by 1 second to 31 days.")
        self.node.one("evm_increaseTime", int(seconds))
        self.node.one("evm_mine")
        return {"now": self.reader.now()}
