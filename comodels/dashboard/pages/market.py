"""A model's market: where it stands, what moves it on, and the form that starts one."""

from __future__ import annotations

import re
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from comodels.dashboard.charts import line_chart
from comodels.dashboard.forms import account_of, uploaded
from comodels.dashboard.library import told
from comodels.dashboard.pages.of_model import OfModel
from comodels.dashboard.reader import Model
from comodels.dashboard.say import number, parse_ether, say
from comodels.dashboard.store import InputError, TestSet
from comodels.incentives.prediction_market import PLANNED


class MarketPages(OfModel):
    """The tab Market."""

    def market(self, request: Request, form: dict) -> Response:
        """Where a model's market stands, what moves it on, and the form that starts one."""
        model = self._model(request)
        incentive = self.site.incentives.of(model)
        account = account_of(request)
        market = incentive.market(self.site.reader, model, account)
        if market is None:
            raise HTTPException(404)
        problem = ""
        if request.method == "POST":
            try:
                self._keep_market(market, model, form)
                return RedirectResponse(f"/models/{model.address}/market", 303)
            except InputError as error:
                problem = str(error)
            except ValueError as error:
                problem = told(error)
        errors = market.errors()
        rows = market.view.plan.hidden_rows if market.view else 0
        curve = [(i, 1 - e / rows) for i, e in enumerate(errors)] if rows else []
        return self._model_page(
            request,
            "market.html",
            "market",
            model=model,
            terms=incentive.terms(self.site.reader, model),
            situation=market.situation(),
            steps=incentive.steps(market) if account else [],
            curve=line_chart(
                curve, say("market.curve"), lambda n: number(round(n)), lambda share: f"{share:.0%}", y_max=1.0
            ),
            expected=market.expected(errors),
            may_commit=bool(account) and market.may_commit and not market.draft.pending,
            folder=self.site.settings.markets if not self.site.settings.addresses else None,
            plan=PLANNED,
            form=form,
            problem=problem,
        )

    def _keep_market(self, market: Any, model: Model, form: dict) -> None:
        """Keep the test set of a market on this machine, so that it can be committed to."""
        encoder = self.site.store.find(model.encoder_spec)
        if encoder is None:
            raise InputError(say("error.no_encoder"))
        if self.site.settings.markets is None or self.site.settings.addresses:
            raise InputError(say("market.not_here"))
        if not market.account:
            raise InputError(say("error.no_account"))
        if not market.may_commit or market.draft.pending:
            raise InputError(say("market.not_now"))
        plan = {}
        for term in PLANNED:
            name = term.name
            text = str(form.get(name, "")).strip() or term.show(term.default)
            if term.unit == "number" and not re.fullmatch("[0-9]{1,8}", text):
                field = say(f"market.plan.{name}")
                raise InputError(say("error.no_whole_number", field=field, low=1, high=99_999_999))
            try:
                plan[name] = parse_ether(text) if term.unit == "wei" else term.parse(text)
            except ValueError as error:
                raise InputError(f"{say(f'market.plan.{name}')}: {told(error)}") from error
        with uploaded(form.get("file", b""), form.get("file.name", "")) as path:
            rows = TestSet.rows_of(path, form.get("file.name", "")[:100], encoder, model.class_names)
        market.draft.write([(y, x) for x, y in rows], **plan)
