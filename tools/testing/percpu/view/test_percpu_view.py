#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""percpu-view, on a map that was recorded on a kernel, and on wrong ones."""

import importlib.machinery
import importlib.util
import os
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


def run(*words):
    """The program's exit status, and what it says."""
    done = subprocess.run([sys.executable, PROGRAM, *words], capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class Recorded(unittest.TestCase):
    """What a kernel said."""

    def test_text(self):
        """Drawn as it was drawn before."""
        with open(os.path.join(HERE, "expected.txt"), encoding="utf-8") as file:
            self.assertEqual(run("--ascii", "--folder", RECORDED, "--top", "3"),
                             (0, file.read(), ""))

    def test_detail(self):
        """A line for each page with memory, and a character for 64 bytes."""
        status, text, _ = run("--ascii", "--detail", "--folder", RECORDED)
        self.assertEqual(status, 0)
        rows = [line for line in text.splitlines() if line.startswith("  page ")]
        self.assertGreaterEqual(len(rows), 15)
        self.assertTrue(all(len(row.split("|")[1]) == 64 for row in rows))

    def test_svg(self):
        """Well-formed, and every granule has its place."""
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
        self.assertEqual((objects, live, memory), (1, (4 + 3 + 0.5) * 16, 8192))

    def test_spans_cross_pages(self):
        """One that goes on is in each page it lies in."""
        area = self.chunk("o300 .212 -15872")
        cells = view.pieces(area, area.chunks[0], area.page_granules)
        self.assertEqual(cells[0], ({"o": 256}, 256.0))
        self.assertEqual(cells[1], ({"o": 44, ".": 212}, 44.0))
        self.assertEqual(cells[2], ({"-": 256}, 0.0))

    def test_wrong_maps(self):
        """Said so, without a traceback."""
        for text in ("", "nonsense\n", HEADER, "# percpu-map 1 page\n",
                     HEADER + "0 0 o3\n", HEADER + "0 0 !16384\n",
                     HEADER + "0 0 o\n", HEADER + "0 zz .16384\n",
                     HEADER + "0\n", HEADER + "0 0 q1:1/0 .16383\n"):
            with self.subTest(text=text), self.assertRaises(view.BadInput):
                view.read_map(text.splitlines(keepends=True))

    def test_owners(self):
        """The biggest first; the rest is summed up."""
        owners = view.read_owners(["# bytes_per_cpu objects site\n",
                                   "16 1 a.c:1 func:a\n", "64 2 unknown\n",
                                   "32 1 b+0x1/0x2 [m]\n"])
        self.assertEqual([owner.bytes for owner in owners], [64, 32, 16])
        lines = list(view.draw_owners(owners, 4, 1))
        self.assertIn("unknown", lines[1])
        self.assertTrue(lines[2].endswith("2 more places"))
        with self.assertRaises(view.BadInput):
            view.read_owners(["16 x y\n"])

    def test_no_folder(self):
        """A message and a status."""
        status, _, error = run("--folder", "/nonexistent")
        self.assertEqual(status, 1)
        self.assertIn("percpu-view: ", error)


if __name__ == "__main__":
    unittest.main()
