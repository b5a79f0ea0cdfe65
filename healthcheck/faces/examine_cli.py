"""The command examine: parse, call one function, render.

Exit codes: 0 answered, whatever the answer; 2 an input that cannot be used (the others are answered); 4 a fault of ours.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from ..errors import HealthcheckError
from . import cli as _cli
from .streams import octets_of

cli: Any = _cli  # each of the two modules needs the other
WANTED = ("Give the header alone, or the message without its attachments.", "Give the header of a message, its whole source, or a bounce.")


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE...|-]")
@click.option("--offline", is_flag=True, help="Ask no network at all: SPF and DMARC are left open.")
@click.option("--redact", is_flag=True, help="Mask the local part of every address in the answer.")
@click.option("--from", "from_domain", callback=cli._domain, metavar="DOMAIN", help="The domain of the From header, where the message does not say it.")
@click.option("--mail-from", callback=cli._domain, metavar="DOMAIN", help="The domain of the envelope sender.")
@click.option("--ip", "ips", multiple=True, callback=cli._ips, help="The address, of yours, that connected to the receiver.")
@click.option("--nameserver", "nameservers", multiple=True, metavar="IP[:PORT]", help="Ask this server instead of the system's resolvers.")
@click.option("--zone", "zones", multiple=True, metavar="FILE", help="A zone file laid over the live DNS: try a change before it is published.")
@click.option("--only-zone", is_flag=True, help="Ask nothing but the zone files.")
@click.option(
    "--timeout", type=click.FloatRange(0.1, 60), default=15.0, show_default=True, metavar="S", callback=cli._timeout, help="Seconds for each message."
)
@click.option("--format", "form", type=click.Choice(cli.FORMATS), default="text", show_default=True, help="How to print the answer.")
def examine(files: tuple[str, ...], offline: bool, redact: bool, form: str, **options: Any) -> None:
    """What happened to this message? Its way, SPF, DKIM, DMARC and ARC recomputed, and where receivers found something else.

    Reads the header of a message, its whole source, or a bounce (of which the message that came back is taken), from files or standard input.
    """
    from ..examine import examine as run
    from ..render import examination_text
    from ..render.examination import examination

    for option, given_so in (("--zone", options["zones"]), ("--only-zone", options["only_zone"]), ("--nameserver", options["nameservers"])):
        if offline and given_so:
            raise cli._Fault(f"--offline asks nobody, so that {option} would make no difference. Leave one of the two out.")
    try:
        world = None if offline else cli._world(options["zones"], options["only_zone"], options["nameservers"])
    except HealthcheckError as fault:
        raise cli._Fault(fault.detail) from None
    given = {key: options[key] for key in ("from_domain", "mail_from", "ips")} | {"deadline": options["timeout"]}

    def one(source: str) -> Any:
        return run(octets_of(source, WANTED), offline=offline, world=world, source=source, **given)

    def as_dict(seen: Any) -> dict[str, Any]:
        return examination(seen, redact=redact)

    wanted = list(files) or ["-"]
    if not files and sys.stdin and sys.stdin.isatty():
        click.echo("Paste the message, then end with Ctrl-D.", err=True)
    answers = ((source, cli._attempt(one, source)) for source in wanted) if offline else cli._map(one, wanted)
    code = cli._print(answers, form=form, as_dict=as_dict, as_text=lambda seen: examination_text.examination(as_dict(seen)), code_of=lambda _: 0)
    if world:
        world.close()
    sys.exit(code)


cli.main.add_command(examine)
