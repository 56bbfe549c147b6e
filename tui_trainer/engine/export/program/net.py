"""The program's net: `nn.Sequential`, built in the order in which the run drew its starting weights."""

from __future__ import annotations

from tui_trainer.engine.export.program.story import Story
from tui_trainer.engine.export.program.text import indented, lines_of
from tui_trainer.engine.model import width_after
from tui_trainer.per_layer import by_layer

ACTIVATIONS = {
    "relu": "nn.ReLU()", "leaky_relu": "nn.LeakyReLU()", "elu": "nn.ELU()", "selu": "nn.SELU()", "gelu": "nn.GELU()",
    "silu": "nn.SiLU()", "tanh": "nn.Tanh()", "sigmoid": "nn.Sigmoid()", "scaled_tanh": "ScaledTanh()",
}  # fmt: skip
MOST_OF_A_LINE = 88
NORMALIZATIONS = {"batch": "nn.BatchNorm1d", "layer": "nn.LayerNorm"}
STARTS = {
    "glorot_uniform": "nn.init.xavier_uniform_(layer.weight)",
    "glorot_normal": "nn.init.xavier_normal_(layer.weight)",
    "he_uniform": 'nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")',
    "he_normal": 'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")',
    "lecun_normal": "nn.init.normal_(layer.weight, std=1 / math.sqrt(inputs))",
    "uniform": "nn.init.uniform_(layer.weight, -{scale}, {scale})",
    "normal": "nn.init.normal_(layer.weight, std={scale})",
}
IN_WORDS = {
    "glorot_uniform": "uniform by Glorot & Bengio 2010",
    "glorot_normal": "normal by Glorot & Bengio 2010",
    "he_uniform": "uniform by He et al. 2015",
    "he_normal": "normal by He et al. 2015",
    "lecun_normal": "normal by LeCun et al. 1998",
    "uniform": "uniform",
    "normal": "normal",
}
SCALED_TANH = """
    class ScaledTanh(nn.Module):
        '''1.7159 tanh(2x/3), LeCun et al., Efficient BackProp, 1998; its derivative by its outputs.'''

        class Function(torch.autograd.Function):
            @staticmethod
            def forward(context, x):
                y = 1.7159 * torch.tanh(x * (2 / 3))
                context.save_for_backward(y)
                return y

            @staticmethod
            def backward(context, grad):
                inner = context.saved_tensors[0] / 1.7159
                return grad * (1.7159 * 2 / 3) * (1 - inner * inner)

        def forward(self, x):
            return self.Function.apply(x)
"""
IN_BF16 = """
    class LinearInBf16(nn.Linear):
        '''Weights of float32 whose products are of bfloat16 in training; in evaluation all is float32.'''

        class Function(torch.autograd.Function):
            @staticmethod
            def forward(context, x, weight, bias):
                x, weight = x.bfloat16(), weight.bfloat16()
                context.save_for_backward(x, weight)
                return torch.addmm(bias.bfloat16(), x, weight.t())

            @staticmethod
            def backward(context, grad):
                x, weight = context.saved_tensors
                return grad @ weight, (x.t() @ grad).t().float(), grad.sum(0, dtype=torch.float32)

        def forward(self, x):
            return self.Function.apply(x, self.weight, self.bias){end} if self.training else super().forward(x)
"""
VECTORS = """
    class Vectors(nn.Module):
        '''The last columns are numbers of categories: each becomes its vector, which is learned along.'''

        def __init__(self, *sizes):
            super().__init__()
            self.tables = nn.ParameterList()
            for categories, size in sizes:
                table = torch.empty(categories, size).normal_(std=size**-0.5)
                table[0] = 0.0  # a category that was not seen in training says nothing
                self.tables.append(table)

        def forward(self, x):
            plain, numbers = x[:, : -len(self.tables)], x[:, -len(self.tables) :].long()
            vectors = [F.embedding(numbers[:, n], table) for n, table in enumerate(self.tables)]
            return torch.cat([plain, *vectors], 1)
"""


def classes_of(story: Story) -> list[list[str]]:
    """What stands before the net: layers that torch has not, and how weights start."""
    model, blocks = story.config.model, []
    if story.data.embedded:
        blocks.append(_documented(VECTORS))
    if model.activation == "scaled_tanh" and model.hidden:
        blocks.append(_documented(SCALED_TANH))
    if is_bf16(story):
        end = "" if model.normalization == "none" else ".float()"  # what is normalised is float32
        blocks.append(_documented(IN_BF16.format(end=end)))
    if model.init != "torch":
        scale = "scale" if _has_scales(story) else model.init_scale
        start = STARTS[model.init].format(scale=scale)
        blocks.append([
            f"def linear(inputs, units{', scale' if _has_scales(story) else ''}):",
            *indented([
                f'"""A layer whose weights start {IN_WORDS[model.init]}, and its biases at 0."""',
                f"layer = {linear(story)}(inputs, units)",
                start,
                "nn.init.zeros_(layer.bias)",
                "return layer",
            ]),
        ])  # fmt: skip
    return blocks


def net_lines(story: Story) -> list[str]:
    """`net = nn.Sequential(...)`."""
    layers = _layers(story)
    placed = "" if story.device == "cpu" else ".to(device)"
    one_line = f"net = nn.Sequential({', '.join(layers)}){placed}"
    if len(one_line) <= MOST_OF_A_LINE:
        return ["# Net", one_line]
    return ["# Net", "net = nn.Sequential(", *indented(f"{layer}," for layer in layers), f"){placed}"]


def has_modes(story: Story) -> bool:
    """Whether the net does something else in training than in use."""
    return has_dropout(story) or story.config.model.normalization == "batch" or is_bf16(story)


def is_bf16(story: Story) -> bool:
    """Whether the products of training are of bfloat16."""
    return story.config.hardware.precision == "bf16"


def linear(story: Story) -> str:
    """The class of the layers with weights."""
    return "LinearInBf16" if is_bf16(story) else "nn.Linear"


def has_dropout(story: Story) -> bool:
    """Whether there is a dropout layer, at the start or after a change."""
    model = story.config.model
    return any(shares(story)) or bool(model.input_dropout) or story.changes_of("dropout", "input_dropout")


def shares(story: Story) -> tuple[float, ...]:
    """Dropout after each hidden layer."""
    return by_layer(story.config.model.dropout, len(story.config.model.hidden))


def _has_scales(story: Story) -> bool:
    return story.config.model.init in ("uniform", "normal") and isinstance(story.config.model.init_scale, tuple)


def _layers(story: Story) -> list[str]:
    model, data, layers = story.config.model, story.data, []
    made = linear(story) if model.init == "torch" else "linear"
    if data.embedded:
        layers.append(f"Vectors({', '.join(f'({categories}, {size})' for categories, size in data.embedded)})")
    if model.input_dropout or story.changes_of("input_dropout"):
        layers.append(f"nn.Dropout({model.input_dropout})")
    width = width_after(data.inputs, data.embedded)
    scales = [""] * (len(model.hidden) + 1)
    if _has_scales(story):
        scales = [f", {scale}" for scale in by_layer(model.init_scale, len(scales))]
    for units, scale, share in zip(model.hidden, scales[:-1], shares(story), strict=True):
        layers.append(f"{made}({width}, {units}{scale})")
        if model.normalization != "none":
            layers.append(f"{NORMALIZATIONS[model.normalization]}({units})")
        layers.append(ACTIVATIONS[model.activation])
        if share or story.changes_of("dropout"):
            layers.append(f"nn.Dropout({share})")
        width = units
    return [*layers, f"{made}({width}, {data.outputs}{scales[-1]})"]


def _documented(template: str) -> list[str]:
    return [line.replace("'''", '"""') for line in lines_of(template)]
