"""docs/examples/app.mjs in a browser: equal to the Python encoders, and a model is used by its address alone."""

import functools
import http.server
import json
import threading

import numpy as np
import pytest

from comodels import places
from comodels.cli import ROOT
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.saved import pack_card
from encoders import BagOfWords, HashedWords, Tabular
from encoders.spec import with_places
from encoders.text import BagOfWordsV1, HashedWordsV1
from tests.unit.encoders.test_words import SENTENCES, odd_strings

pytestmark = pytest.mark.browser

PAGE = b"""<!doctype html><meta charset="utf-8"><title>examples</title><script type="module">
import { encoderOf, openModel } from "/docs/examples/app.mjs";
const table = await (await fetch("/encoders/unicode13.json")).json();
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
window.samples = async ({ spec, file, samples }) => {
  try {
    const encode = await encoderOf(spec, { table, file: file ?? undefined });
    return samples.map((sample) => { try { return hex(encode(sample)); } catch (error) { return null; } });
  } catch (error) {
    return error.message;
  }
};
window.predict = async ({ url, address, texts, file }) => {
  try {
    const model = await openModel(url, address, { table, file: file ?? undefined });
    return await Promise.all(texts.map((text) => model.predict(text)));
  } catch (error) {
    return error.message;
  }
};
window.ready = true;
</script>"""


class Files(http.server.SimpleHTTPRequestHandler):
    """The examples and the table of characters, and a page that imports them."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)


@pytest.fixture(scope="module")
def page(browser):
    """A page of a program that uses models."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(ROOT)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    page.wait_for_function("window.ready")
    yield page
    page.close()
    server.shutdown()


def samples(page, encoder, inputs, spec=None):
    """The samples that the page makes, in hexadecimal, None for what it refuses; or why it takes no such encoder."""
    file = {"spec": encoder.spec, "fitted": encoder.fitted} if encoder.fitted else None
    task = {"spec": spec or encoder.spec, "file": file, "samples": list(inputs)}
    return page.evaluate("(task) => window.samples(JSON.parse(task))", json.dumps(task))


def in_python(encoder, inputs):
    return [x.hex() if isinstance(x, bytes) else None for x in encoder.encode_each(inputs)]


def test_texts__of_all_alphabets_emoji_and_marks__have_the_samples_of_python(page):
    texts = [*SENTENCES.values(), *odd_strings(2_000, seed=61), "", "a\u0301\u0327 👩🏽‍🚀 🏴\U000e0067\U000e007f #️⃣ 🇩🇪🇫"]
    bag, hashed = BagOfWords.fit(texts, max_features=5_000), HashedWords(65_536)
    for encoder in (bag, hashed):
        expected = in_python(encoder, texts)
        assert samples(page, encoder, texts) == expected
        assert sum(x is not None for x in expected) > 1_000


def test_numbers__of_all_sizes__have_the_samples_of_python(page):
    draw = np.random.default_rng(61)
    for n_features in (1, 9, 130, 700):
        mean = draw.normal(size=n_features) * 10.0 ** draw.integers(-12, 20, n_features)
        scale = 10.0 ** draw.uniform(-9, 18, n_features)
        encoder = Tabular(mean, scale, 127)
        rows = (mean + scale * draw.standard_t(2, (30, n_features))).tolist()
        assert samples(page, encoder, rows) == in_python(encoder, rows)


def test_older_specs__are_refused_by_name(page):
    for encoder in (BagOfWordsV1(["film"]), HashedWordsV1(16)):
        name = f"{encoder.kind}/1 has other rules than {encoder.kind}/2"
        assert samples(page, encoder, []).startswith(name)


def test_model__file_on_the_chain__is_used_by_its_address(page, rpc, create_model, owner):
    films = BagOfWords(["dull", "film", "great", "größer"])
    places.store(rpc, owner.address, films, print)
    named = with_places(films.spec, [places.place_on_chain(films)])
    twin = SparsePerceptron(SparsePerceptronParameters(4), weights=[-1_000, 0, 1_000, 0], bias=-5)
    model = create_model(twin, owner, card=pack_card("films", "", named, ("bad", "groß 👍")))
    task = {"url": rpc.url, "address": str(model.address), "texts": ["GREAT film", "dull!"]}
    ask = "(task) => window.predict(task)"
    assert page.evaluate(ask, task) == ["groß 👍", "bad"]
    assert page.evaluate(ask, task | {"texts": ["hello"]}) == "the text has no word that the model knows"
    other = json.loads(BagOfWords(["movie"]).content)
    assert page.evaluate(ask, task | {"file": other}).startswith("not this model's encoder")
