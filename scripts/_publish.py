"""Publishing models, so that it can be interrupted anywhere and goes on when it is run again."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from scripts import _common, _models
from scripts._journal import Journal

# ---- what is shared by all models ------------------------------------------------------------------------------------


def ensure_contract(journal: Journal, account, name: str, say=click.echo):
    """The deployed contract of this name; deployed now if it is not there yet."""
    from ape import chain, project
    from eth_utils import keccak, to_checksum_address
    from rlp import encode

    container = getattr(project, name)
    noted = journal.contracts.get(name)
    if noted and has_code(noted["address"]):
        return container.at(noted["address"])
    nonce = chain.provider.get_nonce(account.address)
    address = to_checksum_address(keccak(encode([bytes.fromhex(account.address[2:]), nonce]))[12:])
    journal.contracts[name] = {"address": address, "sender": account.address, "nonce": nonce}
    journal.save()
    say(f"Deploying {name} ...")
    deployed = account.deploy(container, nonce=nonce, required_confirmations=confirmations())
    if deployed.address != address:
        raise click.ClickException(f"{name} is at {deployed.address}, not at {address} as expected: run this again.")
    return deployed


def ensure_listed(registry, implementation, account, say=click.echo) -> None:
    """Let the registry list an implementation."""
    if registry.version_of(implementation.address):
        return
    if registry.owner() != account.address:
        raise click.ClickException(
            f"The registry {registry.address} does not list this version of the contract, and only its owner "
            f"{registry.owner()} can add it. Send as the owner, or leave --registry out to start one of your own."
        )
    say("Listing the implementation in the registry ...")
    registry.add_implementation(implementation.address, sender=account, required_confirmations=confirmations())


def has_code(address: str) -> bool:
    from ape import chain

    return len(chain.provider.get_code(address)) > 0


def confirmations() -> int | None:
    """None for what the network asks for; 0 on local chains, where nothing is undone."""
    from ape import chain

    return 0 if _common.real_chain_id(chain.provider) in _common.LOCAL_CHAINS else None


# ---- the model -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Options:
    """How to publish, apart from the model itself."""

    incentive: Any  # an adapter of `scripts._incentives` with its terms
    deployments: Path = _common.DEPLOYMENTS
    registry: str | None = None  # of somebody else, if not our own
    key: str | None = None  # what the model is called in the deployments file and in the console


def publish(provider, account, saved: _models.SavedModel, options: Options, quiet: bool = False) -> dict:
    """Publish a model and its incentive, or go on doing so; returns what the deployments file says about it."""
    say = (lambda text: None) if quiet else click.echo
    from ape import project

    journal = Journal.open(provider, options.deployments)
    key = options.key or saved.name
    noted = journal.models.get(key)
    check_same(key, noted, saved, account)
    if options.registry:
        if not has_code(options.registry):
            raise click.ClickException(f"There is no contract at {options.registry} on this network: check --registry.")
        registry = project.Registry.at(options.registry)
    else:
        registry = ensure_contract(journal, account, "Registry", say)
    implementation = ensure_contract(journal, account, saved.kind, say)
    ensure_listed(registry, implementation, account, say)
    incentive = ensure_contract(journal, account, options.incentive.contract, say)

    if noted is None:
        salt = secrets.token_bytes(32)
        noted = {
            "address": _models.model_address(
                implementation.address, account.address, incentive.address, saved.parameters, saved.card, salt
            ),
            "kind": saved.kind,
            "name": saved.name,
            "owner": account.address,
            "registry": registry.address,
            "implementation": implementation.address,
            "incentive": options.incentive.contract,
            "trainer": incentive.address,
            "terms": "0x" + options.incentive.terms().hex(),
            "salt": "0x" + salt.hex(),
            "encoder_spec": saved.encoder.spec,
            "file": f"{journal.path.stem}.{key}.model.json",
        }
        saved.save(options.deployments / noted["file"])
        _models.save_encoder(saved.encoder, options.deployments)
        journal.models[key] = noted
        journal.save()
    create(registry, account, saved, noted, say)
    load(getattr(project, saved.kind).at(noted["address"], detect_proxy=False), account, saved.words, say)
    if "published" not in noted:
        noted["published"] = registry.entry(noted["address"]).block
        journal.save()
    return noted


def check_same(key: str, noted: dict | None, saved: _models.SavedModel, account) -> None:
    """Refuse to go on with another model under a name that is taken."""
    if noted is None:
        return
    if noted["owner"] != account.address:
        raise click.ClickException(
            f"{key!r} was begun by {noted['owner']}: send as this account, or choose another --name."
        )
    if (noted["kind"], noted["encoder_spec"], noted["name"]) != (saved.kind, saved.encoder.spec, saved.name):
        raise click.ClickException(f"{key!r} is another model already ({noted['address']}): choose another --name.")


def create(registry, account, saved: _models.SavedModel, noted: dict, say=click.echo) -> None:
    """Create the model and list it, as far as that is not done."""
    address = noted["address"]
    first = saved.words[: _models.PUBLISH_WORDS]
    if not has_code(address):
        say(f"Publishing {saved.name!r} ...")
        registry.publish(
            noted["implementation"],
            noted["trainer"],
            bytes.fromhex(noted["terms"][2:]),
            saved.parameters,
            saved.card,
            first,
            len(first) == len(saved.words),
            bytes.fromhex(noted["salt"][2:]),
            sender=account,
            required_confirmations=confirmations(),
        )
    elif not is_published(registry, address):
        raise click.ClickException(
            f"Somebody else created a model at {address}, which was meant for this one, and may have given it another "
            f"state. Delete {saved.name!r} from the deployments file and run this again: it then takes another address."
        )


def is_published(registry, address: str) -> bool:
    from ape.exceptions import ContractLogicError

    try:
        return registry.entry(address).model == address
    except ContractLogicError:
        return False


def load(model, account, words: list[int], say=click.echo) -> None:
    """Load the words that the model does not have yet, and seal it."""
    if model.sealed():
        if model.version() == 0 and words_of(model, len(words)) != words:
            raise click.ClickException(f"The model at {model.address} is sealed with another state than this one.")
        return
    present = words_of(model, len(words))
    starts = [
        s
        for s in range(0, len(words), _models.LOAD_WORDS)
        if words[s:][: _models.LOAD_WORDS] != present[s:][: _models.LOAD_WORDS]
    ]
    from tqdm import tqdm

    for start in tqdm(starts, desc="Loading", unit="transaction", disable=len(starts) < 2):
        model.load(
            start, words[start : start + _models.LOAD_WORDS], sender=account, required_confirmations=confirmations()
        )
    say("Sealing ...")
    model.seal(sender=account, required_confirmations=confirmations())


def words_of(model, count: int) -> list[int]:
    """The state of a model on chain."""
    words = []
    for start in range(0, count, _models.LOAD_WORDS):
        words += model.words(start, min(_models.LOAD_WORDS, count - start))
    return words


# ---- from a data file ------------------------------------------------------------------------------------------------


def train_from_data(
    source: str,
    name: str,
    description: str = "",
    class_names: tuple[str, ...] | None = None,
    features: int = _models.DEFAULTS.features,
    hashed: bool = False,
    epochs: int = _models.DEFAULTS.epochs,
    **kind,
) -> _models.SavedModel:
    """Fit an encoder to a data file, and train a model off chain; `kind` as in `_models.new_twin`."""
    import encoders

    data = encoders.read_data(source, class_names)
    if hashed and not isinstance(data.samples, list):
        raise click.ClickException(f"--hashed is for texts, and {source} has numbers: leave it out.")
    encoder = encoders.HashedWords(features) if hashed else _models.fit_encoder(data, features)
    positions, samples = encoder.encode_valid(data.samples)
    labels = data.labels[positions]
    twin = _models.train_for(encoder, samples, labels, epochs, classes=len(data.class_names), **kind)
    right = _models.accuracy([twin.predict(x) for x in samples], labels)
    click.echo(f"Trained on {len(samples):,} samples, of which it now classifies {right:.1%} rightly.")
    return _models.SavedModel(
        kind=twin.KIND,
        name=name,
        description=description,
        class_names=tuple(data.class_names),
        parameters=twin.parameters.pack(),
        words=twin.words(),
        encoder=encoder,
    )
