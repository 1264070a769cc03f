"""Files of ours, written whole or not at all."""

import errno
import os
import shutil
import stat
from pathlib import Path

from capplan.errors import UserError


def write_file(path: Path, content: bytes | str) -> None:
    """Puts content into a file, so that no reader ever sees half of it and a failure leaves what was there.

    A link is followed, and a device or a pipe is written to as it is. Text becomes UTF-8; what UTF-8 cannot hold, as
    names of files may, is spelled out. Raises UserError where it cannot be written.
    """
    if isinstance(content, str):
        content = content.encode("utf-8", "backslashreplace")
    try:
        if _is_plain(path):
            _replace(Path(os.path.realpath(path)), content)
            return
        # Opening a pipe that nobody reads would wait for a reader, unless told not to.
        descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "wb") as file:
            os.set_blocking(descriptor, True)
            file.write(content)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot write ({getattr(error, 'strerror', None) or error})") from None


def _is_plain(path: Path) -> bool:
    """Whether a path is a file, or could become one."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


def _replace(path: Path, content: bytes) -> None:
    import tempfile

    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:200]}.", delete=False) as draft:
        try:
            draft.write(content)
            draft.close()
            _share(Path(draft.name), path)
            Path(draft.name).replace(path)
        except BaseException:
            Path(draft.name).unlink()
            raise


def _share(draft: Path, path: Path) -> None:
    """A temporary file is private; what takes the place of a file is as readable as that was, or as any new one."""
    if path.exists():
        shutil.copymode(path, draft)
        return
    mask = os.umask(0)
    os.umask(mask)
    draft.chmod(0o666 & ~mask)
