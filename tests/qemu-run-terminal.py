#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plays the terminal that a person sits at in front of qemu-run."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

TIMEOUT_S = 60


class Terminal:
    def __init__(self, argv):
        master, slave = pty.openpty()
        self.master = master
        self.slave = slave  # kept open: its modes can be read after the run
        self.resize(33, 77)
        self.before = termios.tcgetattr(slave)
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for stream in range(3):
                os.dup2(slave, stream)
            # What a login gives, and a shell in the background does not.
            for number in signal.SIGINT, signal.SIGQUIT, signal.SIGHUP:
                signal.signal(number, signal.SIG_DFL)
            os.execvp(argv[0], argv)
        self.seen = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def expect(self, text):
        end = time.monotonic() + TIMEOUT_S
        while text not in self.seen:
            if time.monotonic() > end:
                sys.exit(f"waited in vain for {text!r}: {self.seen!r}")
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)
        self.seen = self.seen[self.seen.index(text) + len(text):]

    def wait_raw(self):
        end = time.monotonic() + TIMEOUT_S
        while termios.tcgetattr(self.slave)[3] & termios.ICANON:
            if time.monotonic() > end:
                sys.exit("its terminal does not get raw again")
            time.sleep(0.01)

    def type(self, text):
        os.write(self.master, text)

    def wait(self):
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                self.seen += os.read(self.master, 65536)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
        sys.exit("it does not end")


def check(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got!r}, not {wanted!r}")


def main():
    shell = Terminal(["qemu-run"])
    shell.expect(b"# ")
    shell.type(b"stty size\n")
    shell.expect(b"33 77\r\n")
    shell.expect(b"# ")
    shell.resize(50, 100)
    os.kill(shell.pid, signal.SIGWINCH)
    shell.type(b"until stty size | grep '50 100'; do :; done\n")
    shell.expect(b"\n50 100\r\n")
    shell.expect(b"# ")
    shell.type(b"sh -c 'echo go''ing; sleep 100'\n")
    shell.expect(b"going\r\n")
    shell.type(b"\x03")
    shell.expect(b"# ")
    shell.type(b"echo it was $?\n")
    shell.expect(b"it was 130\r\n")
    shell.expect(b"# ")
    shell.type(b"exit 9\n")
    check("status", shell.wait(), 9)
    check("modes", termios.tcgetattr(shell.slave), shell.before)

    # A guest that does not listen can still be left.
    deaf = Terminal(["qemu-run", "--", "sh", "-c", "stty raw; echo ready; sleep 100"])
    deaf.expect(b"ready")
    deaf.type(b"\x1d\x1d\x1d")
    check("status", deaf.wait(), 130)
    check("modes", termios.tcgetattr(deaf.slave), deaf.before)

    # It takes three in a row.
    shell = Terminal(["qemu-run", "--", "sh", "-c",
                      "stty raw -echo; echo ready; dd bs=1 count=5 >/dev/null 2>&1; exit 7"])
    shell.expect(b"ready")
    shell.type(b"\x1d\x1d.\x1d\x1d")
    check("status", shell.wait(), 7)

    # However it ends, it leaves the terminal as it was. SIGCONT came without a stop.
    for number in signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM:
        killed = Terminal(["qemu-run", "--", "sh", "-c", "echo ready; read a; echo go''ing; sleep 100"])
        killed.expect(b"ready")
        os.kill(killed.pid, signal.SIGCONT)
        killed.type(b"a\r")
        killed.expect(b"going")
        os.kill(killed.pid, number)
        check("status", killed.wait(), 128 + number)
        check("modes", termios.tcgetattr(killed.slave), killed.before)

    # Its shell stops it, has modes of its own meanwhile, and lets it go on.
    stopped = Terminal(["qemu-run", "--", "sh", "-c", "echo ready; read a; exit 5"])
    stopped.expect(b"ready")
    os.kill(stopped.pid, signal.SIGSTOP)
    os.waitpid(stopped.pid, os.WUNTRACED)
    termios.tcsetattr(stopped.slave, termios.TCSANOW, stopped.before)
    os.kill(stopped.pid, signal.SIGCONT)
    stopped.wait_raw()
    stopped.type(b"a\r")
    check("status", stopped.wait(), 5)
    check("modes", termios.tcgetattr(stopped.slave), stopped.before)

    # Where nothing is read, Ctrl-C is the host's.
    deaf = Terminal(["qemu-run", "--tty", "-n", "--", "sh", "-c", "tty && echo ready; sleep 100"])
    deaf.expect(b"ready")
    check("modes", termios.tcgetattr(deaf.slave), deaf.before)
    deaf.type(b"\x03")
    check("status", deaf.wait(), 130)
    print("ok")


main()
