"""From what people have to what a model on chain learns from: encoders of text, tables, pictures and sentences.

>>> import encoders
>>> encoder = encoders.from_spec("hashed-words/2?features=4096")
>>> encoder.encode("a fine film").hex()
'09b20a5f0d57'

Importing this package is quick: scikit-learn, Pillow and embedding models are imported when they are first needed.
"""

from encoders.base import Encoder
from encoders.data import BUILT_IN, Data, read_data
from encoders.dense import DenseEncoder
from encoders.embedding import SentenceEmbedding
from encoders.errors import DataError, EncoderError, MissingExtraError, SampleError, SpecError
from encoders.image import ProjectedImage
from encoders.privacy import Private, randomised_label
from encoders.registry import from_spec, load, read
from encoders.tabular import Tabular
from encoders.text import BagOfWords, HashedWords

__all__ = [
    "BUILT_IN",
    "BagOfWords",
    "Data",
    "DataError",
    "DenseEncoder",
    "Encoder",
    "EncoderError",
    "HashedWords",
    "MissingExtraError",
    "Private",
    "ProjectedImage",
    "SampleError",
    "SentenceEmbedding",
    "SpecError",
    "Tabular",
    "from_spec",
    "load",
    "randomised_label",
    "read",
    "read_data",
]
