"""Creating a model: the form, and the plan that it becomes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from comodels.dashboard import terms
from comodels.dashboard.create import MAX_SAMPLES, choices
from comodels.dashboard.forms import account_of, uploaded
from comodels.dashboard.library import told
from comodels.dashboard.pages import Pages
from comodels.dashboard.store import InputError
from comodels.errors import ComodelsError


class CreatePages(Pages):
    """From a data file, or nothing, to the transactions that publish a model."""

    def create(self, request: Request, form: dict, problem: str = "") -> Response:
        """The form for a new model."""
        return self.site.render(
            request,
            "create.html",
            status=400 if problem else 200,
            choices=choices(self.site.reader, self.site.settings.incentives),
            terms=terms.shown,
            most=MAX_SAMPLES,
            problem=problem,
            form=form,
        )

    def create_plan(self, request: Request, form: dict) -> Response:
        """Train a model from the form, and go to its plan."""
        try:
            content, name = form.get("file", b""), form.get("file.name", "")
            offered = choices(self.site.reader, self.site.settings.incentives)
            if content:
                with uploaded(content, name) as path:
                    plan = self.site.plans.make(form, offered, path, name)
            else:
                plan = self.site.plans.make(form, offered)
        except InputError as error:
            return self.create(request, form, str(error))
        except ValueError as error:
            return self.create(request, form, told(error))
        return RedirectResponse(f"/create/{plan.token}", 303)

    def show_plan(self, request: Request, form: dict) -> Response:
        """What is going to be published, and its transactions."""
        plan = self.site.plans.get(request.path_params["plan"])
        account = account_of(request)
        done = self.site.plans.done(plan, account) if account else 0
        problem, gas = "", []
        try:
            gas = self.site.plans.gas(plan, account, done) if account else []
        except ComodelsError as error:
            problem = told(error)
        return self.site.render(
            request,
            "plan.html",
            plan=plan,
            done=done,
            steps=plan.step_texts(),
            gas=gas,
            problem=problem,
            address=self.site.plans.address(plan, account) if account else "",
        )
