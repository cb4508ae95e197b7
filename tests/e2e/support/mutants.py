# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Damaged copies of BPF objects, the same ones for the same seed."""

import random
import struct

SECTION_HEADER = 64
# Where the fields of ELF headers are, and how long they are.
FILE_FIELDS = ((4, 1), (5, 1), (6, 1), (16, 2), (18, 2), (20, 4), (24, 8), (32, 8), (40, 8), (48, 4), (52, 2), (54, 2),
               (56, 2), (58, 2), (60, 2), (62, 2))
SECTION_FIELDS = ((0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 4), (44, 4), (48, 8), (56, 8))
NUMBERS = (0, 1, 2, 3, 4, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
           0xffffffff, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
NOBITS = 8


def put(image, at, size, value):
    image[at:at + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def get(image, at, size):
    return int.from_bytes(image[at:at + size], "little")


def headers(image):
    """Offsets of the section headers."""
    start, count = get(image, 40, 8), get(image, 60, 2)
    return [start + i * SECTION_HEADER for i in range(count)]


def sections(image):
    """(name, offset, size) of every section that has bytes in the file."""
    names = get(image, headers(image)[get(image, 62, 2)] + 24, 8)
    found = []
    for header in headers(image):
        start = names + get(image, header, 4)
        name = image[start:image.index(0, start)].decode()
        if get(image, header + 4, 4) not in (0, NOBITS) and get(image, header + 32, 8) > 0:
            found.append((name, get(image, header + 24, 8), get(image, header + 32, 8)))
    return found


def flip_bits(rng, image):
    for _ in range(rng.choice((1, 1, 2, 4, 8, 32))):
        image[rng.randrange(len(image))] ^= 1 << rng.randrange(8)


def cut_off(rng, image):
    del image[rng.randrange(len(image)):]


def append_garbage(rng, image):
    image += rng.randbytes(rng.choice((1, 64, 4096)))


def damage_file_header(rng, image):
    put(image, *rng.choice(FILE_FIELDS), rng.choice(NUMBERS))


def damage_section_header(rng, image):
    all_headers = headers(image)
    for _ in range(rng.choice((1, 1, 2, 3))):
        field, size = rng.choice(SECTION_FIELDS)
        at = rng.choice(all_headers) + field
        old = get(image, at, size)
        put(image, at, size, rng.choice((*NUMBERS, old + 1, old - 1, old + 8, old - 8, old * 2, old // 2, len(image),
                                         rng.randrange(len(all_headers)))))


def copy_section_header(rng, image):
    source, target = rng.choice(headers(image)), rng.choice(headers(image))
    image[target:target + SECTION_HEADER] = image[source:source + SECTION_HEADER]


def damage_contents(rng, image):
    """In one section: types, relocations, symbols, instructions, map definitions."""
    _, start, length = rng.choice(sections(image))
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        size = min(rng.choice((1, 2, 4, 8)), length)
        at = start + rng.randrange(length - size + 1) // size * size
        old = get(image, at, size)
        put(image, at, size, rng.choice((*NUMBERS, old + 1, old - 1, old ^ 0x80, rng.getrandbits(8 * size))))


def overwrite_section(rng, image):
    _, start, length = rng.choice(sections(image))
    image[start:start + length] = bytes([rng.choice((0, 0xff, 0x41))]) * length


def swap_ranges(rng, image):
    size = rng.choice((1, 4, 8, 16, 64, 256))
    one, other = rng.randrange(len(image) - size), rng.randrange(len(image) - size)
    image[one:one + size], image[other:other + size] = image[other:other + size], image[one:one + size]


DAMAGES = (flip_bits, cut_off, append_garbage, damage_file_header, damage_section_header, damage_section_header,
           copy_section_header, damage_contents, damage_contents, damage_contents, overwrite_section, swap_ranges)


def mutant(images, seed):
    """(what was done, the damaged image) of one of the images, a dict of name to bytes."""
    rng = random.Random(seed)
    name = rng.choice(sorted(images))
    damage = rng.choice(DAMAGES)
    image = bytearray(images[name])
    damage(rng, image)
    return f"seed {seed}: {damage.__name__} in {name}", bytes(image)


# ---- types: the damages that libbpf takes worst ------------------------------------------------------------

BTF_HEADER = struct.Struct("<HBBIIIII")
KINDS = {"int": 1, "ptr": 2, "array": 3, "struct": 4, "const": 10, "func": 12, "var": 14}
# Bytes behind a type's common part: fixed, and for each of its `vlen` entries.
EXTRA = {1: (4, 0), 3: (12, 0), 4: (0, 12), 5: (0, 12), 6: (0, 8), 13: (0, 8), 14: (4, 0), 15: (0, 12), 17: (4, 0),
         19: (0, 12)}


class Types:
    """The BTF of an object, type by type, to be damaged in its place."""

    def __init__(self, image):
        self.image = image
        ((_, self.start, _),) = [section for section in sections(image) if section[0] == ".BTF"]
        _, _, _, length, types_at, types_length, strings_at, _ = BTF_HEADER.unpack_from(image, self.start)
        self.strings = self.start + length + strings_at
        self.at = [None]
        at = self.start + length + types_at
        end = at + types_length
        while at < end:
            self.at.append(at)
            info = get(image, at + 4, 4)
            fixed, each = EXTRA.get(info >> 24 & 0x1f, (0, 0))
            at += 12 + fixed + each * (info & 0xffff)

    def kind(self, number):
        return get(self.image, self.at[number] + 4, 4) >> 24 & 0x1f

    def name(self, number):
        start = self.strings + get(self.image, self.at[number], 4)
        return self.image[start:self.image.index(0, start)].decode()

    def find(self, kind, name):
        (number,) = [i for i in range(1, len(self.at)) if self.kind(i) == KINDS[kind] and self.name(i) == name]
        return number

    def member(self, number, name):
        """Where the entry of a struct's member is."""
        at = self.at[number]
        for i in range(get(self.image, at + 4, 4) & 0xffff):
            entry = at + 12 + 12 * i
            start = self.strings + get(self.image, entry, 4)
            if self.image[start:self.image.index(0, start)].decode() == name:
                return entry
        raise KeyError(name)

    def refers_to(self, number):
        return get(self.image, self.at[number] + 8, 4)

    def map_definition(self, name):
        """The struct that describes a map."""
        return self.refers_to(self.find("var", name))

    def rename(self, old, new):
        """Everywhere, also in the symbol table's strings; the new name is no longer."""
        assert len(new) <= len(old)
        found = self.image.count(b"\0" + old.encode() + b"\0")
        self.image[:] = self.image.replace(b"\0" + old.encode() + b"\0",
                                           b"\0" + new.encode().ljust(len(old), b"\0") + b"\0")
        assert found > 0


def nameless_extern(image):
    """A function from outside whose name is nowhere."""
    types = Types(image)
    put(image, types.at[types.find("func", "bpf_cast_to_kern_ctx")], 4, 0xffffff)


def circle_of_types(image):
    """A map's type is const of const of ... of itself."""
    types = Types(image)
    number = get(image, types.member(types.map_definition("xdp_stats_map"), "type") + 4, 4)
    put(image, types.at[number] + 4, 4, KINDS["const"] << 24)
    put(image, types.at[number] + 8, 4, number)


def set_entries(image, name, entries):
    """max_entries of a map, which is the length of an array that a pointer points to."""
    types = Types(image)
    pointer = get(image, types.member(types.map_definition(name), "max_entries") + 4, 4)
    put(image, types.at[types.refers_to(pointer)] + 12 + 8, 4, entries)


def rename_map(image, old, new):
    Types(image).rename(old, new)
