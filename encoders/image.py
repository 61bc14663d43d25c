"""Pictures to dense samples: grey scale, fixed size, linear projection, quantise.

1. The picture (the first one, where there are several) is turned as its EXIF orientation says, laid on white where it
   is transparent, and of 16 bits of grey the upper 8 are kept.
2. Grey: ``(299 R + 587 G + 114 B) / 1000`` (ITU-R BT.601), 0 to 255.
3. Size: ``side`` x ``side`` pixels by Pillow's bilinear resampling, whatever the shape was.
4. The mean picture is subtracted and the rest projected: on the principal components of the pictures that the encoder
   was fitted to, or on random directions, which nearly preserve distances (Johnson and Lindenstrauss 1984).
5. The result is divided by its norm, multiplied by ``unit``, and rounded.

Grey and size are integer arithmetic in Pillow. Mean and projection are kept as integers, and every sum of step 4 stays
below 2**53, where floating point is exact. So a picture has the same bytes on every machine and in whatever company it
is encoded.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

import numpy as np

from encoders.dense import DenseEncoder
from encoders.errors import EncoderError, SampleError
from encoders.quantise import MAX_VALUE

if TYPE_CHECKING:
    from PIL.Image import Image
    from typing_extensions import Self

MAX_SIDE = 64
"""Pixels. Sums of 64 * 64 products of at most 255 * 2**8 and 2**20 are below 2**53."""

_MEAN_SCALE = 2**8
_PROJECTION_SCALE = 2**16
_MAX_COEFFICIENT = 2**20  # 16.0: principal components end at 1, random ones hardly reach 6
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "PPM")
"""What is read from open files, which may come from anyone: of Pillow's formats those that one picture is kept in."""

# What a broken file makes Pillow raise
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
)
_DEEP_MODES = ("I", "F")  # 32 bits a pixel: there is no telling which value is white


class ProjectedImage(DenseEncoder):
    """Pictures, seen from a few directions.

    Parameters
    ----------
    side : int
        Pixels of the square that every picture is brought to, at most 64.
    method : {"pca", "random"}
        Where the projection comes from; the spec shows it.
    mean : array-like of int, shape (side * side,)
        Mean grey of each pixel, row by row, times 2**8.
    projection : array-like of int, shape (n_features, side * side)
        Directions, times 2**16; values from -2**20 to 2**20.
    unit : int
        The integer that stands for 1.0, from 64 to 4,096.

    Raises
    ------
    EncoderError
        If the parameters do not belong together or are out of range.
    """

    kind = "image"
    input_kind = "image"

    def __init__(
        self,
        side: int,
        method: Literal["pca", "random"],
        mean: Sequence[int],
        projection: Sequence[Sequence[int]],
        unit: int,
    ) -> None:
        _check(side, method)
        self.side = side
        self.method = method
        self.mean = np.array(mean, dtype=np.int64)
        self.projection = np.array(projection, dtype=np.int64)
        if self.mean.shape != (side**2,) or self.projection.shape[1:] != (side**2,):
            raise EncoderError(f"mean and projection have {side**2} columns, one for each pixel")
        if not ((self.mean >= 0) & (self.mean <= 255 * _MEAN_SCALE)).all():
            raise EncoderError(f"mean greys are 0 to {255 * _MEAN_SCALE:,}")
        if (np.abs(self.projection) > _MAX_COEFFICIENT).any():
            raise EncoderError(f"values of the projection are -{_MAX_COEFFICIENT:,} to {_MAX_COEFFICIENT:,}")
        super().__init__(len(self.projection), unit)

    @classmethod
    def fit(
        cls,
        pictures: Sequence[str | os.PathLike | Image | np.ndarray],
        n_features: int = 64,
        side: int = 16,
        method: Literal["pca", "random"] = "pca",
        unit: int | None = None,
    ) -> Self:
        """Fit the mean and the projection with scikit-learn, and choose the unit.

        Parameters
        ----------
        pictures : sequence of paths, PIL images or arrays of uint8
            As `grey_pixels` takes them.
        n_features : int, default 64
            Directions to keep: at most as many as there are pixels, and with ``"pca"`` as there are pictures.
        side : int, default 16
            Pixels of the square that every picture is brought to, at most 64.
        method : {"pca", "random"}, default "pca"
            ``PCA``, or ``GaussianRandomProjection`` with a fixed seed, which needs few pictures.
        unit : int, optional
            The integer that stands for 1.0, from 64 to 4,096. By default chosen from the pictures, see `choose_unit`.

        Raises
        ------
        SampleError
            If a picture cannot be read.
        EncoderError
            If all pictures are the same, a parameter is out of range, or there are too few pictures.
        """
        from sklearn.decomposition import PCA
        from sklearn.random_projection import GaussianRandomProjection

        _check(side, method)
        methods = {
            "pca": PCA(n_features, svd_solver="full"),
            "random": GaussianRandomProjection(n_features, random_state=0),
        }
        if len(pictures) == 0:
            raise EncoderError("there are no pictures to fit to")
        pixels = np.stack([grey_pixels(picture, side) for picture in pictures]).astype(np.float64)
        most = min(pixels.shape) if method == "pca" else side**2
        if not 1 <= n_features <= most:
            raise EncoderError(
                f"{len(pixels)} pictures of {side}x{side} pixels allow 1 to {most} features with the method {method!r}"
                f", not {n_features}"
            )
        mean = pixels.mean(axis=0)
        projection = methods[method].fit(pixels - mean).components_
        encoder = cls(
            side,
            method,
            np.rint(mean * _MEAN_SCALE).astype(np.int64),
            np.rint(projection * _PROJECTION_SCALE).astype(np.int64),
            MAX_VALUE if unit is None else unit,
        )
        return encoder.choose_unit(pictures) if unit is None else encoder

    @property
    def parameters(self) -> dict[str, int | str]:
        return {"features": self.n_features, "method": self.method, "side": self.side, "unit": self.unit}

    @property
    def fitted(self) -> dict[str, Any]:
        return {"mean": self.mean.tolist(), "projection": self.projection.tolist()}

    @classmethod
    def rebuild(cls, parameters: Mapping[str, str], fitted: Mapping[str, Any]) -> Self:
        return cls(
            int(parameters["side"]),
            cast(Literal["pca", "random"], parameters["method"]),
            fitted["mean"],
            fitted["projection"],
            int(parameters["unit"]),
        )

    def vectors(self, samples: Sequence[str | os.PathLike | Image | np.ndarray] | np.ndarray) -> np.ndarray:
        """The projected pictures, times 2**24: float64 with integer values, shape (n_samples, n_features)."""
        pixels = np.stack([grey_pixels(picture, self.side) for picture in samples]).astype(np.int64)
        centred = (pixels * _MEAN_SCALE - self.mean).astype(np.float64)
        return centred @ self.projection.T.astype(np.float64)


def grey_pixels(picture: str | os.PathLike | Image | np.ndarray, side: int) -> np.ndarray:
    """Read a picture as a small grey square.

    Parameters
    ----------
    picture : path, PIL image, or ndarray of uint8
        Arrays have the shape (height, width), (height, width, 3) or (height, width, 4).
    side : int
        Pixels of the square.

    Returns
    -------
    ndarray of uint8, shape (side * side,)
        Grey from 0 (black) to 255 (white), row by row.

    Raises
    ------
    SampleError
        If there is no such file, or it is not a picture with 8 bits a channel.
    """
    from PIL import Image

    small = Image.fromarray(grey(picture)).resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(small).reshape(-1)


def grey(picture: str | os.PathLike | BinaryIO | Image | np.ndarray, most: int | None = None) -> np.ndarray:
    """Read a picture in grey, turned as its EXIF orientation says, on white where it is transparent.

    Parameters
    ----------
    picture : path, open file, PIL image, or ndarray of uint8
        Arrays have the shape (height, width), (height, width, 3) or (height, width, 4).
    most : int, optional
        Pixels that it may have: a small file can unpack to a huge picture.

    Returns
    -------
    ndarray of uint8, shape (height, width)
        Grey from 0 (black) to 255 (white).

    Raises
    ------
    SampleError
        If there is no such file, or it is not a picture with 8 bits a channel or 16 bits of grey, or too large.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    name = picture if isinstance(picture, str | os.PathLike) else "the picture"
    try:
        image = _open(picture)
        if most is not None and image.width * image.height > most:
            raise SampleError(f"{name} is too large: {image.width:,} x {image.height:,} pixels, {most:,} are left")
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):  # white is 65,535
            image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
        if image.mode in _DEEP_MODES:
            raise SampleError(f"{name} has 32 bits a pixel; convert it to 8 or 16 bits first")
        image.load()
        if image.mode in ("L", "RGB") and "transparency" not in image.info:
            return np.asarray(image.convert("L"))
        image = image.convert("RGBA")
    except FileNotFoundError:
        raise SampleError(f"{name}: no such file") from None
    except SampleError:
        raise
    except UnidentifiedImageError:
        raise SampleError(f"{name} cannot be read as a picture (it is none of {', '.join(FORMATS)})") from None
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise SampleError(f"{name} cannot be read as a picture ({error})") from error
    return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("L"))


def _check(side: int, method: str) -> None:
    if not 1 <= side <= MAX_SIDE:
        raise EncoderError(f"the side is 1 to {MAX_SIDE} pixels, not {side}")
    if method not in ("pca", "random"):
        raise EncoderError(f"the method is pca or random, not {method!r}")


def _open(picture: str | os.PathLike | BinaryIO | Image | np.ndarray) -> Image:
    from PIL import Image

    if isinstance(picture, Image.Image):
        return picture
    if isinstance(picture, str | os.PathLike):
        return Image.open(picture)
    if hasattr(picture, "read"):
        Image.init()  # all formats: the first call of `open` knows the five most common only
        return Image.open(picture, formats=FORMATS)
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8:
            raise SampleError(f"pixels are uint8 from 0 to 255, not {picture.dtype}; scale and convert them first")
        if picture.size and (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (3, 4))):
            return Image.fromarray(np.ascontiguousarray(picture))
        raise SampleError(f"a picture has the shape (height, width) or (height, width, 3 or 4), not {picture.shape}")
    raise SampleError(f"a picture is a path, a PIL image or an array, not a {type(picture).__name__}")
