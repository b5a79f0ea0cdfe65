"""The command line's part of policy as code: which configuration holds, the baseline, and the commands `config` and `facts`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, HealthcheckError, InputError

if TYPE_CHECKING:
    from ..bulk import Item
    from ..policy.apply import Policy
    from ..policy.reader import Config

# what a configuration may say of a domain, by the names of the options of `scan`
SETTINGS = ("profile", "ips", "selectors", "mail_from", "helo", "topics", "starttls", "fail_on", "unknown")


def options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of `scan` that policy as code brings."""
    for option in (
        click.option("--write-baseline", metavar="FILE", help="Write what is found to this file, as a baseline for later runs."),
        click.option("--baseline", metavar="FILE", help="Fail on what this file does not hold: a former report (json, jsonl), or what --write-baseline wrote."),
        click.option("--no-config", is_flag=True, help="Look for no configuration."),
        click.option("--config", "config", metavar="FILE", help="The configuration. [default: .healthcheck.toml or pyproject.toml, here or above]"),
    ):
        command = option(command)
    return command


def configured(given: str | None, none: bool = False) -> Config | None:
    """The configuration that holds. Raises InputError, ConfigError."""
    if given and none:
        raise InputError("--config and --no-config do not go together; leave one of the two out.")
    if none:
        return None
    from ..config import find, load

    path = given or find()
    return load(path) if path else None


def policy_of(options: Mapping[str, Any], deadline: float) -> Policy | None:
    """What a run goes by, or None where neither a configuration nor a baseline was given. Raises InputError, ConfigError."""
    config = configured(options["config"], options["no_config"])
    if config is None and not options["baseline"] and not options["write_baseline"]:
        return None
    from ..policy import baseline
    from ..policy.apply import Policy

    context = click.get_current_context()
    said = {key for key in SETTINGS if (source := context.get_parameter_source(key)) is not None and source.name != "DEFAULT"}
    return Policy(
        usual={key: options[key] for key in SETTINGS} | {"deadline": deadline},
        forced={key: options[key] for key in said},
        config=config,
        baseline=baseline.read(options["baseline"]) if options["baseline"] else None,
        writes=options["write_baseline"],
    )


def items(policy: Policy | None) -> Iterator[Item]:
    """The domains of the configuration, each with its place."""
    from ..bulk import Item

    if policy is None or policy.config is None:
        return
    for number, (name, settings) in enumerate(policy.config.domains.items()):
        yield Item(number, name, settings.location.file, settings.location.line)


# ------------------------------------------------------------------ commands


@click.group()
def config() -> None:
    """The configuration of a repository: .healthcheck.toml, or [tool.healthcheck] of pyproject.toml."""


@config.command()
@click.argument("file", required=False)
def check(file: str | None) -> None:
    """Is the configuration right? Every fault is told with its file, line and what was expected.

    Exit codes: 0 it is, 1 it can be used and something in it is over, 2 it cannot be used.
    """
    try:
        found = configured(file)
        if found is None:
            raise InputError("There is no .healthcheck.toml here or above, and no pyproject.toml with [tool.healthcheck]. Name the file.")
    except ConfigError as fault:
        click.echo(fault.detail, err=True)
        sys.exit(2)
    except HealthcheckError as fault:
        click.echo(f"Error: {fault.detail}", err=True)
        sys.exit(2)
    for problem in found.warnings:
        click.echo(str(problem), err=True)
    asserted = sum(len(found.of(name).lines) for name in found.domains)
    click.echo(f"{found.file}: domains: {len(found.domains)}, assertions: {asserted}, ignored findings: {len(found.ignores)}.")
    sys.exit(1 if found.warnings else 0)


@config.command()
def schema() -> None:
    """The JSON Schema of the configuration, for editors."""
    import json

    from ..policy.options import schema as made

    click.echo(json.dumps(made(), indent=2, ensure_ascii=False))


@click.command()
@click.argument("topic", required=False)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print them.")
def facts(topic: str | None, form: str) -> None:
    """Every fact that an assertion may name, with its type, unit and meaning; those of one topic where it is named."""
    from ..render import facts as render

    wanted = topic.lower().replace("-", "_") if topic else None
    if wanted is not None and wanted not in render.topics():
        click.echo(f"Error: There is no topic “{wanted[:60]}”. Known: {', '.join(render.topics())}.", err=True)
        sys.exit(2)
    if form == "json":
        import json

        click.echo(json.dumps({"facts": render.rows(wanted)}, indent=2, ensure_ascii=False))
    else:
        click.echo(render.text(wanted))
