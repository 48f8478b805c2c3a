"""One independent random stream for each chunk, level of a population and trajectory, of each seed."""

from __future__ import annotations

import numpy as np
import torch

__all__ = [
    "chunk_generator",
    "level_generator",
    "observation_generator",
    "subspace_key",
    "trajectory_generator",
    "trajectory_key",
]

# These end the keys of a level's streams, so that they are no chunk's.
_WALK, _HELD_OUT, _OBSERVED, _WEIGHTS = 0x77616C6B, 0x68656C64, 0x6F627376, 0x77656967
_TRAINING, _SUBSPACE = 0x74726169, 0x73756273  # end those of a trajectory
_GRADIENTS, _PAIRED = 0x67726164, 0x70616972  # end those of networks that are observed
_STATE_WORDS = 624  # of the Mersenne twister
_STATE_OFFSET = 24  # bytes of torch's CPU generator state before the words: seed, left, seeded, next


def chunk_generator(seed: int, chunk: int, device: torch.device) -> torch.Generator:
    """Return a fresh generator whose stream depends on (seed, chunk) alone.

    ``manual_seed`` keeps 32 bits on the CPU, so among 100,000 chunks two would probably share a stream.
    There the whole Mersenne state is set from numpy's ``SeedSequence``; on CUDA the Philox key is 64 bits.

    Args:
        seed: seed of the experiment, below 2**64.
        chunk: index of the chunk.
        device: where the random numbers are made.
    """
    return _generator(np.random.SeedSequence([seed, chunk]), device)


def level_generator(
    seed: int,
    population: int,
    level: int,
    device: torch.device,
    *,
    held_out: bool = False,
    observed: bool = False,
    weights: bool = False,
) -> torch.Generator:
    """Return a fresh generator whose stream depends on the seed, the population, the level and its purpose.

    Args:
        seed: seed of the experiment, below 2**64.
        population: index of the population.
        level: level that it goes down to.
        device: where the random numbers are made.
        held_out: whether it is for looking at held-out examples there, and not for going down.
        observed: whether it is for observing gradients there.
        weights: whether it is for the sizes of weights there.
    """
    purpose = _HELD_OUT if held_out else _OBSERVED if observed else _WEIGHTS if weights else _WALK
    return _generator(np.random.SeedSequence([seed, population, level, purpose]), device)


def trajectory_generator(seed: int, trajectory: int, device: torch.device) -> torch.Generator:
    """Return a fresh generator, which depends on (seed, "training", trajectory) alone, for initial weights.

    Args:
        seed: seed of the experiment, below 2**64.
        trajectory: index of the trajectory.
        device: where the random numbers are made.
    """
    return _generator(np.random.SeedSequence(trajectory_key(seed, trajectory, 0)), device)


def trajectory_key(seed: int, trajectory: int, part: int) -> list[int]:
    """Return the key of a stream of a trajectory: part 0 is initial weights, the others are minibatches."""
    return [seed, trajectory, part, _TRAINING]


def subspace_key(seed: int, trajectory: int) -> list[int]:
    """Return the key of the stream that the subspace is drawn from in which a trajectory is trained."""
    return [seed, trajectory, _SUBSPACE]


def observation_generator(
    seed: int, chunk: int, device: torch.device, *, walk: bool = False
) -> torch.Generator:
    """Return a fresh generator, which depends on (seed, chunk, walk) alone, for networks that are observed.

    Args:
        seed: seed of the experiment, below 2**64.
        chunk: index of the chunk of observed networks.
        device: where the random numbers are made.
        walk: whether it is for steps of walks, and not for gradients.
    """
    return _generator(np.random.SeedSequence([seed, chunk, _PAIRED if walk else _GRADIENTS]), device)


def _generator(sequence: np.random.SeedSequence, device: torch.device) -> torch.Generator:
    """Return a generator whose state is filled from a sequence of seeds."""
    generator = torch.Generator(device=device)
    if device.type != "cpu":
        return generator.manual_seed(int(sequence.generate_state(1, np.uint64)[0]) >> 1)
    words = sequence.generate_state(_STATE_WORDS, np.uint32)
    words[0] |= np.uint32(0x80000000)  # the state must not be zero in its 19937 bits
    state = generator.manual_seed(0).get_state().numpy()
    end = _STATE_OFFSET + 8 * _STATE_WORDS
    state[_STATE_OFFSET:end].view(np.uint64)[:] = words
    generator.set_state(torch.from_numpy(state))
    return generator
