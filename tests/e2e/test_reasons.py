# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Why an object cannot be loaded: the first line has the true reason, and the hint works."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.processes import run
from support.programs import FAILED, LOADER, object_file
from support.refusals import run_any

TESTS = Path(__file__).parent
PLAIN = TESTS / "bpf" / "verdicts.bpf.c"
MULTIARCH = f"/usr/include/{os.uname().machine}-linux-gnu"
INCLUDES = [f"-I{TESTS.parents[1]}/include", "-idirafter", MULTIARCH]


def refused(lab, file, *options, status=FAILED):
    """The reason, without what was being done, and everything behind the first line."""
    world = lab.world()
    ended, done = run_any(LOADER, "--dev", "veth0", "--filename", file, *options)
    assert ended == status, done.stderr
    assert lab.world() == world
    first, _, rest = done.stderr.partition("\n")
    return first, rest


def hint_of(rest):
    return rest.partition("hint: ")[2].strip()


def compiled(tmp_path, *options, source=PLAIN):
    """An object that clang makes of a source with other options than the test objects'."""
    path = tmp_path / "compiled.o"
    run(["clang", "-g", "-O2", *INCLUDES, *options, "-c", source, "-o", path])
    return path


# ---- names that nothing defines ----------------------------------------------------------------------------


def test_a_function_that_was_never_declared(lab, veth0):
    first, rest = refused(lab, object_file("reason_undeclared"))
    assert first.endswith(": it uses 'htons', which nothing defines")
    assert "bpf/bpf_endian.h" in hint_of(rest) and "bpf_htons" in hint_of(rest)


@pytest.mark.parametrize("name, missing", [("reason_unlinked", "verdict_of"), ("reason_unlinked_map", "verdicts")])
def test_objects_that_were_never_linked(lab, veth0, tmp_path, name, missing):
    """The hint has the command that links them."""
    first, rest = refused(lab, object_file(name))
    assert first.endswith(f": it uses '{missing}', which nothing defines")
    command = re.search(r"`(bpftool gen object .*)`", hint_of(rest)).group(1)
    command = command.replace("FILE", object_file(name)).replace("OTHER", object_file("reason_other"))
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    lab.load("veth0", "--filename", tmp_path / "linked.bpf.o")
    lab.loader("--dev", "veth0", "--unload")


def test_a_missing_include_of_this_project(lab, veth0, tmp_path):
    source = tmp_path / "source.c"
    source.write_text('#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n'
                      'SEC("xdp") int entry(struct xdp_md *ctx) { return xdp_tally(ctx, XDP_PASS); }\n')
    file = compiled(tmp_path, "-target", "bpf", "-Wno-implicit-function-declaration", source=source)
    first, rest = refused(lab, file)
    assert first.endswith(": it uses 'xdp_tally', which nothing defines")
    assert hint_of(rest) == "#include <xdp_tally/tally.bpf.h>"


# ---- objects of another kind -------------------------------------------------------------------------------


def test_a_static_program(lab, veth0):
    first, rest = refused(lab, object_file("reason_static"))
    assert "its program 'hidden' is static" in first
    assert "`static`" in hint_of(rest)


def test_the_other_byte_order(lab, veth0, tmp_path):
    other = "little" if os.sys.byteorder == "big" else "big"
    first, rest = refused(lab, compiled(tmp_path, "-target", "bpfeb" if other == "big" else "bpfel"))
    assert f"it is compiled for {other}-endian machines" in first
    assert "clang -target bpf" in hint_of(rest)


def test_an_object_for_this_machine_and_not_for_bpf(lab, veth0, tmp_path):
    source = tmp_path / "source.c"
    source.write_text("int entry(void *ctx) { return ctx != 0; }\n")
    for file in (compiled(tmp_path, source=source), "/bin/ls"):
        first, rest = refused(lab, file)
        assert "it is compiled for " in first and first.endswith(", not for BPF")
        assert "clang -target bpf" in hint_of(rest)


def test_bitcode(lab, veth0, tmp_path):
    first, _ = refused(lab, compiled(tmp_path, "-target", "bpf", "-emit-llvm"))
    assert first.endswith(": it is LLVM bitcode, not an ELF file")


def test_without_symbols(lab, veth0, tmp_path):
    file = compiled(tmp_path, "-target", "bpf")
    run(["llvm-strip", "--strip-all", file])
    first, _ = refused(lab, file)
    assert "it has been stripped of its symbols" in first


def test_what_is_cut_off_is_damaged(lab, veth0, tmp_path):
    file = tmp_path / "short.o"
    file.write_bytes(Path(object_file("own")).read_bytes()[:900])
    first, _ = refused(lab, file)
    assert "it is damaged" in first


# ---- maps --------------------------------------------------------------------------------------------------


def test_a_map_whose_size_is_left_to_its_own_program(lab, veth0):
    first, rest = refused(lab, object_file("reason_no_entries"))
    assert "creating map flows: it has no max_entries" in first
    assert "__uint(max_entries, N)" in hint_of(rest)


def test_a_cpumap_with_more_entries_than_cpus(lab, veth0):
    first, rest = refused(lab, object_file("reason_cpumap"))
    assert "creating map cpus: it is a cpumap of 1048576 entries" in first and "CPUs" in first
    assert str(len(os.sched_getaffinity(0))) in hint_of(rest) or "CPUs" in hint_of(rest)


def test_maps_of_the_old_kind(lab, veth0):
    first, rest = refused(lab, object_file("shape_legacy_maps"))
    assert 'its maps are defined in SEC("maps")' in first
    assert "__uint(type, " in hint_of(rest) and 'SEC(".maps")' in hint_of(rest)


# ---- what the kernel lacks ---------------------------------------------------------------------------------


def test_a_kernel_function_that_is_not_there(lab, veth0):
    first, _ = refused(lab, object_file("reason_kfunc"))
    assert first.endswith(": it uses 'no_such_kfunc', a kernel function (kfunc) that this kernel does not have")


def test_a_field_of_the_kernel_that_is_not_there(lab, veth0):
    first, _ = refused(lab, object_file("reason_field"))
    assert first.endswith(": it uses 'struct net_device.no_such_field', which this kernel does not have")


# ---- the verifier's words ----------------------------------------------------------------------------------


def test_a_missing_license(lab, veth0):
    first, rest = refused(lab, object_file("reason_no_license"))
    assert "non-GPL compatible program" in first and first.endswith("it has no license")
    assert 'char LICENSE[] SEC("license") = "GPL";' in hint_of(rest)


@pytest.mark.parametrize("name", ["rejected", "reason_tail", "reason_long_log"])
def test_the_reason_is_the_verifiers(lab, veth0, name):
    """Whichever program of the object is refused, and however long its log is."""
    first, rest = refused(lab, object_file(name))
    assert "the verifier refuses it: invalid access to packet" in first
    assert "offset is outside of the packet" in first
    for misleading in ("ermission denied", "No space left", "nvalid argument"):
        assert misleading not in first
    assert "data_end" in hint_of(rest)


def test_the_program_that_was_refused_is_named(lab, veth0):
    first, _ = refused(lab, object_file("reason_tail"))
    assert "loading program 'target' of " in first


def test_the_last_lines_of_a_long_log(lab, veth0):
    """The source line is among them, and a mark says how many there are besides, which -v shows."""
    _, rest = refused(lab, object_file("reason_long_log"))
    lines = rest.splitlines()
    left_out = int(re.fullmatch(r"  \.\.\. \(([0-9]+) lines left out; -v shows all\)", lines[0]).group(1))
    assert any(line.startswith("  ; return data[STEPS + 100]") for line in lines)
    assert any("invalid access to packet" in line for line in lines)
    done = subprocess.run([LOADER, "--dev", "veth0", "--filename", object_file("reason_long_log"), "-v"],
                          capture_output=True, text=True, check=False)
    whole = [line for line in done.stderr.splitlines() if line.startswith("  ")]
    details = [line for line in lines if line.startswith("  ")][1:]
    assert len(whole) == left_out + len(details)
    assert len(done.stderr) > 1 << 20, "the log is not as long as this test needs it"
    assert not re.search(r"lines left out", done.stderr)
