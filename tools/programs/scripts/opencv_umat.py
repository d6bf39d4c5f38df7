"""Filters made-up pictures with OpenCV on the OpenCL device; prints a digest of each result.

An argument sets the number of rounds. A line is written after each round, for the live table of
the demo. Ends with status 3 when OpenCV doesn't really use OpenCL.
"""

# pyright: reportMissingImports=false

import hashlib
import sys

import cv2
import numpy


def digest(picture: "cv2.UMat") -> str:
    """A short digest of a picture's shape, type and every byte."""
    array = numpy.ascontiguousarray(picture.get())
    return f"{array.shape} {array.dtype} {hashlib.sha256(array.tobytes()).hexdigest()[:16]}"


def one_round(picture: "cv2.UMat") -> "dict[str, cv2.UMat]":
    """One pass of every filter over a picture."""
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    blurred = cv2.GaussianBlur(gray, (9, 9), 2.0)
    _, black_and_white = cv2.threshold(blurred, 127, 255, cv2.THRESH_BINARY)
    square = cv2.getStructuringElement(cv2.MORPH_RECT, (5, 5))
    return {
        "gray": gray,
        "blurred": blurred,
        "edges": cv2.Canny(blurred, 40, 120),
        "closed": cv2.morphologyEx(black_and_white, cv2.MORPH_CLOSE, square),
        "resized": cv2.resize(picture, (960, 540), interpolation=cv2.INTER_LINEAR),
        "mixed": cv2.addWeighted(picture, 0.3, cv2.flip(picture, 1), 0.7, 0),
        "histogram": cv2.calcHist([gray], [0], None, [256], [0, 256]),
    }


def main() -> int:
    """Runs all rounds; prints the digests of the last one."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    cv2.setNumThreads(1)
    cv2.ocl.setUseOpenCL(True)
    device = cv2.ocl.Device_getDefault()
    print("have", cv2.ocl.haveOpenCL(), "use", cv2.ocl.useOpenCL(), "type", device.type())
    print("device", device.name())
    if not (cv2.ocl.haveOpenCL() and cv2.ocl.useOpenCL() and device.available()):
        return 3
    made_up = numpy.random.default_rng(3)
    results: dict[str, cv2.UMat] = {}
    for number in range(rounds):
        picture = made_up.integers(0, 256, (1080, 1920, 3), dtype=numpy.uint8)
        results = one_round(cv2.UMat(picture))
        print("round", number + 1, digest(results["edges"]), flush=True)
    for name, result in results.items():
        print(name, digest(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
