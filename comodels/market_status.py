"""Where a market stands, as tables."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timezone

from rich.console import Console
from rich.table import Table

from comodels.incentives.prediction_market import PHASES, SETTLING, chance_to_cheat
from comodels.market import MarketDriver
from comodels.payouts import View
from comodels.published import PublishedModel
from comodels.units import ether, time_span


def show(deployed: PublishedModel, driver: MarketDriver) -> None:
    """Print where the market of a model stands."""
    view, console = driver.view(), Console()
    if view is None:
        console.print(f"{deployed.name} has no market yet.")
        return
    for table in tables(driver, view):
        console.print(table)
    if malformed := driver.malformed(deployed.contract, view):
        portions = ", ".join(map(str, malformed))
        console.print(
            f"The model cannot evaluate these shown portions, or they have other numbers of rows: {portions}. Where "
            "hidden ones are like that, nothing can be scored: the market ends as silent, and all stakes come back."
        )
    driver.tell_ending()


def tables(driver: MarketDriver, view: View) -> Iterator[Table]:
    """Phase and plan; then what each contributor can claim."""
    plan = view.plan
    main = Table("what", "", title=f"Market {driver.market & 2**32 - 1} of {driver.model}", show_header=False)
    main.add_row("phase", PHASES[view.phase])
    if view.phase < SETTLING and view.deadline:
        left = view.deadline - driver.node.next_time
        when = datetime.fromtimestamp(view.deadline, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
        main.add_row("deadline", f"{when} ({'in ' + time_span(left) if left > 0 else 'over'})")
    main.add_row("next", driver.next_step(view)[0])
    main.add_row("provider", view.provider)
    main.add_row("bounty", f"{ether(plan.bounty)} = {plan.rounds} stakes of {ether(plan.stake)}")
    main.add_row("bond, fees", f"{ether(plan.bond)}, {ether(plan.fee)} a contribution")
    main.add_row(
        "test set", f"{plan.portions} portions of {plan.rows} rows, {plan.drawn} drawn, {view.revealed} revealed"
    )
    for bad in sorted({1, max(1, plan.portions // 4), max(1, plan.portions // 2)}):
        chance = chance_to_cheat(plan.portions, plan.drawn, bad)
        main.add_row(
            "a bad portion" if bad == 1 else f"{bad} bad portions",
            f"would have escaped the draw with a chance of {chance:.1%}",
        )
    stakes = driver.stakes(view)
    main.add_row(
        "contributions",
        f"{len(stakes)} of at most {plan.max_contributions}, {view.scored} scored, {view.settled} settled",
    )
    if view.scored:
        main.add_row(
            "errors",
            f"{view.initial_errors} at first, {view.errors} after contribution {view.scored}, of {plan.hidden_rows}",
        )
    ours, theirs = driver.contract.call("held", driver.market)
    main.add_row("held", f"{ether(ours)} for the provider, {ether(theirs)} for contributors")
    yield main
    if stakes:
        claims = Table("account", "contributions", "can claim", title="Contributors")
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for stake in stakes:
            sums[stake.contributor][0] += 1
        for payout in driver.payouts(view) if view.ended else ():
            for account in payout.accounts:
                sums[account][1] += payout.to(account)
        for account, (count, amount) in sorted(sums.items(), key=lambda item: -item[1][1]):
            claims.add_row(account, str(count), ether(amount) if view.ended else "not yet")
        yield claims
