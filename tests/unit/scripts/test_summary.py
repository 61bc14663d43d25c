"""What is said before anything is paid, and what is refused."""

import dataclasses

import pytest

from comodels import summary
from comodels.errors import ComodelsError
from comodels.journal import Journal
from comodels.publish import publish
from comodels.published import ClassIndex, encoded_rows, find
from comodels.summary import publishing_gas
from comodels.training import plan, train_from_data
from encoders import DataError, read_data


@pytest.fixture
def write(tmp_path):
    """Write a data file and return its path as a text."""

    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return str(path)

    return write


def test_summarise__reviews__says_what_was_read_and_how_good_it_is(reviews):
    model, facts = train_from_data(str(reviews), "films", class_names=("negative", "positive"))
    assert [(c.name, c.samples, c.used) for c in facts.classes] == [("negative", 50, 50), ("positive", 50, 50)]
    assert (facts.input_kind, facts.features, facts.encoder) == ("text", model.encoder.n_features, "bag-of-words/2")
    assert (facts.tested, facts.majority, facts.model) == (20, 0.5, "SparsePerceptron")
    assert facts.accuracy > 0.9
    assert facts.words == len(model.words)
    text = "\n".join(facts.lines())
    assert "100 of 100 texts, 2 classes" in text
    assert "'negative' 50, 'positive' 50" in text
    assert f"{facts.accuracy:.1%} on 20 samples that were held out; always saying 'negative' gets 50.0%" in text
    assert f"about {facts.gas:,} gas for the model" in text
    assert "warning" not in text


@pytest.mark.parametrize(
    ("labels", "advice"),
    [
        (("0", "1"), "--classes NAME,NAME ... gives them names"),
        (("1", "5"), "words as labels would give them names"),
        (("-1", "1"), "words as labels would give them names"),
        (("v1", "v2"), None),
    ],
)
def test_summarise__labels_are_numbers__says_how_they_get_names(write, labels, advice):
    rows = "".join(f"{label},a film of {label}\n" for label in labels)
    _, facts = train_from_data(write("label,text\n" + rows), "named")
    assert [note for note in facts.notes if "called by numbers" in note] == (
        [f"the classes are called by numbers, as in the data; {advice}"] if advice else []
    )


def test_held_out_accuracy__labels_at_random__is_no_better_than_guessing(write):
    # Each text is one word of its own: what was learnt cannot help, and the training samples would be 100% right.
    rows = "".join(f"word{i} of,{'ab'[i % 2]}\n" for i in range(200))
    _, facts = train_from_data(write("text,label\n" + rows), "random")
    assert facts.tested == 40
    assert 0.3 <= facts.accuracy <= 0.7


def test_summarise__rows_left_out__are_counted_by_class_and_reason_with_their_lines(write):
    rows = "label,text\nx,tea\nx,?!\ny,bread\ny,...\ny,:-)\nx,tea tea\n"
    _, facts = train_from_data(write(rows), "left")
    assert [(c.name, c.samples, c.used) for c in facts.classes] == [("x", 3, 2), ("y", 3, 1)]
    assert [line for line in facts.lines() if line.startswith("left out")] == [
        "left out  1 of 'x': has no word that the model knows (line 3)",
        "left out  2 of 'y': has no word that the model knows (lines 5, 6)",
    ]


def test_summarise__row_at_the_mean__is_left_out_with_its_line(write):
    _, facts = train_from_data(write("label,a,b\n0,-1,-1\n1,1,1\n0,0,0\n1,2,2\n0,-2,-2\n"), "mean")
    assert facts.used == 4
    assert any("1 of '0': has no direction" in line and "(line 4)" in line for line in facts.lines())


def test_summarise__columns_that_say_nothing__are_named(write):
    _, facts = train_from_data(write("label,a,b\nx,1,5\ny,2,5\nx,0,5\n"), "constant")
    assert "the same in all rows, so nothing is learnt from it: 'b'" in facts.notes
    _, facts = train_from_data(write("label,a\nx,1\ny,2\nx,0\n"), "one")
    assert any("above or below the mean" in note for note in facts.notes)


def test_summarise__one_class_much_larger__is_a_warning(write):
    rows = "text,label\n" + "good tea,x\n" * 50 + "bad tea,y\n" * 10
    _, facts = train_from_data(write(rows), "skewed")
    assert any("warning   'x' has 5 times as many samples as 'y'" in line for line in facts.lines())
    assert facts.majority == 50 / 60


@pytest.mark.parametrize(
    ("content", "error", "problem"),
    [
        (
            "label,text\nx,tea\ny,?!\ny,...\n",
            DataError,
            r"the class 'y' has no sample that can be used, of 2: .*lines 3, 4",
        ),
        ("label,a\nx,1\ny,1\n", DataError, "all samples are the same"),
        ("label,text\nx,tea\nx,bread\n", DataError, "nothing to learn from one class"),
        ("label,text\nx,?\ny,!\n", DataError, "no vocabulary can be fitted"),
    ],
)
def test_train_from_data__nothing_to_learn__is_refused(write, content, error, problem):
    path = write(content)

    with pytest.raises(error, match=problem) as caught:
        train_from_data(path, "nothing")
    assert str(path) in str(caught.value)


def test_train_from_data__text_too_long_for_the_chain__is_refused_before_anything_is_sent(reviews):
    with pytest.raises(ComodelsError, match="at most 255 bytes of each text"):
        train_from_data(str(reviews), "films", "d" * 300)


def test_encode__counts__are_those_of_the_source(write):
    data = read_data(write("label,a,b\nx,1,2\nx,,2\ny,2,1\n"))
    encoder = __import__("encoders").Tabular.fit(data.samples)
    _, labels, classes = summary.encode(data, encoder)
    assert labels == [0, 1]
    assert [(c.samples, c.used, c.left_out) for c in classes] == [
        (2, 1, {"no finite number in 'a'": ["line 3"]}),
        (1, 1, {}),
    ]


# ---- gas -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("features", "text"), [(64, 0), (64, 255), (4_096, 20), (16_384, 20)])
def test_publishing_gas__against_receipts__is_within_a_twentieth(rpc, signer, saved, options, features, text):
    import encoders

    publish(rpc, signer, saved, options)  # so that the contracts are there
    encoder = encoders.HashedWords(features)
    twin = type(saved.twin())(type(saved.twin().parameters)(features), weights=[i % 99 + 1 for i in range(features)])
    model = dataclasses.replace(
        saved,
        name="sized",
        description="d" * text,
        encoder=encoder,
        parameters=twin.parameters.pack(),
        words=twin.words(),
    )
    first = rpc.block + 1
    publish(rpc, signer, model, dataclasses.replace(options, key="sized"))
    blocks = [rpc.rpc("eth_getBlockReceipts", hex(number)) for number in range(first, rpc.block + 1)]
    spent = sum(int(receipt["gasUsed"], 16) for receipts in blocks for receipt in receipts)
    assert publishing_gas(model) == pytest.approx(spent, rel=0.05)


# ---- plans -----------------------------------------------------------------------------------------------------------


def planned(rpc, options, data=None, name="films", **more):
    return plan(rpc, options.deployments, name, data, None, "", **more)


def test_plan__nothing_on_chain_yet__is_planned_anew(rpc, signer, options, reviews, write):
    model, _, said = planned(rpc, options, str(reviews))
    assert said == ""
    journal = Journal.open(rpc, options.deployments)
    model.save(options.deployments / "old.json")
    journal.models["films"] = {
        "address": "0x" + "12" * 20,
        "file": "old.json",
        "name": "films",
        "owner": signer.address,
    }
    journal.save()
    again, facts, said = planned(rpc, options, write("label,text\nx,tea\ny,bread\n"))
    assert "planning it anew" in said
    assert (again.class_names, facts.used) == (("x", "y"), 2)
    assert "films" not in Journal.open(rpc, options.deployments).models


def test_plan__published__refuses_new_data_and_goes_on_without(rpc, signer, saved, options, reviews):
    noted = publish(rpc, signer, saved, options)
    with pytest.raises(ComodelsError, match=f"'reviews' is published already, at {noted['address']}"):
        planned(rpc, options, str(reviews), "reviews")
    again, facts, said = planned(rpc, options, None, "reviews")
    assert (again.words, facts) == (saved.words, None)
    assert "was begun before" in said


def test_encoded_rows__samples_left_out__are_said(rpc, signer, saved, options, write):
    publish(rpc, signer, saved, options)
    said = []
    data = write("label,text\nnegative,a dull film\npositive,?!\npositive,a great film\npositive,unheard\n", "rows.csv")
    rows = encoded_rows(find(rpc, "reviews", options.deployments), data, said.append)
    assert [y for _, y in rows] == [0, 1]
    assert said == [f"{data}: 2 of 'positive' left out: has no word that the model knows (lines 3, 5)"]


# ---- commands --------------------------------------------------------------------------------------------------------


def test_deploy__chain_of_its_own__is_refused(run, owner, reviews):
    before = owner.nonce
    said = run("deploy", "--data", str(reviews), "--name", "films", fails=True, network=False)
    assert "This chain would end with this command, so nothing was sent" in said
    assert owner.nonce == before


def test_deploy__dry_run__says_it_all_and_sends_nothing(run, owner, reviews, options):
    before = owner.nonce
    said = run("deploy", "--data", str(reviews), "--name", "films", "--dry-run")
    assert "100 of 100 texts, 2 classes classes '0' 50, '1' 50" in said
    assert "--classes NAME,NAME ... gives them names" in said
    assert "that were held out" in said
    assert "gas for the model" in said
    assert owner.nonce == before
    assert not list(options.deployments.glob("*"))


def test_deploy__lasting_chain__prints_the_summary_before_it_sends(run, reviews):
    said = run("deploy", "--data", str(reviews), "--name", "films")
    assert said.index("that were held out") < said.index("Tried as calls") < said.index("'films' is published")


def test_contribute__classes_called_1_2_3__takes_the_name_that_was_typed(rpc, signer, run, options, write):
    data = write("label\ttext\n1\tdull and slow\n2\tfine and warm\n3\tgreat and bright\n", "stars.tsv")
    model, _ = train_from_data(data, "stars", class_names=("1", "2", "3"))
    publish(rpc, signer, model, options)
    said = run("contribute", "stars", "great and bright", "3", "--dry-run")
    assert "stars: as class '3' (index 2), deposit 0." in said
    assert "gas about" in said
    assert "Nothing was sent" in said
    stars = find(rpc, "stars", options.deployments)
    assert stars.contributions() == []
    assert "as class '3' (index 2)" in run("contribute", "stars", "great and bright", "3")
    (contribution,) = stars.contributions()
    assert contribution.label == 2
    assert "has no class '0'; it has '1', '2', '3'" in run("contribute", "stars", "great", "0", fails=True)


def test_label__index__counts_only_where_no_name_is_a_number(rpc, signer, saved, options):
    publish(rpc, signer, saved, options)
    reviews = find(rpc, "reviews", options.deployments)
    assert [reviews.label(name) for name in ("negative", "positive", "1", 1, ClassIndex(1))] == [0, 1, 1, 1, 1]
    reviews.class_names = ["1", "0"]
    assert [reviews.label(name) for name in ("1", "0", 1, ClassIndex(1), reviews.label("1"))] == [0, 1, 0, 1, 0]
    with pytest.raises(ComodelsError, match="has no class '2'"):
        reviews.label("2")
    with pytest.raises(ComodelsError, match="has no class '2'"):
        reviews.label(ClassIndex(2))


def test_commands__row_that_begins_with_a_minus__is_a_sample(rpc, signer, run, options, write):
    data = write("label,a,b\nlow,-1,-2\nhigh,1,2\nlow,-2,-1\nhigh,2,1\n")
    model, _ = train_from_data(data, "rows")
    publish(rpc, signer, model, options)
    assert "low -1,-2" in run("predict", "rows", "-1,-2")
    assert "as class 'low'" in run("contribute", "rows", "-1.5, -2", "low", "--dry-run")
