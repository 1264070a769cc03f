"""The entry point: finds commands by file name, loads only the chosen one, and is the one place that catches."""

import contextlib
import errno
import gc
import inspect
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from capplan.errors import CapplanError, UserError
from capplan.records import dataclass
from capplan.version import __version__

from . import _config

HERE = Path(__file__).parent
NOT_COMMANDS = {"main", "common"}
ISSUES = "please report it with the command line and the scenario; CAPPLAN_DEBUG=1 shows the traceback"
INTERRUPTED, BUG = 130, 70
# Of a stream: a full disk or quota, a limit on files, a device or a terminal that is gone.
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
# In the order in which a reader meets them; commands not named here follow by the alphabet.
ORDER = (
    "init", "validate", "sweep", "tco", "explain", "route", "strategies", "crossover", "optimize", "simulate",
    "breakeven", "risk", "forecast", "report", "diff", "deploy", "catalog", "predict", "accuracy", "calibrate",
    "schema",
)  # fmt: skip
PLAIN = {"rich_markup_mode": None, "add_completion": False, "pretty_exceptions_enable": False}


def command_names() -> list[str]:
    """The commands that there are: the files of this folder."""
    found = {path.stem for path in HERE.glob("[a-z]*.py")} - NOT_COMMANDS
    return [name for name in ORDER if name in found] + sorted(found - set(ORDER))


def sentence(name: str) -> str:
    """The first line of a command's docstring, read without importing the command."""
    with (HERE / f"{name}.py").open(encoding="utf-8") as source:
        return source.readline().strip().strip('"').strip()


class Commands(TyperGroup):
    """A group whose commands are files, each imported when it is chosen."""

    def get_params(self, ctx):  # type: ignore[no-untyped-def]
        return _left_alone(super().get_params(ctx))

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return command_names()

    def get_command(self, ctx: typer.Context, cmd_name: str):  # type: ignore[no-untyped-def,override]
        return built(cmd_name) if cmd_name in command_names() else None

    def format_commands(self, ctx, formatter) -> None:  # type: ignore[no-untyped-def]
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence(name)) for name in command_names()])

    def resolve_command(self, ctx: typer.Context, args: list[str]):  # type: ignore[no-untyped-def,override]
        # The base class suggests only names in `commands`; `get_command` never looks there.
        self.commands = dict.fromkeys(command_names())  # type: ignore[assignment]
        return super().resolve_command(ctx, args)


class Command(TyperCommand):
    """A command whose words typer does not convert where it need not."""

    def get_params(self, ctx):  # type: ignore[no-untyped-def]
        return _left_alone(super().get_params(ctx))


def built(name: str):  # type: ignore[no-untyped-def]
    """The command of a file: its `app`, or its function `command` under the file's docstring."""
    module = import_module(f"capplan.cli.{name}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(**PLAIN)  # type: ignore[arg-type]
        app.command(name, help=_help(module.__doc__ or ""))(module.command)
    for one in app.registered_commands:
        one.cls = Command
    return typer.main.get_command(app)


@dataclass(frozen=True)
class _AsTyped:
    """What typer asks to turn the words of an option into its value, for options that hold text or a path."""

    read: Callable[[str], object]

    def coerce(self, value: Any, param: Any, ctx: Any) -> object:
        if param.multiple or param.nargs == -1:
            return [self.read(_given(word, param, ctx)) for word in value or ()]
        return None if value is None else self.read(_given(value, param, ctx))


def _given(word: Any, param: Any, ctx: Any) -> Any:
    """The word. None at all is what a shell makes of a variable that is not set: it must not pass for the default."""
    if word == "":
        raise typer.BadParameter("nothing is given; give a value, or leave it out", ctx=ctx, param=param)
    return word


def _file(word: str) -> Path:
    """A path. Other programs take a dash for a standard stream; it must not become a file of that name."""
    if word == "-":
        raise typer.BadParameter("'-' is no file here; stdin is /dev/stdin, and without --out stdout is written to")
    return Path(word)


class _Typed:
    """Leaves words to typer's own converter, and a number that is the option's default as it is."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> object:
        if value is param.default:
            return value
        param._runtime_param = None  # made anew when asked for
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def _flag(value: Any) -> bool:
    """A flag comes as what it stands for; from an environment variable it comes as text."""
    return value if isinstance(value, bool) else str(value).strip().casefold() in ("1", "true", "yes", "on")


def _left_alone(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        _leave_text_alone(parameter)
    return parameters


def _leave_text_alone(parameter: Any) -> None:
    """Spares text, paths, flags and defaults typer's own converter, which loads pydantic.

    That is a quarter of the time of a short command. A typer without this attribute converts as ever.
    """
    kind = str(getattr(getattr(parameter, "type_descriptor", None), "annotation", ""))
    reads: dict[str, Callable[[Any], object]] = {
        "<class 'str'>": str, "list[str]": str, "<class 'pathlib.Path'>": _file, "list[pathlib.Path]": _file,
        "<class 'bool'>": _flag,
    }  # fmt: skip
    if hasattr(parameter, "_runtime_param"):
        parameter._runtime_param = _AsTyped(reads[kind]) if kind in reads else _Typed()


def _help(docstring: str) -> str:
    """A docstring as help: `\\b` keeps the line ends of paragraphs that hold examples."""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(f"\b\n{part}" if part.lstrip().startswith("$ ") else part for part in paragraphs)


app = typer.Typer(cls=Commands, no_args_is_help=True, **PLAIN | {"add_completion": True})  # type: ignore[arg-type]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"capplan {__version__}")
        raise typer.Exit


@app.callback()
def capplan(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """How many GPUs, how fast, and what a year costs: capacity plans for LLM serving with reasoning."""


def run() -> None:
    """The `capplan` program: every way out of it, with its exit code."""
    # Imports make many objects and no garbage: looking for it less often saves a tenth of a short command.
    gc.set_threshold(100_000)
    _open_standard_streams()
    ended_by = _ends_in_order()
    code = code_of(sys.argv[1:])
    if code != INTERRUPTED:
        sys.exit(code)
    # At its end Python would wait for threads, and those of workers for what nobody reads any more.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(128 + ended_by[0] if ended_by else code)


def _ends_in_order() -> list[int]:
    """Makes what asks the program to end do as Ctrl-C does: nothing half written or half started is left behind.

    Returns the signals that came. One that is ignored (`nohup`) stays so.
    """
    came: list[int] = []

    def end(number: int, _frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no terminal to lose
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)
    return came


def _open_standard_streams() -> None:
    """Puts the null device where the caller closed a stream (`>&-`): what goes there goes nowhere.

    Else the next file that is opened has the stream's number, and what is written to the stream goes into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def code_of(arguments: list[str]) -> int:
    """Runs a command line and gives its exit code; messages go to stderr."""
    try:
        _config.apply()
        code = typer.main.get_command(app).main(arguments, prog_name="capplan", standalone_mode=False)
    except typer.TyperException as wrong_usage:
        from capplan.cli.common import clipped

        wrong_usage.message = clipped(wrong_usage.message)
        with contextlib.suppress(OSError):  # nobody can be told
            wrong_usage.show()  # type: ignore[attr-defined]
        return wrong_usage.exit_code
    except CapplanError as error:
        _say(str(error))
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except SystemExit:  # typer's own, where who reads `--help` has seen enough: its 1 means something else here
        return 0
    except MemoryError:
        _say("not enough memory: ask for less at once, or allow more")
        return UserError.exit_code
    except OSError as error:
        if error.filename is not None:  # a folder that may not be entered, a file that went while it was looked at
            _say(f"{error.filename}: {error.strerror}")
            return UserError.exit_code
        if error.errno not in NO_ROOM:
            return _bug(error)
        # Files of ours are written elsewhere, which says so: this one was stdout, by `--help` or `--version`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _say(f"stdout: cannot write ({error.strerror})")
        return UserError.exit_code
    except Exception as bug:
        # Python 3.11 wraps what interrupts the making of a class.
        return INTERRUPTED if isinstance(bug.__cause__, KeyboardInterrupt) else _bug(bug)
    return code if isinstance(code, int) else 0


def _bug(bug: Exception) -> int:
    if os.environ.get("CAPPLAN_DEBUG"):
        raise bug
    _say(f"capplan: a bug of ours: {type(bug).__name__}: {' '.join(str(bug).split())[:300]}\n{ISSUES}")
    return BUG


def _say(message: str) -> None:
    from capplan.cli.common import note

    note(message)
