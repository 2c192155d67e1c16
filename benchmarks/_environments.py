"""Virtual environments for contestants that need an interpreter or packages of their own, kept under .bench/."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import _bench

FOLDER = _bench.ROOT / ".bench"


def interpreter(oldest: tuple[int, int], newest: tuple[int, int]) -> Path | None:
    """An interpreter within these versions: on the path, or one that pyenv keeps."""
    for minor in range(newest[1], oldest[1] - 1, -1):
        for candidate in _candidates(f"{oldest[0]}.{minor}"):
            if version(candidate).startswith(f"{oldest[0]}.{minor}."):
                return candidate
    return None


def environment(name: str, python: Path, requirements: Sequence[str]) -> Path:
    """The interpreter of the environment with exactly these arguments installed; made on first use."""
    folder = FOLDER / name
    wanted = "\n".join((str(python), _bench.ROOT.as_posix(), *(_content(one) for one in requirements)))
    stamp = folder / "its-stamp"
    inside = folder / "bin" / "python"
    if stamp.is_file() and stamp.read_text() == wanted:
        return inside
    print(f"making {folder.relative_to(_bench.ROOT)}: {' '.join(requirements)}", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    uv = [sys.executable, "-m", "uv", "--quiet"]
    for command in (
        [*uv, "venv", "--python", str(python), str(folder)],
        [*uv, "pip", "install", "--python", str(inside), *requirements],
    ):
        if subprocess.run(command, cwd=_bench.ROOT, check=False).returncode:
            raise SystemExit(f"{name} could not be installed, see above")
    stamp.write_text(wanted)
    return inside


def version(python: Path) -> str:
    """`3.13.0`, or nothing for what does not run: a shim of a version that is not installed."""
    program = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    answer = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def _candidates(version: str) -> Iterator[Path]:
    found = shutil.which(f"python{version}")
    if found is not None:
        yield Path(found)
    pyenv = shutil.which("pyenv")
    if pyenv is not None:
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=True).stdout.strip()
        yield from sorted(Path(root, "versions").glob(f"{version}.*/bin/python"), reverse=True)


def _content(requirement: str) -> str:
    file = _bench.ROOT / requirement
    return file.read_text() if file.is_file() else requirement
