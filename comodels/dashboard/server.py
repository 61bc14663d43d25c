"""The pages: server-rendered HTML, so they open fast, work on any device and with any screen reader.

One small script in the browser talks to the wallet (static/app.js); nothing here can sign. Texts from the chain go
through the templates' escaping, and the content security policy forbids every script and style that is not a file of
this folder.
"""

from __future__ import annotations

import re
import secrets
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from urllib3.util.retry import Retry

from comodels.chain.node import Node, RpcError, Unreachable
from comodels.dashboard.api import Api
from comodels.dashboard.create import Plans
from comodels.dashboard.due import Dues
from comodels.dashboard.forms import account_of, read_form
from comodels.dashboard.guard import Guard
from comodels.dashboard.incentives import Incentives
from comodels.dashboard.library import told
from comodels.dashboard.outbox import Outbox, OutboxError
from comodels.dashboard.pages.account import AccountPages
from comodels.dashboard.pages.create import CreatePages
from comodels.dashboard.pages.market import MarketPages
from comodels.dashboard.pages.model import ModelPages
from comodels.dashboard.pages.models import ModelsPages
from comodels.dashboard.reader import Model, NotAModelError, Reader
from comodels.dashboard.reading import StillReading
from comodels.dashboard.say import LANGUAGES, preferred, say, speak
from comodels.dashboard.show import environment
from comodels.dashboard.site import Settings
from comodels.dashboard.sponsors import SponsorGone, Sponsors
from comodels.dashboard.store import InputError, Store, TestSet
from comodels.dashboard.words import explain
from comodels.errors import ComodelsError
from comodels.units import ETHER

HERE = Path(__file__).resolve().parent
WARM_PATIENCE = 3_600  # seconds
WARM = 10  # models, the newest, whose events are read when the server starts
SWITCH = 0.0005  # seconds: a page waits so long for its turn, each of dozens of times, while events are read or judged
TEST_SETS = 200  # that visitors have brought
PROBE_TIMEOUT = 4.5  # seconds: a person is told within five that a node hangs
PROBE_PATIENCE = Retry(total=2, backoff_factor=0.25, backoff_max=1)
YEAR = 31_536_000  # seconds that a browser keeps a choice


EXPLORERS = {  # by chain id: where transactions can be looked at
    1: "https://etherscan.io",
    10: "https://optimistic.etherscan.io",
    8453: "https://basescan.org",
    42161: "https://arbiscan.io",
    11155111: "https://sepolia.etherscan.io",
}


# ---- the application -------------------------------------------------------------------------------------------------


class Dashboard:
    """Everything behind the pages."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.node = Node(settings.node_url)
        self._probe = Node(settings.node_url, timeout=PROBE_TIMEOUT, patience=PROBE_PATIENCE)
        self.reader = Reader(self.node, settings.registry)
        self.incentives = Incentives(self.reader, settings.incentives, settings.markets)
        self.outbox = Outbox(self.node)
        self.store = Store(settings.encoder_folder, settings.originals, settings.words)
        self.plans = Plans(self.reader, self.store)
        self.reader.derive = lambda model, history: self.incentives.of(model).derive(model, history)
        self.dues = Dues(self.reader, self.incentives)
        self.sponsors = Sponsors(self.reader)
        self.test_sets: dict[str, TestSet] = {}  # of who runs the server, for all
        self._own_test_sets: OrderedDict[tuple[str, str], TestSet] = OrderedDict()  # by visitor and model
        self._accuracy: dict[tuple, float | None] = {}
        self.templates = environment()

    def app(self) -> Starlette:
        """The application, to be served."""
        api, models, model = Api(self), ModelsPages(self), ModelPages(self)
        market, create, account = MarketPages(self), CreatePages(self), AccountPages(self)

        def page(path: str, function: Callable, *methods: str) -> Route:
            return Route(path, self._page(function), methods=list(methods or ("GET",)))

        def asked(name: str, function: Callable) -> Route:
            return Route(f"/api/{name}", self._api(function), methods=["POST"])

        @asynccontextmanager
        async def lifespan(app):
            def warm():
                with suppress(RpcError, Unreachable, NotAModelError, StillReading):  # the pages will say it
                    for entry in self.reader.entries()[:WARM]:
                        self.reader.history(self.reader.model(entry.address), WARM_PATIENCE)

            usual = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH)
            threading.Thread(target=warm, daemon=True).start()
            yield
            sys.setswitchinterval(usual)

        async def refused(request: Request, error: Exception) -> Response:
            speak(preferred(request.cookies.get("language", ""), request.headers.get("accept-language", "")))
            status = error.status_code if isinstance(error, HTTPException) else 500
            key = str(status) if status in (404, 405, 413, 500) else "other"
            text = say(f"status.{key}.text")
            if request.url.path.startswith("/api/"):
                return JSONResponse({"error": text}, status)
            return self.error(request, status, say(f"status.{key}.title"), text)

        app = Starlette(
            routes=[
                page("/", models.list_models),
                Route("/models.json", self._api(models.models_json), methods=["GET"]),
                page("/create", create.create),
                page("/create", create.create_plan, "POST"),
                page("/create/{plan}", create.show_plan),
                page("/account", account.account),
                page("/account/money", account.money),
                page("/account/money.csv", account.money_table),
                page("/account/dates.ics", account.dates),
                page("/glossary", self.glossary),
                page("/language/{name}", self.choose_language),
                page("/models/{address}", model.predict, "GET", "POST"),
                page("/models/{address}/train", model.train),
                page("/models/{address}/refund", model.refund),
                page("/models/{address}/reward", model.reward),
                page("/models/{address}/data", model.data),
                page("/models/{address}/market", market.market, "GET", "POST"),
                page("/models/{address}/use", model.use),
                page("/models/{address}/encoder.json", model.encoder_file),
                page("/models/{address}/encoder", model.add_encoder, "POST"),
                page("/models/{address}/test-set", model.add_test_set, "POST"),
                *(
                    asked(function.__name__, function)
                    for function in (
                        api.prepare,
                        api.prepare_all,
                        api.claim,
                        api.rejected,
                        api.sent,
                        api.local,
                        api.to_sign,
                        api.sign_locally,
                        api.hand_in,
                        api.handed_in,
                        api.status,
                        api.price,
                        api.due,
                        api.clock,
                    )
                ),
                Mount("/static", StaticFiles(directory=HERE / "static")),
            ],
            lifespan=lifespan,
            exception_handlers={HTTPException: refused, Exception: refused},
        )
        app.add_middleware(Guard, hosts=self.settings.hosts, addresses=self.settings.addresses)
        return app

    # ---- what every page does ----------------------------------------------------------------------------------------

    @staticmethod
    async def _begin(request: Request) -> tuple[dict, bool]:
        """The fields of a form, and whether the visitor is a new one."""
        known = re.fullmatch(r"[A-Za-z0-9_-]{22}", request.cookies.get("visitor", ""))
        request.state.visitor = known[0] if known else secrets.token_urlsafe(16)
        return (await read_form(request) if request.method == "POST" else {}), not known

    @staticmethod
    def _finish(request: Request, answer: Response, new: bool) -> Response:
        if new:  # nobody but the server reads it: it keeps apart what visitors have under way
            answer.set_cookie("visitor", request.state.visitor, httponly=True, samesite="strict", max_age=YEAR)
        return answer

    def _page(self, function: Callable):
        async def endpoint(request: Request) -> Response:
            form, new = await self._begin(request)
            return self._finish(request, await run_in_threadpool(self._answer, function, request, form), new)

        return endpoint

    def _answer(self, function: Callable, request: Request, form: dict) -> Response:
        speak(preferred(request.cookies.get("language", ""), request.headers.get("accept-language", "")))
        try:
            self._ask_node()
            return function(request, form)
        except NotAModelError as error:
            return self.error(request, 404, say("status.no_model.title"), say("status.no_model.text", why=str(error)))
        except InputError as error:
            return self.error(request, 400, say("status.input.title"), str(error))
        except StillReading as reading:
            text = say("status.reading.text", share=f"{reading.share:.0%}")
            answer = self.error(request, 202, say("status.reading.title"), text)
            answer.headers["Refresh"] = "1"  # seconds
            return answer
        except Unreachable as error:
            text = say("status.unreachable.text", why=told(error))
            return self.error(request, 503, say("status.unreachable.title"), text)
        except RpcError as error:
            return self.error(request, 502, say("status.502.title"), say("status.502.text", why=told(error)))

    def _ask_node(self) -> None:
        """Raise `Unreachable` soon if the node hangs: what asks it for much may take longer than a person waits."""
        self._probe.url = self.node.url
        self._probe.rpc("eth_chainId")

    def _api(self, function: Callable):
        async def endpoint(request: Request) -> Response:
            form, new = await self._begin(request)
            form = form or dict(request.query_params)

            def answer() -> Response:
                speak(preferred(request.cookies.get("language", ""), request.headers.get("accept-language", "")))
                try:
                    return JSONResponse(function(request.state.visitor, form))
                except SponsorGone as error:
                    return JSONResponse({"error": str(error), "unreachable": True}, 503)
                except (InputError, OutboxError, NotAModelError) as error:
                    return JSONResponse({"error": str(error)}, 400)
                except (ComodelsError, ValueError) as error:
                    return JSONResponse({"error": told(error)}, 400)
                except RpcError as error:
                    return JSONResponse({"error": explain(str(error))}, 400)
                except StillReading as reading:
                    text = say("status.reading.text", share=f"{reading.share:.0%}")
                    return JSONResponse({"error": text, "unreachable": True}, 503)
                except Unreachable as error:
                    text = f"{say('status.unreachable.title')}: {say('status.unreachable.text', why=told(error))}"
                    return JSONResponse({"error": text, "unreachable": True}, 503)

            return self._finish(request, await run_in_threadpool(answer), new)

        return endpoint

    def render(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page of the chain."""
        local, account = self.reader.local_accounts(), account_of(request)
        html = self.templates.get_template(template).render(
            account=account,
            account_is_local=account in local,
            local_accounts=local,
            chain_id=self.reader.chain_id,
            is_local=self.reader.is_local,
            now=self.reader.now(),
            explorer=self.explorer(),
            **self._everywhere(request),
            **values,
        )
        return HTMLResponse(html, status)

    def error(self, request: Request, status: int, title: str, message: str) -> HTMLResponse:
        """A page that says what is wrong, without asking the chain."""
        html = self.templates.get_template("error.html").render(
            account=account_of(request),
            account_is_local=False,
            local_accounts=[],
            chain_id=0,
            is_local=False,
            now=0,
            explorer="",
            title=title,
            message=message,
            again=request.method == "GET" and status != 404,
            **self._everywhere(request),
        )
        return HTMLResponse(html, status)

    @staticmethod
    def _everywhere(request: Request) -> dict[str, Any]:
        query = f"?{request.url.query}" if request.url.query and request.method == "GET" else ""
        return {
            "path": request.url.path,
            "here": quote(request.url.path + query, safe=""),
            "origin": f"{request.url.scheme}://{request.url.netloc}",
            "languages": {name: texts["language"] for name, texts in LANGUAGES.items()},
        }

    def explorer(self, transaction: str = "") -> str:
        """Where transactions of this chain can be looked at, or one of them; empty if nowhere."""
        base = self.settings.explorer or EXPLORERS.get(self.reader.chain_id, "")
        return f"{base}/tx/{transaction}" if base and transaction else base

    def in_money(self, wei: int) -> str:
        """An amount in the currency of who runs the page; empty if there is none."""
        if self.settings.price is None:
            return ""
        rate, currency = self.settings.price
        return f"{Decimal(wei) / ETHER * rate:.2f} {currency}"

    # ---- accuracy ----------------------------------------------------------------------------------------------------

    def test_set(self, visitor: str, address: str) -> TestSet | None:
        """What a visitor measures a model on: their own test set, or that of who runs the server."""
        return self._own_test_sets.get((visitor, address)) or self.test_sets.get(address)

    def keep_test_set(self, visitor: str, address: str, test_set: TestSet) -> None:
        """Measure a model on a visitor's own test set from now on."""
        self._own_test_sets[visitor, address] = test_set
        while len(self._own_test_sets) > TEST_SETS:
            self._own_test_sets.popitem(last=False)

    def known_accuracy(self, visitor: str, address: str) -> float | None:
        """How accurate a model is on what a visitor measures it on; None if that is nothing."""
        test_set = self.test_set(visitor, address)
        return None if test_set is None else self.accuracy(self.reader.model(address), test_set)

    def accuracy(self, model: Model, test_set: TestSet | None, block: int | None = None) -> float | None:
        """The part of a test set that the model gets right, now or at a block; None without a test set."""
        if test_set is None:
            return None
        key = (model.address, test_set.key, self.reader.reorganisations, model.state if block is None else block)
        if key not in self._accuracy:
            if len(self._accuracy) > 100 * TEST_SETS:
                self._accuracy.clear()
            errors = self.reader.errors(model.address, test_set.parts, "latest" if block is None else hex(block))
            self._accuracy[key] = None if errors is None else 1 - errors / test_set.count
        return self._accuracy[key]

    def glossary(self, request: Request, form: dict) -> Response:
        """What the words mean."""
        return self.render(request, "glossary.html")

    def choose_language(self, request: Request, form: dict) -> Response:
        """Speak another language from here on."""
        name, back = request.path_params["name"], request.query_params.get("back", "/")
        if name not in LANGUAGES:
            raise HTTPException(404)
        answer = RedirectResponse(back if re.match(r"/(?![/\\])", back) else "/", 303)
        answer.set_cookie("language", name, samesite="strict", max_age=YEAR)
        return answer
