"""Twenty stories from the bounce to the proof: a mail that Postfix really sent, a refusal in a large provider's words, the notice that Postfix wrote.

What is broken is named and borne out by the DNS or by the message; with the change made it passes; what is not the sender's to mend is not
proposed. Told again with all in order, the same refusal is not believed, and what else it can be is said.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from healthcheck import examine, explain
from healthcheck.edge.world import World
from healthcheck.model import EvidenceVerdict, Examination, Failure, Kind, Record, Status, Suppress
from healthcheck.render import words
from healthcheck.render.happened import advice
from healthcheck.render.text import diagnosis
from tests.real.servers import find
from tests.stories.told import KEYS, STORIES, forwarded, signed, untouched
from tests.support.signing import sign
from tests.support.story import ACCEPTING, Mail, Stage, Story, stage, text

pytestmark = pytest.mark.real

CONFIRMED, REFUTED, CANNOT_TELL = EvidenceVerdict.CONFIRMED, EvidenceVerdict.REFUTED, EvidenceVerdict.CANNOT_TELL
NOT_OURS = {3, 7, 13}  # the address is a mailing list's, a forwarder's, a forger's: nobody calls it theirs
BY = {story.number: story for story in STORIES}


def lacks() -> str:
    if sys.platform != "linux":
        return "needs Linux"
    if missing := [name for name in ("postfix", "nsd", "unbound") if not find(name)]:
        return f"not installed: {', '.join(missing)} (Debian's packages of these names)"
    if os.geteuid() != 0:
        return "needs root, for Postfix starts as its own user"
    try:
        pwd.getpwnam("postfix")
    except KeyError:
        return "has no user postfix here"
    return ""


@pytest.fixture(scope="module")
def played() -> Iterator[Stage]:
    if reason := lacks():
        pytest.skip(reason)
    with stage(STORIES) as made:
        yield made


@pytest.fixture
def world(played: Stage) -> Iterator[World]:
    made = played.world()
    yield made
    made.close()


def looked_at(played: Stage, story: Story, world: World, *, broken: bool = True) -> tuple[Failure, Examination]:
    """What both answers make of the notice. The sender's own address is told, where it is the sender's own."""
    part = story.sick if broken else story.sound
    bounce = played.bounces[part.domain]
    told = () if broken and story.number in NOT_OURS else (part.ip,)
    answer = explain(bounce, ips=told, world=world)
    assert answer.kind is Kind.DSN
    (failure,) = answer.failures
    # where a message came from last does not show in a copy that came back; in story 3 the reply does not say it either
    return failure, examine(bounce, ips=(part.ip,) if story.number == 3 else told, world=world)


def records(failure: Failure) -> list[Record]:
    """Every record that an answer proposes."""
    found = [*failure.evidence.support, *failure.evidence.against, *([failure.fix] if failure.fix else [])]
    return [r for f in found for r in (f.record, *(c.record for c in f.choices)) if r is not None]


# ------------------------------------------------------------------ what is to be said


@dataclass(frozen=True)
class Said:
    """cause, verdict, codes: of the diagnosis, and findings that have to be among its support. spf, dkim, dmarc, whose: of the message, "" for SPF not
    judged. fix: the code of the finding that mends it. well: the verdict where all is in order."""

    cause: str
    verdict: EvidenceVerdict
    codes: tuple[str, ...]
    spf: str
    dkim: str
    dmarc: str
    whose: str
    fix: str | None
    well: EvidenceVerdict


SAID = {
    1: Said("auth-spf", CONFIRMED, ("SPF018",), "fail", "", "fail", "unknown", "SPF018", REFUTED),
    2: Said("auth-other", CONFIRMED, ("SPF004", "SPF021"), "permerror", "", "fail", "unknown", "SPF004", REFUTED),
    3: Said("auth-dmarc", CONFIRMED, ("MSG053",), "pass", "body-altered", "fail", "mailing-list", "MSG053", REFUTED),
    4: Said("auth-dkim", CONFIRMED, ("DKM002",), "pass", "key-missing", "pass", "sender", "DKM002", REFUTED),
    5: Said("auth-dmarc", CONFIRMED, ("ALN004", "MSG067"), "pass", "pass", "fail", "sender", "MSG067", REFUTED),
    6: Said("auth-dmarc", CONFIRMED, ("SPF002",), "none", "", "fail", "unknown", "SPF002", REFUTED),
    7: Said("auth-spf", CONFIRMED, ("SPF018", "MSG070"), "fail", "", "fail", "forwarder", "MSG070", REFUTED),
    8: Said("ip-blocklisted", CONFIRMED, ("DBL001",), "pass", "pass", "pass", "sender", "DBL001", CANNOT_TELL),
    9: Said("ptr-missing", CONFIRMED, ("PTR001",), "pass", "pass", "pass", "sender", "PTR001", REFUTED),
    10: Said("auth-dkim", CONFIRMED, ("MSG054",), "pass", "expired", "pass", "sender", "MSG054", REFUTED),
    11: Said("auth-dkim", CONFIRMED, ("DKM003",), "pass", "weak-key", "pass", "sender", "DKM003", REFUTED),
    12: Said("auth-other", CONFIRMED, ("SPF003", "SPF021"), "permerror", "", "fail", "unknown", "SPF003", REFUTED),
    13: Said("auth-spf", CONFIRMED, ("SPF018",), "fail", "", "fail", "unknown", "SPF018", REFUTED),
    14: Said("auth-other", CONFIRMED, ("SPF005", "SPF021"), "permerror", "", "fail", "unknown", "SPF005", REFUTED),
    15: Said("auth-dmarc", CONFIRMED, ("MSG066", "MSG062"), "pass", "", "fail", "unknown", "MSG066", REFUTED),
    16: Said("auth-other", CONFIRMED, ("DMA002",), "pass", "pass", "none", "sender", "DMA002", REFUTED),
    17: Said("helo-invalid", CONFIRMED, ("PTR014",), "pass", "pass", "pass", "sender", "PTR014", CANNOT_TELL),
    18: Said("sender-address-invalid", CONFIRMED, ("DOM001",), "none", "", "fail", "unknown", "DOM001", REFUTED),
    19: Said("auth-dkim", CONFIRMED, ("DKM008",), "pass", "key-unreadable", "pass", "sender", "DKM008", REFUTED),
    20: Said("domain-not-found", CONFIRMED, ("RCP002", "RCP007"), "pass", "pass", "pass", "sender", None, REFUTED),
}
# of those that the DNS alone does not decide: what the message shows
SHOWN: dict[int, Callable[[Examination], bool]] = {
    3: lambda seen: (seen.dkim[0].body_change, seen.spf.aligned) == ("footer", "no") and "mailing list" in seen.dkim[0].shown,
    5: lambda seen: (seen.spf.aligned, seen.dkim[0].aligned) == ("relaxed", "relaxed"),
    10: lambda seen: seen.dkim[0].expires is not None and seen.dkim[0].body_intact is not False,
    15: lambda seen: seen.spf.aligned == "no" and seen.dkim == (),
}


def facts(seen: Examination) -> tuple[str, str, str, str]:
    one = seen.dkim[0] if seen.dkim else None
    return seen.spf.result, (one.reason or one.result) if one else "", seen.dmarc.result, seen.address.whose


@pytest.mark.parametrize("story", STORIES, ids=lambda s: s.slug)
def test_what_is_broken_is_named_and_borne_out(played, story, world):
    said = SAID[story.number]
    failure, seen = looked_at(played, story, world)
    assert (failure.cause, failure.evidence.verdict) == (said.cause, said.verdict)
    assert set(said.codes) <= {f.code for f in failure.evidence.support}
    assert facts(seen) == (said.spf, said.dkim, said.dmarc, said.whose)
    assert (failure.fix.code if failure.fix else None) == said.fix
    assert story.number not in SHOWN or SHOWN[story.number](seen), "what the DNS cannot decide the message bears out"
    assert all(f.evidence for f in failure.evidence.support), "each claim has its evidence"


@pytest.mark.parametrize("story", STORIES, ids=lambda s: s.slug)
def test_nobody_is_blamed_for_what_another_did(played, story, world):
    """The laws: no address is given up for the sender's fault, no DNS is changed for the recipient's, no foreign address is authorised."""
    for broken in (True, False):
        failure, seen = looked_at(played, story, world, broken=broken)
        assert failure.side == ("recipient" if story.number == 20 else "sender")
        if story.number == 20:
            assert failure.fix is None
            assert records(failure) == []
            assert failure.evidence.of == "recipient"
        else:
            assert failure.suppress is Suppress.NEVER
        if broken and story.number in NOT_OURS:
            assert not seen.address.ours
            assert story.number == 3 or not seen.sender.own_ips
            assert not any(story.sick.ip in value for r in records(failure) for value in r.proposed)
            assert f"ip4:{story.sick.ip}" not in diagnosis_text(played, story, world)
        assert not any(f.record or f.choices for f in seen.findings)


def diagnosis_text(played: Stage, story: Story, world: World) -> str:
    return diagnosis(explain(played.bounces[story.sick.domain], world=world))


# ------------------------------------------------------------------ with the change made


def by_hand(*lines: str) -> Callable[[Stage, Story, Failure, World], World]:
    """A change that says itself why no record can be written out for it."""

    def change(played: Stage, story: Story, failure: Failure, world: World) -> World:
        assert failure.fix is not None
        assert failure.fix.record is None
        told = words.fix(failure.fix)
        assert told["why_no_record"] or told["choices"], "it says why there is no record to copy"
        return played.over(world, *(story.sick.fill(line) for line in lines))

    return change


def proposed(played: Stage, story: Story, failure: Failure, world: World) -> World:
    """The record of the answer itself, as it stands there."""
    assert failure.fix is not None
    assert failure.fix.record is not None
    return played.over(world, failure.fix.record)


def dropped(played: Stage, story: Story, failure: Failure, world: World) -> World:
    """One of the choices: the service that costs most look-ups is no longer in use, and its include goes."""
    assert failure.fix is not None
    (choice,) = (c for c in failure.fix.choices if c.key == "drop")
    (seen,) = (a for a in failure.fix.evidence if a.name == story.sick.domain and a.rtype == "TXT")
    assert choice.values["costly"] in seen.values[0].split()
    return played.over(world, f"{seen.name}. 300 IN TXT " + text(seen.values[0].replace(f" {choice.values['costly']}", "")))


KEY_AT = "s1._domainkey.{d}. 300 IN TXT "
DNS_CURES: dict[int, Callable[[Stage, Story, Failure, World], World]] = {
    1: proposed,
    2: dropped,
    4: by_hand(KEY_AT + text(KEYS.record)),
    5: by_hand("_dmarc.{d}. 300 IN TXT " + text("v=DMARC1; p=reject; rua=mailto:dmarc@{d}")),
    6: proposed,
    8: by_hand("$ORIGIN lists.example.\n$TTL 300\n@ IN SOA ns1.example. hostmaster.example. 2 7200 3600 1209600 300\n@ IN NS ns1.example.\n2.0.0.127.bl IN A 127.0.0.2"),
    9: by_hand("{reversed}.in-addr.arpa. 300 IN PTR mail.{d}."),
    12: proposed,
    14: proposed,
    16: proposed,
    17: by_hand("mta.example.net. 300 IN A {ip}"),
    18: by_hand("bounce.{d}. 300 IN MX 10 mail.{d}.", "bounce.{d}. 300 IN TXT " + text("v=spf1 ip4:{ip} -all")),
    19: by_hand(KEY_AT + text(KEYS.record)),
}  # fmt: skip


@pytest.mark.parametrize("number", DNS_CURES, ids=lambda n: BY[n].slug)
def test_with_the_record_published_the_same_message_passes(played, number, world):
    story = BY[number]
    failure, _ = looked_at(played, story, world)
    cured = DNS_CURES[number](played, story, failure, world)
    try:
        again, seen = looked_at(played, story, cured)
    finally:
        cured.close()
    assert again.evidence.verdict is not CONFIRMED
    assert not set(SAID[number].codes) & {f.code for f in again.evidence.support}
    assert seen.dmarc.result == "pass"
    assert {one.result for one in seen.dkim} <= {"pass"}
    assert seen.address.ours, "what was the sender's own is known as such now"


def resent(story: Story) -> tuple[Mail, str]:
    """(the mail as it is sent after the change, the address that it comes from)."""
    part = story.sick
    match story.number:
        case 3:  # the list stops adding to it
            return untouched(part), part.ip
        case 7:  # signed, it may be forwarded
            mail = forwarded(part)
            top, _, rest = mail.octets.partition(b"\r\n")
            return Mail(top + b"\r\n" + sign(rest, KEYS, d=part.domain), mail.mail_from, mail.by, mail.client), part.ip
        case 13:  # nothing is to be changed: mail that is the domain's own passes
            return Mail(signed(part).octets, part.sender, story.letter(part).by), "198.51.100.7"
        case _:
            return Mail(signed(part).octets, story.letter(part).mail_from, part.host), part.ip


@pytest.mark.parametrize("number", [3, 7, 10, 11, 13, 15], ids=lambda n: BY[n].slug)
def test_sent_anew_it_passes(played, number, world):
    story = BY[number]
    mail, ip = resent(story)
    # of a key that was too short the new one is published
    over = played.over(world, story.sick.fill(KEY_AT) + text(KEYS.record)) if number == 11 else world
    seen = examine(played.arrives(mail, ip), world=over)
    assert seen.entry is not None
    assert (seen.dmarc.result, seen.address.ip) == ("pass", ip)
    assert [one.result for one in seen.dkim] == ["pass"]


def test_mail_to_the_right_address_is_taken(played):
    story = BY[20]
    played.send(story.letter(story.sick), ACCEPTING)
    assert b"Subject: Offer of the week" in played.receiver.take(ACCEPTING)


# ------------------------------------------------------------------ what is not the sender's to mend


@pytest.mark.parametrize("number", sorted(NOT_OURS), ids=lambda n: BY[n].slug)
def test_what_is_not_the_senders_to_mend_is_said(played, number, world):
    story = BY[number]
    failure, seen = looked_at(played, story, world)
    assert failure.evidence.why_not == ("passed-on" if number == 3 else "another-sender")
    keys = {one["key"] for one in advice(seen)}
    assert not keys & {"spf-own", "spf-permerror"}
    assert keys & {"spf-leave", "spf-relay", "spf-forged", "spf-unknown"}, "it warns of the address, or asks whose it is"
    assert number != 3 or "relay-altered" in keys, "who altered it is the one to mend it"
    assert failure.fix is None or failure.fix.record is None
    assert number == 13 or (words.row_of(failure.fix).topic == "message" and "your side" not in words.address(failure)), "it says whose it is"


@pytest.mark.parametrize("number", [4, 10, 11, 19], ids=lambda n: BY[n].slug)
def test_where_dkim_was_asked_for_its_fault_is_named_though_dmarc_passes(played, number, world):
    _, seen = looked_at(played, BY[number], world)
    assert seen.dmarc.result == "pass"
    assert f"dkim-{SAID[number].dkim}" in {one["key"] for one in advice(seen)}


def test_a_mistyped_address_is_the_recipients_side(played, world):
    failure, seen = looked_at(played, BY[20], world)
    assert words.suggestion(failure)["domain"] == "gmail.com"
    assert "recipient" in {one["key"] for one in advice(seen)}
    assert failure.evidence.domain == "gmial.com"


# ------------------------------------------------------------------ the same with all in order


@pytest.mark.parametrize("story", STORIES, ids=lambda s: s.slug)
def test_with_all_in_order_an_old_bounce_is_not_believed(played, story, world):
    said = SAID[story.number]
    over = played.over(world, f"mta.example.net. 300 IN A {story.sound.ip}") if story.number == 17 else world
    failure, seen = looked_at(played, story, over, broken=False)
    assert failure.cause == said.cause
    assert failure.evidence.verdict is said.well
    assert not [f.code for f in failure.evidence.support if f.status is Status.FAIL]
    assert failure.fix is None
    assert failure.evidence.against, "what speaks against it is shown"
    assert seen.dmarc.result == "pass"
    assert {one.result for one in seen.dkim} <= {"pass"}
    shown = diagnosis(explain(played.bounces[story.sound.domain], ips=(story.sound.ip,), world=over))
    else_ = words.evidence_word(failure.evidence, failure.evidence.why_not or said.well.value)
    assert " ".join(else_.split()) in " ".join(shown.split()), "what else it can be"


# ------------------------------------------------------------------ the stage itself


def test_the_bounces_are_those_of_a_real_postfix(played):
    assert len(played.bounces) == 2 * len(STORIES) == 40
    for domain, bounce in played.bounces.items():
        assert b"Content-Type: message/delivery-status" in bounce, domain
        assert b"This is the mail system at host mta.example.net." in bounce
    assert set(played.receiver.greetings.values()) == {"mta.example.net"}, "what story 17 is about"
