"""The list of models, for people and for programs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from comodels import registry
from comodels.dashboard.forms import number_in
from comodels.dashboard.pages import Pages
from comodels.dashboard.reader import Entry, is_address
from comodels.dashboard.safe import skeleton, twins
from comodels.dashboard.say import say
from comodels.dashboard.show import pager
from comodels.dashboard.store import InputError

MODELS_PER_PAGE = 25
MAX_LISTED = 100  # models in one answer for programs


class ModelsPages(Pages):
    """All models of the registry."""

    def list_models(self, request: Request, form: dict) -> Response:
        """All models, to search, filter and sort."""
        asked = {key: request.query_params.get(key, "")[:100].strip() for key in ("q", "kind", "incentive", "sort")}
        listed_only = request.query_params.get("listed", "") == "1"
        entries = self.site.reader.entries()
        known = self.site.incentives.of_many([(e.address, e.trainer) for e in entries])
        words = asked["q"].lower().split()
        found = [
            (e, incentive)
            for e, incentive in zip(entries, known, strict=True)
            if all(w in f"{e.name} {e.description} {e.kind} {e.address}".lower() for w in words)
            and asked["kind"] in ("", e.kind)
            and asked["incentive"] in ("", incentive.name)
            and (e.version or not listed_only)
        ]
        counts: dict[str, int | None] = {}
        if asked["sort"] == "oldest":
            found.reverse()
        elif asked["sort"] == "name":
            found.sort(key=lambda pair: skeleton(pair[0].name))
        elif asked["sort"] == "contributions":
            counts = dict(zip([e.address for e, _ in found], self._counts([e for e, _ in found]), strict=True))
            found.sort(key=lambda pair: -(counts[pair[0].address] or 0))
        page = number_in(request, "page", 1, max(1, -(-len(found) // MODELS_PER_PAGE)))
        shown = found[(page - 1) * MODELS_PER_PAGE : page * MODELS_PER_PAGE]
        if asked["sort"] != "contributions":
            counts = dict(zip([e.address for e, _ in shown], self._counts([e for e, _ in shown]), strict=True))
        published = self.site.reader.publications([e.address for e, _ in shown])
        times = self.site.reader.times([block for _, block in published])
        doubles = twins([e.name for e in entries])
        rows = [
            {
                "entry": e,
                "incentive": incentive,
                "count": counts[e.address],
                "accuracy": self.site.known_accuracy(request.state.visitor, e.address),
                "owner": owner,
                "time": time,
                "price": price,
                "twin": skeleton(e.name) in doubles,
            }
            for (e, incentive), (owner, _), time, price in zip(
                shown, published, times, self._prices(shown), strict=True
            )
        ]
        query = {**asked, "listed": "1" if listed_only else ""}
        return self.site.render(
            request,
            "models.html",
            rows=rows,
            query=query,
            filtered=any(asked[key] for key in ("q", "kind", "incentive")) or listed_only,
            kinds=sorted({e.kind for e in entries}),
            incentives=sorted({incentive.name for incentive in known if incentive.name}),
            total=len(entries),
            found=len(found),
            pages=pager("/", query, page, len(found), MODELS_PER_PAGE),
        )

    def models_json(self, visitor: str, form: dict) -> dict:
        """A page of the registry's models for programs, as `ape run models --json` prints it."""
        before, count = form.get("before", ""), form.get("count", "")
        if before and not is_address(before):
            raise InputError(say("error.no_before"))
        most = max(1, min(int(count), MAX_LISTED)) if re.fullmatch("[0-9]{1,6}", count) else MODELS_PER_PAGE
        contract = registry.registry_at(self.site.node, self.site.settings.registry)
        entries = registry.entries(contract, most, before or None)
        return registry.index(contract, entries, lambda address: self.site.known_accuracy(visitor, address))

    def _counts(self, entries: list[Entry]) -> list[int | None]:
        """The numbers of contributions: as the incentive tells, or counted."""
        pairs = [(e.address, e.trainer) for e in entries]
        return [
            len(self.site.reader.history(entry).contributions) if count is None and incentive.can_train else count
            for entry, incentive, count in zip(
                entries, self.site.incentives.of_many(pairs), self.site.incentives.counts(pairs), strict=True
            )
        ]

    def _prices(self, shown: Sequence[tuple[Entry, Any]]) -> list[int | None]:
        """What a contribution to each model needs now, in wei."""
        prices: dict[str, int | None] = {}
        for incentive in {incentive.address: incentive for _, incentive in shown}.values():
            mine = [e.address for e, other in shown if other.address == incentive.address]
            prices |= dict(zip(mine, incentive.prices(self.site.reader, mine), strict=True))
        return [prices[e.address] for e, _ in shown]
