"""The command examine: parse, call one function, render.

Exit codes: 0 answered, whatever the answer; 2 an input that cannot be used (the others are answered); 4 a fault of ours.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from ..errors import HealthcheckError
from . import given, outputs, tapes
from .streams import octets_of

FORMATS = ("text", "json", "jsonl")
WANTED = ("Give the header alone, or the message without its attachments.", "Give the header of a message, its whole source, or a bounce.")


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE...|-]")
@click.option("--offline", is_flag=True, help="Ask no network at all: SPF and DMARC are left open.")
@click.option("--redact", is_flag=True, help="Mask the local part of every address in the answer.")
@click.option("--from", "from_domain", callback=given.domain, metavar="DOMAIN", help="The domain of the From header, where the message does not say it.")
@click.option("--mail-from", callback=given.domain, metavar="DOMAIN", help="The domain of the envelope sender.")
@click.option("--ip", "ips", multiple=True, callback=given.ips, help="The address, of yours, that connected to the receiver.")
@click.option("--nameserver", "nameservers", multiple=True, metavar="IP[:PORT]", help="Ask this server instead of the system's resolvers.")
@click.option("--zone", "zones", multiple=True, metavar="FILE", help="A zone file laid over the live DNS: try a change before it is published.")
@click.option("--only-zone", is_flag=True, help="Ask nothing but the zone files.")
@click.option(
    "--timeout", type=click.FloatRange(0.1, 60), default=15.0, show_default=True, metavar="S", callback=given.timeout, help="Seconds for each message."
)
@outputs.options(FORMATS)
@tapes.options
def examine(files: tuple[str, ...], offline: bool, redact: bool, form: str, **options: Any) -> None:
    """What happened to this message? Its way, SPF, DKIM, DMARC and ARC recomputed, and where receivers found something else.

    Reads the header of a message, its whole source, or a bounce (of which the message that came back is taken), from files or standard input.
    """
    from ..examine import examine as run
    from ..render.examination import examination
    from ..render.outputs import examined

    given.check_offline(offline, options)

    def part(form: str, seen: Any) -> Any:
        return examined(form, examination(seen, redact=redact))

    try:
        with tapes.Tape("examine", options | {"offline": offline}) as tape:
            said = {key: tape.options[key] for key in ("from_domain", "mail_from", "ips")} | {"deadline": tape.options["timeout"]}

            def one(source: str) -> Any:
                return run(octets_of(source, WANTED), offline=offline, world=tape.world, source=source, **said)

            code = outputs.answered(one, given.pasted(files, "message"), part, form, options["outputs"], in_turn=offline or tape.on)
            tape.keep(code)
    except HealthcheckError as fault:
        raise given.Fault(fault.detail) from None
    sys.exit(code)
