#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests of percpu-view, on a map recorded on a kernel and on invalid maps."""

import gzip
import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "../../../mm/percpu-view")
RECORDED = os.path.join(HERE, "recorded")
HEADER = "# percpu-map 1 page 4096 granule 16 chunk 262144 units 4 static 64\n"

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("percpu_view", PROGRAM)
spec = importlib.util.spec_from_loader("percpu_view", loader)
view = importlib.util.module_from_spec(spec)
loader.exec_module(view)


def run(*words, stdout=subprocess.PIPE, **variables):
    """The exit status and the output of the program."""
    done = subprocess.run([sys.executable, PROGRAM, *words], check=False,
                          stdout=stdout, stderr=subprocess.PIPE,
                          encoding="utf-8", env={**os.environ, **variables})
    return done.returncode, done.stdout, done.stderr


def run_on(data, *words, **variables):
    """The same, on a map made for the purpose."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "map"), "wb") as file:
            file.write(data)
        return run("--folder", folder, *words, **variables)


def recorded(name):
    """A recorded file."""
    with open(os.path.join(RECORDED, name), "rb") as file:
        return file.read()


class Recorded(unittest.TestCase):
    """Tests on the recorded map."""

    def test_text(self):
        """Drawn as it was drawn before."""
        with open(os.path.join(HERE, "expected.txt"), encoding="utf-8") as file:
            self.assertEqual(run("--ascii", "--folder", RECORDED),
                             (0, file.read(), ""))

    def test_objects(self):
        """As many as allocation profiling knew of when the map was recorded."""
        area = view.read_map(recorded("map").decode().splitlines())
        self.assertEqual(sum(view.sums(area, chunk)[0] for chunk in area.chunks),
                         303)

    def test_encodings(self):
        """Blocks where they can be printed, ASCII elsewhere."""
        ascii_text = run("--ascii", "--folder", RECORDED)
        for encoding in ("ascii", "latin-1", "ascii:surrogateescape"):
            with self.subTest(encoding=encoding):
                self.assertEqual(run("--folder", RECORDED, PYTHONIOENCODING=encoding),
                                 ascii_text)
        self.assertEqual(run("--folder", RECORDED, LC_ALL="C", PYTHONUTF8="0",
                             PYTHONCOERCECLOCALE="0", PYTHONIOENCODING=""), ascii_text)
        status, text, error = run("--folder", RECORDED, PYTHONIOENCODING="utf-8")
        self.assertEqual((status, error), (0, ""))
        self.assertIn("\u2588", text)

    def test_closed_pipe(self):
        """No message, whether the first line or the last one fails."""
        for unbuffered in ("", "1"):
            reader, writer = os.pipe()
            os.close(reader)
            with os.fdopen(writer, "wb") as file:
                self.assertEqual(run("--folder", RECORDED, stdout=file,
                                     PYTHONUNBUFFERED=unbuffered), (0, None, ""))

    def test_disk_full(self):
        """One line of error message."""
        with open("/dev/full", "wb") as file:
            status, _, error = run("--folder", RECORDED, stdout=file,
                                   PYTHONUNBUFFERED="")
        self.assertEqual(status, 1)
        self.assertRegex(error, r"\Apercpu-view: .*No space left.*\n\Z")

    def test_detail(self):
        """A line for each page with memory, and a character for 64 bytes."""
        status, text, _ = run("--ascii", "--detail", "--folder", RECORDED)
        self.assertEqual(status, 0)
        rows = [line for line in text.splitlines() if line.startswith("  page ")]
        self.assertGreaterEqual(len(rows), 15)
        self.assertTrue(all(len(row.split("|")[1]) == 64 for row in rows))

    def test_svg(self):
        """Well-formed, and each granule is drawn."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "map.svg")
            self.assertEqual(run("--folder", RECORDED, "--svg", path), (0, "", ""))
            root = ElementTree.parse(path).getroot()
        rects = root.findall("{http://www.w3.org/2000/svg}rect")
        heights = sum(float(rect.get("height")) for rect in rects
                      if rect.get("width") == str(view.COLUMN - 1))
        self.assertAlmostEqual(heights, 2 * 64 * view.HEIGHT, places=3)


class Made(unittest.TestCase):
    """Maps made for the purpose."""

    def chunk(self, spans):
        """A map of one chunk."""
        return view.read_map([HEADER, f"7 0000000000000003 {spans}\n"])

    def test_sums(self):
        """Live bytes: objects, and of small ones those that live."""
        area = self.chunk("s4 o3 q1:2/4 q1:0/2 h10 z7 .486 -15872")
        objects, live, memory = view.sums(area, area.chunks[0])
        self.assertEqual((objects, live, memory), (3, (4 + 3 + 0.5) * 16, 8192))

    def test_sums_small(self):
        """Live ones count."""
        area = self.chunk("q1:2/4 q1:0/2 q1:1/2 o3 o1 z7 .497 -15872 .1")
        objects, live, _ = view.sums(area, area.chunks[0])
        self.assertEqual((objects, live), (2 + 1 + 2, (0.5 + 0.5 + 4) * 16))
        self.assertEqual([span.few for span in area.chunks[0].spans],
                         [2, 0, 1, 1, 1, 0, 0, 0, 0])

    def test_sums_long(self):
        """An object that spans chunks counts where it begins."""
        area = view.read_map([HEADER, "0 ffffffffffffffff .16284 o100\n",
                              "1 ffffffffffffffff c16384\n",
                              "2 ffffffffffffffff c84 q1:3/4 .16299\n"])
        self.assertEqual([view.sums(area, chunk)[:2] for chunk in area.chunks],
                         [(1, 1600), (0, 262144), (3, 84 * 16 + 12)])

    def test_spans_cross_pages(self):
        """An object that spans pages is in each of them."""
        area = self.chunk("o300 .212 -15872")
        cells = view.pieces(area, area.chunks[0], area.page_granules)
        self.assertEqual(cells[0], ({"o": 256}, 256.0))
        self.assertEqual(cells[1], ({"o": 44, ".": 212}, 44.0))
        self.assertEqual(cells[2], ({"-": 256}, 0.0))

    def test_wrong_maps(self):
        """BadInput is raised."""
        for text in ("", "nonsense\n", HEADER, "# percpu-map 1 page\n",
                     HEADER + "0 0 o3\n", HEADER + "0 0 !16384\n",
                     HEADER + "0 0 o\n", HEADER + "0 zz .16384\n",
                     HEADER + "0\n", HEADER + "0 0 q1:1/0 .16383\n"):
            with self.subTest(text=text), self.assertRaises(view.BadInput):
                view.read_map(text.splitlines(keepends=True))

    def refused(self, data, about, *words):
        """The program says why on one line."""
        status, text, error = run_on(data, *words)
        self.assertEqual((status, text), (1, ""), error)
        self.assertRegex(error, rf"\Apercpu-view: [^\n]*{about}[^\n]*\n\Z")

    def refused_lines(self, lines, about):
        """The same, without a process for each."""
        with self.assertRaisesRegex(view.BadInput, rf"\A[^\n]*{about}[^\n]*\Z"):
            view.read_map(lines)

    def test_wrong_bytes(self):
        """Files that are not text."""
        packed = gzip.compress(recorded("map"))
        self.refused(packed, "map is no text")
        self.refused(packed, "map is no text", "--svg", os.devnull)
        self.refused(HEADER.encode() + b"0 3 o1 \x80\n", "map is no text")
        self.refused(b"\0" * 4096, "no map")

    def test_wrong_sizes(self):
        """Sizes that do not divide each other."""
        for old, new in (("page 4096", "page -4096"), ("page 4096", "page 512"),
                         ("page 4096", "page 4k"), ("granule 16", "granule 24"),
                         ("chunk 262144", "chunk 0"), ("chunk 262144", "chunk 262145"),
                         ("4096", "9" * 400), ("units 4 ", "units ")):
            with self.subTest(new=new[:20]):
                self.refused_lines([HEADER.replace(old, new), "0 3 .16384\n"], "")
        for old, new in (("page 4096", "page 0"), ("granule 16", "granule 0")):
            data = (HEADER.replace(old, new) + "0 3 .16384\n").encode()
            for words in ((), ("--detail",), ("--svg", os.devnull)):
                with self.subTest(new=new, words=words):
                    self.refused(data, "no page of", *words)

    def test_wrong_spans(self):
        """Each is named."""
        for word in ("q1:1/0", "q1:0/0", "q1:-1/4", "q1:1", "q1:1/2/3", "q1", "o1:1/2",
                     "o+5", "o1_0", "o0", "o", "o" + "9" * 400):
            with self.subTest(word=word[:20]):
                self.refused_lines([HEADER, f"0 3 {word} .16384\n"],
                                   f"no span: '{re.escape(word[:40])}'")
        for spans, about in (("q1:9/4 .16383", "no span: 'q1:9/4'"),
                             ("o-5 .16389", "no span: 'o-5'"),
                             (".16384 o1", "16385 granules, not 16384")):
            with self.subTest(spans=spans):
                self.refused(f"{HEADER}0 3 {spans}\n".encode(), about)

    def test_wrong_populated(self):
        """More pages than a chunk has, and a negative number."""
        for pages in ("10000000000000000", "-3"):
            self.refused_lines([HEADER, f"0 {pages} .16384\n"], f"no chunk: '0 {pages}")

    def test_no_folder(self):
        """A message and a status."""
        status, _, error = run("--folder", "/nonexistent")
        self.assertEqual(status, 1)
        self.assertIn("percpu-view: ", error)


if __name__ == "__main__":
    unittest.main()
