"""Whether what runs is this source: `ape run verify imdb`."""

from pathlib import Path

import click

from comodels.cli import OUT, ScriptCommand, deployments_option, node_of
from comodels.journal import Journal
from comodels.published import find


@click.command(cls=ScriptCommand, short_help="Compare a model's contracts with this source")
@click.argument("model")
@click.option("--registry", help="Compare this registry too. [default: the one that the deployments file names]")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder. [default: out/verify-MODEL]")
@deployments_option
def cli(provider, model, registry, out, deployments):
    """Compile the source anew and compare it with the code that MODEL (a name or an address) runs on the chain.

    Also writes the standard JSON input of each contract, as explorers take it for their own verification.
    """
    from comodels.verify import standard_json, verify
    from encoders.files import write_atomically

    node = node_of(provider)
    deployed = find(node, model, deployments)
    noted = Journal.open(node, deployments).models.values()
    registry = registry or next((n["registry"] for n in noted if n["address"] == deployed.address), None)
    findings = list(verify(deployed, registry))
    folder = out or OUT / f"verify-{deployed.name}"
    folder.mkdir(parents=True, exist_ok=True)
    for found in findings:
        click.echo(
            f"{'same' if found.same else 'NOT THE SAME'}  {found.part} {found.address}, {found.name}: {found.note}"
        )
    for name in {f.name for f in findings if f.same}:
        path = folder / f"{name}.json"
        write_atomically(path, standard_json(name))
        click.echo(f"Standard JSON input: {path}")
    if not all(found.same for found in findings):
        raise click.ClickException("Not all of it is this source: see above.")
