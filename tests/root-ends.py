#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Files whose other end somebody holds: a FIFO and a socket.

  root-ends.py hold DIR    makes them in DIR and says "held"; when standard input ends, names
                           those that somebody has reached
  root-ends.py reach DIR   tries to reach the other ends, and says what came of it
"""
import errno
import os
import select
import socket
import sys


def hold(directory):
    fifo = os.path.join(directory, "fifo")
    os.mkfifo(fifo)
    fifo_end = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    os.write(fifo_end, b"of the holder")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.join(directory, "socket"))
    listener.listen()
    print("held", flush=True)
    sys.stdin.read()
    try:
        untouched = os.read(fifo_end, 100) == b"of the holder"
    except BlockingIOError:
        untouched = False
    if not untouched:
        print("fifo")
    if select.select([listener], [], [], 0)[0]:
        print("socket")


def attempt(what, function):
    try:
        print(what, function())
    except OSError as error:
        print(what, errno.errorcode[error.errno])


def reach(directory):
    fifo = os.path.join(directory, "fifo")
    attempt("write fifo", lambda: os.write(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK), b"x"))
    attempt("read fifo", lambda: os.read(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), 100))
    attempt("socket", lambda: socket.socket(socket.AF_UNIX).connect(os.path.join(directory, "socket")))


{"hold": hold, "reach": reach}[sys.argv[1]](sys.argv[2])
