"""What people install: the wheel and its commands, the action, the image, and what is kept from one run to the next."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import healthcheck
from healthcheck import kept as kept_module
from healthcheck.bounce import index as index_module
from healthcheck.catalog import DATA, catalog, load, sources
from healthcheck.kept import kept

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False, **options)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """`pip install` into a folder of its own, with nothing from an index."""
    target = tmp_path_factory.mktemp("installed")
    done = run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--target",
        target,
        ROOT,
    )
    assert done.returncode == 0, done.stderr
    return target


def command(installed, *arguments, name="healthcheck", text=None, **environment):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "HOME": str(installed), **environment}
    return run(sys.executable, installed / "bin" / name, *arguments, cwd=installed, env=environment, input=text)


# ------------------------------------------------------------------ the wheel


def test_the_project_says_what_the_package_says():
    assert PROJECT["version"] == healthcheck.__version__
    wanted = [line for line in (ROOT / "requirements.in").read_text().splitlines() if line and not line.startswith("#")]
    assert PROJECT["dependencies"] == wanted


def test_the_command_is_there_and_says_its_version(installed):
    done = command(installed, "--version")
    assert (done.returncode, done.stdout) == (0, f"healthcheck {PROJECT['version']}\n")
    assert run(sys.executable, "-m", "healthcheck", "--version", cwd=ROOT).stdout == done.stdout


def test_the_installed_command_explains_and_scans(installed):
    done = command(installed, "explain", "--offline", "--format", "json", "-", text="550 5.1.1 no such user\n")
    assert json.loads(done.stdout)["failures"][0]["cause"] == "user-unknown"
    zones = installed / "healthcheck" / "data" / "demo" / "healthy.example.zone"
    done = command(installed, "scan", "healthy.example", "--only-zone", "--zone", zones, "--format", "json")
    assert json.loads(done.stdout)["domain"] == "healthy.example"


def test_the_installed_package_serves_pages_with_their_looks(installed):
    script = (
        "from healthcheck.faces.serve import create_app\n"
        "client = create_app().test_client()\n"
        "assert client.get('/').status_code == 200\n"
        "assert client.get('/static/style.css').status_code == 200\n"
        "assert client.get('/codes').status_code == 200\n"
        "assert 'paths' in client.get('/openapi/openapi.json').json\n"
        "import healthcheck; print(healthcheck.__file__)\n"
    )
    done = run(sys.executable, "-c", script, cwd=installed, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(installed))


def test_every_file_of_the_project_is_in_the_wheel_and_nothing_else(installed):
    def names(folder):
        return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}

    there = names(installed / "healthcheck")
    assert {n for n in there if not n.startswith(("faces/templates/", "faces/static/"))} == names(ROOT / "healthcheck")
    assert names(installed / "healthcheck" / "faces" / "templates") == names(ROOT / "templates")
    assert names(installed / "healthcheck" / "faces" / "static") == names(ROOT / "static")


def test_the_wheel_is_the_same_each_time_and_its_record_is_right(tmp_path):
    spec = importlib.util.spec_from_file_location("healthcheck_build", ROOT / "pack" / "healthcheck_build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = (tmp_path / f / build.build_wheel(str(tmp_path / f)) for f in "ab")
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as wheel:
        record = wheel.read(f"healthcheck-{PROJECT['version']}.dist-info/RECORD").decode().splitlines()
        assert {line.split(",")[0] for line in record} == set(wheel.namelist())
        for line in record[:-1]:
            name, digest, size = line.rsplit(",", 2)
            octets = wheel.read(name)
            assert (digest, int(size)) == (f"sha256={build._hash(octets)}", len(octets))
    assert (tmp_path / build.build_sdist(str(tmp_path))).stat().st_size > 100_000


def test_the_hook_for_pre_commit(installed):
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["entry"] in PROJECT["scripts"]
    pattern = re.compile(hook["files"])
    assert [name for name in ("zones/shop.example.zone", "db.shop.example", "a/db.x", "x.db", "README.md", "zone.txt", "adb.x") if pattern.search(name)] == [
        "zones/shop.example.zone", "db.shop.example", "a/db.x", "x.db",
    ]  # fmt: skip
    demo = installed / "healthcheck" / "data" / "demo"
    assert command(installed, name="healthcheck-zones").returncode == 0
    assert command(installed, demo / "healthy.example.zone", name="healthcheck-zones").returncode == 0
    bad = installed / "bad.example.zone"
    bad.write_text('@ IN MX 10 mail\n@ IN TXT "v=spf1 +all"\nmail IN A 192.0.2.1\n')
    done = command(installed, "--fail-on=warn", bad, name="healthcheck-zones")
    assert done.returncode == 1
    assert "bad.example" in done.stdout


# ------------------------------------------------------------------ start-up


def test_the_start_is_quick_because_little_is_loaded():
    """The figures are bench/startup.py's; here: what costs the time is not loaded."""

    def loaded(*arguments, text=None):
        script = f"import sys; sys.argv[1:] = {list(arguments)!r}\nfrom healthcheck.__main__ import main\ntry:\n    main()\nexcept SystemExit:\n    pass\nprint('\\n' + ' '.join(sys.modules), file=sys.stderr)"
        return set(run(sys.executable, "-c", script, cwd=ROOT, input=text).stderr.split())

    assert not loaded("--version") & {"click", "dataclasses", "healthcheck.model", "tomllib"}
    explain = loaded("explain", "--offline", "-", text="550 5.7.26 unauthenticated mail from example.com is not accepted")
    assert "healthcheck.bounce.classify" in explain
    assert not explain & {"dns", "flask", "checkdmarc", "spf", "dkim", "pydantic", "healthcheck.checks", "healthcheck.edge", "publicsuffixlist"}
    assert not explain & {"healthcheck.model.many", "healthcheck.model.message", "healthcheck.message.content", "healthcheck.render.sarif"}


def test_the_door_gives_functions_whatever_was_imported_before():
    script = (
        "import healthcheck.scan, healthcheck.explain, healthcheck\n"
        "from healthcheck import scan, explain, Report, Diagnosis, Finding\n"
        "assert callable(healthcheck.scan) and callable(explain) and scan is healthcheck.scan\n"
        "assert not hasattr(healthcheck, 'nothing')\n"
    )
    done = run(sys.executable, "-W", "error", "-c", script, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_a_word_alone_is_found_as_by_the_automaton():
    words = index_module.index().words
    for rule in catalog().rules[::7]:
        text = " ".join(rule.example.lower().split()).encode()
        assert sorted(words._one_by_one(text)) == sorted(words.built().find_matches_as_indexes(text, overlapping=True)), rule.id


# ------------------------------------------------------------------ what is kept


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEALTHCHECK_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    kept_module._hash_of.cache_clear()
    yield tmp_path / "kept"
    kept_module._hash_of.cache_clear()


def made_by(value):
    calls = []

    def make():
        calls.append(1)
        return value

    return make, calls


def only(cache):
    (file,) = cache.iterdir()
    return file


def test_what_is_kept_is_what_was_made(cache):
    first = kept("catalog", sources(), load)
    assert kept("catalog", sources(), lambda: None) == first == load()
    assert (only(cache).stat().st_mode & 0o777, cache.stat().st_mode & 0o777) == (0o644, 0o700)
    book = load()
    built = index_module.build(book)
    assert index_module.build(first) == built


def test_a_changed_file_is_seen(cache, tmp_path):
    file = tmp_path / "data.toml"
    file.write_text("a = 1\n")
    make, calls = made_by(("one", 1))
    for _ in range(3):
        assert kept("some", (file,), make) == ("one", 1)
    assert len(calls) == 1
    file.write_text("a = 2\n")
    os.utime(file, (0, 0))  # whatever the clock says
    kept_module._hash_of.cache_clear()
    other, again = made_by(("two", 2))
    assert kept("some", (file,), other) == ("two", 2)
    assert len(again) == 1


@pytest.mark.parametrize("spoil", ["cut", "flip", "empty", "other-key", "garbage"])
def test_a_spoiled_file_is_passed_over(cache, spoil):
    make, calls = made_by({"a": (1, 2)})
    kept("some", (), make)
    file = only(cache)
    octets = bytearray(file.read_bytes())
    if spoil == "cut":
        octets = octets[:-3]
    elif spoil == "flip":
        octets[-4] ^= 1
    elif spoil == "empty":
        octets = bytearray()
    elif spoil == "other-key":
        octets[len(kept_module.MAGIC)] ^= 1
    else:
        octets = bytearray(os.urandom(300))
    file.write_bytes(octets)
    assert kept("some", (), make) == {"a": (1, 2)}
    assert len(calls) == 2


def test_a_file_that_others_can_write_is_passed_over(cache):
    make, calls = made_by("mine")
    kept("some", (), make)
    os.chmod(only(cache), 0o666)
    assert kept("some", (), make) == "mine"
    assert len(calls) == 2


def test_a_file_of_somebody_else_is_passed_over(cache, monkeypatch):
    make, calls = made_by("mine")
    kept("some", (), make)
    file = only(cache)
    try:
        os.chown(file, 12345, 12345)
    except PermissionError:  # who is not root cannot give a file away: let us be somebody else instead
        monkeypatch.setattr(os, "geteuid", lambda: 54321)
        monkeypatch.setattr(kept_module, "PACKAGE", Path("/"))
    kept("some", (), make)
    assert len(calls) == 2


def test_a_link_is_passed_over(cache, tmp_path):
    make, calls = made_by("mine")
    kept("some", (), make)
    file = only(cache)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    kept("some", (), make)
    assert len(calls) == 2


def test_a_forged_file_runs_nothing(cache, tmp_path):
    """Even with the right key and the right hash, and the right owner: no function of another module is called."""
    import hashlib
    import pickle

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "broken-in"),)

    class Inner:
        def __reduce__(self):
            return eval, (f"__import__('os').mkdir({str(tmp_path / 'broken-in')!r})",)

    make, calls = made_by("mine")
    kept("some", (), make)
    file = only(cache)
    head = file.read_bytes()[: len(kept_module.MAGIC) + kept_module.SIZE]
    # what a module of the package has imported is no value of the package either
    via = b"\x80\x05chealthcheck.kept\nos\n."
    for body in (pickle.dumps(Evil()), pickle.dumps(Inner()), via, b"\x80\x05chealthcheck.kept\nkept\n."):
        file.write_bytes(head + hashlib.blake2b(body, digest_size=kept_module.SIZE).digest() + body)
        assert kept("some", (), make) == "mine"
    assert len(calls) == 5
    assert not (tmp_path / "broken-in").exists()


def test_nothing_is_written_where_nothing_may_be(tmp_path, monkeypatch):
    make, calls = made_by("mine")
    monkeypatch.setenv("HEALTHCHECK_CACHE", "/proc/no/such/place")
    assert kept("some", (), make) == "mine"
    monkeypatch.setenv("HEALTHCHECK_CACHE", "off")
    assert kept("some", (), make) == "mine"
    assert len(calls) == 2


@pytest.mark.parametrize("dont", [True, False])
def test_the_folder_of_the_package_is_left_alone_where_python_is_told_so(tmp_path, monkeypatch, dont):
    make, calls = made_by("mine")
    package, shared = tmp_path / "package", tmp_path / "cache" / "healthcheck"
    package.mkdir()
    monkeypatch.setattr(kept_module, "PACKAGE", package)
    monkeypatch.delenv("HEALTHCHECK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", dont)
    assert kept("some", (), make) == kept("some", (), make) == "mine"
    assert len(calls) == 1
    assert (package / "__pycache__").exists() is not dont
    assert len(list(shared.glob("some-*.kept"))) == dont


def test_the_key_covers_every_file_that_the_knowledge_base_reads(monkeypatch):
    read = set()
    real = Path.read_text

    def noted(self, *args, **options):
        read.add(self.resolve())
        return real(self, *args, **options)

    monkeypatch.setattr(Path, "read_text", noted)
    load()
    assert read
    assert read <= {path.resolve() for path in sources()}
    assert {p.name for p in read} >= {"causes.toml", "words.toml"}
    assert DATA in {p.parent for p in read}


# ------------------------------------------------------------------ the action


def action():
    return yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def test_the_action_is_pinned_and_no_input_is_part_of_a_script():
    told = action()
    assert told["runs"]["using"] == "composite"
    for step in told["runs"]["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", step["uses"])
        else:
            assert step["shell"] == "bash"
            assert "${{" not in step["run"]
    reached = set(re.findall(r"inputs\.([\w-]+)", json.dumps(told["runs"])))
    assert reached == set(told["inputs"])
    for path in (ROOT / "examples" / "ci").glob("*.yml"):
        for used in re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), f"{path.name}: {used}"


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"zones": "good.example.zone"}, 0), ({"zones": "bad.example.zone"}, 1), ({"zones": "bad.example.zone", "fail-on": "never"}, 0), ({"zones": "no-such.zone"}, 2),
        ({"zones": "good.example.zone\nbad.example.zone"}, 1), ({"zones": "good.example.zone", "domains": "--help"}, 2),
        ({"zones": "good.example.zone", "domains": "$(touch broken-in)"}, 2), ({"zones": "$(touch broken-in)"}, 2), ({"zones": "good.example.zone", "fail-on": "fail; touch broken-in"}, 2),
        ({"zones": "good.example.zone", "unknown": "`touch broken-in`"}, 2), ({"zones": "bad.example.zone", "sarif": "out.sarif"}, 1),
    ],
    ids=str,
)  # fmt: skip
def test_the_scripts_of_the_action_run(installed, tmp_path, inputs, code):
    told = action()
    scan = next(step for step in told["runs"]["steps"] if step.get("id") == "scan")
    given = {name: inputs.get(name, row.get("default", "")) for name, row in told["inputs"].items()} | {"only-zone": "true"}
    (tmp_path / "good.example.zone").write_text((DATA / "demo" / "healthy.example.zone").read_text().replace("healthy.example", "good.example"))
    (tmp_path / "bad.example.zone").write_text('@ IN MX 10 mail\n@ IN TXT "v=spf1 +all"\nmail IN A 192.0.2.1\n')
    place = tmp_path / "runner" / "healthcheck" / "bin"
    place.mkdir(parents=True)
    (place / "healthcheck").write_text(f'#!/bin/sh\nPYTHONPATH={installed} exec {sys.executable} {installed}/bin/healthcheck "$@"\n')
    (place / "healthcheck").chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "RUNNER_TEMP": str(tmp_path / "runner"), "GITHUB_OUTPUT": str(tmp_path / "output")}
    environment |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "GITHUB_WORKSPACE": str(tmp_path)}
    environment |= {name: given[re.search(r"inputs\.([\w-]+)", value)[1]] for name, value in scan["env"].items()}
    done = run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", scan["run"], cwd=tmp_path, env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert (tmp_path / "output").read_text() == f"exit-code={code}\n"
    assert not (tmp_path / "broken-in").exists()
    if "sarif" in inputs:
        assert json.loads((tmp_path / "out.sarif").read_text())["version"] == "2.1.0"


# ------------------------------------------------------------------ the image


def instructions():
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [tuple(line.split(None, 1)) for line in lines]


def test_the_image_as_a_linter_would_have_it():
    """The rules of hadolint that apply; no container engine runs here."""
    found = instructions()
    kinds = [kind for kind, _ in found]
    assert set(kinds) <= {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "LABEL", "USER", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
    base = next(value for kind, value in found if kind == "ARG")
    assert re.fullmatch(r"PYTHON=python:3\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", base)  # never “latest”
    final = found[len(kinds) - 1 - kinds[::-1].index("FROM") :]
    values = dict(final)
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", values["USER"])  # not root, by number, so that an orchestrator can tell
    assert [kind for kind, _ in final].index("USER") > max(n for n, (kind, _) in enumerate(final) if kind in ("RUN", "COPY"))
    for kind in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(values[kind]), list)
    assert "/healthz" in values["HEALTHCHECK"]
    json.loads(values["HEALTHCHECK"].partition("CMD ")[2])
    for kind, value in found:
        if kind == "WORKDIR":
            assert value.startswith("/")
        if kind == "RUN":
            assert not re.search(r"\b(sudo|curl|wget|apt-get|apk)\b", value)
            if "pip install" in value:
                assert "--require-hashes" in value or "--no-index" in value
        if kind in ("ENV", "ARG", "COPY"):
            assert not re.search(r"(?i)token|password|secret", value)
    assert sum(kind == "CMD" for kind, _ in final) == sum(kind == "ENTRYPOINT" for kind, _ in final) == 1


def test_only_what_the_wheel_needs_goes_to_the_builder():
    lines = (ROOT / ".dockerignore").read_text().split()
    assert "*" in lines
    spec = importlib.util.spec_from_file_location("healthcheck_build", ROOT / "pack" / "healthcheck_build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    sent = {line[1:] for line in lines if line.startswith("!")}
    assert {"healthcheck", *build.MOVED, "pack", "pyproject.toml", "README.md", "LICENSE", "requirements.txt"} <= sent
    assert not sent & {".git", "tests", "bench", ".venv"}


def test_the_health_check_of_the_image_and_a_place_that_cannot_be_written(installed):
    """The server as the image runs it: nothing is written, and its HEALTHCHECK says that it is well."""
    import socket
    import time

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    values = dict(instructions())
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent"}
    before = set(installed.rglob("*"))
    server = subprocess.Popen(
        [sys.executable, str(installed / "bin" / "healthcheck"), "serve"], env=environment, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        check = json.loads(values["HEALTHCHECK"].partition("CMD ")[2])
        for _ in range(60):
            done = run(sys.executable, *check[1:], env=environment)
            if done.returncode == 0:
                break
            time.sleep(0.3)
        assert done.returncode == 0, done.stderr
    finally:
        server.send_signal(2)
        server.wait(20)
    assert set(installed.rglob("*")) == before
    assert run(sys.executable, *check[1:], env=environment).returncode != 0  # and says so when it is gone
