"""Moves for a Gaussian readout: what the loss leaves free moves freely, at any level.

The outputs of a network are t = g R with g the readout's reduced normals and R the root of the Gram matrix of
the last hidden layer. A move of the layers below changes R; kept as they were, either outputs or g would soon
be improbable. So the readout moves along, in one of two ways.

*Smoothed*: the sharp bound on the residuals r = t - y is compared with a Gaussian of the same size, of
variance tau**2. Under that the readout given R has a normal law, g = mu + xi U^-T with
U^T U = M = 1 + R R^T / tau**2 and mu = y R^T M^-1 / tau**2, and evidence Z. In the coordinates
(layers below, xi) the restricted law has the density

    pi(layers below) phi(xi) Z exp(|r|**2 / 2 tau**2) 1{loss below the level},

which both a move of the layers below at fixed xi and a Crank-Nicolson move of xi leave invariant by
Metropolis' rule. Directions that the level holds fast keep their residuals, free ones keep their normals.

*Deep*, where tau is too small for the arithmetic: residuals are kept, g' solves g' R' = t, and a move is
accepted with probability density(t; R') / density(t; R). By themselves residuals are drawn uniformly from
the ball that the level allows. They are carried along and not subtracted anew, so they are exact down to
1e-308 however large the targets are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from geomreg_tui.sampling.kernels import Level, Particles, Walk, shrunk
from geomreg_tui.sampling.latent import Latent
from geomreg_tui.sampling.spaces import ReducedSpace, Space

__all__ = ["Readout", "log_determinant", "solve"]

_FLAT = 0.9  # acceptance of residuals drawn from the ball, above which they need no other moves
_READOUT_MOVES = 5  # for one of the layers below, which costs more
_SMOOTH = 1e-4  # smallest tau, relative to the largest row of R, for smoothed moves


class _Smooth(NamedTuple):
    """The normal law of the readout given R under smoothed residuals.

    Attributes:
        root: R, (n or 1, k, N).
        factor: U, upper triangular, (n or 1, k, k).
        mean: mu, (n or 1, C, k).
        center: residuals at xi = 0, (n or 1, C, N).
        spread: U^-T R, (n or 1, k, N): residuals are center + xi @ spread.
        log_evidence: log Z, (n or 1,).
    """

    root: Tensor
    factor: Tensor
    mean: Tensor
    center: Tensor
    spread: Tensor
    log_evidence: Tensor

    @classmethod
    def given(cls, root: Tensor, targets: Tensor, tau: float) -> _Smooth:
        """Return the law for roots (n or 1, k, N), targets (C, N) and a standard deviation of residuals."""
        gram = root @ root.mT
        unit = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
        factor = torch.linalg.cholesky(unit + gram / tau**2, upper=True)
        spread = torch.linalg.solve_triangular(factor.mT, root, upper=False)
        along = targets @ spread.mT / tau**2  # y R^T U^-1 / tau**2
        mean = torch.linalg.solve_triangular(factor, along.mT, upper=True).mT
        center: Tensor = along @ spread - targets
        misfit = -(center * targets).sum(dim=(1, 2)) / tau**2
        log_size = factor.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        return cls(root, factor, mean, center, spread, -misfit / 2 - len(targets) * log_size)

    def coordinates(self, readout: Tensor) -> Tensor:
        """Return xi of g, (n, C, k)."""
        found: Tensor = (readout - self.mean) @ self.factor.mT
        return found

    def readout(self, coordinates: Tensor) -> Tensor:
        """Return g of xi, (n, C, k)."""
        solved: Tensor = torch.linalg.solve_triangular(self.factor, coordinates.mT, upper=True)
        return self.mean + solved.mT

    def residuals(self, coordinates: Tensor) -> Tensor:
        """Return r of xi, (n, C, N)."""
        found: Tensor = self.center + coordinates @ self.spread
        return found

    def where(self, accepted: Tensor, other: _Smooth) -> _Smooth:
        """Return this law, that of ``other`` where ``accepted`` says so."""
        mask = accepted.view(-1, 1, 1)
        root, factor, mean, center, spread = (
            torch.where(mask, its, mine) for mine, its in zip(self[:-1], other[:-1], strict=True)
        )
        log_evidence = torch.where(accepted, other.log_evidence, self.log_evidence)
        return _Smooth(root, factor, mean, center, spread, log_evidence)


class Readout(Walk):
    """Moves of the layers below the readout with the readout moving along, and of the readout alone.

    Deep down nothing can be kept where a root is singular (dead units): such points move by Crank-Nicolson
    moves of everything, which all points make until balls of residuals are accepted by themselves.
    """

    scales = ("hidden", "readout", "all", "ball")
    space: ReducedSpace

    def __init__(
        self,
        space: Space,
        particles: Particles,
        level: Level,
        scale: dict[str, float],
        generator: torch.Generator,
    ) -> None:
        super().__init__(space, particles, level, scale, generator)
        self._root = self.space.readout_root(particles.normals[:, : self.space.hidden])
        self._flat = scale.get("ball", 0.0) > _FLAT
        self._tau = math.exp(level.log_loss / 2)
        self._smooth = self._smoothed()
        self.evaluations += len(particles.normals)

    def sweep(self) -> None:
        """Propose each of the moves for every particle."""
        if self._smooth is not None:
            if self.space.hidden:
                self._move_smoothly_below(self._smooth)
            for _ in range(_READOUT_MOVES):
                self._move_smoothly(self._smooth)
            return
        if self.space.invertible and self.space.hidden:
            self._move_below()
        if self.space.invertible and self.space.squared:
            self._draw_residuals()
        if not self._flat:
            self._move_readout()
            if self.space.hidden:
                self._move_all()

    def marks(self) -> list[Tensor]:
        """Return the log density of the outputs, which decides how fast the volume contracts from here."""
        return [self._log_density().nan_to_num()]

    def _smoothed(self) -> _Smooth | None:
        """Return the smoothed law, or None where it cannot be used."""
        if not self.space.squared or not math.isfinite(self.level.log_loss):
            return None
        largest = float(torch.linalg.vector_norm(self._root, dim=2).amax())
        if self._tau < _SMOOTH * largest:
            return None
        return _Smooth.given(self._root, self.space.targets, self._tau)

    def _excess(self, residuals: Tensor) -> Tensor:
        """Return |r|**2 / 2 tau**2, (n,)."""
        return residuals.square().sum(dim=(1, 2)) / (2 * self._tau**2)

    def _move_smoothly_below(self, law: _Smooth) -> None:
        now, split, step = self.particles, self.space.hidden, self.scale["hidden"]
        count = len(now.normals)
        self.evaluations += count
        moved = shrunk(now.normals[:, :split], step) + step * self._noise(now.normals[:, :split])
        there = _Smooth.given(self.space.readout_root(moved), self.space.targets, self._tau)
        outputs = len(self.space.targets)
        coordinates = law.coordinates(now.normals[:, split:].view(count, outputs, -1))
        residuals = there.residuals(coordinates)
        readout = there.readout(coordinates).flatten(1)
        log_loss, tie = self.space.log_loss(residuals), self._uniform(count)
        proposed = Particles(torch.cat([moved, readout], dim=1), now.signs, residuals, log_loss, tie)
        log_ratio = there.log_evidence - law.log_evidence + self._excess(residuals)
        accepted = self._uniform(count).log() < log_ratio - self._excess(now.residuals)
        accepted &= self.level.holds(log_loss, tie)
        self._smooth = law.where(accepted, there)
        self._root = self._smooth.root
        self._settle("hidden", proposed, accepted)

    def _move_smoothly(self, law: _Smooth) -> None:
        now, split, step = self.particles, self.space.hidden, self.scale["readout"]
        count, outputs = len(now.normals), len(self.space.targets)
        self.evaluations += count
        before = law.coordinates(now.normals[:, split:].view(count, outputs, -1))
        coordinates = shrunk(before, step) + step * self._noise(before)
        residuals = law.residuals(coordinates)
        readout = law.readout(coordinates).flatten(1)
        log_loss, tie = self.space.log_loss(residuals), self._uniform(count)
        normals = torch.cat([now.normals[:, :split], readout], dim=1)
        proposed = Particles(normals, now.signs, residuals, log_loss, tie)
        log_ratio = self._excess(residuals) - self._excess(now.residuals)
        accepted = (self._uniform(count).log() < log_ratio) & self.level.holds(log_loss, tie)
        self._settle("readout", proposed, accepted)

    def _move_below(self) -> None:
        now, split, step = self.particles, self.space.hidden, self.scale["hidden"]
        hidden = now.normals[:, :split]
        moved = shrunk(hidden, step) + step * self._noise(hidden)
        root = self.space.readout_root(moved)
        self.evaluations += len(moved)
        base = self.space.targets if self.space.squared else 0.0
        readout, log_density = _solved(now.residuals + base, root)
        accepted = self._uniform(len(moved)).log() < log_density - self._log_density()
        proposed = now._replace(normals=torch.cat([moved, readout.flatten(1)], dim=1))
        self._root = torch.where(accepted.view(-1, 1, 1), root, self._root)
        self._settle("hidden", proposed, accepted)

    def _draw_residuals(self) -> None:
        now = self.particles
        count, size = len(now.normals), now.residuals[0].numel()
        self.evaluations += count
        direction = self._noise(now.residuals)
        norm = torch.linalg.vector_norm(direction, dim=(1, 2), keepdim=True)
        reach = self._uniform(count).pow_(1 / size) * math.sqrt(size) * math.exp(self.level.log_loss / 2)
        residuals = direction / norm * reach.view(-1, 1, 1)
        readout, log_density = _solved(residuals + self.space.targets, self._root)
        log_loss = self.space.log_loss(residuals)
        accepted = self._uniform(count).log() < log_density - self._log_density()
        accepted &= self.level.holds(log_loss, now.tie)
        normals = torch.cat([now.normals[:, : self.space.hidden], readout.flatten(1)], dim=1)
        proposed = Particles(normals, now.signs, residuals, log_loss, now.tie)
        self.particles = now.replaced(accepted, proposed)
        self.acceptance["ball"] = float(accepted.double().mean())
        self.scale["ball"] = self.acceptance["ball"]

    def _move_readout(self) -> None:
        now, split, step = self.particles, self.space.hidden, self.scale["readout"]
        readout = now.normals[:, split:]
        self.evaluations += len(readout)
        noise = self._noise(readout)
        change = (shrunk(readout, step) - readout) + step * noise
        shape = self.space.law.shapes[-1]
        residuals = now.residuals + (change.view(len(change), shape.n_out, -1) @ self._root)
        normals = torch.cat([now.normals[:, :split], readout + change], dim=1)
        log_loss = self.space.log_loss(residuals)
        proposed = Particles(normals, now.signs, residuals, log_loss, self._uniform(len(normals)))
        self._settle("readout", proposed, self.level.holds(log_loss, proposed.tie))

    def _move_all(self) -> None:
        now, step = self.particles, self.scale["all"]
        proposed = self._at(Latent(shrunk(now.normals, step) + step * self._noise(now.normals), now.signs))
        accepted = self.level.holds(proposed.log_loss, proposed.tie)
        self._settle("all", proposed, accepted)
        rows = accepted.nonzero()[:, 0]
        if rows.numel():
            root = self.space.readout_root(proposed.normals[rows, : self.space.hidden])
            self._root = self._root.index_copy(0, rows, root)

    def _log_density(self) -> Tensor:
        """Return the log density of the particles' own outputs; -inf + inf = NaN for singular roots."""
        readout = self.particles.normals[:, self.space.hidden :]
        outputs = self.space.law.shapes[-1].n_out
        return -readout.square().sum(dim=1) / 2 - outputs * log_determinant(self._root)


def solve(outputs: Tensor, root: Tensor) -> Tensor:
    """Return g (n, C, N) with g R = outputs, for regular R (n or 1, N, N)."""
    if len(root) == 1:
        flat: Tensor = torch.linalg.solve_triangular(root[0], outputs.flatten(0, 1), upper=True, left=False)
        return flat.view(outputs.shape)
    solved: Tensor = torch.linalg.solve_triangular(root, outputs, upper=True, left=False)
    return solved


def log_determinant(root: Tensor) -> Tensor:
    """Return log det R, (n or 1,); -inf for a singular R."""
    log: Tensor = root.diagonal(dim1=1, dim2=2).log().sum(dim=1)
    return log


def _solved(outputs: Tensor, root: Tensor) -> tuple[Tensor, Tensor]:
    """Return g with g R = outputs, and the log density of outputs, -inf where R is singular."""
    log_size = log_determinant(root)
    regular = log_size.isfinite()
    unit = torch.eye(root.shape[1], dtype=root.dtype, device=root.device)
    solved = solve(outputs, torch.where(regular.view(-1, 1, 1), root, unit))
    log_density = -solved.square().sum(dim=(1, 2)) / 2 - outputs.shape[1] * log_size
    usable = regular & log_density.isfinite()
    return solved, torch.where(usable, log_density, -math.inf)
