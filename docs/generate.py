"""Writes the pages of docs/ that come from the knowledge base: `make docs`. tests/test_docs.py checks that they are current."""

import pathlib
import sys
import tomllib
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import click  # noqa: E402

from healthcheck.catalog import DATA, catalog  # noqa: E402
from healthcheck.faces.cli import main as main_command  # noqa: E402
from healthcheck.policy.facts import can_be_asserted  # noqa: E402
from healthcheck.policy.options import of_table, tables  # noqa: E402

EXITS = tomllib.loads((DATA / "exit_codes.toml").read_text(encoding="utf-8"))
HEAD = "<!-- Written by docs/generate.py from healthcheck/data; change the rows there. -->\n\n"


def cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def checks() -> str:
    out = ["# Findings", "", "Every finding that a scan can report. A code is never used again for something else.", ""]
    topic = ""
    known = catalog().checks
    topics = list(dict.fromkeys(row.topic for row in known.values()))
    for row in sorted(known.values(), key=lambda row: topics.index(row.topic)):
        if row.topic != topic:
            topic = row.topic
            out += [
                "",
                f"## {catalog().words['topic'].get(topic, {}).get('name', topic)}",
                "",
                "| code | name | as a rule | title | why it matters |",
                "|---|---|---|---|---|",
            ]
        out.append(f"| {row.code} | {row.slug} | {row.severity} | {cell(row.title)} | {cell(row.why)} |")
    return "\n".join(out) + "\n"


def causes() -> str:
    out = ["# Causes of a bounce", "", "| cause | who has to act | the address | looked up | what it means |", "|---|---|---|---|---|"]
    out += [f"| {c.slug} | {c.party} | {c.suppress} ({c.scope}) | {', '.join(c.scan) or 'nothing'} | {cell(c.meaning)} |" for c in catalog().causes.values()]
    return "\n".join(out) + "\n"


def rules() -> str:
    out = ["# Receivers whose wordings are known", "", "| provider | rules | help |", "|---|---|---|"]
    out += [f"| {cell(p.name)} | {p.rules} | {p.help or ''} |" for p in sorted(catalog().providers.values(), key=lambda p: p.id)]
    general = sum(r.provider is None for r in catalog().rules)
    out += ["", f"{general} more rules hold wordings that many receivers share; {len(catalog().rules)} in all."]
    return "\n".join(out) + "\n"


def facts() -> str:
    from healthcheck.render.facts import chosen, topics

    out = ["# Facts of a report", "", "What stands under `facts` in a report's JSON: `GET /api/v1/facts`, `healthcheck facts`. An assertion of"]
    out += ["[.healthcheck.toml](config.md) may name every path that is marked; `[]` is each element of a list, `*` each key of a map.", ""]
    for topic in topics():
        name = catalog().words["topic"].get(topic.replace("_", "-"), {}).get("name", topic)
        out += ["", f"## {name}", "", "| path | type | unit | assert | meaning |", "|---|---|---|---|---|"]
        for fact in chosen(topic):
            words = [f"`{word}`" if word else "nothing" for word in fact.words if word not in fact.unsure]
            more = (
                f" One of {', '.join(words)}."
                if words
                else f" The fields of `{fact.like}`."
                if fact.like
                else f" The same as `{fact.same_as}`."
                if fact.same_as
                else ""
            )
            out.append(
                f"| `{fact.path}` | {fact.type} | {fact.unit} | {'yes' if fact.same_as or can_be_asserted(fact) else ''} | {cell(fact.meaning + '.' + more)} |"
            )
    return "\n".join(out) + "\n"


def config() -> str:
    """docs/config.md: what a person wrote, with the tables of keys made from data/config.toml in their places."""
    page = (ROOT / "docs" / "config.in.md").read_text(encoding="utf-8")
    for name in tables():
        rows = ["| key | meaning | example |", "|---|---|---|"]
        rows += [f"| `{key}`{' (required)' if o.required else ''} | {cell(o.meaning)} | `{cell(o.example)}` |" for key, o in of_table(name).items()]
        page = page.replace(f"{{{{{name}}}}}", cell(tables()[name].meaning) + "\n\n" + "\n".join(rows))
    return page


def exit_codes() -> str:
    rows = ["| exit code | what it means | over HTTP |", "|---|---|---|"]
    return "\n".join(rows + [f"| {code} | {cell(row['meaning'])} | {cell(row['over_http'])} |" for code, row in EXITS.items()])


def ci() -> str:
    """docs/ci.md: what a person wrote, with the exit codes and the files of examples/ci in their places."""
    page = (ROOT / "docs" / "ci.in.md").read_text(encoding="utf-8").replace("{{exit codes}}", exit_codes())
    for path in sorted((ROOT / "examples" / "ci").iterdir()):
        name = f"examples/ci/{path.name}"
        page = page.replace(f"{{{{{name}}}}}", f"<!-- {name} -->\n```yaml\n{path.read_text(encoding='utf-8')}```")
    return page


def cli() -> str:
    """docs/cli.md: every command with its options, as the command line itself knows them."""
    out = ["# The command line", "", cell(main_command.help or "").partition(" Exit codes:")[0], "", "## Exit codes", "", exit_codes()]
    for name, command in commands(main_command, "healthcheck"):
        usage = " ".join(["[OPTIONS]", *(p.make_metavar(click.Context(command)) for p in command.params if isinstance(p, click.Argument))])
        out += ["", f"## {name}", "", f"`{name} {usage}`", "", "\n\n".join(cell(part) for part in (command.help or "").replace("\b", "").split("\n\n"))]
        if options := [p for p in command.params if isinstance(p, click.Option) and not p.hidden]:
            out += ["", "| option | what it does |", "|---|---|", *(f"| {written(p, command)} | {cell(told(p))} |" for p in options)]
    return "\n".join(out) + "\n"


def commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    for key, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {key}")
        elif not command.hidden:
            yield f"{name} {key}", command


def written(option: click.Option, command: click.Command) -> str:
    value = "" if option.is_flag or option.count else " " + option.make_metavar(click.Context(command))
    return cell(", ".join(f"`{name}{value}`" for name in (*option.opts, *option.secondary_opts)))


def told(option: click.Option) -> str:
    """The help of an option, what it is without it, and whether it may be given more than once."""
    words = option.help or ""
    if option.show_default and option.default is not None and not option.is_flag:
        words += f" Default: {option.default}."
    return words + (" Repeatable." if option.multiple and "epeatable" not in words else "")


PAGES = {"checks.md": checks, "causes.md": causes, "providers.md": rules, "facts.md": facts, "config.md": config, "ci.md": ci, "cli.md": cli}


def main() -> int:
    for name, page in PAGES.items():
        (ROOT / "docs" / name).write_text(HEAD + page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
