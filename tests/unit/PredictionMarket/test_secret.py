"""The provider's file."""

import pytest

from comodels.market_secret import Secret, SecretError, cut
from comodels.merkle import standard_leaf
from comodels.rows import iterate_rows
from tests.mirror import sample


def test_save__and_load__the_same_test_set_and_root(secret, tmp_path):
    path = tmp_path / "folder" / "a.secret.json"
    secret.save(path)
    secret.note(path, "commit", "0x12")
    again = Secret.load(path)
    assert (again.portions, again.salts, again.tree.root) == (secret.portions, secret.salts, secret.tree.root)
    assert again.transactions == [{"what": "commit", "hash": "0x12"}]
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(set(secret.salts)) == len(secret.portions)


def test_save__interrupted_while_writing__the_old_file_is_whole(secret, tmp_path, monkeypatch):
    path = tmp_path / "a.secret.json"
    secret.save(path)
    before = path.read_bytes()

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("comodels.market_secret.os.fsync", crash)
    secret.salts[0] = bytes(32)
    with pytest.raises(KeyboardInterrupt):
        secret.save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("left", range(0, 35, 7))
def test_note__cut_off_by_a_crash__the_rest_is_whole_and_goes_on(secret, tmp_path, left):
    path = tmp_path / "a.secret.json"
    secret.save(path)
    secret.note(path, "commit", "0x12")
    whole = path.read_bytes()
    secret.note(path, "draw", "0x34")
    path.write_bytes(whole + path.read_bytes()[len(whole) :][:left])
    again = Secret.load(path)
    assert again.transactions == [{"what": "commit", "hash": "0x12"}]
    assert again.tree.root == secret.tree.root
    again.note(path, "draw", "0x56")
    assert [t["hash"] for t in Secret.load(path).transactions] == ["0x12", "0x56"]


def test_dump__for_the_library_of_openzeppelin__its_values_are_the_leaves(secret):
    dump = secret.dump
    assert dump["format"] == "standard-v1"
    assert dump["tree"][0] == "0x" + secret.tree.root.hex()
    for value in dump["values"]:
        numbers = [
            int(v, 0) if t == "uint256" else v for t, v in zip(dump["leafEncoding"], value["value"], strict=True)
        ]
        typed = [
            bytes.fromhex(v[2:]) if t == "bytes32" else v for t, v in zip(dump["leafEncoding"], numbers, strict=True)
        ]
        assert dump["tree"][value["treeIndex"]] == "0x" + standard_leaf(dump["leafEncoding"], typed).hex()


def test_load__rows_changed__refused(secret, tmp_path):
    path = tmp_path / "a.secret.json"
    secret.save(path)
    salt = secret.salts[0].hex()
    path.write_text(path.read_text().replace(salt, "00" * 32))
    with pytest.raises(SecretError, match="do not give the root"):
        Secret.load(path)


@pytest.mark.parametrize("content", ["", "{}", '{"chain_id": 1}'])
def test_load__not_such_a_file__says_so(tmp_path, content):
    path = tmp_path / "a.secret.json"
    path.write_text(content)
    with pytest.raises(SecretError, match="not a file of"):
        Secret.load(path)
    with pytest.raises(SecretError, match="there is no such file"):
        Secret.load(tmp_path / "b.secret.json")


def test_cut__rows_that_do_not_divide__equal_portions_and_the_rest_left_out():
    portions = cut([(i % 2, sample(i)) for i in range(11)], 3)
    assert [len(list(iterate_rows(p))) for p in portions] == [3, 3, 3]
    with pytest.raises(SecretError, match="do not make"):
        cut([(0, sample(1))], 2)
    with pytest.raises(SecretError, match="make more portions"):
        cut([(0, sample(*range(1_000)))] * 20, 2)
