"""I2SB's two algorithms: the training loss, and the denoiser that sampling walks with, with its wrappers.

Each wrapper takes a `Denoise` function and gives one back, so no plugin has to know of any of them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .bridge import Bridge
from .interfaces import Denoise
from .rng import Rng

_FINE = 2**30  # an integer below it stands for a uniform number in [0, 1)


def training_loss(
    net: nn.Module,
    bridge: Bridge,
    x0: Tensor,
    lifted: Tensor,
    rng: Rng,
    *,
    mask: Tensor | None = None,
    cond_x1: bool = False,
    end_share: float = 0.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Algorithm 1 (Liu et al. 2023): regress the label at a random node; a scalar, the mean over all elements.

    Args:
        x0, lifted: clean images and lifted observations (B, C, H, W).
        mask: (B, 1, H, W), 1 = missing: the loss is counted there only, and still averaged over all pixels.
        cond_x1: the network also sees the lifted observation.
        end_share: share of the images, in [0, 1), whose node is not drawn but the last, where sampling begins.
        weight: (B,), how much each image counts.

    Raises:
        ValueError: shapes that would only be made to fit by broadcasting.
    """
    if lifted.shape != x0.shape or len(rng) != len(x0) or (mask is not None and mask.shape != x0[:, :1].shape):
        shapes = f"lifted {tuple(lifted.shape)}, mask {None if mask is None else tuple(mask.shape)}"
        raise ValueError(f"x0 {tuple(x0.shape)} does not go with {shapes} and random streams for {len(rng)} images")
    x1 = bridge.endpoint(lifted, rng)
    n = _draw_nodes(bridge.trained_nodes, rng, end_share)
    x_n = bridge.marginal(x0, x1, n, rng)
    seen = torch.cat([x_n, lifted], dim=1) if cond_x1 else x_n
    output = call_network(net, bridge, seen, n, x0.shape[1])
    label = bridge.label(x0, x_n, n)
    if mask is not None:
        output, label = mask * output, mask * label
    if weight is None:
        return F.mse_loss(output.float(), label)
    return (weight * (output.float() - label).square().mean(dim=(1, 2, 3))).mean()


def _draw_nodes(nodes: Tensor, rng: Rng, end_share: float) -> Tensor:
    """A node an image: uniform over `nodes`, but the last one with probability `end_share`."""
    n = nodes[rng.integers(len(nodes)).cpu()]
    if end_share == 0.0:
        return n
    at_end = rng.integers(_FINE).cpu() < end_share * _FINE
    return torch.where(at_end, nodes[-1], n)


def call_network(net: nn.Module, bridge: Bridge, seen: Tensor, n: Tensor, channels: int) -> Tensor:
    """The network's output for `seen` (B, C' >= channels, H, W): x_n, and behind it what conditions the network."""
    scale = bridge.input_scale(n)
    if isinstance(scale, Tensor) or scale != 1.0:
        if isinstance(scale, Tensor):
            scale = scale.to(seen.device, seen.dtype).reshape(-1, 1, 1, 1)
        seen = torch.cat([scale * seen[:, :channels], seen[:, channels:]], dim=1)
    time = bridge.tables.time[n].to(seen.device, torch.float32)
    output: Tensor = net(seen.contiguous(memory_format=torch.channels_last), time)
    if output.shape != seen[:, :channels].shape:
        raise ValueError(f"the network gave {tuple(output.shape)} for an image {tuple(seen[:, :channels].shape)}")
    return output


def denoiser(net: nn.Module, bridge: Bridge, channels: int = 3) -> Denoise:
    """The network as `denoise(x_n, n) -> x0h`. Channels of x_n beyond the first `channels` condition it only."""

    def denoise(x_n: Tensor, n: int) -> Tensor:
        output = call_network(net, bridge, x_n, torch.full((x_n.shape[0],), n), channels)
        return bridge.predict_x0(x_n[:, :channels], output.to(x_n.dtype), n)

    return denoise


def conditioned(denoise: Denoise, x1: Tensor) -> Denoise:
    """Let the network see x1 (B, C, H, W) beside x_n, for weights trained with cond_x1."""
    return lambda x_n, n: denoise(torch.cat([x_n, x1], dim=1), n)


def known_pixels(denoise: Denoise, known: Tensor, mask: Tensor) -> Denoise:
    """Put what is known into each clean estimate: `known` (B, C, H, W) where `mask` (B, 1, H, W) is 0."""
    return lambda x_n, n: torch.where(mask > 0, denoise(x_n, n), known)


def padded(denoise: Denoise, multiple_of: int = 1, min_size: int = 1) -> Denoise:
    """Give the network sizes it takes: pad at the right and bottom by mirroring, crop back."""

    def wrapped(x_n: Tensor, n: int) -> Tensor:
        height, width = x_n.shape[-2:]
        full = [-(-max(size, min_size) // multiple_of) * multiple_of for size in (height, width)]
        if full == [height, width]:
            return denoise(x_n, n)
        return denoise(mirror_pad(x_n, full[0], full[1]), n)[..., :height, :width]

    return wrapped


def mirror_pad(x: Tensor, height: int, width: int) -> Tensor:
    """Enlarge (..., h, w) to (..., height, width) by reflecting at the right and bottom, as often as it takes."""
    rows, columns = _mirror(x.shape[-2], height), _mirror(x.shape[-1], width)
    return x[..., rows, :][..., columns]


def _mirror(size: int, length: int) -> Tensor:
    """Indices 0 1 2 ... size-1 size-2 ... 1 0 1 ..., as many as asked for."""
    period = max(2 * size - 2, 1)
    index = torch.arange(length) % period
    return torch.where(index < size, index, period - index)
