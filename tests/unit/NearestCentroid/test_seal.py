import pytest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (0, ""),
        (1 << 192, "centroid: squared norm does not match the sums"),
        (1, "centroid: squared norm does not match the sums"),
        (-(3 << 160), "centroid: sums without samples"),
    ],
)
def test_seal__words_that_no_samples_lead_to__reverts(change, message, create, why, do, owner):
    twin, model = create([[6, 0], [0, 2]], [3, 2], sealed=False)
    words = twin.words()
    words[1] += change
    do(model, "load", 1, [words[1]], sender=owner)
    assert why(model, "seal", sender=owner) == message


def test_seal__twice_by_a_stranger_or_with_a_wrong_number_of_classes__reverts(create, why, do, owner, stranger):
    twin, model = create([[6, 0], [0, 2]], [3, 2], sealed=False)
    assert why(model, "seal", sender=stranger) == "ownership: not the owner"
    for count, message in [
        (0, "model: word 0 lacks classes"),
        (1, "model: word 0 lacks classes"),
        (3, "classes: too many"),
    ]:
        assert why(model, "load", 0, [count << 192], sender=owner) == message
    do(model, "load", 0, twin.words(), sender=owner)
    do(model, "seal", sender=owner)
    assert why(model, "seal", sender=owner) == "model: sealed"
    assert why(model, "load", 0, twin.words(), sender=owner) == "model: sealed"
