"""A sponsor over HTTP: small JSON requests, limits on size and rate, a description by OpenAPI."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from comodels.signatures import FIELDS, NAME, VERSION
from comodels.sponsor import Sponsor

MAX_BODY = 400_000  # bytes: a hundred short contributions, or some forty of the longest
MOST = 100  # contributions in a request
RATE, BURST = 20.0, 200  # contributions a second of one address, and at once
CLIENTS = 10_000  # addresses whose rate is known


class Rate:
    """How much each address may send: so many at once, and so many a second after that."""

    def __init__(self, rate: float = RATE, burst: int = BURST):
        self.rate, self.burst = rate, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, client: str, count: int) -> bool:
        """Whether an address may send so many now; counts them if so."""
        now = time.monotonic()
        left, then = self._left.pop(client, (float(self.burst), now))
        left = min(self.burst, left + (now - then) * self.rate)
        allowed = left >= count
        self._left[client] = (left - count if allowed else left, now)
        if len(self._left) > CLIENTS:
            self._left.popitem(last=False)
        return allowed


def application(
    sponsor: Sponsor, hosts: tuple[str, ...] = ("127.0.0.1", "localhost"), origins: tuple[str, ...] = (), rate=None
) -> Starlette:
    """The service.

    Parameters
    ----------
    hosts : tuple of str
        Names under which it answers.
    origins : tuple of str
        Pages that may use it from a browser.
    rate : Rate, optional
    """
    limit = rate or Rate()

    def refuse(text: str, status: int) -> Response:
        return JSONResponse({"error": text}, status)

    def taken(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answers = sponsor.take(entries)
        return [{"error": a} if isinstance(a, str) else {"id": a, "state": state_of(a)} for a in answers]

    def state_of(number: int) -> str:
        return (sponsor.status(number) or {})["state"]

    async def add(request: Request) -> Response:
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MAX_BODY:
            return refuse(f"a request has a length, of at most {MAX_BODY:,} bytes", 413)
        try:
            entries = await request.json()
        except ValueError:
            return refuse("this is no JSON", 400)
        several = isinstance(entries, list)
        entries = entries if several else [entries]
        if not 0 < len(entries) <= MOST or not all(isinstance(entry, dict) for entry in entries):
            return refuse(f"one contribution, or a list of at most {MOST}", 400)
        if not limit.allows(request.client.host if request.client else "", len(entries)):
            return refuse("too many for now", 429)
        shown = await run_in_threadpool(taken, entries)
        if several:
            return JSONResponse(shown, 202)
        return JSONResponse(shown[0], 422 if "error" in shown[0] else 202)

    async def one(request: Request) -> Response:
        found = await run_in_threadpool(sponsor.status, request.path_params["number"])
        if found is None:
            return refuse("there is no such contribution", 404)
        # wei as texts: JavaScript's numbers are not exact above 2**53
        return JSONResponse(found | {n: str(found[n]) for n in ("deposit", "returned") if found[n] is not None})

    async def about(request: Request) -> Response:
        model, limits = sponsor.model, sponsor.limits
        told = {
            "chainId": sponsor.chain_id,
            "incentive": model.paying.address,
            "model": model.address,
            "sponsor": sponsor.wallet.address,
            "classes": sponsor.classes,
            "domain": {"name": NAME, "version": VERSION},
            "fields": [{"name": name, "type": kind} for name, kind in FIELDS],
            "perAccountAndDay": limits.per_account,
            "perDay": limits.per_day,
            "onlyWhatTheModelAgreesWith": limits.agreeing,
            "contributions": await run_in_threadpool(sponsor.counts),
        }
        return JSONResponse(told)

    async def described(request: Request) -> Response:
        return JSONResponse(OPENAPI)

    routes = [
        Route("/", about),
        Route("/contributions", add, methods=["POST"]),
        Route("/contributions/{number:int}", one),
        Route("/openapi.json", described),
    ]
    middleware = [
        Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts)),
        Middleware(CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST"], allow_headers=["*"]),
    ]
    return Starlette(routes=routes, middleware=middleware)


def _schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _answer(text: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema or {"type": "object"}}}}


_NUMBER, _HEX = {"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^(0x)?[0-9a-fA-F]*$"}
_CONTRIBUTION = _schema(
    contributor={"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"},
    sample=_HEX,
    label=_NUMBER,
    round=_NUMBER,
    deadline=_NUMBER,
    signature=_HEX,
)
_TAKEN = _schema(id=_NUMBER, state={"type": "string"})
OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "A sponsor of contributions", "version": "1"},
    "paths": {
        "/": {"get": {"summary": "What is to be signed, and the limits", "responses": {"200": _answer("Told")}}},
        "/contributions": {
            "post": {
                "summary": "Have a signed contribution, or a list of them, sent and paid for",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "oneOf": [
                                    _CONTRIBUTION,
                                    {"type": "array", "items": _CONTRIBUTION, "minItems": 1, "maxItems": MOST},
                                ]
                            }
                        }
                    },
                },
                "responses": {
                    "202": _answer("Taken; of a list, each as it says", {"oneOf": [_TAKEN, {"type": "array"}]}),
                    "400": _answer("No such JSON"),
                    "413": _answer("Too long"),
                    "422": _answer("Not taken, and why"),
                    "429": _answer("Too many for now"),
                },
            }
        },
        "/contributions/{number}": {
            "get": {
                "summary": "What became of a contribution: queued, sent, accepted, skipped, returned, settled",
                "parameters": [{"name": "number", "in": "path", "required": True, "schema": _NUMBER}],
                "responses": {"200": _answer("Told"), "404": _answer("There is no such contribution")},
            }
        },
    },
}
