"""Policy as code: what a repository asserts about its domains, which findings it knows, and what that makes of a report.

    facts.py      the published facts of a report: data/facts.toml as rows, a path -> its row, the nearest path for a wrong one
    grammar.py    one line of `assert` -> Line; closed, hand-read, nothing is ever evaluated
    had.py        a fact of one report: its value, or absent, or unknown (law 1)
    judge.py      Line and Report -> Assertion
    apply.py      Policy and Report -> the report with assertions, ignored findings, and what is new
    baseline.py   the findings of an earlier report
    positions.py  the line of each key and value of a TOML file
    options.py    data/config.toml: what the file may say; its JSON Schema
    reader.py     a TOML file -> Config, or every fault in it with file, line and what was expected

All of it is pure but for reading files. healthcheck/config.py finds the file and is what others call.
"""
