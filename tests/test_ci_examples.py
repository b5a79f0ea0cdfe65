"""The examples of docs/ci.md, run as they stand there: the shell against a server with the demo world, the pipelines step by step."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from support.served import served

from healthcheck.catalog import DATA
from healthcheck.faces.tokens import hash_of

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
EXAMPLES = sorted((ROOT / "examples" / "ci").iterdir())
SHELL = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
GOOD = (DATA / "demo" / "healthy.example.zone").read_text(encoding="utf-8")
BAD = '$ORIGIN bad.example.\n@ IN MX 10 mail\n@ IN TXT "v=spf1 +all"\nmail IN A 192.0.2.1\n'


@pytest.fixture(scope="module")
def port():
    with served() as port:
        yield port


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A runner: `pip install` works without an index, and what it installs is found."""
    place = tmp_path_factory.mktemp("runner")
    target, bin_ = place / "site", place / "bin"
    bin_.mkdir()
    scripts = {
        "pip": f'test "$1" = install || exit 9\nshift\nexec {sys.executable} -m pip install --disable-pip-version-check --no-deps --no-index --no-build-isolation '
        f'--upgrade --target {target} "$@"\n',
        **{name: f'PYTHONPATH={target} exec {sys.executable} {target}/bin/{name} "$@"\n' for name in ("healthcheck", "healthcheck-zones")},
    }
    for name, text in scripts.items():
        (bin_ / name).write_text("#!/bin/sh\n" + text)
        (bin_ / name).chmod(0o755)
    return bin_


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "healthy.example.zone").write_text(GOOD)
    return tmp_path


def shell(script, machine, repository, **environment):
    environment = {"PATH": f"{machine}:{os.environ['PATH']}", "HOME": str(repository), "HEALTHCHECK_SOURCE": str(ROOT), **environment}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_page_shows_the_files_as_they_are():
    shown = dict(re.findall(r"<!-- (examples/ci/\S+) -->\n```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
    assert set(shown) == {path.relative_to(ROOT).as_posix() for path in EXAMPLES}
    for name, text in shown.items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, name
    assert len(SHELL) >= 7


def test_the_shell_of_the_page_runs(port, machine, repository):
    """Block after block, in one directory, as a reader would."""
    assert "healthcheck --version" in SHELL[0]
    (repository / "pyproject.toml").symlink_to(ROOT / "pyproject.toml")  # “in a checkout”
    ran = SHELL[0].replace("pip install . ", f"pip install {ROOT} ")
    done = shell(ran, machine, repository)
    assert done.returncode == 0, done.stdout + done.stderr
    for block in SHELL[1:]:
        done = shell(block, machine, repository, HEALTHCHECK=f"http://127.0.0.1:{port}")
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
    assert (repository / "badge.svg").read_text().startswith("<svg")
    token = re.search(r"^token *(\S+)$", (repository / "new-token.txt").read_text(), re.MULTILINE)[1]
    assert (repository / "tokens.txt").read_text().strip() == hash_of(token)


def test_a_block_about_what_fails_says_so(port, machine, repository):
    block = next(b for b in SHELL if "healthy.example?fail_on=fail&unknown=warn" in b)
    done = shell(
        block.replace("healthy.example", "nodmarc.example").replace("fail_on=fail", "fail_on=note"), machine, repository, HEALTHCHECK=f"http://127.0.0.1:{port}"
    )
    assert done.returncode == 1


def test_the_token_of_the_page_opens_the_api(machine, repository):
    blocks = [b for b in SHELL if "token" in b]
    assert len(blocks) == 2
    shell(f"pip install --quiet {ROOT}", machine, repository)
    assert shell(blocks[0], machine, repository).returncode == 0
    with served(TOKENS=str(repository / "tokens.txt")) as port:
        done = shell("\n".join(blocks), machine, repository, HEALTHCHECK=f"http://127.0.0.1:{port}")
        assert done.returncode == 22  # the token made last is not known to a server that was started before
        known = re.search(r"^token *(\S+)$", (repository / "new-token.txt").read_text(), re.MULTILINE)[1]
        assert shell(blocks[1], machine, repository, HEALTHCHECK=f"http://127.0.0.1:{port}", token="wrong").returncode == 22
    with served(TOKENS=str(repository / "tokens.txt")) as port:
        assert shell(blocks[1], machine, repository, HEALTHCHECK=f"http://127.0.0.1:{port}", token=known).returncode == 0


# ------------------------------------------------------------------ pipelines


def steps(job):
    return [step for step in job["steps"] if "run" in step]


@pytest.mark.parametrize(("extra", "code"), [("", 0), (BAD, 1)], ids=["good", "bad"])
def test_github_actions(port, machine, repository, extra, code):
    jobs = yaml.safe_load((ROOT / "examples" / "ci" / "github.yml").read_text())["jobs"]
    if extra:
        (repository / "zones" / "bad.example.zone").write_text(extra)
    install, zones = steps(jobs["zones"])
    assert all("${{" not in step["run"] for job in jobs.values() for step in steps(job))
    assert shell(install["run"], machine, repository).returncode == 0
    done = shell(zones["run"], machine, repository, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(repository / "summary.md"))
    assert done.returncode == code, done.stdout + done.stderr
    assert (repository / "healthcheck.sarif").read_text().startswith("{")
    if extra:
        assert "::error file=zones/bad.example.zone,line=" in done.stdout
    (published,) = steps(jobs["published"])
    assert set(published["env"]) == {"HEALTHCHECK", "HEALTHCHECK_TOKEN"}
    done = shell(published["run"], machine, repository, HEALTHCHECK=f"http://127.0.0.1:{port}", HEALTHCHECK_TOKEN="none")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("extra", "code"), [("", 0), (BAD, 1)], ids=["good", "bad"])
def test_gitlab_ci(machine, repository, extra, code):
    job = yaml.safe_load((ROOT / "examples" / "ci" / "gitlab.yml").read_text())["mail-zones"]
    if extra:
        (repository / "zones" / "bad.example.zone").write_text(extra)
    done = shell("\n".join(job["script"]), machine, repository)
    assert done.returncode == code, done.stdout + done.stderr
    suites = ElementTree.parse(repository / job["artifacts"]["reports"]["junit"]).getroot()
    assert suites.tag == "testsuites"
    assert bool(suites.findall(".//failure")) == bool(extra)


@pytest.mark.parametrize(("extra", "code"), [("", 0), (BAD, 1)], ids=["good", "bad"])
def test_pre_commit(machine, repository, extra, code):
    """What pre-commit does: it installs the repository, and calls the hook's entry with its arguments and the files that match."""
    (repo,) = yaml.safe_load((ROOT / "examples" / "ci" / "pre-commit-config.yaml").read_text())["repos"]
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    (wanted,) = repo["hooks"]
    hook = hooks[wanted["id"]]
    if extra:
        (repository / "zones" / "bad.example.zone").write_text(extra)
    (repository / "README.md").write_text("no zone\n")
    files = [str(p.relative_to(repository)) for p in sorted(repository.rglob("*")) if p.is_file() and re.search(hook["files"], str(p.relative_to(repository)))]
    assert files == ["zones/bad.example.zone"] * bool(extra) + ["zones/healthy.example.zone"]
    shell(f"pip install --quiet {ROOT}", machine, repository)
    done = shell(" ".join([hook["entry"], *wanted["args"], *files]), machine, repository)
    assert done.returncode == code, done.stdout + done.stderr
