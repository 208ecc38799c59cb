#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Writes to shared/dir while that is, now and then, a link to ../outside.

  root-hostile.py swap MS        swaps directory and link every MS ms until it is killed
  root-hostile.py write ROUNDS   does all that changes a file, through shared/dir
  root-hostile.py both ROUNDS    both, three processes that write
"""
import os
import subprocess
import sys
import time


def swap(pause_ms):
    while True:
        time.sleep(pause_ms / 1000)
        os.rename("shared/dir", "shared/parked")
        os.symlink("../outside", "shared/dir")
        time.sleep(pause_ms / 1000)
        unlink_link()
        os.rename("shared/parked", "shared/dir")


def unlink_link():
    while True:
        try:
            return os.unlink("shared/dir")
        except FileNotFoundError:
            # Seen on 6.12: a writer had asked for the name just before the link was made, and
            # the guest's 9p answered "no such file" once more, without asking the host.
            pass


def put(path):
    with open(path, "w") as file:
        file.write("hostile")


# Each by a path of which a link may become a part at any moment.
CHANGES = (
    lambda n: put("shared/dir/victim"),
    lambda n: put(f"shared/dir/new{n}"),
    lambda n: os.mkdir(f"shared/dir/directory{n}"),
    lambda n: os.symlink("victim", f"shared/dir/link{n}"),
    lambda n: os.link("shared/own", f"shared/dir/hard{n}"),
    lambda n: os.link("shared/dir/victim", f"shared/taken{n}"),
    lambda n: os.mkfifo(f"shared/dir/fifo{n}"),
    lambda n: os.chmod("shared/dir/victim", 0o600 + n % 64),
    lambda n: os.utime("shared/dir/victim", (n, n)),
    lambda n: os.truncate("shared/dir/victim", n),
    lambda n: os.rename("shared/dir/a", "shared/dir/b"),
    lambda n: os.rename("shared/dir/b", "shared/dir/a"),
    lambda n: os.rename(f"shared/dir/new{n}", f"shared/brought{n}"),
    lambda n: os.unlink("shared/dir/victim"),
    lambda n: os.rmdir("shared/dir/empty"),
)


def write(rounds):
    for n in range(rounds):
        for change in CHANGES:
            try:
                change(n)
            except OSError:
                pass


def both(rounds):
    swapper = subprocess.Popen([sys.executable, __file__, "swap", "0"])
    writers = [subprocess.Popen([sys.executable, __file__, "write", str(rounds)]) for _ in range(3)]
    for writer in writers:
        writer.wait()
    swapper.kill()


{"swap": swap, "write": write, "both": both}[sys.argv[1]](*map(int, sys.argv[2:]))
