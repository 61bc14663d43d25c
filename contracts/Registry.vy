# pragma version 0.4.3
"""
@title Registry
@notice The list of published models that a person or a page can browse. Anyone may publish what is theirs; nobody can change, hide
        or remove what others published, the registry's owner neither.
@dev Of each model one slot is kept: the block of its publication, and the model that was published before it. All else is read
     from the model, where it cannot change. Pages go from the newest model to the oldest.

     The owner of the registry lists implementations, which get the numbers 1, 2, 3 ... of their kind. A new version of a kind
     changes no published model: a model runs the code that it was created with, for ever.
"""
from .interfaces import IModel
from .modules import limits
from .modules import ownership

initializes: ownership

exports: (
    # two-step ownership
    ownership.owner,
    ownership.successor,
    ownership.offer_ownership,
    ownership.accept_ownership,
)

struct Entry:
    model: address
    trainer: address  # the incentive contract: it alone trains the model, and knows the terms
    owner: address  # of the model, now; where the version is 0, only what the model says
    implementation: address  # whose code the model runs
    version: uint256  # of this implementation, 0 if the registry does not list it
    kind: String[32]
    name: String[limits.MAX_TEXT]
    description: String[limits.MAX_TEXT]
    encoder_spec: String[limits.MAX_TEXT]
    block: uint256  # in which it was published

struct Implementation:
    implementation: address
    version: uint256  # counted from 1 for each kind
    kind: String[32]

event Published:
    model: indexed(address)
    owner: indexed(address)
    implementation: indexed(address)
    name: String[limits.MAX_TEXT]

event NextNamed:
    model: indexed(address)
    next: indexed(address)

event ImplementationAdded:
    implementation: indexed(address)
    version: uint256
    kind: String[32]

MAX_PAGE: constant(uint256) = 50
MAX_IMPLEMENTATIONS: constant(uint256) = 255

# EIP-1167: the proxy's code around the 20 bytes of the implementation's address
PROXY_HEAD: constant(bytes10) = 0x363d3d373d3d3d363d73
PROXY_TAIL: constant(bytes15) = 0x5af43d82803e903d91602b57fd5bf3
IDENTITY: constant(uint256) = 45  # where the identity word follows the proxy's code

# for what a model answers; a genuine one needs less than 20,000. One that takes more cannot spoil a page for the others
MODEL_GAS: constant(uint256) = 100_000
ENTRY_GAS: constant(uint256) = 800_000
MAX_ENTRY: constant(uint256) = 1_344  # bytes of an encoded Entry: 11 words, and 64, 288, 288 and 288 bytes of texts, rounded up

MASK_160: constant(uint256) = 2**160 - 1

# from the lowest bits: the model published last (160), how many there are (96)
head: uint256
# by model, from the lowest bits: the model published before it (160), the block (96); 0 for what is not published
published: HashMap[address, uint256]
# by model: the one that goes on where it ends, as its owner says; zero where none does
next_of: public(HashMap[address, address])
# by implementation: its version, 0 if it is not listed
version_of: public(HashMap[address, uint256])
# by kind: its listed implementations
versions: HashMap[String[32], uint256]
listed: DynArray[address, MAX_IMPLEMENTATIONS]


@deploy
def __init__(owner: address):
    """
    @param owner Who lists implementations. An argument, so that who sends the deployment decides nothing, and the same registry of
                 the same owner has the same address on every chain.
    """
    ownership.owner = owner


# ---- publish --------------------------------------------------------------------------------------------------------

@external
def publish(
    implementation: address,
    trainer: address,
    terms: Bytes[limits.MAX_TERMS],
    parameters: uint256,
    card: Bytes[limits.MAX_CARD],
    words: DynArray[uint256, limits.MAX_FIRST_WORDS],
    sealed: bool,
    salt: bytes32,
) -> address:
    """
    @notice Create a model of a listed implementation, open the incentive for it, and publish it: all in one transaction. The
            caller owns the model.
    @param implementation One of `implementations`. A model of another one can be created there and then be registered here.
    @param trainer Who may train it, for ever: usually an incentive contract.
    @param terms What the trainer is opened with, ABI-encoded; empty if the trainer is no contract.
    @param parameters As the implementation documents.
    @param card Name, description, encoder spec and the names of the classes in order, each as length (1 byte) and bytes.
    @param words The first words of the state, at most 256; the model's `load` takes the rest.
    @param sealed Whether the model is complete with these words.
    @param salt Anything, to create more than one of the same.
    @return The model, whose address registry, caller and all arguments decide (CREATE2): nobody else can take it.
    """
    assert self.version_of[implementation] > 0, "registry: implementation not listed"
    # `extcall` would pass as many bytes as card and words may have; this passes as many as they have
    model: address = abi_decode(
        raw_call(
            implementation,
            abi_encode(
                msg.sender,
                trainer,
                terms,
                parameters,
                card,
                words,
                sealed,
                salt,
                method_id=method_id("create(address,address,bytes,uint256,bytes,uint256[],bool,bytes32)"),
            ),
            max_outsize=32,
        ),
        address,
    )
    self._publish(
        model,
        msg.sender,
        implementation,
        convert(slice(card, 1, convert(convert(slice(card, 0, 1), bytes1), uint256)), String[limits.MAX_TEXT]),
    )
    return model


@external
def register(model: address):
    """
    @notice Publish a model that was created elsewhere. Only its owner may, once: nobody is shown as the owner of a model of a listed
            implementation that they neither published nor accepted.
    @dev Refuses what is not a clone with an identity, or does not answer as a model does. Whether a model of an implementation
         that is not listed behaves well nobody can know: its `version` is 0 here, and its owner, as all else that is read from it,
         only what it says at that moment.
    """
    implementation: address = self._implementation(model)
    assert implementation != empty(address), "registry: not a model"
    ok: bool = False
    answer: Bytes[384] = b""
    ok, answer = raw_call(
        self,
        abi_encode(model, method_id=method_id("check(address)")),
        max_outsize=384,
        gas=4 * MODEL_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    assert ok, "registry: not a model"
    owner: address = empty(address)
    name: String[limits.MAX_TEXT] = ""
    owner, name = abi_decode(answer, (address, String[limits.MAX_TEXT]))
    assert msg.sender == owner, "registry: only the model's owner"
    self._publish(model, owner, implementation, name)


@external
def name_next(model: address, next: address):
    """
    @notice Say which model goes on where this one ends, for example learnt anew from clean data. Only the owner of the model may, and
            may change it. Nothing else changes: the old model answers, and its deposits are claimed, as before.
    @param model A published model.
    @param next Another published model; the zero address takes back what was said.
    """
    assert self.published[model] > 0, "registry: not published"
    assert next == empty(address) or self.published[next] > 0, "registry: the next is not published"
    assert next != model, "registry: a model is not its own next"
    assert msg.sender == staticcall IModel(model).owner(), "registry: only the model's owner"
    self.next_of[model] = next
    log NextNamed(model=model, next=next)


@view
@external
def check(model: address) -> (address, String[limits.MAX_TEXT]):
    """
    @notice The owner and the name of a model; reverts if it does not answer as a model does. `register` asks this.
    """
    assert len(staticcall IModel(model).kind()) > 0, "registry: no kind"
    classes: uint256 = staticcall IModel(model).class_count()
    assert classes > 0 and classes <= limits.MAX_CLASSES, "registry: no classes"
    owner: address = staticcall IModel(model).owner()
    assert owner != empty(address), "registry: no owner"
    assert (
        convert(staticcall IModel(model).trainer(), uint256)
        == convert(slice(model.code, IDENTITY, 32), uint256) & MASK_160
    ), "registry: not the trainer in the code"
    return owner, staticcall IModel(model).name()


@internal
def _publish(model: address, owner: address, implementation: address, name: String[limits.MAX_TEXT]):
    assert len(name) > 0, "registry: a model needs a name"
    # a trainer may have registered the model while it was created, and published others
    assert self.published[model] == 0, "registry: published already"
    head: uint256 = self.head
    self.published[model] = (block.number << 160) | (head & MASK_160)
    self.head = (((head >> 160) + 1) << 160) | convert(model, uint256)
    log Published(model=model, owner=owner, implementation=implementation, name=name)


# ---- browse ---------------------------------------------------------------------------------------------------------

@view
@external
def count() -> uint256:
    """
    @notice How many models are published.
    """
    return self.head >> 160


@view
@external
def models(newest: address, count: uint256) -> DynArray[address, MAX_PAGE]:
    """
    @notice Published models from `newest` on to older ones. The last one of a page is where the next page begins.
    @param newest Where to begin; the zero address begins with the model published last.
    @param count How many, at most 50; fewer come back at the end of the list.
    """
    return self._models(newest, count)


@view
@external
def entries(newest: address, count: uint256) -> DynArray[Entry, MAX_PAGE]:
    """
    @notice As `models`, with all that is to know about each. A model that does not answer leaves its texts empty.
    """
    models: DynArray[address, MAX_PAGE] = self._models(newest, count)
    page: DynArray[Entry, MAX_PAGE] = []
    for model: address in models:
        ok: bool = False
        answer: Bytes[MAX_ENTRY] = b""
        ok, answer = raw_call(
            self,
            abi_encode(model, method_id=method_id("entry(address)")),
            max_outsize=MAX_ENTRY,
            gas=ENTRY_GAS,
            is_static_call=True,
            revert_on_failure=False,
        )
        if ok:
            page.append(abi_decode(answer, Entry))
        else:
            implementation: address = self._implementation(model)
            page.append(
                Entry(
                    model=model,
                    trainer=empty(address),
                    owner=empty(address),
                    implementation=implementation,
                    version=self.version_of[implementation],
                    kind="",
                    name="",
                    description="",
                    encoder_spec="",
                    block=self.published[model] >> 160,
                )
            )
    return page


@view
@external
def entry(model: address) -> Entry:
    """
    @notice All that is to know about a published model.
    """
    assert self.published[model] > 0, "registry: not published"
    implementation: address = self._implementation(model)
    return Entry(
        model=model,
        trainer=staticcall IModel(model).trainer(),
        owner=staticcall IModel(model).owner(),
        implementation=implementation,
        version=self.version_of[implementation],
        kind=staticcall IModel(model).kind(),
        name=staticcall IModel(model).name(),
        description=staticcall IModel(model).description(),
        encoder_spec=staticcall IModel(model).encoder_spec(),
        block=self.published[model] >> 160,
    )


@internal
@view
def _models(newest: address, count: uint256) -> DynArray[address, MAX_PAGE]:
    assert count <= MAX_PAGE, "registry: at most 50 a page"
    page: DynArray[address, MAX_PAGE] = []
    model: address = newest
    if model == empty(address):
        model = convert(self.head & MASK_160, address)
    else:
        assert self.published[model] > 0, "registry: not published"
    for i: uint256 in range(count, bound=MAX_PAGE):
        if model == empty(address):
            break
        page.append(model)
        model = convert(self.published[model] & MASK_160, address)
    return page


@internal
@view
def _implementation(model: address) -> address:
    """
    @dev The implementation in the code of an EIP-1167 clone that has an identity; the zero address for anything else.
    """
    if model.codesize < IDENTITY + 32:
        return empty(address)
    code: bytes32 = convert(slice(model.code, 0, 32), bytes32)
    if convert(slice(code, 0, 10), bytes10) != PROXY_HEAD:
        return empty(address)
    if convert(slice(model.code, 30, 15), bytes15) != PROXY_TAIL:
        return empty(address)
    return convert((convert(code, uint256) >> 16) & MASK_160, address)


# ---- implementations ------------------------------------------------------------------------------------------------

@external
def add_implementation(implementation: address):
    """
    @notice List an implementation as the next version of its kind, for good. Only the owner of the registry may.
    """
    ownership._check_owner()
    assert self.version_of[implementation] == 0, "registry: listed already"
    assert implementation.is_contract, "registry: not an implementation"
    assert staticcall IModel(implementation).implementation() == implementation, "registry: not an implementation"
    kind: String[32] = staticcall IModel(implementation).kind()
    version: uint256 = self.versions[kind] + 1
    self.versions[kind] = version
    self.version_of[implementation] = version
    self.listed.append(implementation)
    log ImplementationAdded(implementation=implementation, version=version, kind=kind)


@view
@external
def implementations() -> DynArray[Implementation, MAX_IMPLEMENTATIONS]:
    """
    @notice All listed implementations, in the order in which they were added.
    """
    found: DynArray[Implementation, MAX_IMPLEMENTATIONS] = []
    for implementation: address in self.listed:
        found.append(
            Implementation(
                implementation=implementation,
                version=self.version_of[implementation],
                kind=staticcall IModel(implementation).kind(),
            )
        )
    return found
