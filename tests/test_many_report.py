"""Reports about many bounces: what comes first, what is said where nothing is known, and that nothing out of an input gets out of its place."""

import json
import re
from io import BytesIO
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from healthcheck.catalog import catalog
from healthcheck.edge.world import World
from healthcheck.faces import example
from healthcheck.many import Feed, many
from healthcheck.model import Event, Happened, Said, Type
from healthcheck.render import many as render
from healthcheck.render.many import charts, figures, found, page, rates, said, view
from healthcheck.scan import scan

DAY = 86400
NOON = 1793577600.0  # 2026-11-02, midnight
EVIL = "<script>alert(1)</script>\x1b[31m\x00{{7*7}}\u202e"
HEAD = b"email,event,timestamp,response,campaign,from,message_id\n"


def read(octets, **options):
    return many([Feed("export.csv", lambda: BytesIO(octets))], **options)


def rows(*lines):
    return HEAD + "".join(f"{line}\n" for line in lines).encode()


def bounced(n, *, reply="550 5.1.1 User unknown", campaign="c", at="2026-11-02T08:00:00Z", event="bounce", domain="example.net"):
    return f"user{n}@{domain},{event},{at},{reply},{campaign},news@shop.example,m{n}-{campaign}"


def delivered(n, **more):
    return bounced(n, reply="250 OK", event="delivered", **more)


class Made:
    """A result of events that are made here, with what `many` adds."""

    def __new__(cls, events, **options):
        lines = iter(events)
        result = read(HEAD, **options)
        for event in lines:
            result.many.add(event)
        from healthcheck.bounce.many.rates import rates as measured

        object.__setattr__(result, "rates", measured(result.many, result.policy, kind=result.kind, sent=result.sent))
        return result


def event(happened, n=0, cause=None, **more):
    what = None
    if cause:
        row = catalog().causes[cause]
        what = Said(cause, row.party, Type.HARD, row.suppress, "address", "certain", text=more.pop("text", ""))
    return Event(happened, **{"recipient": f"user{n}@example.net", "at": NOON, "message": f"m{n}", "source": f"log:{n + 1}", "said": what, **more})


@pytest.fixture(scope="module")
def story():
    return read(example.export())


@pytest.fixture(scope="module")
def told(story):
    return render.as_json(story)


# ------------------------------------------------------------------ what comes first


def test_the_example_tells_its_story(told):
    found = [row["slug"] for row in told["patterns"] if row["state"] == "found"]
    assert {"authentication-since", "campaign-content", "domain-failing", "recipients-restricted", "mailboxes-abandoned"} <= set(found)
    assert told["summary"]["first"] == found[0] == "authentication-since"
    assert told["summary"]["state"] == "fail"
    assert "First: " in told["summary"]["text"]
    assert told["decisions"]["counts"]["suppress"] > 50


def test_worst_stands_first(told):
    worst = [row["worst"] for row in told["rates"]["by"]["campaign"]["rows"]]
    assert worst == sorted(worst, key=rates.BANDS.index)
    assert worst[0] == "critical"
    actions = [row["action"] for row in told["decisions"]["rows"]]
    assert actions == sorted(actions, key=[a.value for a in view.ORDER].index)
    states = [row["state"] for row in told["patterns"]]
    assert states == sorted(states, key=lambda state: state != "found")


def test_text_page_and_json_agree(story, told):
    text, shown = render.text(story), render.html(story)
    for part in (told["summary"]["text"].split(". First")[0], "Stop mailing", "school.example takes mail only from whom it permits"):
        assert part in " ".join(text.split())
        assert part in shown
    assert json.loads(json.dumps(told)) == told


def test_every_claim_has_its_place(told):
    for row in told["decisions"]["rows"]:
        assert re.fullmatch(r"export\.csv:\d+", row["source"])
        assert row["sources"]
        assert row["text"]
        assert "…" not in row["text"], "a slot without a value"
    for row in told["patterns"]:
        assert row["state"] != "found" or row["events"]
        assert "…" not in row["title"] + row["meaning"] + "".join(row["next"]), row["slug"]
    for row in told["causes"]:
        assert row["sources"]


def test_the_same_input_gives_the_same_report(told):
    assert render.as_json(read(example.export())) == told


def test_no_address_is_struck_off_for_the_sender(told):
    sides = {row["cause"]: row["side"] for row in told["causes"]}
    for row in told["decisions"]["rows"]:
        assert row["action"] != "suppress" or sides.get(row["cause"]) != "sender", row


def test_the_json_has_the_fields_that_are_documented(told):
    import pathlib

    doc = pathlib.Path(__file__).parent.parent.joinpath("docs", "architecture.md").read_text(encoding="utf-8")
    table = doc[doc.index("`bounces/1`: fields") :]
    named = set(re.findall(r"^\| (\w+) \|", table, re.M))
    assert set(told) - {"schema"} <= named
    for row in (
        told["decisions"]["rows"][0],
        told["patterns"][0],
        told["rates"]["total"],
        told["rates"]["total"]["rates"][0],
        told["causes"][0],
        told["input"],
    ):
        for field in row:
            assert field in table, field


# ------------------------------------------------------------------ what is not known


def test_without_a_denominator_there_is_no_rate_and_it_is_said():
    result = read(rows(*(bounced(n) for n in range(300))))
    told = render.as_json(result)
    hard = told["rates"]["total"]["rates"][0]
    assert (hard["percent"], hard["band"], hard["why"]) == (None, None, "no-denominator")
    assert "no rate can be computed" in hard["text"]
    assert "A rate cannot be computed" in told["summary"]["text"]
    assert all(line["crossed"] is None for line in told["rates"]["lines"])
    for shown in (render.text(result), render.html(result)):
        assert "no rate can be computed" in " ".join(shown.split())
        assert "Crossed:" not in shown


def test_given_what_was_sent_there_is_one():
    told = render.as_json(read(rows(*(bounced(n) for n in range(300))), sent=10000))
    assert told["rates"]["total"]["rates"][0]["percent"] == 3
    assert told["input"]["sent"] == 10000


def test_fewer_than_a_hundred_are_not_judged():
    result = read(rows(*(bounced(n) for n in range(9)), *(delivered(n) for n in range(10, 60))))
    hard = render.as_json(result)["rates"]["total"]["rates"][0]
    assert (hard["percent"], hard["why"]) == (None, "few")
    assert "fewer than 100 messages, not judged" in render.text(result)


def test_nothing_read_is_unknown_and_not_fine():
    result = read(b"")
    told = render.as_json(result)
    assert told["summary"]["state"] == "unknown"
    assert told["summary"]["first"] is None
    assert "nothing can be said" in render.text(result)


def test_what_could_not_be_read_is_named_with_line_and_what_was_expected():
    result = read(rows(delivered(1), "not an address,bounce,2026-11-02T08:00:00Z,550 no,c,x@shop.example,m9", bounced(2)))
    told = render.as_json(result)
    assert told["input"]["bad"] == 1
    assert told["input"]["troubles"][0]["line"] == 3
    assert "export.csv:3" in render.text(result)
    assert "export.csv:3" in render.html(result)


def test_all_is_well():
    result = read(rows(*(delivered(n) for n in range(500))))
    told = render.as_json(result)
    assert (told["summary"]["state"], told["summary"]["first"]) == ("pass", None)
    assert "Nothing has to be done." in told["summary"]["text"]
    assert "No address failed" in render.text(result)


def test_a_band_without_a_pattern_says_what_to_do():
    lines = [bounced(n, domain="example.net") for n in range(40)]
    told = render.as_json(read(rows(*lines, *(delivered(n, domain="example.org") for n in range(100, 1000)))))
    assert told["summary"]["first"] in {"hard-bad", *(row["slug"] for row in told["patterns"] if row["state"] == "found")}
    assert told["rates"]["total"]["rates"][0]["band"] == "bad"
    assert told["rates"]["total"]["rates"][0]["advice"] in render.html(read(rows(*lines, *(delivered(n, domain="example.org") for n in range(100, 1000)))))


def test_counts_and_holds_say_two_of_three_until_when():
    full = [bounced(1, reply="452 4.2.2 mailbox full", campaign=f"c{day}", at=f"2026-11-{day:02}T08:00:00Z") for day in (2, 5)]
    result = read(rows(*full, *(delivered(n) for n in range(10, 200))))
    row = render.as_json(result)["decisions"]["rows"][0]
    assert (row["action"], row["count"], row["limit"]) == ("count", 2, 3)
    assert row["expires"]
    assert "2 of 3" in render.text(result)
    assert re.search(r"2 of 3", re.sub(r"<[^>]+>|\s+", " ", render.html(result)))


def test_a_scan_is_joined_to_the_cluster_it_explains(story):
    world = World.demo()
    try:
        report = scan("shop.example", ips=("203.0.113.77",), selectors=("shop",), world=world)
    finally:
        world.close()
    told = render.as_json(story, scans={"shop.example": report})
    joined = [row["scan"] for row in told["patterns"] if row["scan"] and row["scan"]["domain"] == "shop.example"]
    assert len(joined) >= 2
    assert all(row["verdict"] == "fail" and row["findings"][0]["code"] for row in joined)
    assert joined[0]["findings"][0]["code"] in render.text(story, scans={"shop.example": report})
    assert joined[0]["findings"][0]["code"] in render.html(story, scans={"shop.example": report})


# ------------------------------------------------------------------ hostile input


def test_markup_and_escapes_stay_text():
    hostile = [
        event(
            Happened.BOUNCED, n, "user-unknown", campaign=EVIL, sender=EVIL, provider=EVIL, source=f"{EVIL}:{n}", text=EVIL, recipient=f"{EVIL}{n}@example.net"
        )
        for n in range(200)
    ]
    result = Made([*hostile, *(event(Happened.DELIVERED, n, campaign=EVIL) for n in range(300, 900))])
    text, shown = render.text(result), render.html(result)
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "\u202e" not in text
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "{{7*7}}" in shown
    assert ">49<" not in shown


def test_the_page_stands_alone(story):
    shown = render.html(story)
    assert not re.search(r"<(script|link|img|iframe|object|form)\b", shown)
    assert not re.search(r"\b(src|style|on\w+)=", shown)
    assert "url(" not in shown
    assert "default-src 'none'" in shown
    assert shown.count("<svg") == shown.count("</svg>")
    assert "prefers-color-scheme: dark" in shown
    assert "@media print" in shown


def test_every_picture_has_its_table_and_title(story):
    shown = render.html(story)
    assert shown.count('class="chart"') == 3
    for drawing in re.findall(r'<div class="chart".*?</svg></div>', shown, re.S):
        root = ElementTree.fromstring(drawing)
        svg = root.find("svg")
        assert svg.get("role") == "img"
        assert svg.find("title").text
    for heading in ("By day", "By provider", "Why messages failed"):
        assert heading in shown


@pytest.mark.parametrize("width", [1, 40, 80, 100, 10000])
def test_lines_fit_the_terminal(story, width):
    lines = render.text(story, width=width).splitlines()
    fit = max(40, min(width, 160))
    wrapped = [line for line in lines if len(line) > fit and " " in line.strip()]
    assert not wrapped or width < 80  # the columns of a table need 80


def test_a_hundred_thousand_campaigns_are_summed():
    events = [event(Happened.DELIVERED, n, campaign=f"campaign {n}") for n in range(100_000)]
    events += [event(Happened.BOUNCED, n, "user-unknown", campaign="the bad one", recipient=f"gone{n}@example.net", message=f"g{n}") for n in range(150)]
    events += [event(Happened.DELIVERED, n, campaign="the bad one", recipient=f"here{n}@example.net", message=f"h{n}") for n in range(50)]
    result = Made(events)
    told = render.as_json(result)
    rows = told["rates"]["by"]["campaign"]
    assert rows["count"] == 100_001
    assert len(rows["rows"]) == rates.SHOWN
    assert rows["rows"][0]["name"] == "the bad one"
    assert rows["others"]["number"] == 100_001 - rates.SHOWN
    assert sum(row["counts"]["delivered"] for row in rows["rows"]) + rows["others"]["counts"]["delivered"] == 100_050
    assert len(render.text(result).splitlines()) < 300
    assert len(page.alone(told)) < 400_000


def test_times_that_no_calendar_has_are_no_times():
    for at in (9e14, -9e14, float("inf"), float("nan"), None):
        assert figures.when(at) is None
    far = rows(*(bounced(n, at=at) for n, at in enumerate(("900000000000000", "-99999999999", "1e300", "nan", "9" * 40))))
    assert render.as_json(read(far))["decisions"]["counts"]["suppress"] == 5
    result = Made([event(Happened.BOUNCED, 1, "user-unknown", at=None), event(Happened.BOUNCED, 2, "user-unknown", at=float("inf"))])
    assert "the input does not say when" in render.text(result)
    assert render.as_json(result, most=10)["decisions"]["counts"]["suppress"] == 2


def test_decisions_beyond_the_most_are_counted(story, told):
    few = render.as_json(story, most=3)["decisions"]
    assert len(few["rows"]) == 3
    assert few["counts"] == told["decisions"]["counts"]
    assert few["left_out"] == sum(few["counts"].values()) - 3
    assert few["rows"] == told["decisions"]["rows"][:3]
    assert "more addresses are not shown here" in render.html(story, most=3)


# ------------------------------------------------------------------ figures and pictures


def test_a_percentage_is_never_shown_beyond_a_line_it_has_not_crossed():
    assert figures.percent(4.9999) == "4.99 %"
    assert figures.percent(0.29) == "0.29 %"
    assert figures.percent(100.0) == "100 %"
    assert figures.percent(0.00001) == "under 0.001 %"
    assert figures.percent(0.0) == "0 %"
    assert figures.percent(None) == "–"
    assert figures.percent(9.99) < figures.percent(10.0) or figures.percent(9.99) == "9.99 %"


def test_a_day_that_is_not_known_is_a_gap_and_no_zero():
    days = [("2026-11-01", {"hard": 1.0}), ("2026-11-02", {"hard": None}), ("2026-11-03", {"hard": 3.0}), ("2026-11-04", {"hard": 3.0}), ("", {"hard": 9.0})]
    drawn = charts.rates_by_day(days, [("Bad", 2.0), ("Emergency", 10.0)], ("hard",))
    assert [len(part.split()) for part in drawn["series"][0]["parts"]] == [2]
    assert len(drawn["series"][0]["dots"]) == 3
    assert charts.rates_by_day(days[:2], [], ("hard",)) is None
    assert charts.rates_by_day([], [], ("hard",)) is None


@pytest.mark.parametrize("highest", [0.0002, 0.4, 1, 3.2, 7, 9.99, 10, 99, 100, 101, 12345, 10**15])
def test_scales_hold_what_they_measure(highest):
    steps = charts._steps(highest)
    assert 2 <= len(steps) <= 7
    assert steps[0] == 0
    assert steps[-1] >= highest
    assert len(set(steps)) == len(steps)


def test_pictures_stay_within_their_frame(told):
    drawn = page.drawn(told)
    for bar in drawn["causes"]["bars"]:
        assert 0 <= bar["x"] <= charts.WIDTH
        assert charts.TOP <= bar["y"] <= charts.HEIGHT
        assert bar["height"] >= 0
    for dot in drawn["rates"]["series"][0]["dots"] + drawn["rates"]["series"][1]["dots"]:
        assert charts.TOP <= dot["y"] <= charts.HEIGHT - charts.BOTTOM
    names = [band["name_y"] for band in drawn["rates"]["bands"]]
    assert all(a - b >= 13 for a, b in pairwise(names))
    for row in drawn["providers"]["rows"]:
        assert row["end"] <= charts.WIDTH


def test_the_words_are_all_there():
    from healthcheck.bounce.many.rates import MEASURES
    from healthcheck.bounce.many.survey import words as patterns

    slugs = {slug for slug, row in patterns().items() if isinstance(row, dict) and "title" in row}
    assert {slug for group in said.words()["urgency"].values() for slug in group} == slugs
    for measure in MEASURES:
        assert measure in said.words()["short"]
    for action in view.ORDER:
        assert said.say("action", action, "text")
    assert rates.BANDS[:3] == found.GRAVE
