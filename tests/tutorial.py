#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
What docs/tutorial.md has its readers type, and what it says that a guest prints then.

tutorial.py commands SECTION [TEXT]        the commands behind a prompt "# ", a line each: how
                                           many lines of the kernel's log the page shows
                                           after it, a tab, the command
tutorial.py compare SECTION PROMPT [TEXT]  whether each block that begins with that prompt is
                                           a part of what standard input says, in order

With TEXT: of the blocks that follow a paragraph "*Break" with that text, up to the next of
its kind or the next heading; without: of all others.

A section is named by the beginning of its heading, and goes on over the headings below it.
A block without a prompt before its first line, and what is typed on a host, belongs to
none. What may differ from one guest to the next is replaced on both sides. A line "..."
of the page stands for any number of lines.
"""
import re
import sys

# Of what is replaced: time, date, process, number of a device, address, what a ping took.
MAY_DIFFER = [
    (r"^\[ *\d+\.\d+\]", "[TIME]"),
    (r"\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d\b", "DATE"),
    (r"\b(cat|sh) \(\d+\)", r"\1 (PID)"),
    (r"woken by \d+", "woken by PID"),
    (r"PID: \d+", "PID: N"),
    (r"\bCPU: \d+", "CPU: N"),
    (r"(major number |mknod mine c )\d+", r"\1MAJOR"),
    (r"^\d+ chardev$", "MAJOR chardev"),
    (r"root +\d+, +\d+ DATE", "root NUMBER DATE"),
    (r"minor=\d+", "minor=MINOR"),
    # Seconds that remain of five.
    (r"^[45]$", "N"),
    # How often two processors met.
    (r"^# +\d+ uniform", "# N uniform"),
    (r"time=[\d.]+ ms", "time=T ms"),
    (r"min/avg/max = [\d./]+ ms", "min/avg/max = T ms"),
    (r"transmitted, 2\d\d packets received, \d+%", "transmitted, N packets received, P%"),
    (r"\b(0x)?[0-9a-f]{12,16}\b", "ADDRESS"),
    (r"timed out \d+ ms", "timed out T ms"),
    (r"head \d+, tail \d+", "head N, tail N"),
    (r"^( *11: +)\d+", r" 11: N"),
    (r"\+0x[0-9a-f]+/0x[0-9a-f]+", "+OFFSET"),
    (r"virtio\.c:\d+", "virtio.c:LINE"),
]
# Lines that a guest prints or not: a kernel says once that a module is not its own, and
# BusyBox's shell may notice by itself that a child was killed, or by a wait.
NOT_ALWAYS = re.compile(r"taints kernel|tainting kernel|^Terminated$")


def same(line):
    for pattern, replacement in MAY_DIFFER:
        line = re.sub(pattern, replacement, line.rstrip())
    return line


def blocks(name):
    """Yields (the last paragraph *Break before it or None, its lines)."""
    inside, level, broken, block, lines = False, 0, None, [], []
    with open(sys.argv[0].rsplit("/", 1)[0] + "/../docs/tutorial.md") as page:
        lines = page.read().splitlines() + ["## end"]
    for i, line in enumerate(lines):
        if block and not line and lines[i + 1].startswith("    "):
            block.append("")
            continue
        if line.startswith("    "):
            block.append(line[4:])
            continue
        if block and inside:
            yield broken, block
        block = []
        if heading := re.match(r"(#+) (.*)", line):
            broken = None
            if inside and len(heading[1]) <= level:
                return
            if heading[2].startswith(name):
                inside, level = True, len(heading[1])
        elif line.startswith("*Break"):
            broken = line
        elif broken and line:
            broken += " " + line
    if not inside:
        sys.exit(f"tutorial.py: no section '{name}'")


def find(block, said, start):
    """Where in SAID the block ends, begun at START or after; None if nowhere."""
    for begin in range(start, len(said) + 1):
        at, gap = begin, False
        for line in block:
            if line == "...":
                gap = True
                continue
            while gap and at < len(said) and said[at] != line:
                at += 1
            if at == len(said) or said[at] != line:
                break
            at, gap = at + 1, False
        else:
            return at
    return None


def chosen(name, prompt, text):
    """The blocks with that prompt, of that paragraph."""
    found = [block for broken, block in blocks(name)
             if block[0].startswith(prompt) and
             (text in broken if text and broken else not text and not broken)]
    return found or sys.exit(f"tutorial.py: '{name}' has no such block")


def commands(name, text=None):
    for block in chosen(name, "# ", text):
        typed = [i for i, line in enumerate(block) if line.startswith("# ")] + [len(block)]
        for begin, end in zip(typed, typed[1:]):
            logged = sum(line.startswith("[ ") for line in block[begin:end])
            print(f"{logged}\t{block[begin][2:]}")


def compare(name, prompt, text=None):
    said = [same(line) for line in sys.stdin if not NOT_ALWAYS.search(line)]
    at = 0
    for block in chosen(name, prompt, text):
        block = [same(line) for line in block]
        end = find(block, said, at)
        if end is None:
            sys.exit("tutorial.py: the page says\n" + "\n".join(block) +
                     "\nand the guest said\n" + "\n".join(said[at:]))
        at = end


{"commands": commands, "compare": compare}[sys.argv[1]](*sys.argv[2:])
