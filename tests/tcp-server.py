#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tcp-server.py DIR

Serves on the loopback what the tests of a network card need, each on a port of its own
that is found in a file of DIR:

  give.port   sends the file DIR/give
  take.port   reads to the end, and writes the MD5 sum of it to DIR/taken
  flood.port  sends zeroes for ever, and reads what comes
"""
import hashlib
import os
import socketserver
import sys
import threading

os.chdir(sys.argv[1])


def give(connection):
    with open("give", "rb") as file:
        connection.sendfile(file)


def take(connection):
    total = hashlib.md5()
    while data := connection.recv(1 << 20):
        total.update(data)
    with open("taken.new", "w") as file:
        file.write(total.hexdigest() + "\n")
    os.rename("taken.new", "taken")


def flood(connection):
    def drain():
        try:
            while connection.recv(1 << 20):
                pass
        except OSError:
            pass

    threading.Thread(target=drain, daemon=True).start()
    while True:
        connection.sendall(bytes(1 << 16))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        """A client that goes is none."""


def serve(name, function):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            function(self.request)

    server = Server(("127.0.0.1", 0), Handler)
    with open(name + ".new", "w") as file:
        file.write(f"{server.server_address[1]}\n")
    os.rename(name + ".new", name + ".port")
    return threading.Thread(target=server.serve_forever)


for thread in [serve(f.__name__, f) for f in (give, take, flood)]:
    thread.start()
