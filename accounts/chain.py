"""Hash chains: every row's hash covers the row before it, so that changing, dropping or slipping in a row shows."""

import hashlib

# What stands in place of words that were erased, before their digest.
ERASED = "erased:"
# The condition on a new value under which the append-only trigger lets the words of a row be replaced.
MAY_BE_ERASED = f"NEW.{{}} LIKE '{ERASED}%'"


def link(previous: str, *said: str) -> str:
    """SHA-256 over the previous row's hash and everything that this row says."""
    return hashlib.sha256("\x1f".join((previous, *said)).encode()).hexdigest()


def digest_of(words: str) -> str:
    """SHA-256 of what `words` say, or said before they were erased."""
    if words.startswith(ERASED):
        return words.removeprefix(ERASED)
    return hashlib.sha256(words.encode()).hexdigest()


def erased(words: str) -> str:
    """What is left of `words` once they are erased: enough for the chain, and nothing to read."""
    return ERASED + digest_of(words)
