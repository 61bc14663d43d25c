"""Encoders that are found by whoever knows a model's address: where files are, and what is refused."""

import dataclasses
import re
import time
import zlib

import numpy as np
import pytest
from click.testing import CliRunner

import encoders
from comodels import deployer, places
from comodels.chain.account import transact
from comodels.errors import ComodelsError
from comodels.fetch import MAX_BYTES, NotFetched
from comodels.places import HEAD, MAX_CODE, from_chain, parts, store
from comodels.publish import publish
from comodels.published import find
from encoders.spec import MAX_LENGTH, hashed, split_places, with_places
from scripts.deploy import cli as deploy_cli
from scripts.encoder import cli
from scripts.predict import cli as predict_cli

URL = "https://files.example.org/reviews.json"
CONTENT_ID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"


@pytest.fixture
def web(monkeypatch):
    """What is at addresses of the web, and which of them were asked for."""

    class Web(dict):
        asked: list = []

        def fetch(self, url):
            self.asked.append(url)
            if url not in self:
                raise NotFetched("not there")
            return self[url]

    web = Web()
    web.asked = []
    monkeypatch.setattr(places, "fetch", web.fetch)
    return web


@pytest.fixture
def large_encoder():
    """One that takes three contracts: random words hardly become smaller."""
    letters = np.random.default_rng(16).integers(97, 123, (14_000, 7), np.uint8)
    return encoders.BagOfWords(sorted({bytes(word).decode() for word in letters}))


def published_with(rpc, signer, saved, options, *where):
    """The model, published with places, and as somebody sees it who has only its address."""
    saved = dataclasses.replace(saved, places=places.checked(where, saved.encoder))
    noted = publish(rpc, signer, saved, options)
    return find(rpc, noted["address"], options.deployments / "of others")


# ---- places in specs -------------------------------------------------------------------------------------------------


def test_with_places__come_back(saved):
    named = with_places(saved.encoder.spec, [URL, "0x" + "1f" * 20])
    assert split_places(named) == (saved.encoder.spec, (URL, "0x" + "1f" * 20))
    assert split_places(saved.encoder.spec) == (saved.encoder.spec, ())
    strange = "https://files.example.org/a%20b?x=1&y=/&at=%00#'()"
    assert split_places(with_places(saved.encoder.spec, [strange])) == (saved.encoder.spec, (strange,))


def test_with_places__longest__fits_and_one_more_is_refused(saved):
    room = MAX_LENGTH - len(with_places(saved.encoder.spec, [URL]))
    assert len(with_places(saved.encoder.spec, [URL + "a" * room])) == MAX_LENGTH
    with pytest.raises(encoders.SpecError, match="256 characters, a model keeps 255"):
        with_places(saved.encoder.spec, [URL + "a" * (room + 1)])


@pytest.mark.parametrize("place", ["", "https://a b", "https://ä", "https://a\n"])
def test_with_places__odd_characters__are_refused(saved, place):
    with pytest.raises(encoders.SpecError, match="neither spaces"):
        with_places(saved.encoder.spec, [place])


def test_split_places__what_is_no_place__is_left_out(saved):
    head, tail = saved.encoder.spec.split("?")
    for at, found in (
        ("", ()),
        ("%20%20", ()),
        ("%1B%5B31m%20https://a.example", ("https://a.example",)),
        ("%C3%A4%0A", ()),
    ):
        assert split_places(f"{head}?at={at}&{tail}") == (saved.encoder.spec, found)
    for odd in (f"{head}?at=%41&{tail}", f"{head}?at=x&at=y&{tail}", f"{head}?{tail}&at=x", "at=x", ""):
        with pytest.raises(encoders.SpecError):
            split_places(odd)


def test_load__spec_with_places__is_the_same_encoder(saved, tmp_path):
    named = with_places(saved.encoder.spec, [URL])
    saved.encoder.save(tmp_path / "readable.json")
    (tmp_path / "content.json").write_bytes(saved.encoder.content)
    for name in ("readable", "content"):
        assert encoders.load(tmp_path / f"{name}.json", named).spec == saved.encoder.spec
    with pytest.raises(encoders.SpecError, match="does not say its spec"):
        encoders.load(tmp_path / "content.json")  # does not say what it is
    (tmp_path / "content.json").write_bytes(saved.encoder.content + b"\n")
    with pytest.raises(encoders.SpecError):
        encoders.load(tmp_path / "content.json", named)


def named_by_hash(content: bytes) -> str:
    """The spec by which a stranger names something, whatever it is."""
    return f"bag-of-words/2?features=1&sha256={encoders.spec.hashed(content)}"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"fitted":' * 50_000,
        b"1" * 10_000,
        b'{"fitted":{"words":["film"]},"parameters":{"features":"1"}} ',
        b'{"parameters":{"features":"1"},"fitted":{"words":["film"]}}',
        b'{"fitted":{"words":["movie"],"words":["film"]},"parameters":{"features":"1"}}',
        b'{"fitted":{"words":[1]},"parameters":{"features":"1"}}',
        b'{"fitted":{"words":["Film"]},"parameters":{"features":"1"}}',
        b'{"fitted":{"words":["\\ud800"]},"parameters":{"features":"1"}}',
        b'{"fitted":{"words":[NaN]},"parameters":{"features":"1"}}',
        b'{"fitted":{"words":{"a":1}},"parameters":{"features":"1"}}',
        b'{"fitted":{"words":["a",["b"]]},"parameters":{"features":"2"}}',
        b'{"fitted":{"words":"' + b"a" * 100_000 + b'"},"parameters":{"features":"1"}}',
        b'{"fitted":{"words":["film"]},"parameters":{"features":"2"}}',
    ],
    ids=lambda content: content[:40].decode("latin-1"),
)
def test_read__content_that_is_no_encoder__is_refused(content):
    with pytest.raises(encoders.SpecError, match="not an encoder"):
        encoders.read(content, named_by_hash(content))


@pytest.mark.parametrize(
    "content",
    [
        b'{"fitted":{"words":["' + b"a" * 8_000_000 + b'"]},"parameters":{"features":"1"}}',
        b'{"fitted":{"words":["a' + b"\\u0301\\u0327" * 600_000 + b'"]},"parameters":{"features":"1"}}',
        b'{"fitted":{"words":["' + b"\\ufdfa" * 1_300_000 + b'"]},"parameters":{"features":"1"}}',
        b'{"fitted":[' + b"[]," * 2_600_000 + b"[]]}",
        b'{"fitted":' + b'\\"' * 4_000_000 + b"}",
    ],
    ids=["long", "marks", "ligatures", "lists", "quotes"],
)
def test_read__content_that_would_take_long__is_refused_soon(content):
    assert len(content) <= MAX_BYTES
    start = time.process_time()
    with pytest.raises(encoders.SpecError, match="not an encoder"):
        encoders.read(content, named_by_hash(content))
    assert time.process_time() - start < 5


def test_read__another_content__is_not_parsed(saved, monkeypatch):
    monkeypatch.setattr(encoders.registry, "read_json", lambda *_: pytest.fail("it was parsed"))
    with pytest.raises(encoders.SpecError, match="are not the encoder that the model names"):
        encoders.read(saved.encoder.content + b" ", saved.encoder.spec)


# ---- on chain --------------------------------------------------------------------------------------------------------


def test_store__small__is_one_contract_and_comes_back(rpc, signer, saved):
    place = store(rpc, signer, saved.encoder, print)
    assert place == places.place_on_chain(saved.encoder)
    assert from_chain(rpc, place) == saved.encoder.content
    assert rpc.code(place)[: HEAD + 1].startswith(bytes(HEAD))
    before = rpc.rpc("eth_getTransactionCount", signer.address, "latest")
    assert store(rpc, signer, saved.encoder, print) == place
    assert rpc.rpc("eth_getTransactionCount", signer.address, "latest") == before


def test_store__large__is_a_chain_of_full_contracts(rpc, signer, large_encoder):
    said = []
    place = store(rpc, signer, large_encoder, said.append)
    assert [line.partition(",")[2] for line in said] == [f" transaction {n} of 3 ..." for n in (1, 2, 3)]
    assert [len(rpc.code(address)) for address, _ in parts(large_encoder.content)][:2] == [MAX_CODE] * 2
    assert from_chain(rpc, place) == large_encoder.content


def test_store__interrupted__goes_on_with_what_is_missing(rpc, signer, large_encoder):
    deployer.bring(rpc, signer, print)
    wanted = parts(large_encoder.content)
    deployer.deploy(rpc, signer, wanted[2][1])
    with pytest.raises(NotFetched, match="no part of a file"):
        from_chain(rpc, wanted[0][0])
    deployer.deploy(rpc, signer, wanted[0][1])
    with pytest.raises(NotFetched, match=wanted[1][0].lower()):
        from_chain(rpc, wanted[0][0])
    said = []
    store(rpc, signer, large_encoder, said.append)
    assert len(said) == 1
    assert from_chain(rpc, wanted[0][0]) == large_encoder.content


def test_parts__more_than_are_read__are_refused(monkeypatch, large_encoder):
    monkeypatch.setattr(places, "MAX_PARTS", 2)
    with pytest.raises(ComodelsError, match="takes 3 contracts, at most 2"):
        parts(large_encoder.content)


def put(rpc, code: bytes, address="0x" + "5a" * 20) -> str:
    rpc.rpc("anvil_setCode", address, "0x" + code.hex())
    return address


def packed(content: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(content) + compressor.flush()


def test_from_chain__what_is_no_file__is_refused(rpc, deployed):
    this = "5a" * 20
    loop = b"\0" + bytes.fromhex(this) + b"x"
    whole = packed(b"content")
    for code in (b"", b"\0", bytes(HEAD), loop, b"\x01" + bytes(20) + whole, bytes(HEAD) + b"\xff" * 40):
        with pytest.raises(NotFetched):
            from_chain(rpc, put(rpc, code))
    for spoilt in (whole[:-1], whole + b"x", packed(bytes(MAX_BYTES + 1))):
        with pytest.raises(NotFetched):
            from_chain(rpc, put(rpc, bytes(HEAD) + spoilt))
    assert from_chain(rpc, put(rpc, bytes(HEAD) + whole)) == b"content"
    assert len(from_chain(rpc, put(rpc, bytes(HEAD) + packed(bytes(MAX_BYTES))))) == MAX_BYTES
    with pytest.raises(NotFetched, match="no part of a file"):
        from_chain(rpc, deployed.address)


def test_unpacked__bomb__takes_no_more_than_the_bound():
    import tracemalloc

    bomb = packed(bytes(200 * 2**20))
    assert len(bomb) < 210_000
    tracemalloc.start()
    with pytest.raises(NotFetched, match="more than"):
        places.unpacked(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * MAX_BYTES


def test_cost__of_a_kilobyte__is_as_documented(rpc, signer):
    """docs/use-a-model.md has these figures: as code, and as what only the history of the chain keeps."""
    deployer.bring(rpc, signer, print)
    content = np.random.default_rng(0).bytes(MAX_CODE - HEAD)
    ((_, creation),) = parts(content[:24_000])
    stored = transact(rpc, signer, deployer.DEPLOYER, deployer.SALT + creation)
    history = transact(rpc, signer, "0x" + "5b" * 20, creation)
    log = bytes.fromhex("365f5f37365fa0")  # CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY, then LOG0 of it
    event = transact(rpc, signer, put(rpc, log), creation)
    assert len(event["logs"][0]["data"]) == 2 + 2 * len(creation)
    per_kb = [round(int(r["gasUsed"], 16) * 1024 / len(creation), -2) for r in (stored, history, event)]
    assert per_kb == [224_000, 41_700, 41_700]


# ---- publishing with a place -----------------------------------------------------------------------------------------


def test_publish__stored_on_chain__is_used_by_its_address_alone(rpc, signer, saved, options):
    deployed = published_with(rpc, signer, saved, options, "chain")
    place = places.place_on_chain(saved.encoder)
    assert deployed.contract.call("encoder_spec") == with_places(saved.encoder.spec, [place])
    assert deployed.predict("a great film") == find(rpc, "reviews", options.deployments).predict("a great film")
    kept = options.deployments / "of others" / "encoders"
    assert len(list(kept.glob("*.json"))) == 1
    rpc.rpc("anvil_setCode", place, "0x")
    again = find(rpc, deployed.address, options.deployments / "of others")
    assert again.encoder.spec == saved.encoder.spec  # it is not read twice


def test_publish__fails_at_any_transaction__goes_on_with_the_encoder(rpc, signer, saved, options, monkeypatch):
    sent, send = [], rpc.send_raw
    saved = dataclasses.replace(saved, places=places.checked(["chain"], saved.encoder))

    def fail(signed):
        if len(sent) == limit:
            raise InterruptedError
        sent.append(signed)
        return send(signed)

    monkeypatch.setattr(rpc, "send_raw", fail)
    limit, failures = 0, 0
    while True:
        try:
            noted = publish(rpc, signer, saved, options)
            break
        except InterruptedError:
            failures += 1
            limit += 1  # one more than went through until now
    assert failures == len(sent) >= 2  # the encoder, the model, and contracts that are not there yet
    deployed = find(rpc, noted["address"], options.deployments / "of others")
    assert deployed.encoder.spec == saved.encoder.spec
    assert from_chain(rpc, places.place_on_chain(saved.encoder)) == saved.encoder.content


def test_find__on_the_web__is_fetched_once_and_checked(rpc, signer, saved, options, web):
    deployed = published_with(rpc, signer, saved, options, URL, f"ipfs://{CONTENT_ID}/reviews.json")
    gateway = f"https://ipfs.io/ipfs/{CONTENT_ID}/reviews.json"
    with pytest.raises(ComodelsError, match="file is not there"):
        deployed.predict("a great film")
    assert web.asked == [URL, gateway]
    web[URL] = saved.encoder.content.replace(b"great", b"grape")  # another file
    web[gateway] = saved.encoder.content
    assert deployed.predict("a great film") == "positive"
    assert web.asked == [URL, gateway] * 2
    find(rpc, deployed.address, options.deployments / "of others").predict("a great film")
    assert web.asked == [URL, gateway] * 2


def test_find__without_being_asked_to_fetch__sends_nobody_anywhere(rpc, signer, saved, options, web):
    deployed = published_with(rpc, signer, saved, options, URL)
    deployed.fetches = False
    with pytest.raises(ComodelsError, match="fitted to data"):
        _ = deployed.encoder
    assert web.asked == []


@pytest.mark.parametrize(
    "place",
    [
        *(
            "http://files.example.org/a",
            "ftp://a",
            "file:///etc/passwd",
            "0x1234",
            "0x" + "g" * 40,
            "chains",
            "ipfs://a",
        ),
        *(f"ipfs://{CONTENT_ID}/../../x", f"ipfs://{CONTENT_ID}?x", f"ipns://{CONTENT_ID}", "ar://" + "a" * 43 + "/"),
    ],
)
def test_checked__place_that_is_not_known__is_refused(saved, place):
    with pytest.raises((ComodelsError, encoders.SpecError)):
        places.checked([place], saved.encoder)


def test_checked__encoder_without_a_file__is_refused():
    with pytest.raises(encoders.SpecError, match="needs no file"):
        places.checked([URL], encoders.HashedWords(16))


def test_read__embedding_that_a_stranger_names__is_not_loaded(web):
    encoder = encoders.SentenceEmbedding("somebody/else", [0.6, 0.8], 127)
    web[URL] = encoder.content
    with pytest.raises(ComodelsError, match="loads another model by its name"):
        places.read(with_places(encoder.spec, [URL]), None)
    assert web.asked == []


def test_read__place_that_a_stranger_made_up__is_refused(saved, web):
    for place in ("0x" + "1f" * 20, "file:///etc/passwd", "http://127.0.0.1/", "gopher://x"):
        with pytest.raises(ComodelsError, match="file is not there"):
            places.read(with_places(saved.encoder.spec, [place]), None)
    assert web.asked == []


def test_read__many_places__only_the_first_are_asked(saved, web):
    many = [f"https://{letter}.b" for letter in "abcdefgh"]
    with pytest.raises(ComodelsError, match="file is not there"):
        places.read(with_places(saved.encoder.spec, many), None)
    assert web.asked == many[:4]
    with pytest.raises(ComodelsError, match="at most 4 are asked"):
        places.checked(many, saved.encoder)


# ---- commands --------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(rpc):
    def invoke(folder, *arguments):
        place = ["--deployments", str(folder), "--network", rpc.url]
        result = CliRunner().invoke(cli, [*map(str, arguments), *place])
        return result.exit_code, result.output

    return invoke


def test_cli__store_and_import_by_address__makes_the_model_usable(run, rpc, deployed, options, tmp_path):
    code, output = run(options.deployments, "store", "reviews", "--dry-run")
    assert code == 0
    assert "for each KB" in output
    place = places.place_on_chain(deployed.encoder)
    assert rpc.code(place) == b""
    code, output = run(options.deployments, "store", "reviews")
    assert (code, f"The encoder is at {place}\n" in output) == (0, True)
    assert "all of it is on the chain already" in run(options.deployments, "store", "reviews")[1]
    others = tmp_path / "others"
    code, output = run(others, "import", deployed.address)
    assert (code, "does not say where its encoder is" in output) == (1, True)
    assert run(others, "import", deployed.address, place)[0] == 0
    assert find(rpc, deployed.address, others).predict("a great film") == deployed.predict("a great film")


def test_cli__import_from_where_the_model_says__keeps_it(run, rpc, signer, saved, options, web, tmp_path):
    deployed = published_with(rpc, signer, saved, options, URL)
    code, output = run(tmp_path / "others", "import", deployed.address)
    assert (code, f"{URL}: not there" in output) == (1, True)
    web[URL] = saved.encoder.content
    assert run(tmp_path / "others", "import", deployed.address)[0] == 0
    assert find(rpc, deployed.address, tmp_path / "others").encoder.spec == saved.encoder.spec


def test_cli__import_of_another_file_from_the_web__is_refused_and_not_kept(run, rpc, deployed, web, tmp_path):
    long = URL + "?" + "a" * 250  # longer than what a spec can name
    web[long] = encoders.BagOfWords(["film"]).content
    code, output = run(tmp_path / "others", "import", deployed.address, long)
    assert (code, "what is there is not this encoder" in output) == (1, True)
    assert not (tmp_path / "others" / "encoders").exists()


def test_cli__encoder_without_a_file__has_nothing_to_store(run, rpc, signer, large, options):
    publish(rpc, signer, large, options)
    for command in (["store", "large"], ["export", "large", options.deployments / "x.json"]):
        code, output = run(options.deployments, *command)
        assert (code, "its spec is enough" in output) == (1, True)


def test_cli__deploy_with_places__and_predict_by_the_address_alone(rpc, reviews, options, web, tmp_path):
    mine, others, file = options.deployments, tmp_path / "others", tmp_path / "reviews.json"
    shared = ["--network", rpc.url]
    deploy = ["--data", str(reviews), "--name", "films", "--classes", "0,1", "--deployments", str(mine), *shared]
    deploy += ["--encoder-at", "chain", "--encoder-at", URL, "--encoder-file", str(file)]
    tried = CliRunner().invoke(deploy_cli, [*deploy, "--dry-run"])
    assert tried.exit_code == 0, tried.output
    assert f"{URL}: the encoder's file is not there yet (not there)" in tried.output
    assert re.search(r"to store it: about [0-9,]+ gas \([0-9,]+ for each KB\)", tried.output)
    place = places.place_on_chain(encoders.load(file, f"bag-of-words/2?features=21&sha256={hashed(file.read_bytes())}"))
    assert rpc.code(place) == b""
    web[URL] = file.read_bytes()
    done = CliRunner().invoke(deploy_cli, deploy)
    assert done.exit_code == 0, done.output
    assert f"{URL}: the encoder's file is there" in done.output
    address = next(line.split()[-1] for line in done.output.splitlines() if line.startswith("  model "))
    assert from_chain(rpc, place) == file.read_bytes()
    asked = len(web.asked)
    answer = CliRunner().invoke(predict_cli, [address, "a great film", "--deployments", str(others), *shared])
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("1\ta great film")
    assert len(web.asked) == asked  # the chain is nearer


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--encoder-at", "http://a.example"], "is no place that is known"),
        (["--encoder-at", "https://a.example", "--hashed", "--features", "16"], "needs no file"),
        (["--encoder-at", "https://a.example/" + "a" * 200], "characters, a model keeps 255"),
        (["--encoder-at", "https://a b"], "neither spaces"),
    ],
)
def test_cli__deploy_with_a_wrong_place__is_refused_before_anything_is_sent(rpc, reviews, options, arguments, message):
    shared = [
        "--data",
        str(reviews),
        "--name",
        "films",
        "--deployments",
        str(options.deployments),
        "--network",
        rpc.url,
    ]
    done = CliRunner().invoke(deploy_cli, [*shared, "--classes", "0,1", *arguments])
    assert (done.exit_code, message in done.output) == (1, True), done.output
    assert "Nothing was sent" in done.output
