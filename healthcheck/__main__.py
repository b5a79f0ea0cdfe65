"""python -m healthcheck, and the command `healthcheck`"""

import sys


def main() -> None:
    """`--version` alone is answered before anything is loaded."""
    if sys.argv[1:] == ["--version"]:
        from healthcheck import __version__

        sys.stdout.write(f"healthcheck {__version__}\n")
        return
    from healthcheck.faces.cli import run

    run()


if __name__ == "__main__":
    main()
