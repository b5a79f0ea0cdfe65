"""The docs are a test: what is generated is current, what is said exists."""

import importlib.util
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)


@pytest.mark.parametrize("name", generate.PAGES)
def test_generated_page_is_current(name):
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == generate.HEAD + generate.PAGES[name](), "run: make docs"


def test_files_that_the_docs_name_exist():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_dependency_has_its_reason():
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for line in (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            assert re.split(r"[=\[]", line)[0] in reasons, f"{line} has no reason in docs/dependencies.md"


def test_the_readme_opens_with_two_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.index("make run") < readme.index("make test") < readme.index("![")


def test_the_exit_codes_are_the_same_wherever_they_are_told():
    from healthcheck.faces.cli import main

    known = {int(code) for code in generate.EXITS}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = re.search(r"Exit codes: (.*?)`explain`", readme, re.DOTALL)[1]
    assert {int(n) for n in re.findall(r"(?<![\d-])\d{1,3}(?= )", told)} == known
    assert {int(n) for n in re.findall(r"(?:^|, )(\d) ", main.help.partition("Exit codes: ")[2])} == known - {130}
    assert {"0", "1", "2", "3", "4", "130"} == set(generate.EXITS)


def test_no_page_is_without_its_words():
    for name in generate.PAGES:
        assert "{{" not in re.sub(r"\$\{\{.*?\}\}", "", (ROOT / "docs" / name).read_text(encoding="utf-8")), name
