"""Articles that are one text, printed twice: MinHash and banding; the only file that knows datasketch.

Broder, "On the Resemblance and Containment of Documents" (1997); bands as in Leskovec, Rajaraman and
Ullman, "Mining of Massive Datasets", section 3.4. Each article is compared with the first of each
cluster that shares a band with it, so what it costs does not grow with the archive.
"""

import hashlib
import re
from collections.abc import Callable

import numpy as np

from index.fold import clean
from index.ledger import Ledger

# 24 bands of 5: two texts that share 60 % of their shingles meet in a band 86 times in 100, of 70 %
# 99 times, of 10 % never (once in 4,000).
PERMUTATIONS = 120
BAND = 5
# Of all shingles of both texts, those that both must have. A third cut from a wire story leaves 67 %, give
# or take what the signature errs; reports of one event that were written apart have 5 % at most.
RESEMBLANCE = 0.55
SHINGLE = 3
# Fewer words say too little to tell a copy from a text of a like form.
LEAST_WORDS = 20
MOST_COMPARED = 10
_WORD = re.compile(r"\w+")
# Where words are not spaced, runs of letters stand for them.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


def hash64(text: str) -> int:
    """A hash that fits SQLite's signed integers."""
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True
    )


def sign(text: str) -> bytes:
    """The MinHash signature of a text, 120 unsigned 32-bit integers; empty for a very short one."""
    # Takes a while to import.
    from datasketch import MinHash

    words = _WORD.findall(clean(text).casefold())
    if _UNSPACED.search(text):
        words = [part for word in words for part in (word if _UNSPACED.search(word) else [word])]
    if len(words) < LEAST_WORDS:
        return b""
    shingles = {" ".join(words[i : i + SHINGLE]).encode() for i in range(len(words) - SHINGLE + 1)}
    found = MinHash(PERMUTATIONS, seed=1)
    found.update_batch(list(shingles))
    return np.asarray(found.hashvalues, np.uint32).tobytes()


def resemblance(one: bytes, other: bytes) -> float:
    """The share of shingles that two texts have in common (Jaccard), as their signatures tell it."""
    return float(np.mean(np.frombuffer(one, np.uint32) == np.frombuffer(other, np.uint32)))


def bands(signature: bytes) -> list[int]:
    """Keys of which two texts that are alike have at least one in common."""
    values = np.frombuffer(signature, np.uint32).reshape(-1, BAND)
    return [hash64(f"{number} {row.tobytes().hex()}") for number, row in enumerate(values)]


def find_original(
    ledger: Ledger, number: int, text: str, language: str, exists: Callable[[str], bool]
) -> tuple[str, bool]:
    """The id of an earlier article that is this text, too, and whether it is so word for word.

    Empty when there is none: then later articles are compared with this one.
    """
    with ledger.together():
        key = hash64(f"{language}\n{text}")
        signature = sign(text)
        ledger.sign(number, key, signature)
        for known in ledger.same_text(key, number):
            if exists(known.id):
                ledger.set_bands(number, [])
                return known.id, True
        if not signature:
            return "", False
        keys = bands(signature)
        for known in ledger.alike(keys, number, MOST_COMPARED):
            alike = known.signature and resemblance(signature, known.signature) >= RESEMBLANCE
            if alike and exists(known.id):
                ledger.set_bands(number, [])
                return known.id, False
        ledger.set_bands(number, keys)
    return "", False
