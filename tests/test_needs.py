"""A pattern's needed words never keep it from a text that it matches."""

import re2

from healthcheck.bounce.needs import needs
from healthcheck.bounce.rules import matching, see, worth_trying
from healthcheck.catalog import catalog
from healthcheck.model import Bounce, Reply

OPTIONS = re2.Options()
OPTIONS.case_sensitive = False


def test_alternatives_and_white_space() -> None:
    assert needs(r"(?:mail\s?box|inbox)\s+(?:is\s+)?full") == (
        frozenset({"mailbox full", "mailbox is full", "mail box full", "mail box is full", "inbox full", "inbox is full"}),
    )


def test_nothing_is_needed_where_a_part_may_be_absent_or_short() -> None:
    assert needs(r"(?:full)?\d+") == ()
    assert needs(r"\b(?:mailbox|is)\b") == ()
    assert needs(r"[a-z]+#[a-z]+") == ()


def test_a_repeated_group_is_needed_once() -> None:
    assert needs(r"(?:very\s+){1,3}[^/]{0,40}busy") == (frozenset({"busy"}), frozenset({"very "}))


def test_letters_of_re2_are_read() -> None:
    assert needs(r"\pL+ mailbox [^\pL]") == (frozenset({" mailbox "}),)


def test_syntax_of_re2_only_needs_nothing() -> None:
    assert needs(r"\C+mailbox") == ()


def test_no_row_is_tried_on_every_text() -> None:
    assert [rule.id for rule in catalog().rules if rule.pattern and not needs(rule.pattern)] == []


def test_no_pattern_is_kept_from_a_text_that_it_matches() -> None:
    """Every pattern over every example, found by the index as by trying them all."""
    rows = {rule.id: re2.compile(rule.pattern, options=OPTIONS) for rule in catalog().rules if rule.pattern}
    assert len(rows) > 300
    for rule in catalog().rules[::3]:
        seen = see(Bounce(Reply(None, None, rule.example)), rule.example)
        found = {form.wording.rule for form in matching(worth_trying(seen, 0), rule.example)}
        assert found == {name for name, pattern in rows.items() if pattern.search(rule.example)}, rule.example
