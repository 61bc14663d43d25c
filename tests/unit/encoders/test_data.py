"""Reading data: what the files say, or what to do about them."""

import gzip
import io
import json
import resource
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from encoders import BUILT_IN, Data, DataError, archives, read_data
from encoders.labels import class_indices


@pytest.fixture
def write(tmp_path: Path):
    """Write a data file and return its path."""

    def write(content: str | bytes, name: str = "data.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def refused(write):
    """Expect that a file is refused, with a message that names it; within five seconds of CPU and 600 million bytes."""

    def refused(content: str | bytes, problem: str, name: str = "data.csv", **options) -> str:
        path = write(content, name)
        began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(DataError, match=problem) as caught:
            read_data(path, **options)
        assert str(path) in str(caught.value)
        assert time.process_time() - began < 5
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000
        return str(caught.value)

    return refused


def named(data: Data) -> list[tuple[object, str]]:
    """Samples with the names of their classes."""
    samples = data.samples.tolist() if isinstance(data.samples, np.ndarray) else data.samples
    return [(sample, data.class_names[label]) for sample, label in zip(samples, data.labels, strict=True)]


# ---- built in --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [("breast_cancer", (569, 30), 2), ("digits", (1_797, 64), 10), ("wine", (178, 13), 3)],
)
def test_read_data__built_in_set__has_rows_labels_and_names(name: str, shape: tuple[int, int], classes: int) -> None:
    data = read_data(name)
    assert name in BUILT_IN
    assert data.samples.shape == shape
    assert data.samples.dtype == np.float64
    assert len(data.labels) == len(data.places) == shape[0]
    assert len(data.columns) == shape[1]
    assert set(data.labels.tolist()) == set(range(classes))
    assert len(data.class_names) == classes


def test_read_data__built_in_set_for_a_model_with_names__has_their_indices() -> None:
    names = ["class_2", "class_0", "class_1"]
    own, other = read_data("wine"), read_data("wine", names)
    assert [own.class_names[y] for y in own.labels] == [names[y] for y in other.labels]
    assert read_data("wine", ["0", "1", "2"]).labels.tolist() == own.labels.tolist()
    with pytest.raises(DataError, match="row 1: the label 'class_0' is unknown; known are a, b, c"):
        read_data("wine", ["a", "b", "c"])


# ---- the header ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "label,text\nham,tea\nspam,win\n",
        "text,label\ntea,ham\nwin,spam\n",
        '"label","text"\n"ham","tea"\n"spam","win"\n',
        ' "Label" , TEXT \nham, tea\nspam, "win"\n',
        "label;text\nham;tea\nspam;win\n",
        "label\ttext\nham\ttea\nspam\twin\n",
        "label|text\nham|tea\nspam|win\n",
        "sep=;\nlabel;text\nham;tea\nspam;win\n",
        "\n\nlabel,text\r\n\r\nham,tea\r\nspam,win\r\n",
        "label,text\rham,tea\rspam,win\r",
        "\ufefflabel,text\nham,tea\nspam,win\n",
        "v1,v2,,,\nham,tea,,,\nspam,win,,,\n,,,,\n",
        "class,message\nham,tea\nspam,win\n",
        "Sentiment,Tweet,id\nham,tea,1\nspam,win,2\n",
        "target,anything\nham,tea\nspam,win\n",
        '{"label": "ham", "text": "tea"}\n\n{"text": "win", "label": "spam"}\n',
    ],
)
def test_read_data__header_as_people_have_it__is_understood(write, content: str) -> None:
    data = read_data(write(content))
    assert named(data) == [("tea", "ham"), ("win", "spam")]
    assert data.input_kind == "text"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("label,text\n", "there are no samples"),
        ("1\ttea\n0\tbread\n", r"the first line is '1', 'tea', not a header(.|\n)*columns label and text"),
        ("a,b\n1,2\n", "not a header that is known"),
        ("label\n1\n", "no column besides the label"),
        ("class,target,text\n1,2,tea\n", "is the label in the column 'class' or 'target'"),
        ("a,label,Label\n1,x,y\n", "two columns are called 'label'"),
    ],
)
def test_read_data__header_without_a_meaning__is_refused(refused, content: str, problem: str) -> None:
    refused(content, problem)


def test_read_data__columns_that_are_named__are_taken(write, refused) -> None:
    content = "opinion,remark,stars\ngood,tea,1\nbad,bread,2\n"
    data = read_data(write(content), label_column="Opinion", text_column="remark")
    assert named(data) == [("tea", "good"), ("bread", "bad")]
    assert data.notes == ("not used: column 'stars'",)
    refused(content, "no column is called 'colour'; there are 'opinion', 'remark', 'stars'", label_column="colour")
    refused(content, "no column is called 'colour'", label_column="stars", text_column="colour")


# ---- texts -----------------------------------------------------------------------------------------------------------


def test_read_data__quoted_line_breaks__keep_the_numbers_of_the_lines(write) -> None:
    data = read_data(write('review,sentiment\n"Long, ""slow"" and\nwet",negative\nSunny,positive\n'))
    assert named(data) == [('Long, "slow" and\nwet', "negative"), ("Sunny", "positive")]
    assert data.places == ("line 2", "line 4")
    assert data.labels.tolist() == [0, 1]


def test_read_data__quotes_in_tsv__are_part_of_the_text(write) -> None:
    data = read_data(write('label\ttext\n1\t"open and 5" wide\n0\t"closed"\n'))
    assert data.samples == ['"open and 5" wide', '"closed"']


@pytest.mark.parametrize("header", ["label\ttext", '"label"\t"text"'])
def test_read_data__tsv_whose_texts_are_all_in_quotes__is_read_without_them(write, header: str) -> None:
    assert read_data(write(header + '\n1\t"a"\n0\t"c\td"\n')).samples == ["a", "c\td"]
    assert read_data(write(header + '\n"x"\t"a"\n"y"\t"b"\n')).class_names == ("x", "y")


def test_read_data__words_like_na__stay_words(write) -> None:
    assert read_data(write("label\ttext\n1\tNA\n0\tnull\n")).samples == ["NA", "null"]


def test_read_data__line_breaks_of_html__are_line_breaks(write) -> None:
    assert read_data(write("label,text\n1,tea<br /><BR>bread\n0,x\n")).samples == ["tea\n\nbread", "x"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("label,text\n1,tea\n0,bread,butter\n", "line 3: 3 fields, not 2 as in the first line; texts that contain ','"),
        ('label,text\n1,"a\nb"\n0,bread,butter\n', "line 4: 3 fields"),
        ("label\ttext\n1\ttea\n0\n", "line 3: 1 fields, not 2 .* a text has no tab and no line break here"),
        ('label,text\n1,"tea\n0,bread\n', "line 2: unexpected end of data; is a quotation mark opened and not closed"),
        ('label,text\n1,"tea" hot\n', "line 2: ',' expected after"),
    ],
)
def test_read_data__line_that_does_not_fit__is_named(refused, content: str, problem: str) -> None:
    refused(content, problem)


def test_read_data__repeated_header__is_left_out_and_said(write) -> None:
    data = read_data(write("label,text\nham,tea\nlabel,text\nspam,win\n"))
    assert named(data) == [("tea", "ham"), ("win", "spam")]
    assert data.notes == ("line 3: the header once more, left out",)


# ---- encodings -------------------------------------------------------------------------------------------------------

GERMAN = "label;text\nja;Größe über alles, schöne Tage für die Mädchen\nnein;Das war früher nicht möglich, natürlich\n"


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", "read as UTF-16"),
        ("utf-16-le", "read as UTF-16-LE"),
        ("utf-16-be", "read as UTF-16-BE"),
        ("utf-32", "read as UTF-32"),
        ("cp1252", r"read as cp1252, since it is not UTF-8 (line 2)"),
    ],
)
def test_read_data__encoding_that_is_certain__is_read_and_said(write, encoding: str, note: str | None) -> None:
    data = read_data(write(GERMAN.encode(encoding)))
    assert data.samples[0] == "Größe über alles, schöne Tage für die Mädchen"
    assert data.notes == ((note,) if note else ())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("label,text\n1,café au lait\n0,très bien\n".encode("latin-1"), "line 2: not UTF-8, .* most likely cp1252"),
        ("label,text\n1,tea\n0,привет, как дела\n".encode("cp1251"), "line 3: not UTF-8; most likely"),
        (b"label,text\n1,tea\n0,a\0b\n", "line 3: a NUL byte"),
        (b"\xff\xfel\0a\0b\0e\0l\0\t\0\xff", "begins like UTF-16, but is not"),
        (bytes(range(1, 256)) * 4, "not UTF-8"),
        (bytes(1_000), "a NUL byte"),
    ],
)
def test_read_data__encoding_that_is_not_certain__is_named(refused, content: bytes, problem: str) -> None:
    refused(content, problem)


def test_read_data__bad_byte_after_a_million__has_its_line(refused) -> None:
    lines = b"label,text\n" + b"ham,tea\n" * 200_000
    refused(lines + b"spam,caf\xe9\n", "line 200002: not UTF-8")


# ---- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "names", "indices"),
    [
        (["0", "1"], ("0", "1"), [0, 1]),
        (["3", "1", "10", "2"], ("1", "2", "3", "10"), [2, 0, 3, 1]),
        (["1", "-1"], ("-1", "1"), [1, 0]),
        (["+1", "-1"], ("-1", "+1"), [1, 0]),
        (["1.0", "0.0", "1"], ("0", "1"), [1, 0, 1]),
        (["0.5", "2"], ("0.5", "2"), [0, 1]),
        (["spam", " ham", "ham ", "\u00a0ham\ufeff"], ("ham", "spam"), [1, 0, 0, 0]),
        (["true", "false"], ("false", "true"), [1, 0]),
        (["caf\u00e9", "cafe\u0301", "tea"], ("caf\u00e9", "tea"), [0, 0, 1]),
        (["01", "02"], ("01", "02"), [0, 1]),
    ],
)
def test_read_data__labels__are_names(write, labels: list[str], names: tuple[str, ...], indices: list[int]) -> None:
    data = read_data(write("label,text\n" + "".join(f"{label},tea\n" for label in labels)))
    assert (data.class_names, data.labels.tolist()) == (names, indices)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (["ham", "", "spam"], "line 3: no label"),
        (["ham", "", " "], "lines 3, 4: no label"),
        (["ham", *[""] * 9], "lines 3, 4, 5, 6, 7 and 4 more: no label"),
        (["ham", "Ham", "ham"], r"two spellings of labels: 'ham' \(2\) and 'Ham' \(1\)"),
        (["big dog", "big  dog"], "two spellings"),
        (["01", "1"], r"two spellings of labels: '01' \(1\) and '1' \(1\)"),
        (["true", "True"], "two spellings"),
        (["NaN", "1"], "line 2: the label 'NaN' usually stands for a missing one"),
        (["1", "0", "spam"], "line 4: the label 'spam' is a word, but others are numbers"),
        (["1", "1"], "all samples have the label '1'"),
        ([f"c{i}" for i in range(256)], "256 different labels, but a model has at most 255"),
    ],
)
def test_read_data__labels_without_a_meaning__are_refused(refused, labels: list[str], problem: str) -> None:
    refused("label,text\n" + "".join(f"{label},tea\n" for label in labels), problem)


def test_class_indices__names_that_are_numbers__are_never_indices() -> None:
    indices, names = class_indices(["3", "1", "2"], ["a", "b", "c"], ["1", "2", "3"])
    assert (indices.tolist(), names) == ([2, 0, 1], ("1", "2", "3"))
    with pytest.raises(DataError, match="b: the label '0' is unknown; known are 1, 2, 3"):
        class_indices(["1", "0", "4"], ["a", "b", "c"], ["1", "2", "3"])


def test_class_indices__names_that_are_words__may_be_indices_as_a_whole() -> None:
    names = ["cat", "bird", "fish"]
    assert class_indices(["bird", "cat"], ["a", "b"], names)[0].tolist() == [1, 0]
    assert class_indices(["2", "0"], ["a", "b"], names)[0].tolist() == [2, 0]
    with pytest.raises(DataError, match="b: the label '2' is unknown; known are cat, bird, fish"):
        class_indices(["bird", "2"], ["a", "b"], names)
    with pytest.raises(DataError, match="b: the label '3' is unknown; known are 0, 1, 2"):
        class_indices(["0", "3"], ["a", "b"], names)
    with pytest.raises(DataError, match="indices of classes count from 0, but no label is 0"):
        class_indices(["1", "2"], ["a", "b"], names)


def test_read_data__named_classes__have_the_given_indices(write, refused) -> None:
    data = read_data(write("label,text\nNaN,tea\nbird,bread\n"), class_names=["bird", "NaN", "fish"])
    assert (data.labels.tolist(), data.class_names) == ([1, 0], ("bird", "NaN", "fish"))
    refused(
        "label,text\nbird,tea\nfish,x\n",
        "line 3: the label 'fish' is unknown; known are cat, bird",
        class_names=["cat", "bird"],
    )
    refused("label,text\na,tea\nb,x\n", "two spellings of the classes", class_names=["a", "A"])


# ---- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_read_data__table_of_numbers__rows_columns_and_named_classes(write, delimiter: str) -> None:
    data = read_data(write("width,label,height\n1.5,pear,-2\n3,apple,4e1\n".replace(",", delimiter)))
    assert named(data) == [([1.5, -2.0], "pear"), ([3.0, 40.0], "apple")]
    assert (data.columns, data.input_kind, data.places) == (("width", "height"), "numbers", ("line 2", "line 3"))


@pytest.mark.parametrize("name", ["", "id", "ID", "PassengerId", "user_id", "index", "__index_level_0__"])
def test_read_data__column_that_numbers_the_rows__is_not_used_and_named(write, name: str) -> None:
    data = read_data(write(f"{name},label,a\n0,x,5\n1,y,6\n"))
    assert data.samples.tolist() == [[5.0], [6.0]]
    assert data.notes == (f"not used: column {repr(name) if name else '1 (without a name)'}",)


def test_read_data__column_whose_name_only_ends_so__is_used(write) -> None:
    assert read_data(write("paid,label,valid\n0,x,5\n1,y,6\n")).columns == ("paid", "valid")


def test_read_data__column_that_only_counts_the_rows__is_not_used_and_named(write, refused) -> None:
    rows = [f"{number + 3},{'xy'[number % 2]},{number % 5}" for number in range(20)]
    data = read_data(write("\n".join(["row,label,a", *rows])))
    assert (data.columns, data.samples.shape) == (("a",), (20, 1))
    assert data.notes == ("not used, because it only counts the rows: column 'row'",)
    assert read_data(write("\n".join(["row,label,a", *rows[:-1]]))).columns == ("row", "a")


def test_read_data__true_and_false_among_numbers__are_one_and_zero(write) -> None:
    assert read_data(write("label,a,b\nx,true,5\ny,False,6\n")).samples.tolist() == [[1, 5], [0, 6]]


def test_read_data__row_without_a_number__is_left_out_with_its_line(write, refused) -> None:
    data = read_data(write("label,a,b\nx,1,2\nx,,2\ny,inf,3\ny,NaN,3\ny,5,6\n"))
    assert data.samples.tolist() == [[1, 2], [5, 6]]
    assert [(r.place, r.label, r.reason) for r in data.left_out] == [
        ("line 3", "x", "no finite number in 'a'"),
        ("line 4", "y", "no finite number in 'a'"),
        ("line 5", "y", "no finite number in 'a'"),
    ]
    refused("label,a\nx,1\nz,2\ny,\ny,\n", r"no sample of the class 'y' can be read: lines 4, 5 \(no finite number")


def test_read_data__row_left_out_of_a_class_with_a_name__has_that_name(write, refused) -> None:
    data = read_data(write("label,a\n0,1\n1,2\n1,\n"), class_names=["low", "high"])
    assert [(r.place, r.label) for r in data.left_out] == [("line 4", "high")]
    refused("label,a\n0,1\n1,2\n,\n,NaN\n", "line 5: no label")


def test_read_data__decimal_commas__are_read_where_nothing_else_parts_columns(write, refused) -> None:
    data = read_data(write("label;a;b\nx;1,5;2\ny;-,25;1e3\n"))
    assert data.samples.tolist() == [[1.5, 2.0], [-0.25, 1000.0]]
    assert data.notes == ("decimals are read with a comma (line 2: '1,5')",)
    refused(
        'label,a\nx,"1,234"\ny,"2,500"\n', "line 2: '1,234': is the comma a decimal mark, or does it part thousands"
    )
    refused('label;a\nx;"1,234"\ny;2,500\n', "line 2: '1,234': is the comma a decimal mark")
    assert read_data(write("label;a\nx;0,234\ny;2,500\n")).samples.tolist() == [[0.234], [2.5]]
    refused(
        "label;a\nx;1,5\ny;2.5\n", "line 2: '1,5' and line 3: '2.5': decimals are written with a comma in one place"
    )
    refused("label;a\nx;1.234,5\ny;2,5\n", "line 2: '1.234,5' in the column 'a' is not a number")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a,b,label\n1,1,x\n1,red,y\n", "line 3: 'red' in the column 'b' is not a number(.|\n)*get_dummies"),
        ("a,b,label\n1,1,x\n1,1_000,y\n", "line 3: '1_000' in the column 'b' is not a number"),
        ("a,label\n1,x\n2\n", "line 3: 1 fields, not 2"),
    ],
)
def test_read_data__value_that_is_no_number__is_refused(refused, content: str, problem: str) -> None:
    refused(content, problem)


# ---- JSON lines and Parquet ------------------------------------------------------------------------------------------


def test_read_data__json_lines__have_types(write) -> None:
    rows = [{"label": True, "a": 1, "b": 2.5}, {"b": None, "a": 3, "label": False}, {"label": False, "a": 4, "b": -1}]
    data = read_data(write("".join(json.dumps(row) + "\n" for row in rows)))
    assert named(data) == [([1.0, 2.5], "true"), ([4.0, -1.0], "false")]
    assert [(r.place, r.label) for r in data.left_out] == [("line 2", "false")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('[{"label": 1, "text": "a"}]', r"line 1: not an object of JSON, as \{\.\.\.\}; JSON lines have one a line"),
        ('{"label": 1, "text": "a"}\n{"label": 0, "text"\n', "line 2: not an object of JSON"),
        ('{"label": 1, "text": "a"}\n{"text": "b"}\n', "line 2: no label"),
        ('{"label": 1, "text": "a"}\n{"label": 0, "tekst": "b"}\n', "line 2: 'tekst' is not in the first object"),
        ('{"label": [1], "text": "a"}\n', "line 1: a label is a word or a number, not a list"),
        ('{"label": 1, "text": ["a"]}\n', "line 1: 'text' is a list, not a text"),
        ('{"label": 1, "text": ' + "[" * 100_000 + "\n", "line 1: nested too deeply"),
        ('{"label": ' + "9" * 5_000 + ', "text": "a"}\n', "line 1: not an object of JSON"),
        ('{"label": 1, "a": 1' + "0" * 400 + "}\n", "no sample of the class '1' can be read"),
    ],
)
def test_read_data__bad_json_lines__are_named(refused, content: str, problem: str) -> None:
    refused(content, problem, "data.jsonl")


def test_read_data__parquet__has_texts_numbers_and_missing_values(write, tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pd.DataFrame({"label": [1.0, 0.0, 1.0], "text": ["tea", None, "bread"]}).to_parquet(path)
    assert named(read_data(path)) == [("tea", "1"), ("", "0"), ("bread", "1")]
    frame = pd.DataFrame({"label": pd.Categorical(["x", "y", "x"]), "a": [1, 2, 3], "b": [0.5, 1, None]}, [7, 8, 9])
    frame.to_parquet(path)
    data = read_data(path)
    assert named(data) == [([1.0, 0.5], "x"), ([2.0, 1.0], "y")]
    assert data.notes == ("not used: column '__index_level_0__'",)
    assert [(r.place, r.label) for r in data.left_out] == [("row 3", "x")]


def test_read_data__parquet_without_a_label_or_cut_off__is_refused(refused, tmp_path: Path) -> None:
    path = tmp_path / "frame.parquet"
    pd.DataFrame({"label": [1.0, None, 0.0], "text": ["a", "b", "c"]}).to_parquet(path)
    refused(path.read_bytes(), "row 2: no label")
    refused(path.read_bytes()[:300], "not a Parquet file that can be read")
    pd.DataFrame({"label": [1, 0], "text": [["a"], ["b"]]}).to_parquet(path)
    refused(path.read_bytes(), "row 1: 'text' is a list, not a text")


def test_read_data__parquet_that_repeats_one_long_text__is_one_text_in_memory(write, tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 6_000, pa.int32()), pa.array(["q" * 1_000_000]))
    parquet.write_table(pa.table({"label": pa.array(["x", "y"] * 3_000), "text": texts}), path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(read_data(path).samples) == 6_000  # 6 billion characters, if each were its own
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000


# ---- huge and hostile tables -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a" * 20_000_000, "line 1: more than 1,000,000 characters"),
        (b"label,text\n1," + b"a" * 2_000_000, "line 2: more than 1,000,000 characters"),
        (b"label,text\n1," + b"a" * 200_000, "line 2: field larger than field limit"),
        (b'label,text\n1,"a\n' + b"0,b\n" * 100_000, "line 2: field larger .* is a quotation mark opened"),
        (",".join(f"c{i}" for i in range(100_000)).encode() + b",label\n", "100,001 columns; at most 4,096 are read"),
        (gzip.compress(bytes(250_000_000), 1), "more than 200,000,000 bytes"),
        (b"\x1f\x8b\x08broken", "cannot be unpacked"),
        (b"PK\x03\x04" + b"[Content_Types].xml" * 9, "a workbook of Excel"),
        (b"\xd0\xcf\x11\xe0" + bytes(99), "a workbook of Excel"),
        (b"PK\x03\x04" + bytes(99), "an archive that is cut off"),
        (b"Rar!\x1a\x07\x00" + bytes(99), "an archive of RAR, 7z or zstd: pack it as ZIP"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "one picture: put those of each class into a folder"),
        (b"%PDF-1.4\n%\xe2\xe3", "no table that is read: save it as CSV"),
    ],
    ids=[
        *("endless", "long line", "long field", "open quote", "columns", "gzip bomb", "no gzip"),
        *("xlsx", "xls", "half a zip", "rar", "png", "pdf"),
    ],
)
def test_read_data__huge_or_strange_file__is_refused_soon(refused, content: bytes, problem: str) -> None:
    refused(content, problem)


def test_read_data__gzip_of_a_table__is_read(write) -> None:
    assert read_data(write(gzip.compress(b"label,text\na,b\nc,d\n"), "data.csv.gz")).samples == ["b", "d"]


def test_read_data__missing_file__says_where_data_can_be_got(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.tsv: no such file(.|\n)*archive\.ics\.uci\.edu(.|\n)*breast_cancer"):
        read_data(tmp_path / "missing.tsv")


# ---- folders and archives --------------------------------------------------------------------------------------------


def picture(grey: object = 10, size: tuple[int, int] = (5, 3), mode: str = "L", form: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, grey).save(file, form, **options)
    return file.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def unpacked(files: dict[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


ANIMALS = {"set/dog/1.png": picture(10), "set/cat/a.png": picture(20), "set/cat/.x.png": b"", "__MACOSX/cat/1.png": b""}


@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz", "tar.xz", "folder"])
def test_read_data__pictures_in_folders__folders_are_the_classes(write, tmp_path: Path, form: str) -> None:
    modes = {"tar": "w", "tar.gz": "w:gz", "tar.xz": "w:xz"}
    if form == "folder":
        path = unpacked(ANIMALS, tmp_path / "animals")
    else:
        path = write(zipped(ANIMALS) if form == "zip" else tarred(ANIMALS, modes[form]), f"animals.{form}")
    data = read_data(path)
    assert [p.shape for p in data.samples] == [(3, 5)] * 2
    assert [int(p[0, 0]) for p in data.samples] == [20, 10]
    assert (data.labels.tolist(), data.class_names, data.input_kind) == ([0, 1], ("cat", "dog"), "image")
    assert data.places == ("set/cat/a.png", "set/dog/1.png")
    assert (data.notes, data.left_out) == ((), ())


def test_read_data__zip_from_windows__has_folders_too(write) -> None:
    data = read_data(write(zipped({"a\\cat\\1.png": picture(), "a\\dog\\1.png": picture(), "a\\Thumbs.db": b""})))
    assert (data.class_names, data.places, data.notes) == (("cat", "dog"), ("a/cat/1.png", "a/dog/1.png"), ())


def test_read_data__zip_whose_names_are_not_said_to_be_utf_8__is_read_where_they_are_certain(write, refused) -> None:
    def named_so(name: bytes) -> bytes:
        files = {f"{'z' * len(name)}/1.png": picture(), "dog/1.png": picture()}
        return zipped(files).replace(b"z" * len(name) + b"/", name + b"/")

    assert "кот" in read_data(write(named_so("кот".encode()))).class_names
    refused(named_so("кот".encode("cp866")), "is not named in UTF-8, so that its letters are not certain")
    data = read_data(write(zipped({"cat/1.png": picture(), "dog/1.png": picture()}).replace(b"dog/1", b"dog/\xaa")))
    assert data.class_names == ("cat", "dog")


def test_read_data__train_and_test__are_read_together_and_are_no_classes(write, refused) -> None:
    files = {"s/train/cat/1.png": picture(), "s/test/dog/1.png": picture(), "s/test/cat/1.png": picture()}
    data = read_data(write(zipped(files)))
    assert (data.class_names, data.labels.tolist()) == (("cat", "dog"), [0, 1, 0])
    assert data.notes == ("the folders test and train are read together",)
    files = {"train/cat.1.png": picture(), "test/1.png": picture()}
    refused(zipped(files), "'test/1.png' is in no folder of a class")


def test_read_data__files_that_are_no_pictures__are_named(write, refused) -> None:
    files = {"cat/1.png": picture(), "dog/1.png": picture(), "readme.md": b"", "top.png": picture()}
    assert read_data(write(zipped(files))).notes == ("not read: readme.md, top.png",)
    files = {"cat/1.png": picture(), "dog/1.png": picture(), "fox/1.heic": b"x", "fox/2.HEIC": b"x"}
    refused(zipped(files), r"no sample of the class 'fox' can be read: fox/1.heic, fox/2.HEIC \(HEIC is not read: save")
    refused(zipped({"cat/1.png": picture(), "dog/x/1.png": picture()}), "lie at different depths")
    refused(zipped({"1.png": picture(1)}), "no pictures or texts in folders")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "PPM"])
def test_read_data__each_form_of_pictures__is_read(write, form: str) -> None:
    content = picture((90, 90, 90), (8, 8), "RGB", form)
    data = read_data(write(zipped({f"cat/1.{form.lower()}": content, "dog/1.png": picture()})))
    assert data.left_out == ()
    assert abs(int(data.samples[0].mean()) - 90) <= 2


def test_read_data__odd_pictures__are_what_people_see(write) -> None:
    turned = Image.new("L", (8, 4), 50)
    exif = turned.getexif()
    exif[0x0112] = 6  # a quarter to the right
    frames = {"save_all": True, "append_images": [Image.new("L", (5, 3), 250)]}
    files = {
        "a/16bit.png": picture(40_000, mode="I;16"),
        "a/16bit.tif": picture(40_000, mode="I;16", form="TIFF"),
        "a/cmyk.jpg": picture((0, 0, 0, 255), (8, 8), "CMYK", "JPEG"),
        "b/clear.png": picture((0, 0, 0, 0), mode="RGBA"),
        "b/moving.gif": picture(100, form="GIF", **frames),
        "b/turned.jpg": picture(50, (8, 4), form="JPEG", exif=exif),
    }
    data = read_data(write(zipped(files)))
    assert [int(p[0, 0]) for p in data.samples[:2]] == [40_000 >> 8] * 2
    assert int(data.samples[2].max()) < 5
    assert [int(p[0, 0]) for p in data.samples[3:5]] == [255, 100]
    assert data.samples[5].shape == (8, 4)
    assert data.left_out == ()


def test_read_data__broken_picture__is_left_out_and_named(write, refused) -> None:
    noise = np.random.default_rng(0).integers(0, 256, size=(40, 40), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    files = {"cat/1.png": file.getvalue()[:700], "cat/2.png": picture(), "dog/1.png": picture(), "dog/2.tif": b"II*"}
    data = read_data(write(zipped(files)))
    assert [(r.place, r.label) for r in data.left_out] == [("cat/1.png", "cat"), ("dog/2.tif", "dog")]
    assert all("cannot be read as a picture" in r.reason and "object at" not in r.reason for r in data.left_out)
    assert len(data.samples) == 2
    refused(zipped({"cat/1.png": b"x", "dog/1.png": picture()}), "no sample of the class 'cat' can be read: cat/1.png")


def test_read_data__texts_in_folders__folders_are_the_classes(write) -> None:
    files = {
        "aclImdb/train/pos/1_9.txt": b"good<br />film",
        "aclImdb/test/neg/1_2.txt": b"bad",
        "aclImdb/test/neg/2_2.txt": b"\xff\xfe\xff",
        "aclImdb/imdb.vocab": b"the",
    }
    data = read_data(write(tarred(files), "aclImdb_v1.tar.gz"))
    assert named(data) == [("bad", "neg"), ("good\nfilm", "pos")]
    assert [(r.place, r.label) for r in data.left_out] == [("aclImdb/test/neg/2_2.txt", "neg")]
    assert data.notes == ("the folders test and train are read together", "not read: aclImdb/imdb.vocab")


def test_read_data__archive_with_one_table__is_that_table(write, refused) -> None:
    table = b"label,text\na,b\nc,d\n"
    data = read_data(write(zipped({"data/reviews.csv": table, "data/readme.txt": b"hello"})))
    assert (data.samples, data.notes) == (["b", "d"], ("read from data/reviews.csv",))
    refused(zipped({"a.csv": table, "b.csv": table}), r"2 tables \(a.csv, b.csv\): unpack it and name one")


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """The first block of a file in a TAR that says that it is so large."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.type = size, kind
    return entry.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        # what is large is made by the test alone
        (lambda: zipped({"cat/1.png": bytes(100_000_001)}), "more than 100,000,000 bytes when unpacked"),
        (zipped({f"cat/{i}.png": b"" for i in range(5_001)}), "5,001 pictures; at most 5,000"),
        (
            lambda: zipped({f"{c}/{i}.png": picture(1, (7_000, 7_000)) for c in ("cat", "dog") for i in (1, 2)}),
            "more than 100,000,000 pixels together",
        ),
        (
            lambda: zipped({f"{c}/1.png": picture(1, (9_000, 9_000)) for c in ("cat", "dog")}),
            "is too large: 9,000 x 9,000",
        ),
        (zipped({"cat/1.png": picture(1), "cat/2.png": picture(2)}), "all samples have the label 'cat'"),
        (zipped({"../cat/1.png": picture(), "dog/1.png": picture()}), "leads out of the archive"),
        (zipped({"/cat/1.png": picture(), "dog/1.png": picture()}), "leads out of the archive"),
        (zipped({"C:\\cat\\1.png": picture(), "dog/1.png": picture()}), "leads out of the archive"),
        (zipped({"a.doc": b""}), "no pictures or texts in folders"),
        (zipped({"cat/1.png": b""})[:-30] + bytes(30), "a NUL byte|an archive that is cut off"),
        (
            gzip.compress(header("cat/1.txt", 50_000_000_000) + bytes(999)),
            "more than 1,000,000,000 bytes when unpacked",
        ),
        (
            gzip.compress(header("././@LongLink", 50_000_000_000, tarfile.GNUTYPE_LONGNAME) + bytes(999)),
            "more than 1,000,000,000 bytes when unpacked",
        ),
        (tarred({"cat/1.txt": b"x"}, "w")[:520], "the archive is broken|no pictures or texts|cannot be unpacked"),
    ],
    ids=[
        *("zip bomb", "too many", "too large together", "too large", "one class", "parent", "root", "drive", "nothing"),
        *("no directory", "huge in tar", "long name in tar", "cut tar"),
    ],
)
def test_read_data__bad_archive__is_refused_soon(refused, content: bytes | Callable[[], bytes], problem: str) -> None:
    refused(content() if callable(content) else content, problem, "archive")


def test_read_data__more_bytes_than_an_archive_states__are_not_read(refused) -> None:
    content = zipped({"cat/1.txt": b"x" * 5_000, "dog/1.txt": b"y"})
    size = (5_000).to_bytes(4, "little")
    assert content.count(size) == 2  # before the file, and in the table of contents
    lies = content.replace(size, (10).to_bytes(4, "little"))
    refused(lies, "cat/1.txt: cannot be unpacked", "lies.zip")


def test_read_data__links__are_not_followed(write, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret")
    folder = unpacked({"cat/1.txt": b"a", "dog/1.txt": b"b"}, tmp_path / "animals")
    (folder / "cat" / "2.txt").symlink_to(secret)
    (folder / "fox").symlink_to(tmp_path)
    data = read_data(folder)
    assert data.samples == ["a", "b"]
    assert data.notes == ("not read, because they are no plain files: cat/2.txt, fox",)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in (("cat/1.txt", "a"), ("dog/1.txt", "b")):
            archive.writestr(name, content)
        link = zipfile.ZipInfo("cat/2.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, str(secret))
    assert read_data(write(file.getvalue())).notes == ("not read, because they are no plain files: cat/2.txt",)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in ("cat/1.txt", "dog/1.txt"):
            archive.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("cat/2.txt")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(link)
    assert read_data(write(file.getvalue())).samples == ["", ""]


def test_read_data__too_many_files__are_refused(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 2)
    path = write(zipped({"cat/1.txt": b"a", "dog/1.txt": b"b", "dog/2.txt": b"c"}))
    with pytest.raises(DataError, match="more than 2 files"):
        read_data(path)
    monkeypatch.setattr(archives, "_MAX_DIRECTORY", 100)
    with pytest.raises(DataError, match="too many files"):
        read_data(path)
