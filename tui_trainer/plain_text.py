"""Output where the locale has no UTF-8: our few signs get ASCII stand-ins of the same width."""

from __future__ import annotations

import codecs
import locale
import os
import sys

STAND_INS = {"·": ".", "…": "~", "²": "2", "°": " ", "±": "~"}


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    text = "".join(STAND_INS.get(sign, sign) for sign in signs)
    return text.encode("ascii", "backslashreplace").decode(), error.end


def prepare_streams() -> None:
    """No sign, in no locale, ends the program."""
    codecs.register_error("stand-ins", _replaced)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="stand-ins")


def is_asked_for_by_locale() -> bool:
    """Whether the locale's encoding is none of Unicode's."""
    named = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    encoding = named.partition(".")[2].partition("@")[0] or locale.getpreferredencoding(False)
    if named in ("C", "POSIX"):
        return True
    try:
        return not codecs.lookup(encoding).name.startswith("utf")
    except LookupError:
        return True
