"""What happened to a message in one sentence, and the one thing to change. Pure: keys are chosen here, the words stand in data/message.toml.

Nothing is advised that would authorise an address that was not shown to be the sender's, and nothing in the DNS for a fault of the recipient's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..bounce.classify import classify
from ..message import data
from ..message.whose import domain_of
from ..model import Bounce, Examination, Signature, SpfSeen
from . import words

ALIGNED = ("strict", "relaxed")
RELAYS = ("forwarder", "mailing-list")
ALTERED = ("body-altered", "header-altered")
ASK_DKIM = ("auth-dkim", "auth-other")  # causes of receivers that want a signature of the author's beside SPF
UNSEEN = frozenset({"not-verified", "could-not-look-up", "no-body", "only-headers"})


def say(table: str, key: str, part: str = "title", **slots: Any) -> str:
    """A sentence of data/message.toml with its slots filled; of a row with several parts, the one that is asked for; "" where there is none."""
    row = data()[table].get(key, "")
    return words.fill(str(row.get(part, "")) if isinstance(row, Mapping) else str(row), slots)


def looked_up(seen: Examination) -> bool:
    return bool(seen.transcript)


def identity(spf: SpfSeen) -> str:
    """The domain that SPF was judged on: the envelope sender's, of the null sender the name in HELO. RFC 7208 section 2.4."""
    return domain_of(spf.mail_from) or spf.helo or ""


def slots(seen: Examination) -> dict[str, Any]:
    """What the sentences are filled with."""
    spf, address = seen.spf, seen.address
    return {
        "from": (seen.sender.from_domain if seen.sender else None) or "",
        "identity": identity(spf) if spf else "",
        "ip": (spf.ip if spf else None) or (address.ip if address else None) or "",
        "problem": spf.problem.rstrip(".") if spf else "",
        "whose": say("whose_is", address.whose) if address else "",
        "count": len(seen.hops),
    }


# ------------------------------------------------------------------ the sentence


def summary(seen: Examination) -> dict[str, Any]:
    """{key, text, more}: what happened, in one sentence, and what else to know, in one or two."""
    key, text = _refusal(seen) if seen.bounces else ("", "")
    more: list[str] = []
    told = _authenticated(seen)
    if not key:
        key, text = told
    elif told[0] and told[0] != "offline":
        more.append(told[1])
    if dkim_asked(seen) and _dkim_cure(seen):
        more.append(say("story", "dkim-asked", dkim=_dkim_clause(seen, slots(seen))))
    address = seen.address
    if address is not None and looked_up(seen) and address.whose in (*RELAYS, "forged") and not (seen.dmarc and seen.dmarc.result == "pass"):
        shown = next((value for _, value in address.because if value), address.ip or "")
        more.append(say("story", address.whose, shown=shown, **slots(seen)))
    return {"key": key, "text": text, "more": more}


def _refusal(seen: Examination) -> tuple[str, str]:
    bounce = first_bounce(seen)
    if bounce is None:
        return "bounced", say("story", "bounced")
    host = bounce.remote_mta or bounce.receiver
    if not host:
        return "bounced", say("story", "bounced")
    stage = words.word("stage", bounce.stage) if bounce.stage else ""
    key = "delayed" if bounce.action == "delayed" else "refused-many" if len(seen.bounces) > 1 else "refused"
    return key, say("story", key, host=host, stage=stage, count=len(seen.bounces)).replace(" .", ".").replace(" ;", ";")


def first_bounce(seen: Examination) -> Bounce | None:
    """The one that the sentence is about: one that failed, before one that was put off."""
    return next((b for b in seen.bounces if b.action != "delayed"), next(iter(seen.bounces), None))


def _authenticated(seen: Examination) -> tuple[str, str]:
    if seen.kind == "unrecognised" and not looked_up(seen):
        return "unrecognised", say("story", "unrecognised")
    if not looked_up(seen):
        return "offline", say("story", {0: "offline-no-way", 1: "offline-one"}.get(len(seen.hops), "offline"), **slots(seen))
    if seen.dmarc is None:
        return "no-from", say("story", "no-from")
    given = slots(seen)
    key = f"dmarc-{'temperror' if seen.dmarc.result == 'permerror' else seen.dmarc.result}"
    by = ", ".join(_identifier(one) for one in seen.dmarc.by)
    return key, say("story", key, spf=_spf_clause(seen, given), dkim=_dkim_clause(seen, given), by=by, **given)


def _identifier(text: str) -> str:
    kind, _, name = text.partition(":")
    return f"{kind.upper()} ({name})"


def _spf_clause(seen: Examination, given: Mapping[str, Any]) -> str:
    spf = seen.spf
    if spf is None:
        return say("story_spf", "unknown", **given)
    key = "elsewhere" if spf.result == "unknown" and spf.aligned == "no" else spf.result
    if key == "pass":
        key = "not-aligned" if spf.aligned == "no" else "strict" if _strict_asked(seen, spf.aligned) else "aligned"
    return say("story_spf", key, **given)


def _strict_asked(seen: Examination, aligned: str | None) -> bool:
    """It passed for the organization, and DMARC failed all the same: so the record asks for the very name."""
    return aligned == "relaxed" and seen.dmarc is not None and seen.dmarc.result == "fail"


def _dkim_clause(seen: Examination, given: Mapping[str, Any]) -> str:
    one = telling(seen)
    if one is None:
        return say("story_dkim", "unsigned")
    if one.result == "pass":
        key = "not-aligned" if one.aligned == "no" else "strict" if _strict_asked(seen, one.aligned) else "aligned"
    else:
        key = "unknown" if one.reason in UNSEEN else "failed"
    reason = "copy-differs" if one.reason == "not-verified" and "copy-differs" in one.notes else one.reason
    return say("story_dkim", key, d=one.d or "?", reason=say("reason", reason), **given)


def telling(seen: Examination) -> Signature | None:
    """The signature that tells most: one that holds and is the From domain's, then the From domain's own that fails, then any that holds."""

    def rank(one: Signature) -> int:
        own = one.aligned in ALIGNED
        return 0 if own and one.result == "pass" else 1 if own else 2 if one.result == "pass" else 3

    return min(seen.dkim, key=rank, default=None)


# ------------------------------------------------------------------ what to do


def dkim_asked(seen: Examination) -> bool:
    """Was it refused by a receiver that asks for DKIM whatever SPF says? Then that DMARC passes by SPF is no help."""
    bounce = first_bounce(seen)
    passed = seen.dmarc is not None and seen.dmarc.result in ("pass", "none")
    return looked_up(seen) and passed and bounce is not None and classify(bounce).cause in ASK_DKIM


def advice(seen: Examination) -> list[dict[str, str]]:
    """[{key, text}], what would have it pass, the likeliest cure first; nothing where nothing is wrong."""
    keys: list[tuple[str, str]] = []
    given = slots(seen)
    bounce = first_bounce(seen)
    side = classify(bounce).side if bounce is not None else ""
    if side == "recipient":
        keys.append(("recipient", ""))
    if bounce is not None:
        keys.append(("explain", ""))
    if not looked_up(seen):
        keys += [("online", "")] if seen.sender else []
    elif side not in ("recipient", "network") and seen.dmarc is not None:
        keys = [*_cures(seen), *keys]
    return [{"key": key, "text": text or say("advice", key, d=(telling(seen) or Signature("", "", "")).d, **given)} for key, text in keys]


def _cures(seen: Examination) -> list[tuple[str, str]]:
    assert seen.dmarc is not None
    match seen.dmarc.result:
        case "pass":
            return _dkim_cure(seen) if dkim_asked(seen) else []
        case "temperror" | "permerror":
            return [("again", "")]
        case "unknown":
            unseen = [(_unverified(one), "") for one in seen.dkim if one.reason == "not-verified"][:1] or _unsigned_copy(seen)
            return unseen + ([("address", "")] if seen.spf is None or seen.spf.result == "unknown" else [])
    if seen.address is not None and seen.address.whose == "forged":
        return [("spf-forged", "")]
    dkim, spf = _dkim_cure(seen), _spf_cure(seen)
    relayed = seen.address is not None and seen.address.whose in RELAYS
    policy = [("policy-none", "")] if seen.dmarc.result == "none" else []
    return policy + (dkim + spf if seen.dkim or relayed else spf + dkim)


def _unverified(one: Signature) -> str:
    """What is missing of a signature that could not be verified: the body, or a copy that nobody rewrote. Keys of [reason] and [advice]."""
    return "copy-differs" if "copy-differs" in one.notes else "whole"


def _unsigned_copy(seen: Examination) -> list[tuple[str, str]]:
    """The copy that came back holds no signature, and may have been taken before it was signed."""
    return [("unsigned-copy", "")] if not seen.dkim and any(f.code == "MSG063" for f in seen.findings) else []


def _spf_cure(seen: Examination) -> list[tuple[str, str]]:
    spf, address = seen.spf, seen.address
    if spf is None or spf.result in ("unknown", "temperror"):
        return []
    if spf.result == "pass" and spf.aligned in ALIGNED:
        return [("strict-spf", "")] if _strict_asked(seen, spf.aligned) else []
    if address is not None and address.whose in RELAYS:
        return [("spf-leave" if any(one.aligned in ALIGNED for one in seen.dkim) else "spf-relay", "")]
    if spf.aligned == "no":
        return [("envelope", "")]
    if spf.result == "permerror":
        return [("spf-permerror", "")]
    return [("spf-own" if address is not None and address.ours else "spf-unknown", "")]


def _dkim_cure(seen: Examination) -> list[tuple[str, str]]:
    one = telling(seen)
    if one is None and (copy := _unsigned_copy(seen)):
        return copy
    if one is None or (one.aligned == "no" and one.result != "pass"):
        return [("dkim-none", "")]
    if one.result == "pass":
        return [("dkim-other", "")] if one.aligned == "no" else [("strict-dkim", "")] if _strict_asked(seen, one.aligned) else []
    if one.reason in ALTERED and seen.address is not None and seen.address.whose in RELAYS:
        return [("relay-altered", "")]
    own = [s for s in seen.dkim if s.aligned != "no" and s.result != "pass" and s.reason]
    fixes = {s.reason: say("reason", s.reason, "fix") for s in own}
    return [(f"dkim-{reason}", fix) for reason, fix in fixes.items() if fix][:3]
