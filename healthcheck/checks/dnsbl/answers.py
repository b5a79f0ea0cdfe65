"""What one answer of a list says, and whether the list is to be believed. Pure. RFC 5782, RFC 6471."""

from __future__ import annotations

from ...catalog import Blocklist
from ...model import Answer, frozen
from .lists import hidden

LISTED, NOT_LISTED, REFUSED, UNKNOWN = "listed", "not-listed", "refused", "unknown"
HEAVIEST_FIRST = ("critical", "high", "medium", "low", "info")


@frozen
class Listing:
    """One list and one subject. role: given | spf | mx | domain, why the subject was asked about.

    weight   what receivers make of this answer: critical | high | medium | low | info
    reason   where the state is unknown or refused: why, as a key: refused | silent | self-test | rewritten | strange
    clouds   whom the list refuses as a whole, in words; None where that is not known
    """

    zone: str
    name: str
    kind: str  # of the list: ip | domain
    weight: str
    subject: str
    role: str
    state: str
    codes: tuple[str, ...] = ()
    meaning: str = ""
    delist: str | None = None
    lookup: str | None = None
    reason: str | None = None
    answers: tuple[Answer, ...] = ()
    clouds: str | None = None


def read_answer(row: Blocklist, answer: Answer) -> tuple[str, tuple[str, ...], str, str | None]:
    """What one answer of a list says: (state, codes, meaning, reason). Pure.

    listed only for an answer in 127.0.0.0/8 that the row explains (or that a row with any_code leaves open).
    Standard: RFC 5782 section 2.3 (127.0.0.0/8), RFC 6471 section 3.

    >>> row = Blocklist(zone="bl.example", name="Example", kind="ip", weight="low", source="-", seen="-", codes={"127.0.0.2": "sends spam"})
    >>> from healthcheck.model import Outcome
    >>> read_answer(row, Answer("9.2.0.192.bl.example", "A", Outcome.FOUND, ("127.0.0.2",)))
    ('listed', ('127.0.0.2',), 'sends spam', None)
    """
    if answer.unsure:
        return UNKNOWN, (), "", "silent"
    if not answer.found:
        return NOT_LISTED, (), "", None
    read = [(value, *_value(row, value)) for value in answer.values]
    # the worst reading of the answer as a whole holds: a refusal beside a listing is a refusal, a foreign address spoils it all
    for state, reason in ((UNKNOWN, "rewritten"), (REFUSED, "refused"), (LISTED, None), (UNKNOWN, "strange")):
        those = [(value, meaning) for value, s, meaning, r in read if s == state and r == reason]
        if those:
            return state, tuple(v for v, _ in those), "; ".join(dict.fromkeys(m for _, m in those if m)), reason
    return NOT_LISTED, tuple(v for v, *_ in read), "; ".join(m for _, _, m, _ in read if m), None


def _value(row: Blocklist, value: str) -> tuple[str, str, str | None]:
    """(state, meaning, reason) of one address in an answer."""
    if not value.startswith("127."):
        return UNKNOWN, "", "rewritten"  # a resolver that rewrites, or a domain that lapsed and is parked
    for code, meaning in row.refusals.items():
        if _is(value, code):
            return REFUSED, meaning, "refused"
    if value.startswith("127.255.255."):
        return REFUSED, "", "refused"  # the convention that Spamhaus began and others follow
    if row.bitmask:
        return _bits(row, int(value.rpartition(".")[2]))
    for codes, state in ((row.not_listed, NOT_LISTED), (row.codes, LISTED)):
        for code, meaning in codes.items():
            if _is(value, code):
                return state, meaning, None
    # RFC 5782 section 5: 127.0.0.1 is never a listing where a list does not say so itself
    return (LISTED, "", None) if row.any_code and value != "127.0.0.1" else (UNKNOWN, "", "strange")


def _is(value: str, code: str) -> bool:
    return value == code or (code.endswith(".") and value.startswith(code))


def _weight(row: Blocklist, codes: tuple[str, ...]) -> str:
    """What receivers make of this answer: the heaviest of its codes."""
    if not row.weights:
        return row.weight
    named = [[bit for bit in row.codes if int(c.rpartition(".")[2]) & int(bit.removeprefix("bit "))] if row.bitmask else [c] for c in codes]
    weights = [row.weights.get(name, row.weight) for names in named for name in names]
    return min(weights, key=HEAVIEST_FIRST.index, default=row.weight)


def _bits(row: Blocklist, octet: int) -> tuple[str, str, str | None]:
    for name, meaning in row.refusals.items():
        if name.startswith("bit ") and octet & int(name[4:]):
            return REFUSED, meaning, "refused"
    meanings = [meaning for name, meaning in row.codes.items() if octet & int(name.removeprefix("bit "))]
    return (LISTED, "; ".join(meanings), None) if meanings else (UNKNOWN, "", "strange")


def believe(row: Blocklist, listed: Answer, clean: Answer) -> tuple[str | None, tuple[Answer, ...]]:
    """Why a list is not believed, or None where it passed its self-test; with the two answers. RFC 5782 section 5."""
    state, _, _, reason = read_answer(row, listed)
    clean_state, _, _, clean_reason = read_answer(row, clean)
    spotless = clean.absent or clean_state == NOT_LISTED  # a list that praises too may answer there
    if REFUSED in (state, clean_state):
        why: str | None = "refused"
    elif "rewritten" in (reason, clean_reason):
        why = "rewritten"
    elif listed.unsure or clean.unsure:
        why = "silent"
    else:
        # found is enough for the test point: lists answer it with codes of their own
        why = None if listed.found and spotless else "self-test"
    return why, (listed, clean)


def listing(row: Blocklist, subject: str, role: str, answer: Answer, believed: tuple[str | None, tuple[Answer, ...]]) -> Listing:
    state, codes, meaning, reason = read_answer(row, answer)
    why, tests = believed
    if why and state in (LISTED, NOT_LISTED):
        state, codes, reason = (REFUSED if why == "refused" else UNKNOWN), (), why
        meaning = next((m for _, _, m, r in (read_answer(row, t) for t in tests) if r == "refused"), "")
    answers = tuple(hidden(a, row.secret) for a in (answer, *tests))
    weight = _weight(row, codes) if state == LISTED else row.weight
    return Listing(
        row.zone, row.name, row.kind, weight, subject, role, state, codes, meaning, row.delist, row.lookup or row.delist, reason, answers, row.clouds
    )
