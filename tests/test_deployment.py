"""The image and its composition: linted, agreeing with the rest, and their commands run as they stand.

No container engine is needed: what the files tell one to run is run here as plain processes.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from index.archive import derived_folder
from index.config import IndexConfig
from rag.config import Settings

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(sys.executable).parent
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8")


@pytest.mark.parametrize(
    "command",
    [
        ("hadolint", "Dockerfile"),
        ("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"),
    ],
    ids=lambda command: command[0],
)
def test_the_linters_find_nothing(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [str(SCRIPTS / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_versions_agree_wherever_they_stand() -> None:
    torch = re.search(r"^torch==.+$", CONSTRAINTS, re.MULTILINE)
    assert torch
    for name in ("Dockerfile", "Makefile"):
        assert re.search(rf" {torch.group()}(\s|$)", (ROOT / name).read_text("utf-8")), name
    # The server comes with the client's own package, so that it is always of its version.
    assert COMPOSE["services"]["chroma"]["image"] == COMPOSE["services"]["dateline-1"]["image"]
    assert re.search(r"^chromadb==", CONSTRAINTS, re.MULTILINE)


def test_the_image_installs_what_the_project_names() -> None:
    """The command of the build, run here but for its installing."""
    listing = re.search(r'RUN (python -c "import tomllib.*?) > requirements.txt', DOCKERFILE, re.DOTALL)
    assert listing
    done = subprocess.run(["sh", "-c", listing.group(1)], cwd=ROOT, capture_output=True, text=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert done.stdout.split("\n")[:-1] == project["dependencies"], done.stderr


def test_what_the_build_needs_is_sent_to_it_and_no_more() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {
        name.split("/")[0]
        for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE)
        for name in line.split()
        if name != "."
    }
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    assert "*" in lines
    assert sent == copied | {name.split(".")[0] for name in packages} | {"README.md"}


def test_the_model_is_unpacked_from_the_few_files_copied_before(tmp_path: Path) -> None:
    copied = re.search(r"^COPY (index/\S+ .*) index/$", DOCKERFILE, re.MULTILINE)
    unpack = re.search(r'^RUN python -c "(from index.bundled .*)"$', DOCKERFILE, re.MULTILINE)
    assert copied and unpack
    (tmp_path / "index").mkdir()
    for name in copied.group(1).split():
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    cache = tmp_path / "cache"
    subprocess.run(
        [sys.executable, "-c", unpack.group(1)],
        cwd=tmp_path,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        check=True,
        timeout=240,
    )
    assert list(cache.glob("dateline/multilingual-e5-small-*/modules.json"))


def test_every_setting_of_the_files_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = COMPOSE["services"]["dateline-1"]["environment"]
    names = {*environment, *re.findall(r"\bDATELINE_\w+", DOCKERFILE)}
    assert {name.removeprefix("DATELINE_").lower() for name in names} <= Settings.model_fields.keys()
    assert "KEY" not in DOCKERFILE and not any("KEY" in name for name in environment)
    for name, value in environment.items():
        # With what stands there in case that nobody sets another.
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*)\}", r"\1", value))
    assert Settings().chroma_url == "http://chroma:8000"


def test_what_a_process_keeps_is_in_the_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    """All else may be read-only, and what two replicas keep is one folder."""
    variables = dict(re.findall(r"\b(XDG_\w+)=(\S+)", DOCKERFILE))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    kept = derived_folder(IndexConfig(archive=Path("archive"), chroma_url="http://chroma:8000"))
    assert kept.is_relative_to("/data")
    for name in ("dateline-1", "dateline-2"):
        assert COMPOSE["services"][name]["volumes"] == ["dateline:/data"]
        assert COMPOSE["services"][name]["read_only"]
    assert re.search(r"^USER [1-9]\d*$", DOCKERFILE, re.MULTILINE)


def test_the_proxy_knows_every_replica() -> None:
    text = (ROOT / "Caddyfile").read_text("utf-8")
    replicas = [name for name in COMPOSE["services"] if name.startswith("dateline-")]
    assert f"reverse_proxy {' '.join(f'{name}:7860' for name in replicas)} {{" in text


def test_only_this_machine_is_served_unless_told_otherwise() -> None:
    for name, service in COMPOSE["services"].items():
        for port in service.get("ports", []):
            assert re.search(r":-127\.0\.0\.1:\d+}", port), (name, port)


def healthcheck() -> list[str]:
    """The command of the image's health check."""
    found = re.search(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found
    command: list[str] = json.loads(found.group(1))
    return command


def test_the_health_check_fails_where_nothing_answers() -> None:
    program, *arguments = healthcheck()
    assert program == "python"
    elsewhere = [argument.replace(":7860", ":9") for argument in arguments]
    done = subprocess.run([sys.executable, *elsewhere], capture_output=True, timeout=60)
    assert done.returncode == 1
