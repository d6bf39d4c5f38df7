"""What is in the package, and how it is packed: the same bytes each time for the same programs."""

from __future__ import annotations

import gzip
import io
import platform
import tarfile
from pathlib import Path

from aliquot import native_programs

_FILES = Path(__file__).with_name("files")
_EXECUTABLE, _PLAIN = 0o755, 0o644
# Beside the native programs: name in the package, and its mode.
_TEXTS = {
    "aliquot-guest.service": _PLAIN,
    "60-aliquot-guest.rules": _PLAIN,
    "aliquot.icd": _PLAIN,
    "README": _PLAIN,
    "install.sh": _EXECUTABLE,
}


def write(folder: Path, version: str) -> Path:
    """Pack it into a folder; raises MissingNativeProgram where something was not built."""
    name = f"aliquot-guest-{version}-{platform.machine()}"
    contents = {
        native_programs.GUEST_VM_END: _EXECUTABLE,
        native_programs.GUEST_DRIVER: _PLAIN,
    }
    files = {
        program: (mode, Path(native_programs.find(program)).read_bytes())
        for program, mode in contents.items()
    }
    files |= {text: (mode, (_FILES / text).read_bytes()) for text, mode in _TEXTS.items()}
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.tar.gz"
    target.write_bytes(gzip.compress(_tar(name, files), mtime=0))
    return target


def _tar(top: str, files: dict[str, tuple[int, bytes]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, (mode, data) in sorted(files.items()):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()
