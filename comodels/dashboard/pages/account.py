"""An account: what it has, what is due to it and when, and the history of its money."""

from __future__ import annotations

import csv
import io

from eth_utils import to_checksum_address
from starlette.requests import Request
from starlette.responses import Response

from comodels.dashboard.due import calendar
from comodels.dashboard.forms import account_of, number_in
from comodels.dashboard.pages import Pages
from comodels.dashboard.reader import is_address
from comodels.dashboard.say import say
from comodels.dashboard.show import pager, plain_times
from comodels.dashboard.store import InputError

ROWS_PER_PAGE = 25


class AccountPages(Pages):
    """What belongs to the account that the browser has chosen."""

    def account(self, request: Request, form: dict) -> Response:
        """What an account has, and what is due to it."""
        account = account_of(request)
        summary = self.site.dues.of(account) if account else None
        models = [
            (due, due.incentive.account_lines(self.site.reader, due.model, account))
            for due in (summary.models if summary else [])
        ]
        balance = self.site.reader.balance(account) if account else 0
        return self.site.render(
            request, "account.html", models=models, summary=summary, balance=balance, worth=self.site.in_money(balance)
        )

    def money(self, request: Request, form: dict) -> Response:
        """What an account paid and got."""
        account = account_of(request)
        entries = list(self.site.dues.money(account)) if account else []
        entries.sort(key=lambda pair: -pair[1].time)
        page = number_in(request, "page", 1, max(1, -(-len(entries) // ROWS_PER_PAGE)))
        return self.site.render(
            request,
            "money.html",
            entries=entries[(page - 1) * ROWS_PER_PAGE : page * ROWS_PER_PAGE],
            total=len(entries),
            paid=-sum(entry.wei for _, entry in entries if entry.wei < 0),
            got=sum(entry.wei for _, entry in entries if entry.wei > 0),
            link=self.site.explorer,
            pages=pager(request.url.path, {}, page, len(entries), ROWS_PER_PAGE),
        )

    def money_table(self, request: Request, form: dict) -> Response:
        """The same as a table to keep."""
        account = self._of_query(request)
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(["time", "model", "name", "what", "contribution", "wei", "points", "transaction"])
        for model, e in sorted(self.site.dues.money(account), key=lambda pair: pair[1].time):
            # a name that begins so would be a formula in a spreadsheet
            name = "'" + model.name if model.name[:1] in ("=", "+", "-", "@", "\t", "\r") else model.name
            when = plain_times(f"{{time:{e.time}}}")
            writer.writerow([when, model.address, name, e.what, e.contribution or "", e.wei, e.points, e.transaction])
        headers = {"content-disposition": f'attachment; filename="{account}.csv"'}
        return Response(file.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)

    def dates(self, request: Request, form: dict) -> Response:
        """What comes when, for a calendar."""
        account = self._of_query(request)
        events = self.site.dues.of(account).events
        plain = {event: plain_times(event.text) for event in events}
        origin = f"{request.url.scheme}://{request.url.netloc}"
        headers = {"content-disposition": f'attachment; filename="{account}.ics"'}
        return Response(calendar(events, origin, plain), media_type="text/calendar; charset=utf-8", headers=headers)

    @staticmethod
    def _of_query(request: Request) -> str:
        """The account that a file is asked for: a calendar that fetches it has no cookies."""
        account = request.query_params.get("account", "")
        if not is_address(account):
            raise InputError(say("error.no_account"))
        return to_checksum_address(account)
