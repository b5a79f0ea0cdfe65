"""Receivers' wordings: every row proves itself with an example that it wins, and names where the wording was seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from ipaddress import ip_address, ip_network

import pytest
import re2

from healthcheck.bounce.classify import classify
from healthcheck.bounce.read import read
from healthcheck.bounce.readings import reading
from healthcheck.bounce.rules import fragment, see
from healthcheck.catalog import Rule, catalog
from healthcheck.model import Bounce, Party, Reply, Suppress

RULES = catalog().rules
DOCUMENTATION = [ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "127.0.0.0/8")]
RESERVED = re.compile(r"(?:^|\.)(?:example|test|invalid|localhost|example\.(?:com|net|org))$")
SENDER_FAULT = {Party.SENDER_AUTHENTICATION, Party.SENDER_REPUTATION, Party.SENDER_CONTENT, Party.SENDER_CONFIG, Party.UNKNOWN}


def each_row(check: Callable[[Rule], None]) -> Callable[..., None]:
    """The check over every row of a file, one test a file; it fails with each row that does not hold."""

    @pytest.mark.parametrize("file", sorted({rule.file for rule in RULES}))
    def test(file: str) -> None:
        bad = []
        for rule in (r for r in RULES if r.file == file):
            try:
                check(rule)
            except AssertionError as error:
                bad.append(f"{rule.id}: {str(error).splitlines()[0]}")
        assert not bad, "\n".join(bad)

    test.__doc__ = check.__doc__
    return test


@cache
def example(rule_id: str) -> Bounce:
    """The bounce that is read from a row's example; a wording without a code is what stands inside a bounce mail."""
    rule = next(r for r in RULES if r.id == rule_id)
    bounces = read(rule.example).bounces
    return bounces[0] if bounces else Bounce(Reply(None, None, rule.example))


def patterns(rule: Rule) -> list[str]:
    return [fragment(text) for text in rule.text] + ([rule.pattern] if rule.pattern else [])


def own_names() -> set[str]:
    """Names that belong to receivers, and so may stand in an example: their hosts, domains, lists and help pages."""
    book = catalog()
    names = {name.lstrip(".") for p in book.providers.values() for name in (*p.hosts, *p.domains)}
    names |= {b.zone.removeprefix("{key}.") for b in book.blocklists} | {d.zone for d in book.dead_lists}
    return names


OWN = own_names()


def allowed(name: str, rule: Rule) -> bool:
    """Whether a domain name may stand in an example: reserved for examples, a receiver's own, or part of the wording itself."""
    name = name.lower().rstrip(".")
    if RESERVED.search(name) or any(name == own or name.endswith("." + own) or own.endswith("." + name) for own in OWN):
        return True
    told = " ".join((*rule.text, rule.pattern or "", rule.help or "", rule.source, *(s for p in catalog().providers.values() for s in p.signs)))
    return name in told.lower().replace("\\", "")


@each_row
def test_source_and_date(rule: Rule) -> None:
    assert re.match(r"https?://[^ ]+\.[^ ]+", rule.source), rule.source
    assert re.fullmatch(r"20\d\d-(?:0[1-9]|1[0-2])", rule.seen), rule.seen
    assert rule.help is None or rule.help.startswith(("https://", "http://", "mailto:"))
    assert rule.id.split("/")[0] == (rule.provider or rule.file.removeprefix("replies/").removesuffix(".toml")), rule.id


@each_row
def test_patterns_are_re2(rule: Rule) -> None:
    for pattern in patterns(rule):
        named = re2.compile(pattern).groupindex
        assert set(named) <= {"from_domain", "mail_from", "ip", "selector", "list", "recipient"}, f"{rule.id}: unknown named part in {pattern}"


@each_row
def test_a_fragment_tells_something(rule: Rule) -> None:
    """A wording without a code or a recognised receiver beside it has to be long enough to mean something."""
    if rule.hosts or rule.codes or rule.weak:
        return
    for text in rule.text:
        assert len(text) >= 4, f"{rule.id}: “{text}” is too short to stand alone"


@each_row
def test_example_matches_its_own_row(rule: Rule) -> None:
    bounce = example(rule.id)
    seen = see(bounce, bounce.reply.text)
    found, known = reading(seen, bounce.reply.text).found, seen.known
    mine = [c for c in found if c.rule is rule]
    assert mine, f"{rule.id} does not match its example; read as {bounce.reply.code} {bounce.reply.enhanced} “{bounce.reply.text}”, receiver {known}"


@each_row
def test_example_is_won_by_its_own_row(rule: Rule) -> None:
    bounce = example(rule.id)
    failure = classify(bounce)
    weights = [(c.name, c.cause, c.weight) for c in reading(see(bounce, bounce.reply.text), bounce.reply.text).found[:3]]
    if failure.rule is None and bounce.notice:  # the form of the paste said it already
        assert failure.cause == rule.cause
        return
    assert failure.rule == rule.id, f"won by {weights}; read as {bounce.reply.code} {bounce.reply.enhanced} “{bounce.reply.text}”"
    assert failure.cause == rule.cause


@each_row
def test_no_tie_with_another_cause(rule: Rule) -> None:
    bounce = example(rule.id)
    found = [c for c in reading(see(bounce, bounce.reply.text), bounce.reply.text).found if c.rule]
    same = [c.name for c in found[1:] if c.weight == found[0].weight and c.cause != found[0].cause]
    assert not same, f"{rule.id} ties with {same}"


@each_row
def test_example_holds_only_example_names(rule: Rule) -> None:
    """No address, host or mailbox of a real sender: RFC 2606 names, RFC 5737 and RFC 3849 addresses, and receivers' own names."""
    text = re.sub(r"https?://\S+|\b[245]\d\d-", " ", rule.example)
    for address in re.findall(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]\d)", rule.example):
        assert any(ip_address(address) in net for net in DOCUMENTATION), f"{rule.id}: {address} is no documentation address"
    for address in re.findall(r"[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){3,7}", rule.example, re.I):
        if "::" in address:
            assert ip_address(address) in DOCUMENTATION[3], f"{rule.id}: {address} is no documentation address"
    for domain in re.findall(r"@([a-z0-9-]+(?:\.[a-z0-9-]+)+)", text, re.I):
        assert allowed(domain, rule), f"{rule.id}: address at {domain}"
    for name in re.findall(r"(?<![@\w./-])((?:[a-z0-9_-]+\.)+(?:com|net|org|de|fr|it|ru|jp|io|uk|edu|gov|info|biz|cn|pl|cz|kr))(?![\w-])", text, re.I):
        assert allowed(name, rule), f"{rule.id}: host {name}"


@each_row
def test_a_senders_fault_never_costs_the_address(rule: Rule) -> None:
    """Law 2: a wording that is the sender's fault leads to no suppression, whatever the row says."""
    cause = catalog().causes[rule.cause]
    if cause.party in SENDER_FAULT:
        assert (rule.suppress or cause.suppress) in (Suppress.NEVER, Suppress.COUNT, Suppress.HOLD)
        assert rule.suppress is not Suppress.NOW
    if rule.suppress is Suppress.NOW:
        assert cause.party in (Party.RECIPIENT_ADDRESS, Party.RECIPIENT_MAILBOX)
    if rule.permanent:
        assert all(c[0] in "4X" for c in rule.codes), "permanent says that a temporary code is not one"


def test_every_row_has_a_reading_that_is_safe() -> None:
    """classify() over every example: whoever is at fault on the sender's side, the address is kept."""
    for rule in RULES:
        failure = classify(example(rule.id))
        if failure.party in SENDER_FAULT:
            assert failure.suppress is not Suppress.NOW, rule.id


@pytest.mark.parametrize(
    ("rule_id", "from_domain", "mail_from", "ip"),
    [
        ("gmail/unauthenticated", None, "example.com", "192.0.2.25"),
        ("gmail/dmarc-policy", "example.com", None, None),
        ("gmail/spf-hard-fail", None, "example.com", "192.0.2.25"),
        ("gmail/rate-unusual", "example.com", None, None),
        ("microsoft/dmarc-reject", "example.com", None, None),
        ("microsoft/block-list-s3140", None, None, "192.0.2.25"),
        ("yahoo/tss04", None, None, "192.0.2.25"),
        ("tonline/no-reputation", None, None, "192.0.2.25"),
    ],
)
def test_the_sender_that_a_reply_names(rule_id: str, from_domain: str | None, mail_from: str | None, ip: str | None) -> None:
    sender = classify(example(rule_id)).bounce.sender
    assert sender is not None
    assert (sender.from_domain, sender.mail_from, sender.ips) == (from_domain, mail_from, (ip,) if ip else ())


# Codes whose class lies, or that mean something else at this receiver: (reply, cause, type, what to do with the address)
LIES = [
    ("550-5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages. - gsmtp", "mailbox-busy", "soft", "never"),
    (
        "552-5.2.2 The recipient's inbox is out of storage space and inactive. https://support.google.com/mail/?p=OverQuotaPerm - gsmtp",
        "mailbox-full",
        "hard",
        "now",
    ),
    ("452-4.2.2 The recipient's inbox is out of storage space. https://support.google.com/mail/?p=OverQuotaTemp - gsmtp", "mailbox-full", "soft", "count"),
    ("421 4.7.1 [TS03] All messages from 192.0.2.25 will be permanently deferred; Retrying will NOT succeed.", "ip-blocklisted", "hard", "never"),
    ("552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417 [417]", "mailbox-full", "soft", "count"),
    ("550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]", "user-unknown", "hard", "now"),
    (
        "451 4.4.4 Mail received as unauthenticated, incoming to a recipient domain configured in a hosted tenant which has no mail-enabled subscriptions. ATTR5",
        "null-mx",
        "hard",
        "now",
    ),
    ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient jane@example.com not found by SMTP address lookup", "user-unknown", "hard", "now"),
    ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [AM0EUR02FT019.eop-EUR02.prod.protection.outlook.com]", "user-unknown", "hard", "now"),
    ("550 5.1.1 <jane@icloud.com>: inactive email address", "mailbox-disabled", "soft", "count"),
    ("552 Too much mail data jane@docomo.ne.jp", "mailbox-full", "soft", "count"),
    ("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", "sender-not-permitted", "hard", "hold"),
    ("554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes", "auth-dmarc", "hard", "never"),
    ("550 5.4.5 Daily user sending limit exceeded. - gsmtp", "sender-account-limit", "soft", "never"),
]


@pytest.mark.parametrize(("reply", "cause", "kind", "suppress"), LIES, ids=[case[0][:40] for case in LIES])
def test_codes_whose_class_lies(reply: str, cause: str, kind: str, suppress: str) -> None:
    failure = classify(read(reply).bounces[0])
    assert (failure.cause, failure.type, failure.suppress) == (cause, kind, suppress)
