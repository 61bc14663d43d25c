"""Reading data: what the files say, or what to do about them."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from encoders import BUILT_IN, DataError, read_data


@pytest.fixture
def write(tmp_path: Path):
    """Write a data file and return its path."""

    def write(content: str | bytes, name: str = "data.tsv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [("breast_cancer", (569, 30), 2), ("digits", (1_797, 64), 10), ("wine", (178, 13), 3)],
)
def test_read_data__built_in_set__has_rows_labels_and_names(name: str, shape: tuple[int, int], classes: int) -> None:
    samples, labels, class_names = read_data(name)
    assert name in BUILT_IN
    assert samples.shape == shape
    assert samples.dtype == np.float64
    assert labels.shape == shape[:1]
    assert set(labels.tolist()) == set(range(classes))
    assert len(class_names) == classes


def test_read_data__tsv__has_texts_and_labels(write) -> None:
    samples, labels, class_names = read_data(write("label\ttext\n1\tlovely tea\n0\tstale bread\n"))
    assert samples == ["lovely tea", "stale bread"]
    assert labels.tolist() == [1, 0]
    assert labels.dtype == np.int64
    assert class_names == ("0", "1")


def test_read_data__quotes_in_tsv__are_part_of_the_text(write) -> None:
    samples, _, _ = read_data(write('label\ttext\n1\t"open and 5" wide\n0\t"closed"\n'))
    assert samples == ['"open and 5" wide', '"closed"']


def test_read_data__words_like_na__stay_words(write) -> None:
    samples, _, _ = read_data(write("label\ttext\n1\tNA\n0\tnull\n"))
    assert samples == ["NA", "null"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_read_data__byte_order_mark_blank_lines_and_newlines__do_not_matter(write, newline: str) -> None:
    lines = ["\ufefflabel\ttext", "1\tjuly", "", "0\tjune", ""]
    assert read_data(write(newline.join(lines))).samples == ["july", "june"]


def test_read_data__named_classes__have_the_given_indices(write) -> None:
    path = write("label\ttext\nbird\tfeathers\ncat\twhiskers\n2\tgills\n")
    _, labels, class_names = read_data(path, class_names=["cat", "bird", "fish"])
    assert labels.tolist() == [1, 0, 2]
    assert class_names == ("cat", "bird", "fish")


def test_read_data__imdb_csv__is_negative_0_and_positive_1(write) -> None:
    path = write('review,sentiment\n"Long, ""slow"" and\nwet",negative\nSunny,positive\n', "reviews.csv")
    samples, labels, class_names = read_data(path)
    assert samples == ['Long, "slow" and\nwet', "Sunny"]
    assert labels.tolist() == [0, 1]
    assert class_names == ("negative", "positive")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "the file is empty"),
        ("\n1\ttea\n", "empty, or begins with an empty line"),
        ("label\ttext\n", "a header but no samples"),
        ("1\ttea\n0\tbread\n", r"the first line is '1\\ttea', not a header(.|\n)*label<TAB>text"),
        ("text\tlabel\ntea\t1\n", "not a header that is known"),
        ("label\ttext\n1\ttea\n0\tbread\tbutter\n", "line 3: 3 fields, not one label and one text"),
        ("label\ttext\n1\ttea\n0\n", "line 3: 1 fields"),
        ("label\ttext\n1\ttea\n0\tbread\nspam\tham\n", "line 4: the label 'spam' is unknown; known are 0, 1, 2"),
        ("label\ttext\n1\ttea\n2\tbread\n", "line 3: the label '2' is unknown; known are 0, 1"),
        ("label\ttext\n1\ttea\n-1\tbread\n", "label '-1' is unknown"),
        ("label\ttext\n1\ttea\n1.0\tbread\n", "label '1.0' is unknown"),
        ("label\ttext\n1\ttea\n\tbread\n", "label '' is unknown"),
        ("label\ttext\n1\ttea\n1\tbread\n", "all samples have the label '1'"),
        ("review,sentiment\ntea,fine\nbread,positive\n", "label 'fine' is unknown; known are 0, 1, negative, positive"),
        ('review,sentiment\n"tea,positive\n', "unexpected end of data"),
        (b"label\ttext\n1\tcaf\xe9\n", "not UTF-8"),
    ],
)
def test_read_data__bad_file__says_what_to_do(write, content: str | bytes, problem: str) -> None:
    path = write(content)
    with pytest.raises(DataError, match=problem) as caught:
        read_data(path)
    assert str(path) in str(caught.value)


def test_read_data__unknown_class_name__is_refused(write) -> None:
    path = write("label\ttext\nbird\tfeathers\nfish\tgills\n")
    with pytest.raises(DataError, match="line 3: the label 'fish' is unknown; known are 0, 1, cat, bird"):
        read_data(path, class_names=["cat", "bird"])


def test_read_data__missing_file__says_where_data_can_be_got(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.tsv: no such file(.|\n)*archive\.ics\.uci\.edu(.|\n)*breast_cancer"):
        read_data(tmp_path / "missing.tsv")


def test_read_data__folder__is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_data(tmp_path)


def test_read_data__texts_with_named_labels__classes_in_alphabetical_order(write) -> None:
    samples, labels, class_names = read_data(write("label\ttext\nspam\twin now\nham\tsee you\n"))
    assert (samples, labels.tolist(), class_names) == (["win now", "see you"], [1, 0], ("ham", "spam"))


@pytest.mark.parametrize("header", ["text,label", "label,text"])
def test_read_data__csv_of_text_and_label__in_any_order(write, header: str) -> None:
    row = '"tea, hot",1' if header == "text,label" else '1,"tea, hot"'
    other = "bread,0" if header == "text,label" else "0,bread"
    data = read_data(write(f"{header}\n{row}\n{other}\n", "data.csv"))
    assert (data.samples, data.labels.tolist(), data.input_kind) == (["tea, hot", "bread"], [1, 0], "text")


@pytest.mark.parametrize(("name", "delimiter"), [("data.csv", ","), ("data.tsv", "\t")])
def test_read_data__table_of_numbers__rows_and_named_classes(write, name: str, delimiter: str) -> None:
    text = "width,label,height\n1.5,pear,-2\n3,apple,4e1\n".replace(",", delimiter)
    data = read_data(write(text, name))
    assert data.samples.tolist() == [[1.5, -2.0], [3.0, 40.0]]
    assert (data.labels.tolist(), data.class_names, data.input_kind) == ([1, 0], ("apple", "pear"), "numbers")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a,label\n1,x\ntwo,y\n", "line 3: could not convert string to float: 'two'"),
        ("a,label\n1,x\n2\n", "line 3: 1 fields, not 2 as in the first line"),
        ("a,label,label\n1,x,y\n", "not a header that is known"),
        ("a,b\n1,2\n", "not a header that is known"),
        ("a,label\n", "a header but no samples"),
        ("a,label\n" + "".join(f"1,c{i}\n" for i in range(256)), "256 different labels"),
    ],
)
def test_read_data__bad_table__says_what_to_do(write, content: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_data(write(content, "data.csv"))


def picture(grey: int, size: tuple[int, int] = (5, 3)) -> bytes:
    file = io.BytesIO()
    Image.new("L", size, grey).save(file, "PNG")
    return file.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_read_data__zip_of_pictures__folders_are_the_classes(write) -> None:
    files = {"set/dog/1.png": picture(10), "set/cat/a.png": picture(20), "set/cat/.x.png": b"", "set/readme.txt": b""}
    data = read_data(write(zipped(files), "pictures.zip"))
    assert [p.shape for p in data.samples] == [(3, 5)] * 2
    assert [int(p[0, 0]) for p in data.samples] == [10, 20]
    assert (data.labels.tolist(), data.class_names, data.input_kind) == ([1, 0], ("cat", "dog"), "image")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (zipped({"cat/1.png": b"no picture", "dog/1.png": b""}), "cat/1.png: the picture cannot be read"),
        (zipped({"1.png": picture(1)}), "no pictures in folders"),
        (zipped({"cat/1.png": bytes(100_000_001)}), "more than 100,000,000 bytes when unpacked"),
        (zipped({f"cat/{i}.png": b"" for i in range(5_001)}), "5,001 pictures; at most 5,000"),
        (zipped({"cat/1.png": picture(1, (10_000, 8_000)), "cat/2.png": picture(1, (10_000, 8_000))}), "too large"),
        (zipped({"cat/1.png": picture(1), "cat/2.png": picture(2)}), "all samples have the label 'cat'"),
        (b"PK no archive", "not a zip file"),
    ],
    ids=["broken", "no folders", "bomb", "too many", "too large", "one class", "no archive"],
)
def test_read_data__bad_zip__says_what_to_do(write, content: bytes, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_data(write(content, "pictures.zip"))
