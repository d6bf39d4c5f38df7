"""Trains a small net with tinygrad: 60 steps of Adam on made-up data; prints each step's loss.

The losses are printed exactly (as hexadecimal), so that two runs can be compared to the last bit.
A line is written after each step, for the live table of the demo.
"""

# pyright: reportMissingImports=false

import numpy
from tinygrad import Tensor, TinyJit, nn
from tinygrad.helpers import TRAINING

STEPS = 60
BATCH = 128


class Net:
    """Three layers, 64 to 10."""

    def __init__(self) -> None:
        self.first = nn.Linear(64, 128)
        self.second = nn.Linear(128, 64)
        self.third = nn.Linear(64, 10)

    def __call__(self, x: Tensor) -> Tensor:
        return self.third(self.second(self.first(x).relu()).relu())


def main() -> None:
    """Trains, and prints `step`, its number and its loss."""
    TRAINING.value = 1
    Tensor.manual_seed(7)
    made_up = numpy.random.default_rng(7)
    inputs = made_up.standard_normal((1024, 64)).astype(numpy.float32)
    truth = made_up.standard_normal((64, 10)).astype(numpy.float32)
    labels = (inputs @ truth).argmax(1).astype(numpy.int32)
    net = Net()
    optimizer = nn.optim.Adam(nn.state.get_parameters(net), lr=3e-3)

    @TinyJit
    def step(x: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = net(x).sparse_categorical_crossentropy(y).backward()
        optimizer.step()
        return loss.realize()

    for number in range(STEPS):
        rows = slice(number % 8 * BATCH, (number % 8 + 1) * BATCH)
        loss = step(Tensor(inputs[rows]).realize(), Tensor(labels[rows]).realize()).item()
        print("step", number + 1, loss.hex(), flush=True)


if __name__ == "__main__":
    main()
