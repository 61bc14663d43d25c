"""What docs/use-a-model.md shows to people with other tools: JavaScript and Solidity beside the Python library."""

import json
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from eth_abi import encode
from eth_utils import keccak

import encoders
from comodels import places
from comodels.chain.account import Refused, transact
from comodels.chain.contract import ContractAt
from comodels.models.dense_perceptron import DensePerceptron, DensePerceptronParameters
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.saved import pack_card
from encoders import BagOfWords, HashedWords, Tabular
from encoders.spec import with_places
from encoders.text import BagOfWordsV1, HashedWordsV1
from tests.unit.encoders.test_words import SENTENCES, odd_strings

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
VECTORS = json.loads((ROOT / "docs" / "encoders-vectors.json").read_text(encoding="utf-8"))["encoders"]
DRIVER = """
import { readFileSync } from "node:fs";
import { encoderOf } from %s;
const [table, tasks] = [%s, "/dev/stdin"].map((path) => JSON.parse(readFileSync(path, "utf8")));
const answers = [];
for (const { spec, file, samples } of tasks) {
  try {
    const encode = await encoderOf(spec, { table, file: file ?? undefined });
    answers.push(samples.map((sample) => {
      try { return Buffer.from(encode(sample)).toString("hex"); } catch (error) { return null; }
    }));
  } catch (error) {
    answers.push(error.message);
  }
}
console.log(JSON.stringify(answers));
"""


def task(encoder, samples, spec=None):
    """What JavaScript is asked: as the entries of the vectors."""
    file = {"spec": encoder.spec, "fitted": encoder.fitted} if encoder.fitted else None
    return {"spec": spec or encoder.spec, "file": file, "samples": list(samples)}


def in_javascript(tasks):
    """For each task the samples in hexadecimal, None for what is refused; or why the encoder is."""
    table = json.dumps(str(ROOT / "encoders" / "unicode13.json"))
    driver = DRIVER % (json.dumps((EXAMPLES / "app.mjs").as_uri()), table)
    command = ["node", "--input-type=module", "-e", driver]
    done = subprocess.run(command, input=json.dumps(tasks), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def packed(content: bytes) -> bytes:
    """As `comodels.places` compresses."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(content) + compressor.flush()


def in_python(encoder, samples):
    return [x.hex() if isinstance(x, bytes) else None for x in encoder.encode_each(samples)]


# ---- encoders --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["spec"].partition("?")[0])
def test_vectors__python__gives_what_is_written_down(vector, tmp_path):
    if vector["file"]:
        path = tmp_path / "encoder.json"
        path.write_text(json.dumps(vector["file"]), encoding="utf-8")
        encoder = encoders.load(path, vector["spec"])
    else:
        encoder = encoders.from_spec(vector["spec"])
    samples, expected = zip(*vector["samples"], strict=True)
    assert in_python(encoder, samples) == list(expected)


def test_vectors__javascript__gives_what_is_written_down():
    tasks = [vector | {"samples": [sample for sample, _ in vector["samples"]]} for vector in VECTORS]
    assert in_javascript(tasks) == [[x for _, x in vector["samples"]] for vector in VECTORS]


def test_javascript__odd_texts__have_the_same_samples():
    texts = [*odd_strings(2_000, seed=16), *SENTENCES.values(), "", "a film " * 3_000]
    bag = BagOfWords.fit(texts, max_features=5_000)
    hashed = HashedWords(65_536)
    many = " ".join(f"w{i}" for i in range(3_000))  # more than the 1,024 features that a sample has
    texts.append(many)
    assert in_javascript([task(bag, texts), task(hashed, texts)]) == [in_python(bag, texts), in_python(hashed, texts)]
    assert len(hashed.encode(many)) == 2_048


@pytest.mark.parametrize("unit", [64, 127, 302, 1_016])
def test_javascript__odd_numbers__have_the_same_samples(unit):
    generator = np.random.default_rng(unit)
    tasks, expected = [], []
    for n_features in (1, 2, 7, 8, 9, 30, 127, 128, 129, 300, 2_048):
        mean = generator.normal(size=n_features) * 10.0 ** generator.integers(-12, 20, n_features)
        scale = 10.0 ** generator.uniform(-9, 18, n_features)
        encoder = Tabular(mean, scale, unit)
        spread = generator.standard_t(2, (20, n_features))  # a few large values: clipped, or refused
        rows = (mean + scale * spread).tolist()
        tasks.append(task(encoder, rows))
        expected.append(in_python(encoder, rows))
    assert in_javascript(tasks) == expected
    assert any(x is not None for part in expected for x in part)


def test_javascript__other_encoders__are_refused_by_name():
    films = BagOfWords(["film"])
    image = "image/1?height=8&width=8&channels=1"
    tasks = [
        task(BagOfWordsV1(["film"]), []),
        task(HashedWordsV1(16), []),
        {"spec": image, "file": None, "samples": []},
        task(films, [], spec=BagOfWords(["movie"]).spec),
        task(films, []) | {"file": {"spec": films.spec, "fitted": {"words": ["movie"]}}},
        task(films, []) | {"file": None},
        {"spec": "hashed-words/2?features=17", "file": None, "samples": []},
    ]
    first, second, third, other, altered, missing, odd = in_javascript(tasks)
    assert first == "bag-of-words/1 has other rules than bag-of-words/2: use the Python library for it"
    assert second == "hashed-words/1 has other rules than hashed-words/2: use the Python library for it"
    assert third.startswith("image is not known here")
    assert other.startswith("not this model's encoder")
    assert altered.startswith("not this model's encoder")
    assert missing.startswith("the encoder was fitted to data")
    assert odd == "not a spec of hashed words: hashed-words/2?features=17"


# ---- models ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def films():
    return BagOfWords(["dull", "film", "great", "größer"])


@pytest.fixture
def model(create_model, owner, films):
    twin = SparsePerceptron(SparsePerceptronParameters(4), weights=[-1_000, 0, 1_000, 0], bias=-5)
    return create_model(twin, owner, card=pack_card("films", "", films.spec, ("bad", "groß 👍")))


def run_app(rpc, model, sample, encoder, folder):
    path = folder / "encoder.json"
    encoder.save(path)
    command = ["node", EXAMPLES / "app.mjs", rpc.url, str(model.address), sample, path]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_app__text__predicts_as_the_contract(rpc, model, films, tmp_path):
    assert run_app(rpc, model, "A GREAT film", films, tmp_path).stdout == "films takes it for 'groß 👍'\n"
    assert run_app(rpc, model, "a dull film", films, tmp_path).stdout == "films takes it for 'bad'\n"


def test_app__numbers__predicts_as_the_contract(rpc, create_model, owner, tmp_path):
    encoder = Tabular([1.0, -2.0], [2.0, 0.5], 127)
    twin = DensePerceptron(DensePerceptronParameters(2, encoder.unit), weights=[1, 0])
    model = create_model(twin, owner, card=pack_card("sides", "", encoder.spec, ("left", "right")))
    assert run_app(rpc, model, "3, -1.5", encoder, tmp_path).stdout == "sides takes it for 'right'\n"
    assert run_app(rpc, model, "-1e3 -2", encoder, tmp_path).stdout == "sides takes it for 'left'\n"


def test_app__what_cannot_be_answered__is_said(rpc, model, owner, films, tmp_path):
    unknown = run_app(rpc, model, "hello", films, tmp_path)
    assert (unknown.returncode, unknown.stderr) == (1, "the text has no word that the model knows\n")
    wrong = run_app(rpc, model, "hello", BagOfWords(["hello"]), tmp_path)
    assert (wrong.returncode, wrong.stderr.splitlines()[0]) == (1, "not this model's encoder")
    nothing = run_app(rpc, owner, "hello", films, tmp_path)
    assert (nothing.returncode, nothing.stderr) == (1, f"there is no model at {owner.address} on this chain\n")


def test_app__file_on_the_chain__needs_nothing_but_the_address(rpc, create_model, owner, films):
    places.store(rpc, owner.address, films, print)
    place = places.place_on_chain(films)
    twin = SparsePerceptron(SparsePerceptronParameters(4), weights=[-1_000, 0, 1_000, 0], bias=-5)
    named = with_places(films.spec, ["https://a.example/films.json", place])
    model = create_model(twin, owner, card=pack_card("films", "", named, ("bad", "good")))

    def ask():
        command = ["node", EXAMPLES / "app.mjs", rpc.url, str(model.address), "GREAT"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    assert ask() == "films takes it for 'good'\n"
    ((_, creation),) = places.parts(BagOfWords(["movie"]).content)
    for code, problem in (
        (creation[10:], "what is on the chain is not this model's encoder\n"),
        (b"", f"there is no part of the encoder's file at {place}\n"),
        (bytes(21) + packed(bytes(9 * 2**20)), "the encoder's file has more than 8388608 bytes\n"),
    ):
        rpc.rpc("anvil_setCode", place, "0x" + code.hex())
        assert ask() == problem


def test_javascript__content_of_an_encoder__is_taken_as_its_file(films):
    content = json.loads(films.content)
    other = json.loads(BagOfWords(["movie", "dull", "great", "film"]).content)
    named = with_places(films.spec, ["https://a.example/films.json"])
    right, readable, wrong = in_javascript(
        [task(films, ["a great film"], named) | {"file": file} for file in (content, task(films, [])["file"], other)]
    )
    assert right == readable == in_python(films, ["a great film"])
    assert wrong.startswith("not this model's encoder")


def test_javascript__scores__are_those_of_the_contract(rpc, model, films):
    table = ROOT / "encoders" / "unicode13.json"
    program = f"""
        import {{ readFileSync }} from "node:fs";
        import {{ openModel }} from {json.dumps((EXAMPLES / "app.mjs").as_uri())};
        const table = JSON.parse(readFileSync({json.dumps(str(table))}, "utf8"));
        const file = {json.dumps({"spec": films.spec, "fitted": films.fitted})};
        const model = await openModel({json.dumps(rpc.url)}, {json.dumps(str(model.address))}, {{ table, file }});
        console.log(model.classes, await model.scores("dull"));
    """
    done = subprocess.run(["node", "--input-type=module", "-e", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[ 'bad', 'groß 👍' ] [ 0n, -1005n ]\n"
    assert model.scores(films.encode("dull")) == [0, -1_005]


def test_docs__python_without_the_library__predicts(rpc, model, films):
    text = (ROOT / "docs" / "use-a-model.md").read_text(encoding="utf-8")
    names = {}
    exec(compile(text.partition("```python\n")[2].partition("```")[0], "use-a-model.md", "exec"), names)
    answers = [names["predict"](rpc.url, str(model.address), films.encode(text)) for text in ("great film", "dull")]
    assert answers == [1, 0]


# ---- a contract in Solidity ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def consumer_code():
    """The ABI and the code of docs/examples/Consumer.sol, compiled by the locked solc without a warning."""
    question = {
        "language": "Solidity",
        "sources": {"Consumer.sol": {"content": (EXAMPLES / "Consumer.sol").read_text(encoding="utf-8")}},
        "settings": {"evmVersion": "prague", "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}}},
    }
    command = [ROOT / "node_modules" / ".bin" / "solcjs", "--standard-json"]
    done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout[done.stdout.index("{") :])  # a line that is none of it comes first
    assert "errors" not in answer
    compiled = answer["contracts"]["Consumer.sol"]["Consumer"]
    return compiled["abi"], bytes.fromhex(compiled["evm"]["bytecode"]["object"])


@pytest.fixture
def deploy_consumer(consumer_code, rpc, contributor):
    def deploy(model, wanted, lead):
        abi, code = consumer_code
        arguments = encode(["address", "uint256", "int256"], [str(model.address), wanted, lead])
        return ContractAt(rpc, transact(rpc, contributor.address, None, code + arguments)["contractAddress"], abi)

    return deploy


def test_consumer__wanted_class__passes(deploy_consumer, model, films, contributor):
    consumer = deploy_consumer(model, 1, 100)
    x = films.encode("a great film")
    assert consumer.call("model") == model.address.lower()
    assert (consumer.call("wanted"), consumer.call("lead")) == (1, 100)
    assert consumer.call("passes", x)
    receipt = consumer.transact("submit", x, account=contributor.address)
    expected = {"sender": contributor.address.lower(), "sample": keccak(x)}
    assert consumer.events(receipt) == [("Passed", expected)]
    assert consumer.call("passed", contributor.address) == 1


def test_consumer__other_class_or_little_lead__is_refused(deploy_consumer, model, films, contributor):
    x = films.encode("a great film")  # 995 above the other class
    for lead, text, passes in ((994, "great", True), (995, "great", False), (100, "dull", False)):
        assert deploy_consumer(model, 1, lead).call("passes", films.encode(text)) is passes
    consumer = deploy_consumer(model, 1, 995)
    with pytest.raises(Refused):
        consumer.transact("submit", x, account=contributor.address)
    assert consumer.call("passed", contributor.address) == 0


def test_consumer__malformed_sample__has_the_models_message(deploy_consumer, rpc, model, contributor):
    consumer = deploy_consumer(model, 1, 0)
    transaction = consumer.transaction("submit", b"\x00\x01\x00", sender=contributor.address)
    assert rpc.why(transaction) == "sample: odd length"


def test_consumer__class_that_the_model_has_not__is_refused(deploy_consumer, model):
    with pytest.raises(Refused):
        deploy_consumer(model, 2, 0)
