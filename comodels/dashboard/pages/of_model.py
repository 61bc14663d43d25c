"""What all pages of one model have: its name, its tabs, its facts, the account's score."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from comodels import places
from comodels.dashboard.forms import account_of
from comodels.dashboard.pages import Pages
from comodels.dashboard.reader import Model
from comodels.dashboard.safe import skeleton


class OfModel(Pages):
    """Pages of the model whose address stands in the path."""

    def _model(self, request: Request) -> Model:
        return self.site.reader.model(request.path_params["address"])

    def _model_page(self, request: Request, template: str, tab: str, **values: Any) -> Response:
        model: Model = values.pop("model")
        incentive = self.site.incentives.of(model)
        encoder = self.site.store.find(model.encoder_spec)
        account = account_of(request)
        entry = next((e for e in self.site.reader.entries() if e.address == model.address), None)
        same = skeleton(model.name)
        return self.site.render(
            request,
            template,
            model=model,
            incentive=incentive,
            encoder=encoder,
            input_kind=encoder.input_kind if encoder else "",
            numbers=self._numbers_of(model, encoder),
            places=places.named(model.encoder_spec),
            tab=tab,
            score=incentive.score(self.site.reader, model, account) if account else [],
            listed=entry is not None and entry.version > 0,
            published=entry is not None,
            twin=any(skeleton(e.name) == same for e in self.site.reader.entries() if e.address != model.address),
            **values,
        )

    def _numbers_of(self, model: Model, encoder: Any) -> list[str]:
        """What the numbers are called that the model takes; none if it takes others than numbers."""
        if encoder is None or encoder.input_kind != "numbers":
            return []
        return self.site.store.names_of(model.encoder_spec, encoder.n_features)
