"""python -m healthcheck"""

from healthcheck.faces.cli import run

if __name__ == "__main__":
    run()
