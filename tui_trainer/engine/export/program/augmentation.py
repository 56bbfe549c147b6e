"""The program's deformed pictures, by the formulas and the draws of `engine/augmentation.py`."""

from __future__ import annotations

from collections.abc import Mapping

from tui_trainer.augment_sections import Augment
from tui_trainer.engine.augmentation import NUMBERS, background
from tui_trainer.engine.data.picture_shape import PictureShape
from tui_trainer.engine.elastic import components
from tui_trainer.engine.export.program.story import Story
from tui_trainer.engine.export.program.text import indented, lines_of, literal, number

MOST_OF_A_LINE = 120
COMPONENTS = '''
    def components(pixels, sigma):
        """(pixels, k): times k normal numbers, noise of deviation 1 that a Gaussian has smoothed along one axis.

        The noise goes on beyond both ends. Its covariance has few components that matter: the largest are kept, all
        but a ten-thousandth of the variance.
        """
        reach = math.ceil(4 * sigma)
        weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma) ** 2)
        weights /= weights.sum()
        smoothing = torch.zeros(pixels, pixels + 2 * reach, dtype=torch.float64)
        for pixel in range(pixels):
            smoothing[pixel, pixel : pixel + len(weights)] = weights
        variances, directions = torch.linalg.eigh(smoothing @ smoothing.t())
        variances, directions = variances.flip(0), directions.flip(1)  # the largest first
        kept = int((1 - variances.cumsum(0) / variances.sum() > 1e-4).sum()) + 1
        directions = directions[:, :kept]
        largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))  # its sign is the library's choice
        return (directions * largest.sign() * variances[:kept].sqrt()).float(){device}
'''
ERASED = '''
    def erased(numbers):
        """(n, 1, {h}, {w}): which pixels a rectangle covers, {often} (Zhong et al. 2017)."""
        x, y = torch.arange({w}{device}) + 0.5, torch.arange({h}{device}) + 0.5
        chance, area, shape, right, low = ((numbers[:, 7:] + 1) / 2).unbind(1)
        area = ({least} + area * ({most} - {least})) * {h} * {w}
        aspect = torch.exp((2 * shape - 1) * math.log(10 / 3))
        tall, wide = (area * aspect).sqrt().clamp(max={h}), (area / aspect).sqrt().clamp(max={w})
        top, left = low * ({h} - tall), right * ({w} - wide)
        rows = (y >= top[:, None]) & (y < (top + tall)[:, None]){chance}
        columns = (x >= left[:, None]) & (x < (left + wide)[:, None])
        return (rows[:, :, None] & columns[:, None, :])[:, None]
'''


def is_augmented(story: Story) -> bool:
    """Whether the net is trained on other pictures than there are."""
    return story.config.augment.is_on and story.data.pictures is not None


def deformed(story: Story, inputs: str, targets: str) -> str:
    """The call, as an expression."""
    return f"deformed({inputs}, {targets})" if _asks_for_classes(story.config.augment) else f"deformed({inputs})"


def augmentation_lines(story: Story) -> list[list[str]]:
    """`deformed(inputs)`, or `deformed(inputs, classes)`, and what it needs."""
    shape, config = story.data.pictures, story.config.augment
    if not is_augmented(story) or shape is None:
        return []
    blocks = [["# Augmentation: every picture is deformed anew in every epoch"]]
    if config.elastic_alpha:
        blocks.append(lines_of(COMPONENTS.format(device="" if story.device == "cpu" else ".to(device)")))
    if config.deforms:
        blocks.append(_constants(story, shape))
    if has_map(config):
        blocks.append(_maps(config))
    if config.deforms:
        blocks.append(_places(story, shape))
    if config.erasing:
        blocks.append(_erased(story, shape))
    return [*blocks, _deformed(story, shape)]


def has_map(config: Augment) -> bool:
    """Whether a picture is deformed as a whole, and not by an elastic field alone."""
    return _turns(config) or _shears(config) or bool(config.scale or config.stretch or config.shift)


def _turns(config: Augment) -> bool:
    return any((config.rotation, *config.rotation_of.values()))


def _shears(config: Augment) -> bool:
    return any((config.shear, *config.shear_of.values()))


def _asks_for_classes(config: Augment) -> bool:
    return bool(config.rotation_of or config.shear_of)


def _constants(story: Story, shape: PictureShape) -> list[str]:
    """Of the grid of pixels: something down and something across, whose products are the pixels' moves."""
    config, at, height, width = story.config.augment, story.placed, shape.height, shape.width
    field = [f"components({pixels}, {config.elastic_sigma})" for pixels in (height, width)]
    x, y = (f"torch.arange({pixels}{at}) - {(pixels - 1) / 2}" for pixels in (width, height))
    lines = [
        f"x = {x}  # of the pixels' centres, from the picture's",
        f"y = {y}",
        f'here = torch.stack(torch.meshgrid(x * 2 / {width}, y * 2 / {height}, indexing="xy"), -1)',
        f"unit = torch.tensor([2 / {width}, 2 / {height}]{at})  # a pixel, as grid_sample counts",
    ]
    if not has_map(config):
        lines += [f"down, across = {field[0]}, {field[1]}.t().contiguous()"]
    elif config.elastic_alpha:
        rest = [f"torch.ones({pixels}, 1{at}), {place}[:, None]" for pixels, place in ((height, "y"), (width, "x"))]
        lines += [
            f"down = torch.cat(({field[0]}, {rest[0]}), 1)",
            f"across = torch.cat(({field[1]}, {rest[1]}), 1).t().contiguous()",
        ]
    else:
        lines += ["down, across = torch.stack((torch.ones_like(y), y), 1), torch.stack((torch.ones_like(x), x))"]
    if config.elastic_alpha:
        strength = f"{config.elastic_alpha} / math.sqrt(3) * unit[:, None]"
        lines += [f"strength = {strength}  # of noise from -1 to 1 before it is smoothed"]
    lines += _limits(story, "rotation", config.rotation, config.rotation_of) if _turns(config) else []
    return lines + (_limits(story, "shear", config.shear, config.shear_of) if _shears(config) else [])


def _limits(story: Story, what: str, of_all: float, of_some: Mapping[str, float]) -> list[str]:
    at = story.placed
    if not of_some:
        return [f"{what} = torch.tensor({of_all}{at}).deg2rad()  # at most, either way"]
    names = story.data.class_names
    table = {names.index(name): limit for name, limit in of_some.items()}
    degrees = f"[{what}_of.get(number, {of_all}) for number in range({len(names)})]"
    one_line = f"{what}_of = {literal(table)}  # degrees at most, of single classes"
    rows = [f"{what}_of = {{  # degrees at most, of single classes"]
    rows += [*indented(f"{literal(key)}: {literal(limit)}," for key, limit in table.items()), "}"]
    return [
        *([one_line] if len(one_line) <= MOST_OF_A_LINE else rows),
        f"{what} = torch.tensor({degrees}{at}).deg2rad()",
    ]


def _maps(config: Augment) -> list[str]:
    """The inverse of turning (clockwise) the sheared, scaled picture."""
    classes = ", classes" if _asks_for_classes(config) else ""
    lines = ['"""(n, 2, 2): a place, x and y from the picture\'s centre -> from where it comes."""']
    turns, shears, sizes = _turns(config), _shears(config), config.scale or config.stretch
    if turns:
        lines += [f"angle = numbers[:, 0] * rotation{'[classes]' if config.rotation_of else ''}"]
        lines += ["cosine, sine = angle.cos(), angle.sin()"]
    if shears:
        lines += [f"leaning = torch.tan(numbers[:, 4] * shear{'[classes]' if config.shear_of else ''})"]
    if config.scale:
        lines += [f"{'size' if config.stretch else 'wide = high'} = 1 + numbers[:, 1] * {config.scale}"]
    if config.stretch:
        sides = (f"1 + numbers[:, {place}] * {config.stretch}" for place in (2, 3))
        lines += [f"wide, high = {', '.join(f'size * ({side})' if config.scale else side for side in sides)}"]
    cosine, sine = ("cosine", "sine") if turns else ("1", "0")
    entries = [cosine, sine, f"-{sine}" if turns else "0", cosine]
    if shears:
        entries[:2] = ["cosine - leaning * sine", "sine + leaning * cosine"] if turns else ["1", "leaning"]
    if sizes:
        entries = [_divided(entry, side) for entry, side in zip(entries, ("wide", "wide", "high", "high"), strict=True)]
    for digit, name in (("0", "zero"), ("1", "one")):
        if digit in entries:
            lines += [f"{name} = torch.{name}s_like(numbers[:, 0])"]
            entries = [name if entry == digit else entry for entry in entries]
    lines += [f"x = torch.stack(({entries[0]}, {entries[1]}), 1)", f"y = torch.stack(({entries[2]}, {entries[3]}), 1)"]
    return [f"def maps(numbers{classes}):", *indented([*lines, "return torch.stack((x, y), 1)"])]


def _divided(entry: str, side: str) -> str:
    if entry == "0":
        return entry
    return f"({entry}) / {side}" if len(entry.split()) > 1 else f"{entry} / {side}"


def _places(story: Story, shape: PictureShape) -> list[str]:
    config, height, width = story.config.augment, shape.height, shape.width
    rows, columns = (len(components(pixels, config.elastic_sigma).t()) for pixels in (height, width))
    field = "waves * strength"
    what = f'"""(n, {height}, {width}, 2): from where each pixel comes, as grid_sample counts'
    if not has_map(config):
        head, body = "waves", [f'{what}: moved by a smooth random field."""', f"factors = {field}"]
    else:
        head = "numbers"
        head += ", classes" if _asks_for_classes(config) else ""
        head += ", waves" if config.elastic_alpha else ""
        added = " plus a smooth random field" if config.elastic_alpha else ""
        rows, columns = (rows + 2, columns + 2) if config.elastic_alpha else (2, 2)
        sums = "# each move is a sum of products of something down (waves, 1, y) and something across (waves, 1, x)"
        sums = sums if config.elastic_alpha else sums.replace("waves, ", "")
        body = [f'{what}: by its map{added}."""', sums, *_factors(config, (rows, columns), field, story.placed)]
    return [
        f"def places({head}):",
        *indented([
            *body,
            f"moves = down @ (factors.view(-1, {columns}) @ across).view({rows}, -1)",
            f"return moves.view({height}, -1, 2, {width}).permute(1, 0, 3, 2) + here",
        ]),
    ]  # fmt: skip


def _factors(config: Augment, sizes: tuple[int, int], field: str, at: str) -> list[str]:
    """Of what is down and what is across: the field's waves, then 1 and y, 1 and x."""
    lines = [f"turned = maps(numbers{', classes' if _asks_for_classes(config) else ''})"]
    lines += [f"factors = torch.zeros({sizes[0]}, len(numbers), 2, {sizes[1]}{at})"]
    if config.elastic_alpha:
        lines += [f"factors[:-2, :, :, :-2] = {field}"]
    if config.shift:
        lines += [f"shift = {config.shift} * numbers[:, 5:7]"]
        lines += ["factors[-2, :, :, -2] = -(turned * shift[:, None]).sum(2) * unit"]
    return [
        *lines,
        "moved = turned * unit[:, None] - torch.diag(unit)",
        "factors[-2, :, :, -1] = moved[:, :, 0]",
        "factors[-1, :, :, -2] = moved[:, :, 1]",
    ]


def _erased(story: Story, shape: PictureShape) -> list[str]:
    config = story.config.augment
    often = "in every picture" if config.erasing == 1 else f"in {config.erasing:.6g} of the pictures"
    return lines_of(ERASED.format(
        h=shape.height, w=shape.width, device=story.placed, often=often, least=config.erasing_least,
        most=config.erasing_most, chance=f" & (chance < {config.erasing})[:, None]",
    ))  # fmt: skip


def _deformed(story: Story, shape: PictureShape) -> list[str]:
    config, at, pixels = story.config.augment, story.placed, (shape.height, shape.width)
    behind = background(story.data, shape)
    lines = ['"""The pictures of a batch, each deformed by numbers of its own; in float32."""']
    drawn = f"torch.empty(len(inputs), {NUMBERS}{at}).uniform_(-1, 1)"
    is_used = has_map(config) or config.erasing
    lines += [f"numbers = {drawn}  # as many as the run drew" if is_used else f"{drawn}  # the run drew them too"]
    if config.elastic_alpha:
        rows, columns = (len(components(size, config.elastic_sigma).t()) for size in pixels)
        lines += [f"waves = torch.empty({rows}, len(inputs), 2, {columns}{at}).normal_()"]
    upright = (shape.width, shape.height) if shape.is_transposed else pixels
    turned = ".transpose(2, 3)" if shape.is_transposed else ""
    pictures = f"inputs.float().reshape(-1, {shape.channels}, {upright[0]}, {upright[1]}){turned}"
    has_background = bool(behind.any())
    if has_background:
        value = number(behind) if behind.numel() == 1 else f"torch.tensor({literal(behind.tolist())}{at})"
        lines += [f"background = {value}  # the median of the pictures' edges"]
    lines += [f"pictures = {pictures}{' - background' if has_background else ''}"]
    if config.deforms:
        head = "numbers, classes" if _asks_for_classes(config) else "numbers"
        head = ", ".join([*([head] if has_map(config) else []), *(["waves"] if config.elastic_alpha else [])])
        padding = ', padding_mode="border"' if config.fill == "edge" else ""
        lines += [f"pictures = F.grid_sample(pictures, places({head}), align_corners=False{padding})"]
    if config.erasing:
        lines += ["pictures = pictures.masked_fill(erased(numbers), 0)"]
    made = "(pictures + background)" if has_background else "pictures"
    lines += [f"return {made}{turned}.flatten(1)"]
    return [f"def deformed(inputs{', classes' if _asks_for_classes(config) else ''}):", *indented(lines)]
