#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Check that includes and calls go down the layers of overlay/lint/layers.

usage: layers.py [ROOT]

Prints findings of the form "path: KIND: text":

  MAP      a file has no layer, a layer has no file, or the map does not name a file
  INCLUDE  a file includes a header of a higher layer
  CALL     a file uses a function of a higher layer
  CIRCLE   files use each other's functions in a circle

Functions are the non-static ones of .c files and the inline ones of headers, if
their names begin with a prefix of ours.  To use a function is to call it or to take
its address.  Comments, strings, prototypes and preprocessor lines do not count.
"""
import fnmatch
import glob
import math
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CORE = "mm/percpu/"
SOURCES = ("mm/percpu/**/*.[ch]", "kernel/bigref*.[ch]", "lib/percpu_tag*.[ch]",
           "mm/percpu_cache*.[ch]")
NOT_LAYERED = re.compile(r"/tests/|_kunit\.c$")

FUNCTION = r"_*(?:pcpu|bigref|percpu_tag|percpu_cache)_\w+"
TOKEN = re.compile(r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
                   re.X | re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.M)
HEAD = re.compile(r"^(?P<type>[A-Za-z_][\w \t*()]*?[\s*])(?P<name>%s)\(" % FUNCTION, re.M)
USE = re.compile(r"(?<!struct )(?<!enum )(?<!union )(?<![\w.>])%s\b" % FUNCTION)


def blank(m):
    """As many lines as before, and nothing on them."""
    return " " + "\n" * m.group().count("\n")


def code_of(text):
    return DIRECTIVE.sub(blank, TOKEN.sub(blank, text))


def end_of_parentheses(code, at):
    depth = 0
    for i in range(at, len(code)):
        depth += {"(": 1, ")": -1}.get(code[i], 0)
        if not depth:
            return i + 1
    return len(code)


def functions(path, code):
    """Names that the file defines for others, and its code without heads and prototypes."""
    defined, rest, end = set(), [], 0
    for m in HEAD.finditer(code):
        if m.start() < end:
            continue
        stop = end_of_parentheses(code, m.end() - 1)
        # Attributes such as __must_hold() may follow.
        after = re.compile(r"(?:\s*\w+(?:\([^()]*\))?)*\s*([{;])").match(code, stop)
        if not after:
            continue
        local = path.endswith(".c") and re.search(r"\bstatic\b", m.group("type"))
        if after.group(1) == "{" and not local:
            defined.add(m.group("name"))
        rest.append(code[end:m.start()])
        end = after.end()
    rest.append(code[end:])
    return defined, "".join(rest)


def unit_of(path):
    """A file's name in the list of layers."""
    name = re.sub(r"\.[ch]$", "", path)
    return name[len(CORE):] if name.startswith(CORE) else name


def path_of(unit):
    return unit if unit.startswith(("kernel/", "lib/")) else CORE + unit


def read_layers(path):
    level, maps, exempt, hooks = {}, [], set(), set()
    with open(path) as f:
        for n, line in enumerate(f):
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "map":
                maps.append(words[1:])
            elif words[0] == "exempt":
                exempt.add(words[1])
            elif words[0] == "hooks":
                hooks.add(words[1])
            else:
                level.update((unit, n) for unit in words)
    return level, maps, exempt, hooks


def circles(uses):
    """Sets of units that reach each other."""
    def reach(start):
        seen, todo = set(), [start]
        while todo:
            for unit in uses.get(todo.pop(), ()):
                if unit not in seen:
                    seen.add(unit)
                    todo.append(unit)
        return seen
    reached = {unit: reach(unit) for unit in uses}
    return sorted({tuple(sorted(b for b in reached[a] if a in reached.get(b, ())))
                   for a in uses if a in reached[a]})


def tables(text):
    """The rows of the simple tables of a page: what is between two lines of "=== ==="."""
    rows, inside = [], False
    for line in text.splitlines():
        if re.fullmatch(r"=+( +=+)+", line):
            inside = True
        elif not line:
            inside = False
        elif inside:
            rows.append(line)
    return "\n".join(rows)


def check_maps(maps, files, root):
    for name, folder in maps:
        with open(os.path.join(root, name)) as f:
            named = re.findall(r"([\w*/-]+)\.(?:\[ch\]|[ch]\b)", tables(f.read()))
        for path in files:
            if path == name or not path.startswith(folder + "/"):
                continue
            base = re.sub(r"\.[ch]$", "", path[len(folder) + 1:])
            if not any(fnmatch.fnmatchcase(base, n) or
                       fnmatch.fnmatchcase(os.path.basename(base), n) for n in named):
                print("%s: MAP: no table of %s names it" % (path, name))


def check_layers(root):
    level, maps, exempt, hooks = read_layers(os.path.join(HERE, "layers"))
    files = sorted({os.path.relpath(p, root) for s in SOURCES
                    for p in glob.glob(os.path.join(root, s), recursive=True)
                    if not NOT_LAYERED.search(p)})
    owner, rest, includes, hooked = {}, {}, {}, set(hooks)
    for path in files:
        with open(os.path.join(root, path)) as f:
            text = f.read()
        includes[path] = [unit_of(os.path.normpath(os.path.join(os.path.dirname(path), name)))
                          for name in re.findall(r'^#include "([^"]*)\"', text, re.M)]
        if path.endswith(".h") and unit_of(path) in hooks:
            hooked.update(includes[path])
            exempt.update(re.findall(r"\b(%s)\(" % FUNCTION, code_of(text)))
        defined, rest[path] = functions(path, code_of(text))
        owner.update((name, unit_of(path)) for name in defined)
        if unit_of(path) not in level:
            print("%s: MAP: overlay/lint/layers does not name it" % path)
    for unit in sorted(set(level) - {unit_of(p) for p in files}):
        print("overlay/lint/layers: MAP: there is no file %s" % path_of(unit))
    check_maps(maps, files, root)

    uses = {}
    for path in files:
        unit = unit_of(path)
        for other in includes[path]:
            if other not in hooks and level.get(other, 0) > level.get(unit, math.inf):
                print("%s: INCLUDE: %s.h is of a higher layer" % (path, other))
        for name in sorted(set(USE.findall(rest[path]))):
            other = owner.get(name, unit)
            if other == unit or name in exempt or other in hooked:
                continue
            uses.setdefault(unit, {}).setdefault(other, []).append(name)
            if level.get(other, 0) > level.get(unit, math.inf):
                print("%s: CALL: %s() of %s is of a higher layer" % (path, name, other))
    for circle in circles(uses):
        calls = ["%s uses %s() of %s" % (a, uses[a][b][0], b)
                 for a in circle for b in circle if b in uses[a]]
        print("%s: CIRCLE: %s" % (path_of(circle[0]), ", ".join(calls)))


if __name__ == "__main__":
    check_layers(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(HERE)))
