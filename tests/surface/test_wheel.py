"""What users install works from any folder: models and designs ship inside the wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the contents of the freshly built wheel."""
    built, target = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("installed")
    _run(ROOT, "-m", "build", "--wheel", "--no-isolation", "--outdir", built, ROOT)
    (wheel,) = built.glob("*.whl")
    _run(built, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel)
    return target


def _run(folder: Path, *words: object, path: Path | None = None) -> str:
    environment = {**os.environ, "PYTHONPATH": str(path or "")}
    command = [sys.executable, *map(str, words)]
    ran = subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.slow
def test_the_wheel_simulates_a_shipped_model_from_an_empty_folder(installed: Path, tmp_path: Path):
    where = _run(tmp_path, "-c", "import archsim; print(archsim.__file__)", path=installed).strip()
    assert Path(where).is_relative_to(installed)
    document = json.loads(_run(tmp_path, "-m", "archsim", "simulate", "digits_cnn", "--json", "-", path=installed))
    assert document["model"]["name"] == "digits_cnn"
    assert all(document["checks"].values())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_wheel_compares_designs_with_what_is_known_of_them(installed: Path, tmp_path: Path):
    document = json.loads(_run(tmp_path, "-m", "archsim", "compare", "--table2", "--json", "-", path=installed))
    assert len(document["designs"]) == 5


@pytest.mark.slow
def test_the_wheel_holds_models_designs_traces_and_the_licence(installed: Path):
    data = installed / "archsim" / "_data"
    assert {path.name for path in (ROOT / "models").glob("*.onnx")} == {p.name for p in data.glob("models/*.onnx")}
    assert {path.name for path in (ROOT / "mappings").glob("*.yaml")} == {p.name for p in data.glob("mappings/*.yaml")}
    devices = {path.name for path in (ROOT / "mappings" / "devices").glob("*.yaml")}
    assert devices == {path.name for path in data.glob("mappings/devices/*.yaml")} == {"pcm.yaml", "rram.yaml"}
    assert (data / "mappings" / "published" / "table2.yaml").is_file()
    assert (data / "traces" / "README.md").is_file()
    assert (installed / "archsim" / "py.typed").is_file()
    assert list(installed.glob("archsim-*.dist-info/licenses/LICENSE"))
