"""The provider's file."""

import pytest

from scripts._market import Secret, SecretError, cut
from simulation.rows import iterate_rows
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

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("scripts._market.os.fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        secret.note(path, "commit", "0x12")
    assert Secret.load(path).transactions == []


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
