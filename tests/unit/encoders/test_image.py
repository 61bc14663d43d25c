"""Pictures: read from anywhere, the same bytes everywhere."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestCentroid

from encoders import EncoderError, ProjectedImage, SampleError
from encoders.image import grey_pixels
from encoders.wire import norm_within_bounds, unpack_dense_many


@pytest.fixture(scope="module")
def digits() -> tuple[list[np.ndarray], np.ndarray]:
    """Handwritten digits, 8 x 8 pixels from 0 to 16, scaled to 0 to 255."""
    bunch = load_digits()
    return list((bunch.images * 255 / 16).astype(np.uint8)), bunch.target


@pytest.fixture(scope="module")
def encoder(digits: tuple[list[np.ndarray], np.ndarray]) -> ProjectedImage:
    return ProjectedImage.fit(digits[0][:1_000], n_features=32, side=8)


# ---- grey pixels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("colour", "grey"),
    [
        ((255, 0, 0), 76),  # 0.299 * 255 = 76.2
        ((0, 255, 0), 150),  # 0.587 * 255 = 149.7
        ((0, 0, 255), 29),  # 0.114 * 255 = 29.1
        ((255, 255, 255, 255), 255),
        ((0, 0, 0, 0), 255),  # transparent: white shows through
        ((0, 0, 0, 255), 0),
    ],
)
def test_grey_pixels__one_colour__is_its_luma(colour: tuple[int, ...], grey: int) -> None:
    array = np.full((3, 5, len(colour)), colour, dtype=np.uint8)
    assert grey_pixels(array, side=2).tolist() == [grey] * 4


def test_grey_pixels__array_picture_and_file__are_the_same(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, size=(20, 30), dtype=np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(array).save(path)
    expected = grey_pixels(array, side=8).tolist()
    assert grey_pixels(path, side=8).tolist() == expected
    assert grey_pixels(str(path), side=8).tolist() == expected
    assert grey_pixels(Image.open(path), side=8).tolist() == expected
    assert grey_pixels(np.stack([array] * 3, axis=2), side=8).tolist() == expected


def test_grey_pixels__right_size__is_unchanged() -> None:
    array = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert grey_pixels(array, side=8).tolist() == list(range(64))


def test_grey_pixels__exif_orientation__is_followed(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 255], [0, 255]], dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 3  # orientation: turned by 180 degrees
    picture.save(tmp_path / "turned.png", exif=exif)
    assert grey_pixels(tmp_path / "turned.png", side=2).tolist() == [255, 0, 255, 0]


def test_grey_pixels__missing_file__is_refused(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match=r"missing\.png: no such file"):
        grey_pixels(tmp_path / "missing.png", side=8)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n cut off"])
def test_grey_pixels__unreadable_file__is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(SampleError, match=r"broken\.png cannot be read as a picture"):
        grey_pixels(path, side=8)


def test_grey_pixels__truncated_file__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, size=(50, 50), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(SampleError, match=r"cut\.png cannot be read as a picture"):
        grey_pixels(path, side=8)


@pytest.mark.parametrize(
    ("picture", "problem"),
    [
        (np.zeros((8, 8)), "pixels are uint8 from 0 to 255, not float64"),
        (np.zeros((8, 8), dtype=np.uint16), "not uint16"),
        (np.zeros((8, 8, 2), dtype=np.uint8), r"not \(8, 8, 2\)"),
        (np.zeros(8, dtype=np.uint8), r"not \(8,\)"),
        (np.zeros((0, 8), dtype=np.uint8), r"not \(0, 8\)"),
        (Image.new("I", (8, 8)), "32 bits a pixel"),
        (Image.new("F", (8, 8)), "32 bits a pixel"),
        (5, "not a int"),
    ],
)
def test_grey_pixels__not_an_8_bit_picture__is_refused(picture: object, problem: str) -> None:
    with pytest.raises(SampleError, match=problem):
        grey_pixels(picture, side=8)


# ---- encoder ---------------------------------------------------------------------------------------------------------


def test_encode__worked_example__projects_what_differs_from_the_mean() -> None:
    # Two pixels wide and high; the mean is grey 100; one direction sums the upper row, the other the left column.
    encoder = ProjectedImage(
        side=2,
        method="pca",
        mean=[100 * 2**8] * 4,
        projection=[[2**16, 2**16, 0, 0], [2**16, 0, 2**16, 0]],
        unit=100,
    )
    picture = np.array([[130, 100], [110, 50]], dtype=np.uint8)  # less the mean: 30, 0, 10, -50
    assert encoder.vectors([picture]).tolist() == [[30 * 2**24, 40 * 2**24]]
    assert encoder.encode(picture) == bytes([60, 80])  # 30 and 40 have norm 50


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_")  # some pixels are white in all digits
@pytest.mark.parametrize("method", ["pca", "random"])
def test_fit__digits__keeps_what_nearest_centroid_needs(
    digits: tuple[list[np.ndarray], np.ndarray], method: str
) -> None:
    pictures, labels = digits
    encoder = ProjectedImage.fit(pictures[:1_000], n_features=32, side=8, method=method)
    encoded = encoder.encode_many(pictures)
    values = unpack_dense_many(encoded, 32, encoder.unit)
    raw = np.stack(pictures).reshape(len(pictures), -1).astype(float)
    real, whole = (
        NearestCentroid().fit(inputs[:1_000], labels[:1_000]).score(inputs[1_000:], labels[1_000:])
        for inputs in (raw, values)
    )
    assert norm_within_bounds(values, encoder.unit).all()
    assert whole > real - {"pca": 0.02, "random": 0.06}[method]


def test_fit__twice__is_the_same(digits: tuple[list[np.ndarray], np.ndarray], encoder: ProjectedImage) -> None:
    assert ProjectedImage.fit(digits[0][:1_000], n_features=32, side=8).spec == encoder.spec


def test_encode_many__alone_or_together__is_the_same(
    digits: tuple[list[np.ndarray], np.ndarray], encoder: ProjectedImage
) -> None:
    pictures = digits[0][1_000:1_100]
    assert encoder.encode_many(pictures) == [encoder.encode(picture) for picture in pictures]


def test_decode__encoded_picture__is_its_direction(
    digits: tuple[list[np.ndarray], np.ndarray], encoder: ProjectedImage
) -> None:
    direction = encoder.directions(digits[0][:1])[0]
    assert np.abs(encoder.decode(encoder.encode(digits[0][0])) - direction).max() <= 0.5 / encoder.unit


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"n_features": 21}, "20 pictures of 8x8 pixels allow 1 to 20 features with the method 'pca', not 21"),
        ({"n_features": 0}, "not 0"),
        ({"side": 65}, "the side is 1 to 64 pixels, not 65"),
        ({"side": 0}, "not 0"),
        ({"method": "magic"}, "the method is pca or random, not 'magic'"),
        ({"n_features": 65, "method": "random"}, "allow 1 to 64 features with the method 'random', not 65"),
        ({"n_features": 2_049, "side": 64, "method": "random"}, "1 to 2,048 features, not 2,049"),
    ],
)
def test_fit__bad_option__is_refused(digits: tuple[list[np.ndarray], np.ndarray], options: dict, problem: str) -> None:
    with pytest.raises(EncoderError, match=problem):
        ProjectedImage.fit(digits[0][:20], **({"n_features": 4, "side": 8} | options))


def test_fit__no_pictures__is_refused() -> None:
    with pytest.raises(EncoderError, match="no pictures"):
        ProjectedImage.fit([])


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"mean": [0] * 3}, "have 4 columns"),
        ({"projection": [[0] * 3]}, "have 4 columns"),
        ({"mean": [-1, 0, 0, 0]}, "mean greys"),
        ({"mean": [65_281, 0, 0, 0]}, "mean greys"),
        ({"projection": [[2**20 + 1, 0, 0, 0]]}, "values of the projection"),
        ({"side": 65}, "the side is 1 to 64"),
        ({"method": "magic"}, "the method is pca or random"),
    ],
)
def test_projected_image__bad_parameters__are_refused(parameters: dict, problem: str) -> None:
    good = {"side": 2, "method": "pca", "mean": [0] * 4, "projection": [[2**16, 0, 0, 0]], "unit": 100}
    assert ProjectedImage(**good).n_features == 1
    with pytest.raises(EncoderError, match=problem):
        ProjectedImage(**(good | parameters))
