"""The kernel's words by definition: Philox4x32-10 and xoshiro128++ with Python's integers."""

from __future__ import annotations

from itertools import islice

MASK = 0xFFFFFFFF


def philox(counter, key):
    """Return the four words of Philox4x32-10 (Salmon et al. 2011, section 4)."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        first, second = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (second >> 32) ^ c1 ^ k0, second & MASK, (first >> 32) ^ c3 ^ k1, first & MASK
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return c0, c1, c2, c3


def rotate(x, bits):
    return ((x << bits) | (x >> (32 - bits))) & MASK


def xoshiro(state):
    """Yield words of xoshiro128++ (https://prng.di.unimi.it/xoshiro128plusplus.c)."""
    a, b, c, d = state
    while True:
        yield (rotate((a + d) & MASK, 7) + a) & MASK
        shifted = (b << 9) & MASK
        c, d = c ^ a, d ^ b
        b, a = b ^ c, a ^ d
        c, d = c ^ shifted, rotate(d, 11)


def words(seed, number, count, purpose=0):
    """Return ``count`` words of each of the sixteen lanes of a stream, [word][lane]."""
    key = (seed & MASK, seed >> 32)
    lanes = []
    for lane in range(16):
        state = philox((lane, purpose, number & MASK, number >> 32), key)
        lanes.append(list(islice(xoshiro(state), count)))
    return [[lane[k] for lane in lanes] for k in range(count)]
