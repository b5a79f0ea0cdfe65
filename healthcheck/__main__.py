"""python -m healthcheck, and the command `healthcheck`"""

import gc
import sys


def spare() -> None:
    """Has garbage looked for seldom: what a command makes lives about as long as it does, and a look at the wrong moment costs a scan a
    hundredth of its time. For a process that this program has to itself."""
    gc.set_threshold(20_000, 20, 50)


def main() -> None:
    """`--version` alone is answered before anything is loaded."""
    if sys.argv[1:] == ["--version"]:
        from healthcheck import __version__

        sys.stdout.write(f"healthcheck {__version__}\n")
        return
    spare()
    from healthcheck.faces.cli import run

    run()


if __name__ == "__main__":
    main()
