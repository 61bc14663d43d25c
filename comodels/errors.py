"""What can go wrong by what somebody asked for."""


class ComodelsError(Exception):
    """What the person who uses the library can put right; the message says how."""
