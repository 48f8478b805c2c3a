"""Chunk streams: numpy's Mersenne twister is the judge of the state that was set."""

from __future__ import annotations

import numpy as np
import torch

from geomreg_tui.sampling.rng import chunk_generator

CPU = torch.device("cpu")


def test_the_stream_is_the_mersenne_twister_of_the_seed_sequence() -> None:
    words = np.random.SeedSequence([3, 7]).generate_state(624, np.uint32)
    words[0] |= np.uint32(0x80000000)
    twister = np.random.MT19937()
    twister.state = {"bit_generator": "MT19937", "state": {"key": words, "pos": 624}}
    expected = twister.random_raw(2000) & 0xFFFFFF  # torch's float32 uniforms keep 24 bits
    drawn = torch.rand(2000, generator=chunk_generator(3, 7, CPU)) * 2**24
    np.testing.assert_array_equal(drawn.numpy().astype(np.int64), expected.astype(np.int64))


def test_a_chunk_always_gets_the_same_stream() -> None:
    first, second = (torch.randn(1000, generator=chunk_generator(1, 2, CPU)) for _ in range(2))
    assert torch.equal(first, second)


def test_streams_of_many_chunks_and_seeds_are_distinct() -> None:
    """With 64 bits one is repeated with probability 2e-12."""
    firsts = {
        int(torch.empty(1, dtype=torch.int64).random_(generator=chunk_generator(seed, chunk, CPU)))
        for seed in (0, 1, 2**64 - 1)
        for chunk in range(3_000)
    }
    assert len(firsts) == 9_000
