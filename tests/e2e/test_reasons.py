# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Why an object cannot be loaded: the first line has the true reason, and the hint works."""

import errno
import os
import re
import subprocess
from pathlib import Path

import pytest

from support import kernel
from support.namespaces import Namespace
from support.processes import run
from support.programs import FAILED, LOADER, NOT_FOUND, PERMISSION, compile_object, object_file
from support.refusals import run_any
from support.refuse_bpf import REFUSE_BPF

TESTS = Path(__file__).parent
PLAIN = TESTS / "bpf" / "verdicts.bpf.c"
MULTIARCH = f"/usr/include/{os.uname().machine}-linux-gnu"
INCLUDES = [f"-I{TESTS.parents[1]}/include", "-idirafter", MULTIARCH]


def refused(lab, file):
    """The first line, and everything behind it."""
    world = lab.world()
    status, done = run_any(LOADER, "--dev", "veth0", "--filename", file)
    assert status == FAILED, done.stderr
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
        command, = re.findall("`(.*)`", hint_of(rest))
    (tmp_path / "prog.bpf.c").write_text('#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n'
                                         'SEC("xdp") int entry(struct xdp_md *ctx) { return XDP_PASS; }\n')
    run(["sh", "-c", f"cd {tmp_path} && {command}"])
    lab.load("veth0", "--filename", tmp_path / "prog.bpf.o")


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
    assert f"at most {kernel.possible_cpus()} CPUs" in hint_of(rest)


def test_a_trie_without_its_flag(lab, veth0, tmp_path):
    """The hint's flag is what was missing."""
    source = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(max_entries, 8); __type(key, __u64); __type(value, __u32); FLAGS }
prefixes SEC(".maps");
SEC("xdp") int entry(struct xdp_md *ctx)
{
    __u64 key = 32;
    return bpf_map_lookup_elem(&prefixes, &key) ? XDP_DROP : XDP_PASS;
}
char _license[] SEC("license") = "GPL";
"""
    first, rest = refused(lab, compile_object(source.replace("FLAGS", ""), tmp_path / "prog.o"))
    assert first.endswith(": a map of type lpm_trie needs the flag BPF_F_NO_PREALLOC")
    added = re.search(r"__uint\(map_flags, \w+\)", hint_of(rest)).group(0)
    lab.load("veth0", "--filename", compile_object(source.replace("FLAGS", f"{added};"), tmp_path / "prog.o"))
    lab.loader("--dev", "veth0", "--unload")


def test_a_kernel_function_without_type_information(lab, veth0, tmp_path):
    """It is declared as it should be: that is not what is missing."""
    source = tmp_path / "source.c"
    source.write_text("#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nextern int a_kfunc(void) __ksym;\n"
                      'SEC("xdp") int entry(struct xdp_md *ctx) { return a_kfunc(); }\n')
    first, rest = refused(lab, compiled(tmp_path, "-target", "bpf", "-g0", source=source))
    assert "it has no BTF" in first and "-g" in hint_of(rest)


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


OF_MIT = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>
SEC("xdp") int entry(struct xdp_md *ctx) { return xdp_tally(ctx, XDP_PASS); }
char _license[] SEC("license") = "MIT";
"""


def test_a_license_that_is_not_compatible(lab, veth0, tmp_path):
    """Our header calls a function of the kernel, where there is one (6.2): both ways of the hint work."""
    path = tmp_path / "mit.o"
    file = compile_object(OF_MIT, path)
    if Path("/proc/kallsyms").read_text().find(" bpf_cast_to_kern_ctx") < 0:
        lab.load("veth0", "--filename", file)
        return
    first, rest = refused(lab, file)
    assert "non-GPL compatible program" in first and first.endswith("its license is 'MIT'")
    license_line = re.search(r'in the place of any other: (char \S+ SEC\("license"\) = "GPL";)', hint_of(rest))[1]
    define = re.search("#define XDP_TALLY_LINEAR", hint_of(rest))[0]
    for source in (re.sub(".* SEC.\"license.*", license_line, OF_MIT), f"{define}\n{OF_MIT}"):
        lab.load("veth0", "--filename", compile_object(source, path))


@pytest.mark.parametrize("name", ["rejected", "reason_tail", "reason_long_log"])
def test_the_reason_is_the_verifiers(lab, veth0, name):
    """Whichever program of the object is refused, and however long its log is."""
    first, rest = refused(lab, object_file(name))
    assert "the verifier refuses it: invalid access to packet" in first
    # Linux 7.2 has another word for it.
    assert re.search("offset is outside of the packet|min value is outside of the allowed memory range", first)
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


# ---- refused by the surroundings ---------------------------------------------------------------------------

REQUESTS = {
    "load": ["--dev", "veth0"],
    "file": ["--dev", "veth0", "--filename", object_file("own")],
    "dry-run": ["--dev", "veth0", "--dry-run"],
    "test-run": ["--test-run", "64"],
    "run": ["--dev", "veth0", "--run", "--", "true"],
}


def refused_there(lab, prefix, arguments):
    world = lab.world()
    err = lab.loader(*arguments, prefix=prefix, status=PERMISSION).err
    assert lab.world() == world
    first, _, rest = err.partition("\n")
    assert "sudo" not in err and "as root" not in err and "RLIMIT_MEMLOCK" not in err
    return first, hint_of(rest)


@pytest.mark.parametrize("arguments", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOSYS])
def test_refused_by_a_seccomp_filter(lab, veth0, code, arguments):
    first, hint = refused_there(lab, [*REFUSE_BPF, code], arguments)
    assert first.endswith(": a seccomp filter refuses bpf(2) to this process, which has the capabilities")
    assert "seccomp=" in hint and "SystemCallFilter=" in hint


@pytest.mark.parametrize("verb", ["--unload", "--clean", "--observe"])
def test_what_is_loaded_stays_where_a_seccomp_filter_refuses(lab, veth0, verb):
    lab.load("veth0")
    first, _ = refused_there(lab, [*REFUSE_BPF, errno.EPERM], ["--dev", "veth0", verb])
    assert "a seccomp filter refuses bpf(2)" in first
    lab.loader("--dev", "veth0", "--unload")


def test_the_status_says_what_could_not_be_read_and_why(lab, veth0):
    lab.load("veth0")
    status = lab.status("veth0", prefix=[*REFUSE_BPF, errno.EPERM])
    assert any("a seccomp filter refuses bpf(2)" in note for note in status["notes"])
    lab.loader("--dev", "veth0", "--unload")


@pytest.mark.parametrize("arguments", REQUESTS.values(), ids=REQUESTS)
def test_refused_in_a_user_namespace(lab, veth0, arguments):
    first, hint = refused_there(lab, ["unshare", "--user", "--map-root-user"], arguments)
    assert "in a user namespace" in first
    assert "on the host" in hint


@pytest.mark.parametrize("dropped, missing", [("-bpf,-sys_admin", "CAP_BPF"), ("-net_admin", "CAP_NET_ADMIN")])
def test_root_without_a_capability_is_not_told_to_become_root(lab, veth0, dropped, missing):
    first, hint = refused_there(lab, ["setpriv", f"--bounding-set={dropped}"], ["--dev", "veth0"])
    assert first.endswith(f": this process lacks {missing}")
    assert "--cap-add" in hint


def test_a_redirect_target_in_another_namespace(lab, veth0):
    """--netns would look for the other interface there as well."""
    Namespace(lab, "red").veth("lab0")
    done = lab.loader("--dev", "veth0", "--action", "redirect", "--redirect-to", "lab0", status=NOT_FOUND)
    assert "packets are redirected within the network namespace of 'veth0' alone" in hint_of(done.err)
    assert "--netns" not in done.err
