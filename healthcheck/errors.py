"""Every exception that this package raises on purpose.

    HealthcheckError                 whatever we say no to, in words for the person who asked
    ├── InputError                   what was handed in cannot be used (exit 2, HTTP 400 or 422)
    │   ├── DomainError              no domain name: an IP address, a lone label, a label over 63 octets …
    │   ├── TooLargeError            over the limit of 1 MiB (HTTP 413)
    │   ├── ZoneError                a zone file that cannot be read, with file and line
    │   └── ConfigError              a configuration that cannot be used: every fault with file, line and what was expected
    ├── CatalogError                 a row of data/*.toml that is wrong, with file and key (a fault of ours)
    ├── OurFault                     an exception that nobody foresaw, for one of several inputs (exit 4, HTTP 500)
    └── BusyError                    every place is taken; come back in `retry_after` seconds (HTTP 503)

What the network says is never an exception: it is an `Answer` with one of nine outcomes.
"""


class HealthcheckError(Exception):
    """The root. `title` is the kind of fault in a few words, `detail` says what was wrong, where, and what to do."""

    title = "Something is wrong"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InputError(HealthcheckError):
    title = "This input cannot be used"


class DomainError(InputError):
    title = "This is not a domain name"


class TooLargeError(InputError):
    title = "This input is too large"


class ZoneError(InputError):
    title = "This zone file cannot be read"


class ConfigError(InputError):
    title = "This configuration cannot be used"


class CatalogError(HealthcheckError):
    title = "A row of the knowledge base is wrong"


class OurFault(HealthcheckError):
    title = "This is a fault of ours"


class BusyError(HealthcheckError):
    title = "Too many scans are under way"

    def __init__(self, detail: str, retry_after: int = 5) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
