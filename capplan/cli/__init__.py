"""The command line: the only place that prints, exits or catches. Each file here is one command.

How to write a command `capplan foo`: make `capplan/cli/foo.py` (files with a leading underscore, `main.py` and
`common.py` are not commands). Its docstring is the help: the first line is the sentence in `capplan --help`,
and lines that begin with `$ capplan` are examples, which a test runs and whose answers `make golden` keeps.

    \"\"\"What foo answers, in one sentence.

    $ capplan foo scenarios/default.yaml --k 8
    \"\"\"
    from capplan.cli.common import ScenarioFile, Settings, load, reports

    @reports                                    # adds --format --out --chart --strict --quiet and the like
    def command(scenario: ScenarioFile = None, settings: Settings = None) -> "Report":
        from capplan.foo import foo             # heavy imports inside, so that `--help` stays instant
        return foo_report(foo(load(scenario, settings)))

`command` returns a `Report` and `reports` prints it, writes `--out` and picks the exit code. A command that has no
report takes the options it needs from `common` and calls `common.write(text, out)`. A command with verbs of its own
(`catalog list`) has `app = typer.Typer()` instead of `command`. Raise a `CapplanError` for what a user can mend;
nothing here catches it but `main.run`.
"""

import sys


def run() -> None:
    """The `capplan` program. An interrupt ends it quietly at any time, also while the first imports are under way."""
    try:
        from . import main

        main.run()
    except KeyboardInterrupt:
        sys.exit(130)
