"""What attention looks at: maps of a ViT's blocks, similarity of its position embeddings, and the windows of a Swin."""

import torch
from torch import Tensor, nn


def attention_maps(model: nn.Module, images: Tensor, block: int = -1) -> Tensor:
    """The attention of a `vit` at images (B, 3, H, W): (B, heads, h, w, h, w), from the patch [.., i, j] to every patch, h = ceil(H/16).

    Each row sums to 1 minus what goes to the class token, which has no place in the image. No gradient is kept.
    """
    layer = model.encoder.blocks[block].attn
    seen = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    was_training = model.training
    try:
        with torch.no_grad():
            model.eval()(images)
            tokens = seen[0]  # (B, 1 + N, D)
            batch, count, _ = tokens.shape
            q, k, _ = layer.qkv(tokens).reshape(batch, count, 3, layer.num_heads, -1).permute(2, 0, 3, 1, 4)  # each (B, heads, 1 + N, d)
            weights = (layer.q_norm(q) @ layer.k_norm(k).transpose(-2, -1) * layer.scale).softmax(-1)
    finally:
        handle.remove()
        model.train(was_training)
    grid = (-(-images.shape[-2] // 16), -(-images.shape[-1] // 16))
    return weights[:, :, 1:, 1:].unflatten(3, grid).unflatten(2, grid)


def attention_distance(maps: Tensor, patch: int = 16) -> Tensor:
    """Mean distance in pixels over which each head attends (Dosovitskiy et al. 2021, Figure 7): (B, heads, h, w, h, w) -> (heads,)."""
    height, width = maps.shape[-2:]
    places = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), -1).reshape(-1, 2).to(maps)
    distance = patch * torch.cdist(places, places)
    flat = maps.flatten(4).flatten(2, 3)  # (B, heads, N, N)
    return (flat * distance).sum(-1).div(flat.sum(-1)).mean((0, 2))


def position_similarity(model: nn.Module) -> Tensor:
    """Cosine similarity of a `vit`'s position embeddings, every place with every other: (h, w, h, w), on the grid they are stored at."""
    stored = model.encoder.pos_embed[0, 1:].detach()  # (N, D) without the class token's
    unit = stored / stored.norm(dim=1, keepdim=True)
    grid = tuple(model.encoder.patch_embed.grid_size)
    return (unit @ unit.T).reshape(*grid, *grid)


def windows(height: int, width: int, window: int, shift: int = 0) -> Tensor:
    """The window that each token of a (height, width) map is in, with the windows moved by `shift` tokens: (height, width) int64.

    Tokens are numbered by what attends to what: with a shift the tokens at the border make smaller windows of their own, because Swin rolls
    the map around and masks what was not beside them (Liu et al. 2021, Figure 4).
    """
    rows = torch.div(torch.arange(height) + window - shift % window, window, rounding_mode="floor")
    columns = torch.div(torch.arange(width) + window - shift % window, window, rounding_mode="floor")
    return (rows - rows[0])[:, None] * int(columns[-1] - columns[0] + 1) + (columns - columns[0])[None, :]


def shift_mask(height: int, width: int, window: int, shift: int) -> Tensor:
    """For each window of the rolled map, which token may attend to which: (windows, window^2, window^2) bool.

    height and width must be multiples of the window (ValueError): the masks of a padded map are those of the padded size.
    """
    if height % window or width % window:
        raise ValueError(f"a {height}x{width} map is not whole windows of {window}x{window}")
    rolled = torch.roll(windows(height, width, window, shift), (-shift, -shift), (0, 1))
    groups = rolled.unfold(0, window, window).unfold(1, window, window).reshape(-1, window * window)
    return groups[:, :, None] == groups[:, None, :]
