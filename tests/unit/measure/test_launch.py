"""A command under the launcher behaves as without it; all with real processes."""

from __future__ import annotations

import contextlib
import functools
import os
import pty
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from joulewise.measure.launch import CommandNotStarted, Exit, Signals, become_subreaper, launch, wait
from joulewise.measure.terminal import Terminal

LAUNCHER = """
import os, sys
from joulewise.measure.launch import CommandNotStarted, Signals, become_subreaper, launch, wait
become_subreaper()
try:
    with Signals() as signals:
        ended = wait(launch(sys.argv[1:], os.environ, signals.before), signals.terminal)
except CommandNotStarted as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
ended.reraise()
"""
UNDER = [sys.executable, "-c", LAUNCHER]
TELLS_SIGNAL = """
import os, signal, sys, time
def told(number, frame):
    print("got", signal.Signals(number).name, flush=True)
    sys.exit(42)
signal.signal(getattr(signal, sys.argv[1]), told)
print("ready", flush=True)
time.sleep(30)
"""


def run_under(*argv: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*UNDER, *argv], input=stdin, capture_output=True, timeout=30, check=False)


@contextlib.contextmanager
def started(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """Under the launcher, once it has said that it is ready."""
    with subprocess.Popen([*UNDER, *argv], stdout=subprocess.PIPE, process_group=0) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_passes(code: int) -> None:
    assert run_under("sh", "-c", f"exit {code}").returncode == code


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT", "SIGSEGV", "SIGPIPE"])
def test_who_dies_by_a_signal_is_seen_to_die_by_it(name: str) -> None:
    assert run_under("sh", "-c", f"kill -{name[3:]} $$").returncode == -signal.Signals[name]


@pytest.mark.parametrize(
    "name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGINT", "SIGWINCH", "SIGCONT"]
)
def test_a_signal_sent_to_the_launcher_reaches_the_command(name: str) -> None:
    with started(sys.executable, "-c", TELLS_SIGNAL, name) as process:
        process.send_signal(signal.Signals[name])
        out, _ = process.communicate(timeout=20)
        assert out == f"got {name}\n".encode()
        assert process.returncode == 42


def test_a_command_that_ignores_a_signal_goes_on() -> None:
    script = "trap '' TERM; echo ready; read line; echo done"
    with subprocess.Popen([*UNDER, "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        assert process.communicate(b"\n", timeout=20)[0] == b"done\n"
        assert process.returncode == 0


def test_the_command_outlives_a_killed_launcher() -> None:
    script = "import sys; print('ready', flush=True); sys.stdin.read(); print('alive', flush=True)"
    with subprocess.Popen(
        [*UNDER, sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.kill()
        process.wait(10)
        assert process.communicate(b"", timeout=20)[0] == b"alive\n"


def test_bytes_pass_through_untouched() -> None:
    blob = os.urandom(1 << 16) * 160
    done = run_under("cat", stdin=blob)
    assert done.stdout == blob
    assert done.stderr == b""


def test_a_reader_that_leaves_ends_the_command_by_sigpipe() -> None:
    with subprocess.Popen([*UNDER, "yes"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"y\n"
        process.stdout.close()
        assert process.wait(20) == -signal.SIGPIPE


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["./no-such-thing"], 127, "not found"),
        (["/etc/passwd"], 126, "permission denied"),
        (["/etc/passwd/x"], 127, "not found"),
    ],
)
def test_what_cannot_start_says_so_as_a_shell_does(argv: list[str], code: int, words: str) -> None:
    with pytest.raises(CommandNotStarted, match=words) as caught:
        launch(argv, os.environ)
    assert caught.value.exit_code == code
    assert caught.value.hint


def test_a_script_without_interpreter_line_is_no_executable(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo hello\n")
    script.chmod(0o755)
    with pytest.raises(CommandNotStarted, match="#!/bin/sh") as caught:
        launch([str(script)], os.environ)
    assert caught.value.exit_code == 126


def test_an_argument_that_no_command_can_have_is_an_error_with_a_message() -> None:
    with pytest.raises(CommandNotStarted, match="null byte"):
        launch(["true", "a\0b"], os.environ)


def both_ways(look: str) -> tuple[str, str]:
    """What a shell command prints without the launcher, and under it."""
    plain, under = (
        subprocess.run(
            [*before, "sh", "-c", look], capture_output=True, check=True, stdin=subprocess.DEVNULL, text=True
        )
        for before in ([], UNDER)
    )
    return plain.stdout, under.stdout


@pytest.mark.parametrize("look", ["ls /proc/self/fd", "env | sort", "ulimit -a", "ps -o pgid= -p $$ | wc -l", "umask"])
def test_the_command_finds_the_same_surroundings(look: str) -> None:
    plain, under = both_ways(look)
    assert under == plain


@pytest.mark.parametrize("mask", ["SigBlk", "SigIgn", "SigCgt"])
def test_the_command_finds_the_same_signals(mask: str) -> None:
    # 32 and 33 are the C library's own: its posix_spawn(3) leaves them ignored until the command's library sets them.
    internal = 0b11 << 31
    plain, under = (int(line.split()[1], 16) & ~internal for line in both_ways(f"grep {mask} /proc/self/status"))
    assert under == plain


def test_ignored_signals_stay_ignored_in_the_command() -> None:
    script = "trap '' HUP; exec \"$@\""
    done = subprocess.run(
        ["sh", "-c", script, "sh", *UNDER, "grep", "SigIgn", "/proc/self/status"], capture_output=True, check=True
    )
    assert int(done.stdout.split()[1], 16) & 1 << (signal.SIGHUP - 1)


def test_a_daemon_does_not_hold_the_terminal() -> None:
    began_s = time.monotonic()
    done = subprocess.run([*UNDER, "sh", "-c", "sleep 20 >/dev/null 2>&1 & exit 3"], timeout=15, check=False)
    assert done.returncode == 3
    assert time.monotonic() - began_s < 15


def test_an_exit_tells_the_code_of_a_shell() -> None:
    assert Exit(pid=1, code=5, signal=None).shell_code == 5
    assert Exit(pid=1, code=None, signal=15).shell_code == 143
    with pytest.raises(SystemExit) as caught:
        Exit(pid=1, code=5, signal=None).reraise()
    assert caught.value.code == 5


def alone(test: Callable[[], None]) -> Callable[[], None]:
    """Run the test in a forked child with one thread: signals to this process go to its only, waiting thread."""

    @functools.wraps(test)
    def forked() -> None:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                test()
                code = 0
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    return forked


def end_of(*argv: str) -> Exit:
    with Signals() as signals:
        return wait(launch(argv, os.environ, signals.before), signals.terminal)


@alone
def test_an_end_tells_code_signal_and_cpu_time() -> None:
    assert end_of("sh", "-c", "exit 3").code == 3
    killed = end_of("sh", "-c", "kill -9 $$")
    assert (killed.code, killed.signal) == (None, signal.SIGKILL)
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    assert 200_000 <= end_of(sys.executable, "-c", burn).cpu_us < 2_000_000


@alone
def test_signals_of_others_are_passed_on_and_own_ones_are_not_sent_back() -> None:
    script = (
        f"trap 'exit 5' USR1; kill -USR2 {os.getpid()}; sh -c 'kill -USR1 {os.getpid()}' & while :; do sleep 0.05; done"
    )
    assert end_of("sh", "-c", script).code == 5


@alone
def test_afterwards_signals_are_as_before() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    old = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        end_of("sh", "-c", f"kill -TERM {os.getpid()}")
        assert signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGCHLD, old)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
    assert signal.sigpending() == set()


@alone
def test_orphans_come_to_us_and_are_reaped() -> None:
    assert become_subreaper()
    try:
        end_of("sh", "-c", "(sh -c 'exit 0' &) ; sleep 0.2")
    finally:
        assert become_subreaper(False)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_terminal_gets_its_modes_back_and_a_pipe_has_none() -> None:
    outer, inner = pty.openpty()
    terminal = Terminal(inner)
    terminal.restore()  # not our foreground: left alone, or the kernel would stop us
    os.close(inner)
    terminal.restore()
    os.close(outer)
    reading, writing = os.pipe()
    Terminal(reading).restore()
    os.close(reading)
    os.close(writing)


class Shell:
    """An interactive shell with job control on a terminal of its own."""

    def __init__(self) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["PS1"] = "$ "
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
        self.seen = b""

    def until(self, text: bytes) -> None:
        end_s = time.monotonic() + 20
        while text not in self.seen:
            assert time.monotonic() < end_s, self.seen
            if select.select([self.fd], [], [], 0.2)[0]:
                self.seen += os.read(self.fd, 65536)
        self.seen = self.seen.partition(text)[2]

    def type(self, text: bytes) -> None:
        os.write(self.fd, text)

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    if not any(os.access(os.path.join(folder, "bash"), os.X_OK) for folder in os.environ["PATH"].split(":")):
        pytest.skip("needs bash")
    (tmp_path / "under.py").write_text(LAUNCHER)
    shell = Shell()
    shell.until(b"$ ")
    shell.type(f"cd {tmp_path}; u='{sys.executable} under.py'; echo se''t\n".encode())
    shell.until(b"set\r\n")
    shell.until(b"$ ")
    yield shell
    shell.close()


def test_ctrl_z_stops_command_and_launcher_and_fg_goes_on(shell: Shell) -> None:
    shell.type(b"$u sh -c 'echo rea''dy; read line; echo got-$line'\n")
    shell.until(b"ready\r\n")
    shell.type(b"\x1a")
    shell.until(b"Stopped")
    shell.until(b"$ ")
    shell.type(b"fg\n")
    shell.until(b"got-$line'")
    shell.type(b"word\n")
    shell.until(b"got-word")


def test_ctrl_c_is_the_commands_to_answer(shell: Shell) -> None:
    shell.type(b"$u sh -c 'trap \"echo caught; exit 9\" INT; echo rea''dy; while :; do sleep 0.1; done'\n")
    shell.until(b"ready\r\n")
    shell.type(b"\x03")
    shell.until(b"caught\r\n")
    shell.until(b"$ ")
    shell.type(b"echo code=$?\n")
    shell.until(b"code=9")


def test_echo_comes_back_after_a_command_that_was_killed_without_it(shell: Shell) -> None:
    shell.type(b"$u sh -c 'stty -echo; kill -9 $$'; stty -a | grep -o -- '-*echo ' | sed s/^/mode:/\n")
    shell.until(b"mode:echo")
