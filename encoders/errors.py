"""What can go wrong between a person's data and a sample on chain."""


class EncoderError(ValueError):
    """Any error of this package."""


class SampleError(EncoderError):
    """A sample, or the bytes of one, that the contracts would refuse or that cannot be encoded."""


class SpecError(EncoderError):
    """An encoder spec or an encoder file that is malformed, altered, or not the one the model asks for."""


class DataError(EncoderError):
    """A data file that is missing, empty, or not in one of the formats that are read."""


class MissingExtraError(EncoderError, ImportError):
    """An optional package that the chosen encoder needs is not installed."""


def sample_name(position: int, count: int) -> str:
    """What an error message calls the sample at a position: where there is only one, its position says nothing."""
    return "the sample" if count == 1 else f"sample {position}"


def reason_of(error: SampleError) -> str:
    """Why one sample was not encoded, without what only this sample has, so that equal reasons can be counted.

    Examples
    --------
    >>> reason_of(SampleError("the sample has no word that the model knows: '?!'"))
    'has no word that the model knows'
    """
    text = str(error).removeprefix("the sample ")
    for end in (": '", ': "'):
        text = text.split(end)[0]
    return text
