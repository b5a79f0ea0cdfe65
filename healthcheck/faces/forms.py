"""What a page's form or address asks for, as a ScanInput, and back again."""

from __future__ import annotations

from typing import Any

from flask import url_for

from ..errors import InputError
from ..model import PROFILES, ScanInput
from .api import scan_input


def split(values: list[str]) -> list[str]:
    """A field may hold several, with commas or spaces between; a pasted header (it has a "=") is one."""
    return [part for value in values for part in ([value] if "=" in value else value.replace(",", " ").split())]


def wanted(source: Any) -> ScanInput:
    """The scan that a form or a query asks for. Raises DomainError, InputError."""
    ips, selectors, profile = split(source.getlist("ip")), split(source.getlist("selector")), source.get("profile") or PROFILES[0]
    asked: dict[str, Any] = {"topics": source.getlist("topic"), "starttls": ticked(source.get("starttls")), "helo": source.get("helo")}
    return scan_input(source.get("domain", ""), ips, selectors, source.get("mail_from") or None, profile, **asked)


def ticked(value: str | None) -> bool:
    """A box of a form, also as a person writes it into an address. Raises InputError for anything else."""
    if (said := (value or "").strip().lower()) in ("", "0", "off", "no", "false"):
        return False
    if said in ("1", "on", "yes", "true"):
        return True
    raise InputError(f"starttls is 1 or 0, not “{said[:30]}”.")


def address(scan: ScanInput, endpoint: str = "web.scan", **other: Any) -> str:
    """The address of a scan with the same inputs, or with others. What is usual is left out."""
    given: dict[str, Any] = {"domain": scan.domain.name, "ip": list(scan.ips), "selector": list(scan.selectors), "mail_from": scan.mail_from}
    given |= {"profile": scan.profile, "helo": scan.helo, "topic": list(scan.topics or ()), "starttls": "1" if scan.starttls else None, **other}
    return url_for(endpoint, **{key: value for key, value in given.items() if value and (key, value) != ("profile", PROFILES[0])})
