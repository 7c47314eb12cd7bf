#!/usr/bin/env drgn
# SPDX-License-Identifier: GPL-2.0-only
"""Show the percpu area of a live kernel or of a dump.

It prints the layout, the chunks and the caches, and with --owners the owners of
live objects: the caller of the allocation if percpu_debug=on has recorded it,
the call site of allocation profiling, the charged cgroup, or the module.
Documentation/mm/percpu-debug.rst has examples.

On a live kernel, objects that are allocated or freed meanwhile may be missing.
"""

import argparse
from collections import namedtuple

from drgn import FaultError, Object, sizeof
from drgn.helpers.linux.cgroup import cgroup_path
from drgn.helpers.linux.list import list_for_each_entry

# Entries of the object map, see mm/percpu/objmap.h
OBJMAP_LONG = 0x41
OBJMAP_WIDE = range(0x44, 0x50)
OBJMAP_MODULE = 0x70
OBJMAP_MODULE_LONG = 0x77
OBJMAP_DEBUG = 0x78
OBJMAP_RETIRED = 0x79
OBJMAP_SPLIT = 0x80
OBJMAP_DIGITS = 6
OBJMAP_STEP = 81

# Records of checked objects, see mm/percpu/debug/redzone.c
DEBUG_COOKIE = 0x7065726370752121
DEBUG_LAST = 16

# size: bytes on each CPU; kind: plain, module, cache, checked or quarantine
PercpuObject = namedtuple("PercpuObject", "off size kind")


class Area:
    """The layout: addresses of offsets."""

    def __init__(self, program):
        self.prog = program
        area = program["pcpu_area"]
        for name in ("base", "later_windows", "stride", "window_stride", "size",
                     "static_size", "reserved_size", "module_limit",
                     "window_shift", "nr_units", "max_object"):
            setattr(self, name, area.member_(name).value_())
        self.name = area.name.string_().decode()
        self.unit_cpus = [area.unit_cpus[unit].value_()
                          for unit in range(self.nr_units)]
        chunk = program.type("struct pcpu_chunk")
        types = {member.name: member.type for member in chunk.members}
        self.chunk_pages = types["owners"].length
        self.page_size = program["PAGE_SIZE"].value_()
        self.chunk_size = self.chunk_pages * self.page_size
        self.granules = 8 * sizeof(types["used"])
        self.granule = self.chunk_size // self.granules
        # Where percpu pointers begin; without SMP they are addresses.
        self.first_ptr = self.base
        if self.static_size:
            self.first_ptr = program.symbol("__per_cpu_start").address

    def addr(self, unit, off):
        """Return the address of offset @off in a unit."""
        if off < self.max_object:
            addr = self.base + off
        else:
            window = off >> self.window_shift
            addr = (self.later_windows + (window - 1) * self.window_stride +
                    off % (1 << self.window_shift))
        return addr + unit * self.stride

    def ptr(self, off):
        """Return the percpu pointer of offset @off."""
        return self.addr(0, off) - self.base + self.first_ptr


class Chunk:
    """A chunk, its bitmap of used granules and its object map."""

    def __init__(self, area, chunk):
        self.area = area
        self.chunk = chunk
        self.nr = chunk.nr.value_()
        self.populated = chunk.populated.value_()
        self.withheld = chunk.withheld.value_()
        self.present = bool(chunk.present)
        self.empty = chunk.empty.value_()
        self.free = chunk.nr_free.value_() * area.granule
        self.objmap = area.prog.read(chunk.objmap.value_(), area.granules)

    def entry(self, granule):
        """Return the entry of a granule in the object map."""
        return self.objmap[granule * OBJMAP_STEP % self.area.granules]

    def length(self, granule):
        """Return the granules of an object that digits tell."""
        return sum((self.entry(granule + 1 + i) & 0xf) << 4 * i
                   for i in range(OBJMAP_DIGITS))

    def small_objects(self, off, entry):
        """Yield the live objects of a split granule: of 8 bytes, or of 4."""
        size = 8 if entry & 0x40 else 4
        for bit in range(0, self.area.granule // 4, size // 4):
            if entry & 1 << bit:
                yield PercpuObject(off + 4 * bit, size, "plain")

    def objects(self):
        """Yield all objects that begin in the chunk."""
        granule = 0
        while granule < self.area.granules:
            entry = self.entry(granule)
            off = self.nr * self.area.chunk_size + granule * self.area.granule
            length, kind = 1, "plain"
            if entry & OBJMAP_SPLIT:
                yield from self.small_objects(off, entry)
                entry = 0
            elif entry <= OBJMAP_LONG:
                length = self.length(granule) if entry == OBJMAP_LONG else entry
            elif entry in OBJMAP_WIDE:
                length = ((entry & 0xf) << 4 | self.entry(granule + 1) & 0xf) + 1
            elif OBJMAP_MODULE < entry <= OBJMAP_MODULE_LONG:
                # Of a percpu cache: memory on CPUs that have been online.
                kind = "cache" if self.present else "module"
                length = (self.length(granule) if entry == OBJMAP_MODULE_LONG
                          else entry - OBJMAP_MODULE)
            elif entry in (OBJMAP_DEBUG, OBJMAP_RETIRED):
                kind = "checked" if entry == OBJMAP_DEBUG else "quarantine"
                length = self.length(granule)
            else:
                entry = 0
            if entry and length:
                yield PercpuObject(off, length * self.area.granule, kind)
            granule += max(length, 1)


def read_chunks(area):
    """Yield the chunks that exist."""
    table = area.prog["pcpu_chunk_table"]
    for nr in range(area.size // area.chunk_size):
        try:
            if table[nr]:
                yield Chunk(area, table[nr])
        except FaultError:
            print(f"chunk {nr} cannot be read")


def pages(mask):
    """Return the number of pages in a mask."""
    return bin(mask).count("1")


def show_layout(area):
    """Print the layout and the memory of all chunks."""
    prog = area.prog
    counts = prog["pcpu_counts"]
    populated = prog["pcpu_nr_populated"].value_()
    try:
        present = prog["pcpu_nr_present"].value_()
        present_units = prog["pcpu_nr_present_units"].value_()
    except KeyError:
        present = present_units = 0
    nr_pages = populated * area.nr_units + present * present_units
    print(f"layout {area.name}: {area.nr_units} units, "
          f"{area.size >> 10} KB of offsets, stride {area.stride >> 10} KB")
    print(f"unit 0: {area.base:#x}, static data {area.static_size} bytes, "
          f"reserved {area.reserved_size}")
    print(f"modules end below offset {area.module_limit:#x}, "
          f"largest object {area.max_object >> 10} KB")
    print(f"populated: {populated} pages on each CPU, "
          f"{nr_pages * area.page_size >> 10} KB in all; "
          f"{counts.empty.value_()} pages empty")
    if present:
        print(f"of these, {present} pages on {present_units} CPUs "
              "that have been online")


def show_chunks(chunks):
    """Print a row for each chunk. Sizes are bytes on one CPU."""
    print(f"{'chunk':>5} {'offset':>10} {'populated':>9} {'empty':>5} "
          f"{'withheld':>8} {'objects':>7} {'bytes':>8} {'free':>8}")
    for chunk in chunks:
        live = [obj for obj in chunk.objects() if obj.kind != "quarantine"]
        print(f"{chunk.nr:5} {chunk.nr * chunk.area.chunk_size:#10x} "
              f"{pages(chunk.populated):9} "
              f"{pages(chunk.populated & chunk.empty):5} "
              f"{pages(chunk.withheld):8} {len(live):7} "
              f"{sum(obj.size for obj in live):8} {chunk.free:8}")


def show_caches(area):
    """Print a row for the cache of each CPU."""
    caches = area.prog["pcpu_caches"]
    print(f"{'cache of CPU':>12} {'objects':>8} {'bytes':>8} {'run':>8}")
    for unit, cpu in enumerate(area.unit_cpus):
        cache = caches[unit]
        if not cache:
            continue
        held = [(mag.nr.value_(), mag.size.value_()) for mag in cache.magazines]
        held += [(1, run.nr.value_() * area.granule)
                 for run in cache.wides if run.nr]
        run = (cache.run.nr + cache.leftover.nr).value_() * area.granule
        print(f"{cpu:12} {sum(nr for nr, _ in held):8} "
              f"{sum(nr * size for nr, size in held):8} {run:8}")


class Owners:
    """Finds the owner of an object."""

    def __init__(self, area):
        self.area = area
        self.prog = area.prog
        self.modules = {}
        self.texts = []
        for module in list_for_each_entry("struct module",
                                          self.prog["modules"].address_of_(),
                                          "list"):
            name = module.name.string_().decode()
            ptr = module.percpu.value_()
            if ptr:
                self.modules[ptr] = name
            text = module.mem[0]
            self.texts.append((text.base.value_(), text.size.value_(), name))

    def symbol(self, address):
        """Return the name of an address in code, or the module it is in."""
        try:
            symbol = self.prog.symbol(address)
            return f"{symbol.name}+{address - symbol.address:#x}"
        except LookupError:
            pass
        for base, size, name in self.texts:
            if 0 <= address - base < size:
                return f"[{name}]+{address - base:#x}"
        return f"{address:#x}"

    def record(self, obj):
        """Return the record of a checked object from the first intact copy."""
        size = sizeof(self.prog.type("struct pcpu_record"))
        for unit in range(self.area.nr_units):
            addr = self.area.addr(unit, obj.off + obj.size - DEBUG_LAST - size)
            try:
                record = Object(self.prog, "struct pcpu_record",
                                address=addr).read_()
            except FaultError:
                continue
            if record.cookie == DEBUG_COOKIE ^ obj.off:
                return record
        return None

    def recorded(self, obj):
        """Return what percpu_debug=on has recorded."""
        record = self.record(obj)
        if record is None:
            return "no intact record"
        text = self.symbol(record.alloc.ip.value_())
        if obj.kind == "quarantine":
            text += ", freed by " + self.symbol(record.freed.ip.value_())
        return text

    def accounted(self, chunk, off):
        """Return call site and cgroup of an object that has them, or None."""
        owners = chunk.chunk.owners[off // self.area.page_size %
                                    self.area.chunk_pages]
        if not owners:
            return None
        owner = owners[off % self.area.page_size // 8]
        members = [member.name for member in owner.type_.members]
        text = []
        # A small value of the tag is not an address.
        if "tag" in members and owner.tag.ct.value_() > self.area.page_size:
            tag = owner.tag.ct
            text.append(f"{tag.filename.string_().decode()}:"
                        f"{tag.lineno.value_()} "
                        f"{tag.function.string_().decode()}()")
        if "objcg" in members and owner.objcg:
            text.append("cgroup " +
                        cgroup_path(owner.objcg.memcg.css.cgroup).decode())
        return ", ".join(text) or None

    def of(self, chunk, obj):
        """Return the owner of an object as text."""
        try:
            if obj.kind == "module":
                ptr = self.area.ptr(obj.off)
                return "module " + self.modules.get(ptr, "being loaded")
            if obj.kind == "cache":
                return "percpu cache"
            if obj.kind != "plain":
                return self.recorded(obj)
            return self.accounted(chunk, obj.off) or "unknown"
        except FaultError as error:
            return f"unreadable: {error}"


def show_owners(area, chunks, most):
    """Print the owners that have most bytes."""
    owners = Owners(area)
    sums = {}
    for chunk in chunks:
        for obj in chunk.objects():
            key = (obj.kind, owners.of(chunk, obj))
            nr, size = sums.get(key, (0, 0))
            sums[key] = (nr + 1, size + obj.size)
    print(f"{'bytes':>8} {'objects':>7} {'kind':10} owner")
    rows = sorted(sums.items(), key=lambda row: (-row[1][1], row[0]))
    for (kind, owner), (nr, size) in rows[:most]:
        print(f"{size:8} {nr:7} {kind:10} {owner}")


def show_objects(area, chunks):
    """Print each object."""
    owners = Owners(area)
    print(f"{'offset':>10} {'pointer':>18} {'bytes':>8} {'kind':10} owner")
    for chunk in chunks:
        for obj in chunk.objects():
            print(f"{obj.off:#10x} {area.ptr(obj.off):#18x} {obj.size:8} "
                  f"{obj.kind:10} {owners.of(chunk, obj)}")


def main():
    """Print what the options select."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--owners", type=int, nargs="?", const=20, metavar="N",
                        help="the N owners of most bytes")
    parser.add_argument("--objects", action="store_true",
                        help="each object and its owner")
    parser.add_argument("--chunk", type=int, metavar="NR",
                        help="owners and objects of this chunk only")
    args = parser.parse_args()

    # drgn sets prog
    area = Area(prog)  # noqa: F821  pylint: disable=undefined-variable
    chunks = list(read_chunks(area))
    if args.owners is None and not args.objects:
        show_layout(area)
        show_chunks(chunks)
        show_caches(area)
        return
    if args.chunk is not None:
        chunks = [chunk for chunk in chunks if chunk.nr == args.chunk]
    if args.objects:
        show_objects(area, chunks)
    else:
        show_owners(area, chunks, args.owners)


main()
