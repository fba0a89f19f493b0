"""The terms that content is sent with."""

from typing import Any

from accounts.serializers import Choice, StrictBoolean, WholeNumber


class Compression(Choice):
    """How content is stored."""

    def __init__(self, **kwargs: Any) -> None:
        told = "A text is stored as sent with `none`; a picture is always written anew, without loss with either other."
        super().__init__(**{"choices": ("auto", "lossless", "none"), "required": False, "help_text": told, **kwargs})


class Fit(StrictBoolean):
    """Whether a picture may be made to fit."""

    def __init__(self, **kwargs: Any) -> None:
        told = "Lower a picture's quality, then its size, when it does not fit; `fit_applied` says what was done."
        super().__init__(**{"required": False, "help_text": told, **kwargs})


class MaxEdge(WholeNumber):
    """The long edge that a larger picture is reduced to."""

    def __init__(self, **kwargs: Any) -> None:
        told = "Reduce a picture with a longer edge to so many pixels, such as 2048; without it none is reduced."
        super().__init__(**{"min_value": 16, "max_value": 16_383, "required": False, "help_text": told, **kwargs})
