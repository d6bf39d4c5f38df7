"""Fourier transforms with reikna, there and back, checked against numpy and printed as digests."""

# pyright: reportMissingImports=false

import hashlib
import sys

import numpy
from reikna import cluda
from reikna.fft import FFT

CASES = (
    ((64, 1024), (1,)),
    ((256, 256), (0, 1)),
    ((16, 32, 32), (0, 1, 2)),
    ((4, 840), (1,)),  # not a power of two
)


def main() -> int:
    """Runs each transform twenty times; status 1 when one is wrong."""
    thread = cluda.ocl_api().Thread.create()
    made_up = numpy.random.default_rng(5)
    wrong = False
    for shape, axes in CASES:
        real, imaginary = made_up.standard_normal((2, *shape))
        signal = (real + 1j * imaginary).astype(numpy.complex64)
        transform = FFT(signal, axes=axes).compile(thread)
        on_device = thread.to_device(signal)
        spectrum = thread.empty_like(on_device)
        for _ in range(20):
            transform(spectrum, on_device)
        found, expected = spectrum.get(), numpy.fft.fftn(signal, axes=axes)
        transform(spectrum, spectrum, inverse=True)
        there_and_back = abs(spectrum.get() - signal).max()
        right = abs(found - expected).max() < 1e-5 * abs(expected).max() and there_and_back < 1e-4
        wrong = wrong or not right
        print(shape, "right" if right else "WRONG", hashlib.sha256(found.tobytes()).hexdigest())
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
