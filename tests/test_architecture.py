"""The arrows of docs/architecture.md: who may import whom."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "healthcheck"
FILES = sorted(PACKAGE.rglob("*.py"))
NETWORK = {"socket", "ssl", "http", "urllib", "requests", "httpx", "selectors", "asyncio"}
MAIL = {"spf", "dkim", "checkdmarc"}
# The level of each room: an import may only point to a lower one, or stay within its own.
LEVEL = {
    "errors": -1, "files": -0.5, "model": 0, "vocabulary": 0.5, "kept": 0.5, "catalog": 1, "mailboxes": 1.5, "edge": 2, "profiles": 2, "checks": 3, "bounce": 3, "message": 3.5, "ahead": 3.5, "scan": 4, "feeds": 4, "reading": 4, "explain": 5, "examine": 4.5, "bulk": 5, "compare": 5, "many": 5, "policy": 5, "config": 5.5, "render": 6, "faces": 7, "__init__": 8, "__main__": 8,
}  # fmt: skip


def room(path: pathlib.Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: pathlib.Path) -> set[str]:
    """Every module that a file imports, anywhere in it, relative ones resolved to "healthcheck.…"."""
    here = ["healthcheck", *path.relative_to(PACKAGE).parts[:-1]]
    out: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            out |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: len(here) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            out |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return out


def tops(path: pathlib.Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_arrows_point_down(path):
    own = room(path)
    assert own in LEVEL, f"{own} is a new room: give it a level here and a line in docs/architecture.md"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "healthcheck" and len(parts) > 1 and parts[1] in LEVEL and parts[1] != own:
            assert LEVEL[parts[1]] < LEVEL[own] or {own, parts[1]} == {"__init__", "__main__"}, f"{own} must not import {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_who_may_import_what(path):
    own, names = room(path), tops(path)
    if own != "edge":
        assert not names & NETWORK, f"only edge opens connections: {names & NETWORK}"
    if own != "edge" or not path.name.startswith("libs"):
        assert not names & MAIL, f"only edge/libs*.py imports {names & MAIL}"
    if own in ("bounce", "message", "render", "model", "vocabulary", "catalog", "errors"):
        assert not names & {"dns", "flask"}
        assert not any(n.startswith("healthcheck.edge") for n in imports(path))
    if own == "checks":
        assert "dns" not in names


def test_pure_rooms_do_not_import_the_edge_by_detour():
    for path in FILES:
        if room(path) in ("bounce", "message"):
            assert not any(n.startswith(("healthcheck.scan", "healthcheck.checks")) for n in imports(path))


SHARED_BY_TOPICS = {"__init__", "base", "facts", "addresses", "parked", "web", "tlsa"}


def test_topics_never_import_one_another():
    """They meet in facts.py; what is imported for the type checker alone does not count."""
    checks = PACKAGE / "checks"
    topics = {p.stem for p in checks.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()} - SHARED_BY_TOPICS
    for path in checks.rglob("*.py"):
        own = path.relative_to(checks).parts[0].removesuffix(".py")
        if own in SHARED_BY_TOPICS:
            continue
        used = {name.split(".")[2] for name in imports(path) if name.startswith("healthcheck.checks.")}
        assert not used & topics - {own}, f"{path.relative_to(PACKAGE)} imports another topic"


def test_the_command_line_never_imports_flask():
    assert "flask" not in tops(PACKAGE / "faces" / "cli.py") | tops(PACKAGE / "__main__.py")


def test_files_stay_readable():
    """A room is read top to bottom; past 400 lines it is two rooms."""
    long = {str(p.relative_to(PACKAGE)): n for p in FILES if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400}
    assert not long


def test_the_door():
    import healthcheck

    assert sorted(healthcheck.__all__) == ["Diagnosis", "Examination", "Finding", "Report", "examine", "explain", "scan"]
