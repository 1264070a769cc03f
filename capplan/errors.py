"""The faults that a user can cause or cure; the command line turns each into its exit code."""


class CapplanError(Exception):
    """Anything that a command reports in one message, without a traceback."""

    exit_code = 70


class UserError(CapplanError):
    """Wrong usage or bad input: says where, what is wrong and what to do."""

    exit_code = 2


class InfeasibleError(CapplanError):
    """No plan exists: it does not fit, or a target cannot be met."""

    exit_code = 3


class PriceError(CapplanError):
    """A price is missing or too old while `--strict` asks for a fresh one."""

    exit_code = 4


class UnjudgedError(CapplanError):
    """A target that nothing is known to judge by, while `--strict` asks that every one is kept."""

    exit_code = 4
