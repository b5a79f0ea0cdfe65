"""Bearer tokens: hashed at rest, compared in constant time, needed where they are configured, each with limits of its own."""

import hashlib
import hmac

import pytest

from app import create_app
from healthcheck.edge.world import World
from healthcheck.errors import InputError
from healthcheck.faces import tokens
from healthcheck.faces.tokens import PREFIX, RATE, Tokens, fresh, hash_of

TOKEN, HASH = fresh()


@pytest.fixture(scope="module")
def world():
    world = World.demo(World.zones((), only=True))
    yield world
    world.close()


@pytest.fixture
def client_of(world):
    apps = []

    def make(**config):
        app = create_app(world, {"TESTING": True, **config})
        apps.append(app)
        return app.test_client()

    yield make
    for app in apps:
        app.extensions["desk"].close()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


# ------------------------------------------------------------------ what is kept


def test_a_fresh_token_is_random_and_its_hash_is_sha256():
    made = {fresh() for _ in range(100)}
    assert len({token for token, _ in made}) == 100
    for token, digest in made:
        assert token.startswith(PREFIX)
        assert len(token) == len(PREFIX) + 43  # 256 bits in base64url
        assert digest == hashlib.sha256(token.encode()).hexdigest()


@pytest.mark.parametrize(
    "line", [HASH, f"sha256:{HASH}", HASH.upper(), f"{HASH}:deploy", f"{HASH}:deploy:30", f" {HASH} : deploy : 30  # the pipeline", f"{HASH}::30"]
)
def test_a_line_of_the_file(tmp_path, line):
    file = tmp_path / "tokens.txt"
    file.write_text(f"# tokens\n\n{line}\n")
    known = Tokens.read(str(file))
    holder = known.holder(f"Bearer {TOKEN}")
    assert holder.name == ("deploy" if "deploy" in line else HASH[:8])
    assert holder.scans == (30 if "30" in line.partition(":")[2] and line.rstrip().endswith(("30", "pipeline")) else RATE)
    assert known.holder(f"bearer  {TOKEN} ").name == holder.name
    assert TOKEN not in repr(known)


def test_hashes_in_the_variable_itself():
    other, digest = fresh()
    known = Tokens.read(f"{HASH}:one, {digest}:two")
    assert known.holder(f"Bearer {TOKEN}").name == "one"
    assert known.holder(f"Bearer {other}").name == "two"


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic " + TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Bearer {HASH}", "Bearer " + "x" * 5000, "Bearer \udcff"],
)
def test_whoever_is_not_known_is_nobody(header):
    assert Tokens.read(HASH).holder(header) is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("nonsense\n", ":1"),
        (f"{HASH}\n{HASH}\n", ":2"),
        (f"{HASH}:a b\n", ":1"),
        (f"{HASH}:a:-1\n", ":1"),
        (f"{HASH}:a:0\n", ":1"),
        ("# nothing\n", "no token"),
        (TOKEN + "\n", ":1"),
    ],
)
def test_a_file_that_cannot_be_used_names_its_line_and_never_what_stands_there(tmp_path, content, told):
    file = tmp_path / "tokens.txt"
    file.write_text(content)
    with pytest.raises(InputError) as fault:
        Tokens.read(str(file))
    assert told in fault.value.detail
    assert TOKEN not in fault.value.detail
    assert HASH not in fault.value.detail


def test_a_token_in_place_of_a_file_is_refused_without_repeating_it():
    with pytest.raises(InputError) as fault:
        Tokens.read(TOKEN)
    assert TOKEN not in fault.value.detail
    with pytest.raises(InputError, match="no-such-file"):
        Tokens.read("no-such-file")


def test_every_hash_is_compared_and_each_in_constant_time(monkeypatch):
    real = hmac.compare_digest
    seen = []

    def compare(one, other):
        seen.append((one, other))
        return real(one, other)

    monkeypatch.setattr(tokens.hmac, "compare_digest", compare, raising=True)
    others = [hash_of(f"other {n}") for n in range(4)]
    known = Tokens.read([HASH, *others])
    assert known.holder(f"Bearer {TOKEN}")
    assert len(seen) == 5  # the first one fits, and all are compared all the same


# ------------------------------------------------------------------ over HTTP


def test_nobody_needs_a_token_where_none_is_configured(client_of):
    client = client_of()
    assert client.get("/api/v1/codes/550").status_code == 200
    assert client.get("/api/v1/codes/550", headers=bearer("anything")).status_code == 200


def test_without_a_token_the_api_says_401_as_rfc_6750_has_it(client_of):
    client = client_of(TOKENS=HASH)
    for path in ("/api/v1/codes/550", "/api/v1/scan/healthy.example", "/api/v1/nothing-there"):
        none = client.get(path)
        assert (none.status_code, none.content_type) == (401, "application/problem+json")
        assert none.headers["WWW-Authenticate"] == 'Bearer realm="healthcheck"'
        assert none.json["type"].endswith("/token-needed")
        assert none.headers["Cache-Control"] == "no-store"
        wrong = client.get(path, headers=bearer("wrong"))
        assert wrong.status_code == 401
        assert wrong.headers["WWW-Authenticate"] == 'Bearer realm="healthcheck", error="invalid_token"'
        assert wrong.json["type"].endswith("/token-unknown")
    assert client.post("/api/v1/explain", json={"text": "550 5.1.1", "offline": True}).status_code == 401
    assert client.post("/api/v1/scan", json={"domain": "healthy.example"}).status_code == 401
    assert client.get("/api/v1/codes/550", headers=bearer(TOKEN)).status_code == 200


@pytest.mark.parametrize(
    ("what", "closed", "open_"),
    [
        ("api", ["/api/v1/checks"], ["/", "/healthz", "/badge/healthy.example.json"]),
        ("all", ["/api/v1/checks", "/", "/metrics", "/badge/healthy.example.svg"], ["/healthz"]),
        ("none", [], ["/api/v1/checks", "/"]),
    ],
)
def test_what_needs_a_token(client_of, what, closed, open_):
    client = client_of(TOKENS=HASH, TOKENS_FOR=what)
    for path in closed:
        assert client.get(path).status_code == 401, path
        assert client.get(path, headers=bearer(TOKEN)).status_code == 200, path
    for path in open_:
        assert client.get(path).status_code == 200, path


def test_a_setting_that_cannot_be_used_stops_the_server(client_of):
    with pytest.raises(InputError, match="TOKENS_FOR"):
        client_of(TOKENS=HASH, TOKENS_FOR="some")


def test_each_token_has_its_own_limit(client_of):
    other, digest = fresh()
    client = client_of(TOKENS=f"{HASH}:small:3,{digest}:large:50")

    def ask(token):
        return client.get("/api/v1/scan/healthy.example", headers=bearer(token))

    first = ask(TOKEN)
    assert first.headers["RateLimit-Limit"] == "3"
    assert first.headers["RateLimit-Remaining"] == "2"
    assert [ask(TOKEN).status_code for _ in range(4)] == [200, 200, 429, 429]
    assert ask(other).status_code == 200
    assert ask(other).headers["RateLimit-Limit"] == "50"


def test_guesses_count_against_the_address(client_of):
    client = client_of(TOKENS=HASH, REQUESTS_PER_MINUTE=20)
    told = [client.get("/api/v1/checks", headers=bearer(f"guess {n}")).status_code for n in range(30)]
    assert told == [401] * 20 + [429] * 10
    assert client.get("/api/v1/checks", headers=bearer(TOKEN)).status_code == 200  # who has one is counted apart


def test_the_description_says_where_a_token_is_needed(client_of):
    said = client_of(TOKENS=HASH).get("/openapi/openapi.json").json
    assert said["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert said["paths"]["/api/v1/checks"]["get"]["security"] == [{"token": []}]
    assert said["paths"]["/badge/{domain}.svg"]["get"]["security"] == [{}, {"token": []}]
    assert client_of().get("/openapi/openapi.json").json["paths"]["/api/v1/checks"]["get"]["security"] == [{}, {"token": []}]


def test_the_command_prints_a_token_and_its_hash():
    from click.testing import CliRunner

    from healthcheck.faces.cli import main

    out = CliRunner().invoke(main, ["token"]).output.split()
    assert out[::2] == ["token", "hash"]
    assert hash_of(out[1]) == out[3]
