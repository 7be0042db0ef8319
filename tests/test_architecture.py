"""The house rules that a machine can check."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("schemas", "warehouse", "flows")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Top-level names a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    """Schemas imports nothing of ours, warehouse only schemas, and only named modules the outside world."""
    package = path.relative_to(ROOT).parts[0]
    names = imports(path)
    allowed = {
        "schemas": {"schemas"},
        "warehouse": {"schemas", "warehouse"},
        "flows": set(PACKAGES),
    }
    assert names & set(PACKAGES) <= allowed[package]
    if path.name != "fetching.py":
        assert not names & {"httpx", "tenacity", "requests", "aiohttp"}
    if path != ROOT / "flows" / "nightly.py":
        assert "prefect" not in names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_settings_read_the_environment(path: Path) -> None:
    """No module but settings.py reads environment variables."""
    if path == ROOT / "flows" / "settings.py":
        return
    reads = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("os.getenv", "os.environ.get", "os.environ.__getitem__")
    ]
    assert not reads


def test_no_stem_shadows_the_standard_library() -> None:
    """No module bears the name of one of the standard library's, or of one of our packages."""
    import sys

    stems = {path.stem for path in MODULES if path.stem != "__init__"}
    assert not stems & set(sys.stdlib_module_names)


def test_the_dependencies_of_the_project_are_used() -> None:
    """Every dependency is imported somewhere, or has its reason in the comment beside it."""
    import tomllib

    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    names = {"python-dateutil": "dateutil", "pydantic-settings": "pydantic_settings"}
    used = set().union(*(imports(path) for path in MODULES))
    for requirement in tomllib.loads(text)["project"]["dependencies"]:
        name = requirement.split(">")[0].split("<")[0].split("=")[0].split("[")[0].strip()
        line = next(
            item
            for item in text.splitlines()
            if item.startswith(f'  "{name}') and f'"{requirement}"' in item
        )
        assert "#" in line, f"{name} has no reason beside it"
        if name not in ("fastapi", "pytz"):
            assert names.get(name, name) in used, f"{name} is not used"
