"""Notices that a real Postfix and a real Exim write, each explained right: refusals at every stage, 4yz and 5yz, hang-ups, and no server at all."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable, Iterator

import pytest

from healthcheck.explain import explain
from healthcheck.model import Failure, Kind, Suppress

from .mtas import Manner, Site, exim_bounces, exim_program, postfix_bounces
from .servers import find


def lacks(program: str | None, user: str) -> str:
    if sys.platform != "linux":
        return "needs Linux"
    if program is None:
        return "is not installed here"
    if os.geteuid() != 0:
        return "needs root, to start as its own user"
    try:
        pwd.getpwnam(user)
    except KeyError:
        return f"has no user {user} here"
    return ""


MANNERS: dict[str, Manner | None] = {
    "unknown.example": Manner(rcpt="550 5.1.1 <lena@unknown.example>: Recipient address rejected: User unknown"),
    "full.example": Manner(rcpt="452 4.2.2 The mailbox is over quota"),
    "relay.example": Manner(rcpt="554 5.7.1 Relay access denied"),
    "spam.example": Manner(mail="554 5.7.1 The message was rejected as spam"),
    "dmarc.example": Manner(
        mail="550-5.7.26 Unauthenticated email from shop.example is not accepted due\n550-5.7.26 to the domain's DMARC policy.\n550 5.7.26 See RFC 7489"
    ),
    "busy.example": Manner(greeting="421 4.7.0 Too many connections from your address, try again later"),
    "mute.example": Manner(greeting=""),
    "drops.example": Manner(rcpt=""),
    "leaves.example": Manner(mail=""),
    "closed.example": None,
}
CUT_OFF = {"network-error", "delivery-expired"}  # the notice of an Exim that gives up says only that it does
# domain: code, enhanced code, causes, side, stages; what is suppressed at once is only the address that does not exist
WANTED: dict[str, tuple[int | None, str | None, set[str], str, set[str | None]]] = {
    "unknown.example": (550, "5.1.1", {"user-unknown"}, "recipient", {"rcpt"}),
    "full.example": (452, "4.2.2", {"mailbox-full"}, "recipient", {"rcpt"}),
    "relay.example": (554, "5.7.1", {"relay-denied"}, "sender", {"rcpt"}),
    "spam.example": (554, "5.7.1", {"content-spam"}, "sender", {"data"}),
    "dmarc.example": (550, "5.7.26", {"auth-dmarc"}, "sender", {"data"}),
    "busy.example": (421, "4.7.0", {"rate-limited", "too-many-connections"}, "sender", {"connect"}),
    "mute.example": (None, None, CUT_OFF, "network", {"connect", None}),
    "drops.example": (None, None, CUT_OFF, "network", {"rcpt", None}),
    "leaves.example": (None, None, CUT_OFF, "network", {"data", None}),
    "closed.example": (None, None, CUT_OFF, "network", {"connect", None}),
}
RECIPIENTS = [f"lena@{domain}" for domain in MANNERS]

Sent = tuple[list[bytes], str]


def sent(bounces: Callable[[Site, list[str]], Sent]) -> Iterator[Sent]:
    site = Site.of(MANNERS)
    try:
        yield bounces(site, RECIPIENTS)
    finally:
        site.close()


@pytest.fixture(scope="module")
def postfix() -> Iterator[Sent]:
    if reason := lacks(find("postfix"), "postfix"):
        pytest.skip(f"postfix {reason}")
    yield from sent(postfix_bounces)


@pytest.fixture(scope="module")
def exim() -> Iterator[Sent]:
    if reason := lacks(exim_program(), "Debian-exim"):
        pytest.skip(f"exim (HEALTHCHECK_EXIM, or on the path) {reason}")
    yield from sent(exim_bounces)


def check(domain: str, failure: Failure) -> None:
    code, enhanced, causes, side, stages = WANTED[domain]
    bounce = failure.bounce
    assert bounce.recipient == f"lena@{domain}"
    assert bounce.reply.code == code
    if enhanced:
        assert bounce.reply.enhanced == enhanced
    assert failure.cause in causes
    assert failure.side == side
    assert bounce.stage in stages
    assert (failure.suppress is Suppress.NOW) == (domain == "unknown.example")
    assert failure.final is True


def of_domain(notices: list[bytes], domain: str) -> bytes:
    found = [notice for notice in notices if f"lena@{domain}".encode() in notice]
    assert len(found) == 1, f"{len(found)} of {len(notices)} notices are about {domain}"
    return found[0]


@pytest.mark.real
@pytest.mark.parametrize("domain", MANNERS)
@pytest.mark.parametrize("mta", ["postfix", "exim"])
def test_notice(mta: str, domain: str, request: pytest.FixtureRequest) -> None:
    notices, _log = request.getfixturevalue(mta)
    answer = explain(of_domain(notices, domain), offline=True)
    assert (answer.kind, answer.format) == (Kind.DSN, mta)
    (failure,) = answer.failures
    check(domain, failure)
    sender = failure.bounce.sender
    assert sender is not None
    assert (sender.from_domain, sender.mail_from) == ("shop.example", "shop.example")
    assert failure.bounce.message_id == f"lena.{domain}@shop.example"


@pytest.mark.real
@pytest.mark.parametrize("domain", MANNERS)
@pytest.mark.parametrize("mta", ["postfix", "exim"])
def test_only_what_a_person_reads_of_it(mta: str, domain: str, request: pytest.FixtureRequest) -> None:
    """The text of the notice alone, as it is copied out of a mail program."""
    import email

    notices, _log = request.getfixturevalue(mta)
    part = next(p for p in email.message_from_bytes(of_domain(notices, domain)).walk() if p.get_content_type() == "text/plain")
    text = part.get_payload(decode=True)
    assert isinstance(text, bytes)
    (failure,) = explain(text, offline=True).failures
    assert (failure.bounce.recipient, failure.cause in WANTED[domain][2], failure.side) == (f"lena@{domain}", True, WANTED[domain][3])


@pytest.mark.real
@pytest.mark.parametrize("domain", MANNERS)
@pytest.mark.parametrize("mta", ["postfix", "exim"])
def test_log_line(mta: str, domain: str, request: pytest.FixtureRequest) -> None:
    """The line of the MTA's log about the same mail says the same."""
    _notices, log = request.getfixturevalue(mta)
    line = next(line for line in log.splitlines() if f"lena@{domain}" in line and ("status=" in line or " ** " in line or " == " in line))
    answer = explain(line, offline=True)
    assert answer.kind is Kind.LOG
    (failure,) = answer.failures
    assert (failure.bounce.recipient, failure.cause in WANTED[domain][2], failure.side) == (f"lena@{domain}", True, WANTED[domain][3])
