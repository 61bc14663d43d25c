"""The tabs of a model: predict, train, what can be claimed, the data, how to use it elsewhere."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from comodels import places
from comodels.chain.node import RpcError
from comodels.dashboard import why
from comodels.dashboard.charts import line_chart
from comodels.dashboard.forms import account_of, number_in, uploaded
from comodels.dashboard.library import told
from comodels.dashboard.pages.of_model import OfModel
from comodels.dashboard.reader import Model
from comodels.dashboard.safe import clean
from comodels.dashboard.say import ether, number, say, span
from comodels.dashboard.show import count_labels, day, pager
from comodels.dashboard.store import InputError, TestSet
from comodels.dashboard.words import bars, explain, sureness
from comodels.errors import ComodelsError

ROWS_PER_PAGE = 25
CURVE_POINTS = 200
ACCURACY_POINTS = 12
EXAMPLES = 3  # samples to click
SHARED_TEXT = 1_500  # characters of a text that a link can carry


class ModelPages(OfModel):
    """The tabs that models of all incentives have."""

    # ---- ask and teach -----------------------------------------------------------------------------------------------

    def predict(self, request: Request, form: dict) -> Response:
        """Ask a model: by a form, or by a link that carries the text."""
        model = self._model(request)
        shared = request.query_params.get("text", "") if request.method == "GET" else ""
        answer, problem = None, ""
        if request.method == "POST" or shared:
            try:
                answer = self._answer_of(model, form or {"text": shared})
            except InputError as error:
                problem = str(error)
            except RpcError as error:
                problem = explain(str(error))
        text = form.get("text", "") or shared
        return self._model_page(
            request,
            "predict.html",
            "predict",
            model=model,
            answer=answer,
            problem=problem,
            text=text,
            examples=self._examples(model),
            link=urlencode({"text": text}) if text and len(text) <= SHARED_TEXT else "",
        )

    def _answer_of(self, model: Model, form: dict) -> dict[str, Any]:
        """What the model says, how sure it is, and why."""
        encoder, text = self.site.store.find(model.encoder_spec), form.get("text", "")
        x = self.site.store.encode(model.encoder_spec, text, form.get("picture", b""), form.get("raw", ""))
        y, scores = self.site.reader.predict(model, x)
        found, pictures = why.Why(share=why.of_scores(scores)), None
        kind = encoder.input_kind if encoder is not None and not form.get("raw", "").strip() else ""
        if scores and kind == "text" and hasattr(encoder, "words_of"):
            found = why.of_text(self.site.reader, model, encoder, text, y, scores)
        elif scores and kind == "numbers" and hasattr(encoder, "mean"):
            values = self.site.store.numbers(text, encoder)
            found = why.of_numbers(
                self.site.reader, model, encoder, values, self._numbers_of(model, encoder), y, scores
            )
        elif kind == "image" and hasattr(encoder, "projection"):
            pictures = why.pictures(encoder, self.site.store.picture(form.get("picture", b"")))
        return {
            "y": y,
            "label": model.class_name(y),
            "scores": [
                (model.class_name(i), s, bar, i == y)
                for i, (s, bar) in enumerate(zip(scores, bars(scores), strict=True))
            ],
            "sure": sureness(found.share),
            "why": found,
            "pictures": pictures,
            "seen": self.site.store.show(x, model.encoder_spec),
            "x": x.hex(),
        }

    def _examples(self, model: Model) -> list[str]:
        """Samples to click: words that others have contributed and the samples prove."""
        encoder = self.site.store.find(model.encoder_spec)
        if encoder is None or encoder.input_kind != "text":
            return []
        found: dict[str, None] = {}
        for c in reversed(self.site.reader.history(model).contributions[-40:]):
            shown = self.site.store.show(c.x, model.encoder_spec)
            if shown.source in ("original", "third-party"):
                found.setdefault(shown.text)
        return list(found)[:EXAMPLES]

    def train(self, request: Request, form: dict) -> Response:
        """Contribute to a model."""
        model = self._model(request)
        incentive = self.site.incentives.of(model)
        terms = incentive.terms(self.site.reader, model)
        chart, table = "", []
        if terms.curve:
            chart = line_chart(
                terms.curve,
                say("train.chart"),
                lambda s: (
                    say("train.now") if s < 60 else say("train.in", time=span(round(s / 3_600) * 3_600 or round(s)))
                ),
                lambda wei: ether(int(wei)),
            )
            table = [(span(s) if s else say("train.now"), ether(w)) for s, w in terms.curve if s in incentive.moments]
        test_set = self.site.test_set(request.state.visitor, model.address)
        market = incentive.market(self.site.reader, model, account_of(request))
        return self._model_page(
            request,
            "train.html",
            "train",
            model=model,
            terms=terms,
            chart=chart,
            table=table,
            accuracy=self.site.accuracy(model, test_set),
            sponsor=self.site.sponsors.of(model),
            text=request.query_params.get("text", "")[:SHARED_TEXT],
            label=request.query_params.get("label", ""),
            situation=market.situation() if market else None,
        )

    # ---- claim -------------------------------------------------------------------------------------------------------

    def refund(self, request: Request, form: dict) -> Response:
        """What an account has contributed, and can claim."""
        model = self._model(request)
        account, incentive = account_of(request), self.site.incentives.of(model)
        begin = number_in(request, "from", 0, 10**9, 0)
        rows = incentive.mine(self.site.reader, model, account, begin, ROWS_PER_PAGE) if account else None
        due = incentive.due(self.site.reader, model, account) if account else []
        keeper = incentive.keeper(self.site.reader, account) if account and hasattr(incentive, "keeper") else None
        return self._rows_page(request, "refund.html", "refund", model, rows, due=due, keeper=keeper)

    def reward(self, request: Request, form: dict) -> Response:
        """What an account could get of others' contributions."""
        model = self._model(request)
        account = account_of(request)
        begin = number_in(request, "from", 0, 10**9, 0)
        rows = self.site.incentives.of(model).others(self.site.reader, model, account, begin) if account else None
        return self._rows_page(request, "reward.html", "reward", model, rows)

    def _rows_page(self, request: Request, template: str, tab: str, model: Model, rows: Any, **more: Any) -> Response:
        samples = [self.site.store.show(r.contribution.x, model.encoder_spec) for r in rows.rows] if rows else []
        return self._model_page(request, template, tab, model=model, rows=rows, samples=samples, **more)

    # ---- look, measure, use elsewhere --------------------------------------------------------------------------------

    def data(self, request: Request, form: dict) -> Response:
        """All contributions, and how accurate the model is."""
        model = self._model(request)
        incentive = self.site.incentives.of(model)
        contributions = self.site.reader.history(model).contributions
        page = number_in(request, "page", 1, max(1, -(-len(contributions) // ROWS_PER_PAGE)))
        end = len(contributions) - (page - 1) * ROWS_PER_PAGE
        shown = list(reversed(contributions[max(0, end - ROWS_PER_PAGE) : end]))
        test_set = self.site.test_set(request.state.visitor, model.address)
        return self._model_page(
            request,
            "data.html",
            "data",
            model=model,
            shown=[(c, self.site.store.show(c.x, model.encoder_spec)) for c in shown],
            total=len(contributions),
            by_label=count_labels(model, contributions),
            growth=self._growth_chart(contributions),
            accuracy=self.site.accuracy(model, test_set),
            test_set=test_set,
            accuracy_chart=self._accuracy_chart(model, test_set, contributions),
            leaderboard=incentive.leaderboard(self.site.reader, model),
            pages=pager(request.url.path, {}, page, len(contributions), ROWS_PER_PAGE),
        )

    @staticmethod
    def _growth_chart(contributions: list) -> str:
        if len(contributions) < 2:
            return ""
        step = max(1, len(contributions) // CURVE_POINTS)
        points = [(c.time, c.id + 1) for c in contributions[::step]] + [(contributions[-1].time, len(contributions))]
        return line_chart(points, say("data.growth"), day, lambda n: number(round(n)), steps=True)

    def _accuracy_chart(self, model: Model, test_set: TestSet | None, contributions: list) -> str:
        if test_set is None or len(contributions) < 2:
            return ""
        step = max(1, (len(contributions) - 1) // ACCURACY_POINTS)
        chosen = {c.block: c.time for c in [*contributions[::step], contributions[-1]]}
        points = [(moment, self.site.accuracy(model, test_set, block)) for block, moment in chosen.items()]
        known = [(moment, value) for moment, value in points if value is not None]
        return line_chart(known, say("data.accuracy_chart"), day, lambda share: f"{share:.0%}", y_max=1.0)

    def add_test_set(self, request: Request, form: dict) -> Response:
        """Measure a model on a visitor's own test set, which nobody else sees."""
        model = self._model(request)
        encoder = self.site.store.find(model.encoder_spec)
        if encoder is None:
            raise InputError(say("error.no_encoder"))
        name = clean(form.get("file.name", ""), 100)
        with uploaded(form.get("file", b""), name) as path:
            own = TestSet.from_file(path, name, encoder, model.class_names)
        self.site.keep_test_set(request.state.visitor, model.address, own)
        return RedirectResponse(f"/models/{model.address}/data", 303)

    def use(self, request: Request, form: dict) -> Response:
        """How to use a model from programs and contracts."""
        model = self._model(request)
        history = self.site.reader.history(model).contributions
        sample = history[-1].x if history else b""
        return self._model_page(
            request,
            "use.html",
            "use",
            model=model,
            x=sample.hex(),
            sample=self._code_of_sample(self.site.store.find(model.encoder_spec), sample),
            node=self.site.node.url if self.site.reader.is_local else say("use.your_node"),
        )

    @staticmethod
    def _code_of_sample(encoder: Any, x: bytes) -> str:
        """Something that the model can be asked about, as Python code."""
        kind = encoder.input_kind if encoder else ""
        if kind == "text":
            return repr(" ".join(getattr(encoder, "words", ())[:3]) or "a great film")
        if kind == "numbers" and hasattr(encoder, "mean"):
            return repr([round(float(number), 2) for number in encoder.mean])
        return repr("picture.png") if kind == "image" else f'bytes.fromhex("{x.hex()}")'

    def encoder_file(self, request: Request, form: dict) -> Response:
        """The encoder of a model, as a file."""
        model = self._model(request)
        if self.site.store.find(model.encoder_spec) is None or not self.site.store.path(model.encoder_spec).is_file():
            raise InputError(say("error.no_encoder_file"))
        headers = {"content-disposition": f'attachment; filename="{model.address}.encoder.json"'}
        content = self.site.store.path(model.encoder_spec).read_bytes()
        return Response(content, media_type="application/json", headers=headers)

    def add_encoder(self, request: Request, form: dict) -> Response:
        """Take the file of a model's encoder."""
        model = self._model(request)
        if form.get("fetch"):
            try:
                self.site.store.keep(places.read(model.encoder_spec, self.site.node))
            except ComodelsError as error:
                raise InputError(told(error)) from error
        else:
            self.site.store.add_file(form.get("file", b""), model.encoder_spec)
        return RedirectResponse(f"/models/{model.address}", 303)
