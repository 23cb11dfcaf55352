"""A system as it is installed, for one command: no privilege, and sockets that hold 212,992 bytes and not one more.

net.core.rmem_max is one number for the whole machine and cannot be lowered inside a namespace. So a library that is
loaded first cuts what a socket asks for, as the kernel would, and another file lies over the one that tells the limit.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

RMEM_MAX = 212_992
"""Debian's and Ubuntu's."""
_CUT = f"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
int setsockopt(int socket, int level, int option, const void *value, socklen_t size) {{
    int (*next)(int, int, int, const void *, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");
    int most = {RMEM_MAX};
    int cut = level == SOL_SOCKET && option == SO_RCVBUF && *(const int *)value > most;
    return next(socket, level, option, cut ? &most : value, size);
}}
"""
_WITHOUT_PRIVILEGE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")


def run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it there; skips the test where such a place cannot be made."""
    missing = [name for name in ("cc", "unshare", "setpriv", "mount") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"a stock system cannot be played here without {', '.join(missing)}")
    (folder / "cut.c").write_text(_CUT)
    (folder / "rmem_max").write_text(f"{RMEM_MAX}\n")
    library = folder / "cut.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, folder / "cut.c", "-ldl"], check=True)
    script = f'mount --bind {folder}/rmem_max /proc/sys/net/core/rmem_max || exit 77; exec "$@"'
    inside = [*_WITHOUT_PRIVILEGE, "env", f"LD_PRELOAD={library}", *command]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *inside], capture_output=True, text=True, check=False
    )
    if done.returncode == 77:
        pytest.skip("no file can be laid over /proc/sys/net/core/rmem_max here")
    return done
