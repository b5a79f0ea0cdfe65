"""Reports about many bounces: text(result), as_json(result) and html(result), each of the whole result. Pure."""

from .lines import text
from .page import html
from .view import as_json

__all__ = ["as_json", "html", "text"]
