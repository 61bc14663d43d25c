"""No action at the largest size needs more gas than a transaction may use: what can be added can be claimed."""

from copy import copy

import numpy as np
import pytest
from eth_utils import keccak

from simulation.multiclass_perceptron import MulticlassSparsePerceptron, MulticlassSparsePerceptronParameters
from simulation.naive_bayes import NaiveBayes, NaiveBayesParameters
from simulation.sparse_nearest_centroid import SparseNearestCentroid, SparseNearestCentroidParameters
from tests.conftest import pack_card, pack_terms

CAP = 16_777_216
LARGEST = [
    NaiveBayesParameters(2_656, 2),
    NaiveBayesParameters(65_536, 4),
    NaiveBayesParameters(65_536, 32),
    NaiveBayesParameters(65_536, 255),
    SparseNearestCentroidParameters(65_536, 32),
    SparseNearestCentroidParameters(65_536, 255),
    MulticlassSparsePerceptronParameters(5_120, 2),
    MulticlassSparsePerceptronParameters(65_536, 16),
    MulticlassSparsePerceptronParameters(65_536, 255),
]
TWINS = {
    NaiveBayesParameters: NaiveBayes,
    SparseNearestCentroidParameters: SparseNearestCentroid,
    MulticlassSparsePerceptronParameters: MulticlassSparsePerceptron,
}


class Empty:
    """As much of a twin as creating a model needs: words with the number of classes, and with a sample for each."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.KIND = TWINS[type(parameters)].KIND

    def words(self):
        classes = self.parameters.room
        if self.KIND == "MulticlassSparsePerceptron":
            return [classes << 192]
        sample = 1 << 64 | 2**15
        words = [sample << 96 | (sample if 2 * i + 1 < classes else 0) for i in range((classes + 1) // 2)]
        words[0] |= classes << 192
        return words


def at(contract, address):
    """The same functions at another address."""
    other = copy(contract)
    other.address = address
    return other


@pytest.mark.parametrize("parameters", LARGEST, ids=lambda p: f"{TWINS[type(p)].KIND}-{p.room}")
def test_add_data_and_refund__longest_sample_and_all_new_words__fit_a_transaction(
    parameters, implementations, self_assessment, raw, rpc, contributor
):
    sender, label = str(contributor.address), parameters.room - 1
    twin = Empty(parameters)
    card = pack_card(classes=[f"{y}" for y in range(parameters.room)])
    terms = pack_terms(refund_wait=0, without_own_effect=True)  # the costlier way to claim
    arguments = (sender, self_assessment.address, terms, parameters.pack(), card, twin.words(), True, bytes(32))
    implementation = raw(implementations(twin.KIND))
    created = rpc.send([implementation.transaction("create", *arguments, sender=sender, gas=CAP)])[0]
    assert created["status"] == "0x1"
    created_event = "0x" + keccak(text="Created(address,address,address)").hex()
    address = next("0x" + log["topics"][1][-40:] for log in created["logs"] if log["topics"][0] == created_event)
    model = at(implementation, address)
    incentive = raw(self_assessment)
    sample = np.linspace(0, parameters.n_features - 1, parameters.longest).astype(int).astype(">u2").tobytes()

    longer = np.arange(parameters.longest + 1).astype(">u2").tobytes()
    if len(longer) <= 2_048:
        assert rpc.why(model.transaction("predict", longer, sender=sender)) == "sample: too long"

    arguments = (model.address, sample, label)
    added, claimed = rpc.send(
        [
            incentive.transaction("add_data", *arguments, sender=sender, value=10**18, gas=CAP),
            incentive.transaction("refund", *arguments, sender=sender, gas=CAP),
        ]
    )
    assert added["status"] == "0x1"
    assert int(added["gasUsed"], 16) < CAP
    # where the answer is another class, the claim costs as much and is refused for what it says
    transaction = incentive.transaction("refund", *arguments, sender=sender, gas=CAP)
    refused = "self-assessment: the model disagrees"
    assert claimed["status"] == "0x1" or rpc.why(transaction) == refused
    assert int(claimed["gasUsed"], 16) < CAP
