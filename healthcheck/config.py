"""The configuration of a repository: .healthcheck.toml, or [tool.healthcheck] of pyproject.toml.

    find(folder)        the file that holds for a folder: the nearest one, from the folder upwards
    load(path)          read it; raises ConfigError, which tells every fault with file, line and what was expected

What it may say stands in data/config.toml (docs/config.md); what it means for a report in policy/.
"""

from __future__ import annotations

import os
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

from .errors import ConfigError
from .files import octets_of
from .policy.reader import Config, read

NAME, PROJECT = ".healthcheck.toml", "pyproject.toml"
TABLE = ("tool", "healthcheck")
MOST = 1 << 20  # octets


def find(folder: Path | str = ".") -> Path | None:
    """The configuration file that holds for a folder, or None: the nearest upwards; .healthcheck.toml before pyproject.toml in one folder.

    A pyproject.toml without [tool.healthcheck] is passed over, and so is one that is no TOML: it is not ours to complain of.
    """
    here = Path(folder).absolute()
    for place in (here, *here.parents):
        if (own := place / NAME).is_file():
            return own
        if (project := place / PROJECT).is_file() and _has_table(project):
            return project
    return None


def _has_table(path: Path) -> bool:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(raw.get("tool"), dict) and "healthcheck" in raw["tool"]


def load(path: Path | str, today: date | None = None) -> Config:
    """Read a configuration file.

    path   any file; of one that is named pyproject.toml the table [tool.healthcheck].
    today  the day by which entries of `ignore` are over; the day it is now, in UTC, where None.

    Raises InputError for a file that cannot be read, ConfigError for what is wrong in it. An entry of `ignore` that is over is no error:
    Config.warnings tells it.
    """
    shown = _shown(Path(path))
    octets = octets_of(path, MOST, "is larger than 1 MiB, which no configuration is.", shown=shown)
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = octets.count(b"\n", 0, fault.start) + 1
        raise ConfigError(f"{shown}:{line}: this is no text in UTF-8. Expected: TOML, which is UTF-8.") from None
    within = TABLE if Path(path).name == PROJECT else ()
    return read(text, shown, today or datetime.now(UTC).date(), within)


def _shown(path: Path) -> str:
    """The file as people and CI know it: from here where it lies here or above, else as it was given."""
    try:
        near = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return str(path) if len(near) > len(str(path)) else near
