"""The whole way, as a numbered story: publish, contribute, disagree, refund, flag, report, take, export."""

import pytest

from comodels.claims import SelfAssessment
from comodels.cli import ApeSigner
from comodels.export import collect, read, retrain, table, write, write_start
from comodels.incentives.self_assessment import Terms
from comodels.publish import Options, publish
from comodels.published import find
from comodels.training import train_from_data

DAY = 86_400
ETHER = 10**18


@pytest.fixture
def reviews(tmp_path):
    good, bad = ("fine", "great", "lovely"), ("dull", "poor", "awful")
    lines = [f"1\ta {good[i % 3]} film {i}\n0\ta {bad[i % 3]} film {i}" for i in range(30)]
    path = tmp_path / "reviews.tsv"
    path.write_text("label\ttext\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_happy_path(chain, rpc, owner, contributor, reporter, stranger, reviews, tmp_path):
    # 1. The owner trains a model off chain and publishes it with its incentive.
    folder = tmp_path / "deployments"
    terms = SelfAssessment(Terms(dispute_wait=DAY))
    saved = train_from_data(str(reviews), "films", "Reviews of films", ("negative", "positive"), features=20)[0]
    publish(rpc, ApeSigner(owner), saved, Options(terms, folder))

    # 2. Anyone finds it by its name, and asks it for nothing.
    films = find(rpc, "films", folder)
    assert films.predict("a lovely film") == "positive"
    assert films.predict("an awful film") == "negative"
    assert films.scores("a lovely film")["positive"] > 0

    # 3. A contributor and a reporter add good data; the change of what they sent comes back.
    start = {who: who.balance for who in (contributor, reporter, stranger, owner)}
    chain.pending_timestamp += 3_600
    films.contribute("a fine film", "positive", ApeSigner(contributor), max_deposit=ETHER)
    assert 0 < start[contributor] - contributor.balance < ETHER
    chain.pending_timestamp += 3_600
    films.contribute("a poor film", "negative", ApeSigner(reporter), max_deposit=ETHER)

    # 4. A stranger adds a wrong label, and gets the model to learn from it.
    version = films.contract.call("version")
    chain.pending_timestamp += 60
    films.contribute("a great film", "negative", ApeSigner(stranger), max_deposit=ETHER)
    bad_deposit = start[stranger] - stranger.balance
    assert films.contract.call("version") == version + 1
    assert films.predict("a great film") == "positive"  # one sample does not turn it

    # 5. Nothing can be claimed yet.
    for who in (contributor, reporter, stranger, owner):
        assert films.claims(who.address) == []

    # 6. After the refund wait the good data is refunded, and counts as validated.
    chain.pending_timestamp += DAY
    chain.mine()
    for who in (contributor, reporter):
        (claim,) = films.claims(who.address)
        assert claim.action == "refund"
        films.claim(claim, ApeSigner(who))
        assert who.balance == start[who]
    assert films.incentive.call("statistics", films.address) == (3, 2)

    # 7. The wrong one is not. Those with validated data announce that they report it.
    assert films.claims(stranger.address) == []
    for who in (contributor, reporter):
        (claim,) = films.claims(who.address)
        assert claim.action == "flag"
        films.claim(claim, ApeSigner(who))

    # 8. A day later the model still disagrees, and they get their shares.
    chain.pending_timestamp += DAY
    chain.mine()
    for who in (contributor, reporter):
        (claim,) = films.claims(who.address)
        assert (claim.action, claim.amount) == ("report", bad_deposit // 2)
        films.claim(claim, ApeSigner(who))
        assert who.balance == start[who] + bad_deposit // 2

    # 9. What rounding left over is the owner's.
    rest = bad_deposit - 2 * (bad_deposit // 2)
    chain.pending_timestamp += 3 * DAY
    chain.mine()
    claims = films.claims(owner.address)
    assert [(c.action, c.amount) for c in claims] == ([("take", rest)] if rest else [])
    for claim in claims:
        films.claim(claim, ApeSigner(owner))

    # 10. The contract owes nothing, and has nothing.
    assert rpc.balance(films.incentive.address) == 0
    assert stranger.balance == start[stranger] - bad_deposit

    # 11. A researcher takes the data home and learns it again, to the same state.
    arrow = table(films, collect(films, tmp_path / "export"))
    assert arrow["state"].to_pylist() == ["validated", "validated", "settled"]
    assert arrow["class_name"].to_pylist() == ["positive", "negative", "negative"]
    path, _ = write(arrow, tmp_path / "export")
    assert write_start(films, tmp_path / "export" / "start.json")
    twin = retrain(tmp_path / "export" / "start.json", read(path))
    assert twin.words() == films.words()
