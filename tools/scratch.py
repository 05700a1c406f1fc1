"""A copy of the tree to break on purpose, for tools/planted and tools/mutate.

The copy and its build directory stay between runs. Only files that differ are written, so that
ninja builds again what has changed and nothing else; the tree itself is never touched.
"""

import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import time

LEFT_OUT = {".git", "node_modules", "__pycache__", "compile_commands.json"}
MEMORY_MAX = 3 << 30  # of a program under test: one that breaks must not take the machine along


def files_of(root):
    """All files below `root` as paths relative to it, without what was built."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(
            n for n in names if n not in LEFT_OUT and not (folder == str(root) and n[:5] == "build")
        )
        for name in sorted(files):
            if name not in LEFT_OUT:
                yield os.path.relpath(os.path.join(folder, name), root)


def write_if_other(path, content):
    """Leaves a file alone that has this content already: its time says when it last changed."""
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


class Ran:
    def __init__(self, code, output, hung):
        self.code = code
        self.output = output
        self.hung = hung


def run(command, cwd, seconds, env=None, limited=False):
    """Runs a command, at most so long, and all that it starts."""

    def limit():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if limited:
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_MAX, MEMORY_MAX))
            cpu = max(1, int(seconds))
            resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))

    # A program that spins has its seconds on the processor; one that waits gets ten times that,
    # for on a busy machine a good one may have to wait too.
    with subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=limit,
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds * (10 if limited else 1))
            hung = process.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            hung = True
    return Ran(process.returncode, output.decode(errors="replace"), hung)


class Scratch:
    """`folder`/tree and `folder`/build."""

    def __init__(self, root, folder, options):
        self.root = root
        self.tree = folder / "tree"
        self.build = folder / "build"
        self.options = options
        self.lock = None

    def take(self):
        """One at a time: two would undo each other's changes."""
        self.tree.mkdir(parents=True, exist_ok=True)
        self.lock = (self.tree.parent / "lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"{self.tree.parent} is in use by another run") from None

    def restore(self):
        """Makes the copy like the tree."""
        wanted = set(files_of(self.root))
        for name in sorted(wanted):
            source, target = self.root / name, self.tree / name
            if source.is_symlink():
                continue
            write_if_other(target, source.read_bytes())
            shutil.copymode(source, target)
        for name in set(files_of(self.tree)) - wanted:
            (self.tree / name).unlink()

    def setup(self):
        """Warnings are no errors here: what only the compiler objects to was not caught."""
        self.take()
        self.restore()
        if not (self.build / "build.ninja").exists():
            ran = run(
                ["meson", "setup", str(self.build), str(self.tree), "-Dwerror=false"]
                + self.options,
                None,
                300,
            )
            if ran.code:
                raise SystemExit(ran.output)
        ran = self.ninja(["build.ninja"])  # the lists of files and tests may be other ones now
        if ran.code:
            raise SystemExit(ran.output)

    def ninja(self, targets, seconds=600):
        return run(["ninja", "-C", str(self.build), "-j1", *targets], None, seconds)

    def introspect(self, what):
        ran = subprocess.run(
            ["meson", "introspect", str(self.build), what],
            check=True,
            stdout=subprocess.PIPE,
        )
        return json.loads(ran.stdout)

    def target_of(self, path):
        """What ninja calls a file of the build."""
        return os.path.relpath(path, self.build)


def seconds_since(start):
    return time.monotonic() - start
