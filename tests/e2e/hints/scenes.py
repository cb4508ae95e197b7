# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Situations in which the programs print a hint. Each is a function of the lab, and returns the Scene.

The user's device is veth0, on which he counts, or would like to.
"""

import os
import re
import shlex
import socket
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from hints.rows import COMMAND, Scene, shell
from support import delivery, kernel
from support.components import ForeignComponent, components
from support.devices import attached, link_info, rename, wait_for_carrier
from support.maps import dump_counts, lineage_counts, read_meta
from support.namespaces import Namespace, hide_bpffs, nsenter, process_in
from support.observing import attach, follow, observe
from support.pins import BPFFS, pin_dir
from support.processes import NOBODY, Process, as_user, run
from support.programs import LOADER, STATS, compile_object, object_file
from support.raw_bpf import create_link, open_pin
from support.run_command import kill, running
from support.samples import read, wait_for_counts
from support.stacked import stack
from support.traffic import SIZE, send

COUNTED = {"XDP_PASS": (7, 700)}
ODD_NAME = "a;$(b)'c"  # what a shell would act on


# ---- what holds afterwards


def same(look, expected):
    assert look() == expected


def gone(path):
    assert not path.exists()


def kept():
    """What the lineage has counted, in whichever map."""
    assert lineage_counts("veth0").get("XDP_PASS", (0, 0)) >= COUNTED["XDP_PASS"]


def same_map():
    """The pinned map holds it."""
    assert dump_counts(pin_dir("veth0") / "xdp_stats_map") == COUNTED


def not_replaced():
    assert read_meta("veth0").generation == 1


def empty():
    assert attached("veth0") is None


# ---- what situations are made of


def counted(lab, options=()):
    """veth0 with a load of the user's that has counted."""
    veth = lab.veth("veth0")
    lab.load("veth0", *options)
    send(veth, 7, 100)
    wait_for_counts(COUNTED, "--dev", "veth0")
    return veth


def severed(lab, options=()):
    """The same, and its program is gone."""
    veth = counted(lab, options)
    run(["bpftool", "link", "detach", "pinned", pin_dir("veth0") / "xdp_link"])
    return veth


def other_directory(lab, path, *prepare):
    """A directory that may become a BPF file system."""
    path = Path(path)
    path.mkdir()
    for command in prepare:
        run([*command, path])
    lab.cleanups.append(lambda: run(["sh", "-c", f"umount '{path}' 2>/dev/null; rm -rf '{path}'"]))
    return path


def second_bpffs(lab):
    return other_directory(lab, "/run/second", ["mount", "-t", "bpf", "-o", "mode=0755", "bpf"])


# ---- somebody else's program


def netlink(lab, command="xdp_loader --dev veth0", mode="native", status=5, **more):
    lab.veth("veth0")
    lab.foreign_attach("veth0", mode)
    return Scene(lab, command, status, **more)


def foreign_stays(lab, command="xdp_loader --dev veth0", mode="native"):
    """The user would like to count, and somebody else's program has to go on."""
    scene = netlink(lab, command, mode)
    scene.after.append(partial(same, lambda: attached("veth0"), attached("veth0")))
    scene.after.append(lambda: same(lambda: lab.status("veth0")["state"], "attached"))
    return scene


def netlink_in_red(lab, command, status=5):
    """In a namespace, {name} or {path}."""
    red = Namespace(lab, "red")
    red.veth()
    program = lab.foreign_program()
    run(["nsenter", f"--net={red.path}", "bpftool", "net", "attach", "xdpdrv", "pinned", program, "dev", "veth0"])
    return Scene(lab, command.format(name="red", path=red.path), status)


def pinned_link(lab, command="xdp_loader --dev veth0", status=5, **more):
    lab.veth("veth0")
    lab.foreign_link("veth0")
    return Scene(lab, command, status, **more)


def held_link(lab, command="xdp_loader --dev veth0", status=5):
    """By a process, and pinned nowhere."""
    lab.veth("veth0")
    program = open_pin(lab.foreign_program())
    held = [create_link(program, link_info("veth0")["ifindex"])]
    os.close(program)
    lab.cleanups.append(lambda: os.close(held.pop()))
    return Scene(lab, command, status)


# ---- the user's own load


def loaded(lab, command="xdp_loader --dev veth0", status=5, after=(), options=()):
    counted(lab, options)
    return Scene(lab, command, status, after=list(after))


def command_then(options):
    """The hint's command, and the user's own with these options."""
    def command_then_own(scene, said):
        (command,) = COMMAND.findall(said)
        scene.type(command)
        before, separator, behind = scene.command.partition(" --run ")
        scene.again(f"{before} {options}{separator}{behind}")
    return command_then_own


def loaded_in_generic_mode(lab, command):
    lab.veth("veth0")
    lab.load("veth0", "--skb-mode")
    return Scene(lab, command, 5)


def run_goes_on(lab, command="xdp_loader --dev veth0", status=5):
    lab.veth("veth0")
    process = running(lab, "--dev", "veth0")
    scene = Scene(lab, command, status)
    scene.run = process
    return scene


def command_of_run_ends(scene, _said):
    scene.run.stop()
    scene.again()


def detached(lab, file=None):
    severed(lab, ("--filename", object_file(file)) if file else ())
    return Scene(lab, "xdp_loader --dev veth0 --status", 0, names={"FILE": file and object_file(file)})


def load_with_these_maps(scene, said):
    maps = [item["id"] for item in scene.lab.status("veth0")["maps"]]
    scene.type(COMMAND.findall(said)[0])
    assert [item["id"] for item in scene.lab.status("veth0")["maps"]] == maps
    kept()


def stale(lab):
    """Somebody else's program took its place."""
    severed(lab)
    program = lab.foreign_attach("veth0")["id"]
    other_stays = partial(same, lambda: attached("veth0"), ("native", program))
    return Scene(lab, "xdp_loader --dev veth0 --status", 0, after=[other_stays, partial(gone, pin_dir("veth0"))])


def stale_for_good(lab):
    """The same; and the user has his own program there again afterwards, the counts of the lineage included."""
    scene = stale(lab)
    scene.after = [lambda: same(lambda: lab.status("veth0")["state"], "attached"), kept]
    return scene


def the_last_command(scene, said):
    scene.type(COMMAND.findall(said)[-1])


def with_reuse_maps(scene, said):
    (command,) = COMMAND.findall(said)
    scene.type(f"{command} --reuse-maps")
    assert dump_counts(pin_dir("veth0") / "xdp_stats_map") == COUNTED


def without(lab, pin, command="xdp_loader --dev veth0 --status", status=0, options=(), file="own", mtu=1500):
    """Somebody has removed this pin of a load that goes on."""
    lab.veth("veth0", mtu)
    lab.load("veth0", "--attach", "link", *options)
    (pin_dir("veth0") / pin).unlink()
    lab.cleanups.append(lambda: pin_dir("veth0").rmdir() if pin_dir("veth0").exists() else None)
    return Scene(lab, command, status, names={"FILE": object_file(file), "IFACE": "veth0"})


def without_meta(lab):
    scene = without(lab, "xdp_stats_meta")
    scene.after.append(partial(same, lambda: attached("veth0"), attached("veth0")))
    scene.after.append(lambda: same(lambda: lab.status("veth0")["notes"], []))
    return scene


def without_counters(lab, options=(), **more):
    """Loaded anew, the program is the same."""
    scene = without(lab, "xdp_stats_map", options=options, **more)
    scene.after.append(lambda: same(lambda: read("--dev", "veth0")["state"], "attached"))

    def program():
        return [lab.status("veth0")["program"][key] for key in ("name", "tag")]

    scene.after.append(partial(same, program, program()))
    return scene


def without_counters_of_namesake(lab, **more):
    """A user's program that is called like a built-in one."""
    options = ("--filename", object_file("namesake"), "--progname", "xdp_drop")
    return without_counters(lab, options, file="namesake", **more)


def with_other_counters(lab):
    """Somebody has pinned another map there."""
    scene = without_counters(lab)
    lab.foreign_map(pin_dir("veth0") / "xdp_stats_map", "percpu_array", 4, 16, 5)
    return scene


def one_after_the_other(scene, said):
    for command in COMMAND.findall(scene.whole_hint(said)):
        scene.type(command)


def everywhere(lab, command):
    """The user has loads in two namespaces, and others have a program."""
    red = Namespace(lab, "red")
    for place, name in ((lab, "veth0"), (lab, "veth1"), (red, "veth0")):
        place.veth(name)
        lab.loader("--dev", name if place is lab else f"red/{name}")
    lab.veth("other0")
    other = lab.foreign_attach("other0")["id"]
    scene = Scene(lab, command, 2, alone=True)
    scene.after.append(lambda: same(lambda: [item["dev"] for item in lab.loader_json("--status")], ["other0"]))
    scene.after.append(partial(same, lambda: attached("other0"), ("native", other)))
    return scene


def listed(scene, lab):
    """The same device, in the list of all."""
    scene = scene(lab)
    netns = "red/" if "red" in scene.command else ""
    scene.command, scene.after, scene.names = "xdp_loader --status", [], {"NAME": f"{netns}veth0"}
    scene.finish = "xdp_loader --clean"
    return scene


def orphaned(lab):
    lab.delete(counted(lab))
    return Scene(lab, "xdp_loader --dev veth0 --status", 0, after=[partial(gone, pin_dir("veth0"))])


def orphaned_in_red(lab):
    red = Namespace(lab, "red")
    red.veth()
    lab.loader("--netns", "red", "--dev", "veth0")
    run(["ip", "-netns", "red", "link", "delete", "dev", "veth0"])
    return Scene(lab, "xdp_loader --netns red --dev veth0 --status", 0, after=[partial(gone, red.pins)])


def vanished_red(lab, command, status):
    """The whole namespace, but not its pins."""
    red = Namespace(lab, "red")
    red.veth()
    lab.loader("--netns", "red", "--dev", "veth0")
    red.vanish()
    lab.cleanups.append(lambda: lab.loader("--clean"))
    return Scene(lab, command, status)


# ---- the user's device was renamed, moved, or replaced by another one of its name


def renamed(lab, command, status=0, replaced=False, after=()):
    veth = counted(lab)
    program = attached("veth0")
    rename(veth, "veth9")
    if replaced:
        lab.veth("veth0", peer="p-new")
    return Scene(lab, command, status, after=[partial(each_time, after, lambda: attached("veth9"), program)],
                 names={"DIR": second_bpffs(lab)})


def moved(lab, command, status=0, replaced=False, after=()):
    """To red."""
    veth = counted(lab)
    red = Namespace(lab, "red")
    scene = after_move(lab, veth, red, command, status)
    if replaced:
        lab.veth("veth0", peer="p-new")
    scene.after.append(partial(each_time, after, red.attached, red.attached()))
    return scene


def after_move(lab, veth, red, command, status=5):
    run(["ip", "link", "set", "dev", veth.name, "netns", "red"])
    red.wait_for_carrier(veth.name)
    wait_for_carrier(veth.peer)

    def delete_it_and_its_pins():
        run(["ip", "-netns", "red", "link", "delete", "dev", veth.name])
        if pin_dir(veth.name).exists():
            lab.loader("--dev", veth.name, "--clean")

    lab.cleanups.append(delete_it_and_its_pins)
    return Scene(lab, command, status, names={"DIR": second_bpffs(lab)})


def each_time(checks, look, program):
    """What is attached to it now, and was before."""
    for check in checks:
        check(look(), program)


def ended(now, _before):
    assert now is None


def goes_on(now, before):
    assert now == before


def still_counts(now, _before):
    """By this program, or by a later one under the name that it has now."""
    assert now is not None
    name = "veth9" if pin_dir("veth9").exists() else "veth0"
    assert lineage_counts(name) == COUNTED


def unseen(lab, command, status=5, replaced=False):
    """Moved to a network namespace that a descriptor alone keeps, where no name and no process is."""
    veth = counted(lab)
    with process_in("unshare", "--net") as pid:
        namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        lab.cleanups.append(lambda: os.close(namespace))
        run(["ip", "link", "set", "dev", "veth0", "netns", pid])
    lab.cleanups.append(lambda: run(["ip", "link", "delete", "dev", veth.peer]))
    if replaced:
        lab.veth("veth0", peer="p-new")
    return Scene(lab, command, status)


def moved_out_of_sight(lab, command, status=5):
    """To a process that a container does not see, attached by netlink; the container is where he types."""
    veth = lab.veth("veth0")
    lab.foreign_attach("veth0")
    lab.load("veth0", "--force")
    others = ExitStack()
    pid = others.enter_context(process_in("unshare", "--net"))
    lab.cleanups.append(others.close)
    lab.cleanups.append(lambda: run(["ip", "link", "delete", "dev", veth.peer]))
    run(["ip", "link", "set", "dev", "veth0", "netns", pid])

    def nothing_runs():
        assert "prog/xdp" not in run([*nsenter(pid, "net"), "ip", "-details", "link"]).out
        gone(pin_dir("veth0"))

    return Scene(lab, command, status, inside=("unshare", "--pid", "--fork", "--mount-proc"), helper=(),
                 after=[nothing_runs])


def load_under_the_new_name(scene, said):
    """Of the program that the user named."""
    (name,) = re.findall(r"a load on '(.*)' moves", said)
    scene.again(f"xdp_loader --dev {name} --reuse-maps")
    scene.again()


def with_the_named_options(scene, said):
    (options,) = re.findall(r"this command with (.*) loads there", said)
    scene.again(scene.command.replace("--dev veth0", options))


# ---- another device is above, or frames are redirected to it


def below(lab, upper_is_foreign=False):
    """A macvlan above has a program."""
    kernel.need(kernel.upper_rule)
    veth = lab.veth("veth0")
    upper = stack("macvlan", "veth0")
    if upper_is_foreign:
        lab.foreign_attach(upper, "generic")
    else:
        lab.load(upper)
        send(veth._replace(mac=link_info(upper)["address"]), 7, 100)
        wait_for_counts(COUNTED, "--dev", upper)
    return Scene(lab, "xdp_loader --dev veth0", 5)


def lower_first(scene, said):
    for command in COMMAND.findall(said):
        scene.type(command)
    scene.again()
    scene.again("xdp_loader --dev upper0 --reuse-maps")
    assert attached("veth0") is not None and attached("upper0") is not None
    assert lineage_counts("upper0") == COUNTED


def redirecting(lab, prepare, target="out0"):
    """To a target in whose way something is."""
    lab.veth("veth0")
    if target == "out0":
        lab.veth("out0")
    else:
        odd_link()
        for dev in (ODD_NAME, "p-odd"):
            run(["ethtool", "--offload", dev, "gro", "on"])
    run(prepare)
    scene = Scene(lab, f"xdp_loader --dev veth0 --action redirect --redirect-to {shlex.quote(target)}", 0)
    scene.after.append(lambda: wait_for_carrier(target))
    scene.after.append(lambda: same(lambda: lab.status("veth0")["redirect"]["note"], None))
    return scene


def redirecting_in_red(lab):
    red = Namespace(lab, "red")
    red.veth()
    red.veth("out0")
    run(["ip", "-netns", "red", "link", "set", "dev", "out0", "down"])
    scene = Scene(lab, "xdp_loader --netns red --dev veth0 --action redirect --redirect-to out0", 0,
                  finish="xdp_loader --netns red --dev veth0 --unload")
    scene.after.append(lambda: red.wait_for_carrier("out0"))
    return scene


# ---- nothing is attached


def bare(lab, command, status, mtu=1500, **more):
    lab.veth("veth0", mtu=mtu)
    return Scene(lab, command, status, **more)


def without_device(lab, command, status, **more):
    return Scene(lab, command, status, **more)


def loaded_on_lo(lab):
    """Which has generic mode alone."""
    kernel.need(kernel.driver_features)
    lab.load("lo")
    return Scene(lab, "xdp_loader --dev lo --native-mode", finish="xdp_loader --dev lo --unload")


def loaded_below(lab):
    """Below a program of a macvlan, where a load after an unload would be refused, and the update of a link is not."""
    kernel.need(kernel.upper_rule)
    counted(lab, ("--attach", "link"))
    lab.load(stack("macvlan", "veth0"))
    scene = Scene(lab, "xdp_loader --dev veth0 --skb-mode", after=[kept])
    scene.after.append(lambda: same(lambda: "--unload" in scene.output, False))
    return scene


def netlink_on_lo(lab):
    kernel.need(kernel.driver_features)
    lab.foreign_attach("lo", "generic")
    return Scene(lab, "xdp_loader --dev lo --native-mode", finish="xdp_loader --dev lo --unload")


def in_red(lab, command, status, **more):
    red = Namespace(lab, "red")
    red.veth()
    return Scene(lab, command.format(name="red", path=red.path), status, **more)


def odd_link():
    run(["ip", "link", "add", "name", ODD_NAME, "type", "veth", "peer", "name", "p-odd"])
    for dev in (ODD_NAME, "p-odd"):
        run(["ip", "link", "set", "dev", dev, "up"])


def odd_device(lab, command, status):
    """{dev} is one that a shell would act on."""
    odd_link()
    return Scene(lab, command.format(dev=shlex.quote(ODD_NAME)), status)


def odd_device_with_a_program(lab, command, status):
    scene = odd_device(lab, command, status)
    run(["bpftool", "net", "attach", "xdpdrv", "pinned", lab.foreign_program(), "dev", ODD_NAME])
    return scene


# ---- packets that nobody sent on purpose


def stray(lab, dev="veth0", peer="p-veth0", options=(), inside=()):
    """A packet that IPv6 has sent at the other end is counted, where none was expected."""
    setting = Path(f"/proc/sys/net/ipv6/conf/{peer}/disable_ipv6")
    device = [*options, "--dev", dev]
    lab.loader(*device)
    run([*inside, "sh", "-c", 'echo 0 >"$1"', "sh", setting])
    run([STATS, *device, "--expect", "total.packets >= 1", "--within", "50"])
    expected = f"xdp_stats {shlex.join(device)} --expect 'total.packets == 0'"
    scene = Scene(lab, expected, 6)

    def begin_again():
        assert run([*inside, "cat", setting]).out == "1\n"
        lab.loader(*device)
        shell(expected)

    scene.after.append(begin_again)
    return scene


def stray_from_here(lab):
    lab.veth("veth0")
    return stray(lab)


def stray_from_here_into_red(lab):
    veth = Namespace(lab, "red").veth()
    return stray(lab, peer=veth.peer, options=("--netns", "red"))


def stray_from_red(lab):
    veth = lab.veth("veth0")
    red = Namespace(lab, "red")
    run(["ip", "link", "set", "dev", veth.peer, "netns", red.name])
    red.wait_for_carrier(veth.peer)
    return stray(lab, inside=red.inside)


def stray_from_an_odd_device(lab):
    odd_link()
    return stray(lab, "p-odd", ODD_NAME)


# ---- maps and pins


def changed_layout(lab):
    """The object's map has another layout than the pinned one."""
    counted(lab)
    return Scene(lab, f"xdp_loader --dev veth0 --filename {object_file('six_entries')} --reuse-maps", 5, after=[kept])


def foreign_map(lab, command="xdp_loader --dev veth0", fits=True):
    """Somebody else pinned a map where the counters go."""
    lab.veth("veth0")
    lab.foreign_map(pin_dir("veth0") / "xdp_stats_map", *(("percpu_array", 4, 16, 5) if fits else ()))
    return Scene(lab, command, 5, names={"DIR": second_bpffs(lab)})


def directory_of_somebody_else(lab, uid, mode):
    """There is nothing in it."""
    lab.veth("veth0")
    path = pin_dir("veth0")
    path.mkdir()
    path.chmod(mode)
    os.chown(path, uid, uid)
    lab.cleanups.append(lambda: path.rmdir() if path.exists() else None)
    return Scene(lab, "xdp_loader --dev veth0", 5)


def counters_of_somebody_else(lab):
    """In a directory of his own, where he could have pinned anything."""
    lab.veth("veth0")
    directory = pin_dir("veth0")
    directory.mkdir()
    lab.foreign_map(directory / "xdp_stats_map", "percpu_array", 4, 16, 5)
    os.chown(directory, NOBODY, NOBODY)
    return Scene(lab, "xdp_stats --dev veth0 --once", 5)


def counters_of_no_program(lab, command):
    """A map alone: nothing names the program that counts there."""
    lab.veth("veth0")
    lab.foreign_map(pin_dir("veth0") / "xdp_stats_map", "percpu_array", 4, 16, 5)
    return Scene(lab, command, 4)


def uncounted(lab, command, status):
    """The user's program has no counters."""
    lab.veth("veth0")
    lab.load("veth0", "--filename", object_file("no_counter"))
    return Scene(lab, command, status)


def load_one_that_counts(scene, _said):
    scene.again("xdp_loader --dev veth0")
    scene.again()


def read_only(lab):
    lab.veth("veth0")
    scene = Scene(lab, "xdp_loader --dev veth0", 1, names={"DIR": second_bpffs(lab)})
    run(["mount", "-o", "remount,ro", BPFFS])
    lab.cleanups.append(lambda: run(["mount", "-o", "remount,rw", BPFFS]))
    return scene


def no_directory_for_bpffs(lab):
    lab.veth("veth0")
    path = Path("/run/no bpffs")
    lab.cleanups.append(lambda: run(["sh", "-c", f"umount '{path}' 2>/dev/null; rm -rf '{path}'"]))
    return Scene(lab, f"xdp_loader --dev veth0 --bpffs '{path}'", 4, names={"DIR": BPFFS})


def directory_that_is_no_bpffs(lab, filled):
    lab.veth("veth0")
    path = other_directory(lab, "/run/other")
    if filled:
        (path / "file").touch()
    return Scene(lab, f"xdp_loader --dev veth0 --bpffs {path}", 4, names={"DIR": BPFFS})


def with_another_bpffs(scene, _said):
    scene.again(f"{scene.command.partition(' --bpffs ')[0]} --bpffs {scene.names['DIR']}")


def nowhere_a_bpffs_inside(lab):
    hide_bpffs(lab)
    red = Namespace(lab, "red")
    red.veth()
    return Scene(lab, "xdp_stats --dev veth0 --once", 4, inside=red.inside, helper=(), alone=True)


def mount_it(scene, said):
    """Then the user is one step further: nothing is loaded yet."""
    scene.type(COMMAND.findall(said)[0])
    assert "nothing is pinned there" in shell(scene.command, scene.inside, 4)


def name_the_namespace_there(scene, _said):
    assert "no BPF file system is mounted there" in shell("xdp_stats --netns red --dev veth0 --once", (), 4)


def bpffs_of_this_command_alone(lab):
    """As a script mounts it inside of `ip netns exec`."""
    red = Namespace(lab, "red")
    red.veth()
    return Scene(lab, f"mount -t bpf bpf {BPFFS} && exec xdp_loader --dev veth0", 0, inside=red.inside, helper=())


def load_from_outside(scene, _said):
    scene.type("xdp_loader --netns red --dev veth0")
    assert "attached" in shell("xdp_loader --netns red --dev veth0 --status")


# ---- users


def user(lab, command, status, **more):
    """An ordinary one, at a device that counts; {id} is that of the map."""
    counted(lab)
    (item,) = lab.status("veth0")["maps"]
    return Scene(lab, command.format(id=item["id"]), status, inside=as_user(NOBODY), helper=(), **more)


def closed_bpffs(lab, command):
    """To all but its group: that stays."""
    lab.cleanups.append(lambda: BPFFS.chmod(0o755))
    counted(lab)
    scene = Scene(lab, command, 3, inside=as_user(NOBODY), helper=())
    BPFFS.chmod(0o770)
    scene.after.append(lambda: same(lambda: BPFFS.stat().st_mode & 0o777, 0o775))
    return scene


def closed_map(lab):
    """For its group to read and to write: that stays."""
    path = lab.foreign_map(BPFFS / "team", "percpu_array", 4, 16, 5)
    path.chmod(0o660)
    scene = Scene(lab, f"xdp_stats --map {path} --once", 3, inside=as_user(NOBODY), helper=())
    scene.after.append(lambda: same(lambda: path.stat().st_mode & 0o777, 0o664))
    return scene


def as_root(scene, _said):
    shell(scene.command)


def with_the_maps_pin(scene, _said):
    shell(f"xdp_stats --map {pin_dir('veth0') / 'xdp_stats_map'} --once", scene.inside)


def no_directory_of_the_user(lab):
    """With the capabilities, and not the right to write to the bpffs."""
    def unload():
        scene.again(f"{scene.command} --unload")
        pin_dir("veth0").rmdir()

    lab.veth("veth0")
    scene = Scene(lab, "xdp_loader --dev veth0", 3, inside=as_user(NOBODY, "bpf", "net_admin", "perfmon"), helper=())
    scene.after.append(unload)
    return scene


def with_three_capabilities(scene, _said):
    """And a directory of his own in bpffs, where he may write."""
    own = BPFFS / "mine"
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    scene.lab.cleanups.append(lambda: own.rmdir() if own.exists() else None)
    inside = as_user(NOBODY, "bpf", "net_admin", "perfmon")
    shell(f"{scene.command} --bpffs {own}", inside)
    shell(f"xdp_loader --dev veth0 --bpffs {own} --unload", inside)


# ---- files, ports, terminals


def in_scratch(lab, command, status, prepare=None):
    """{scratch} is a directory of the user's."""
    scratch = other_directory(lab, "/run/scratch 1")
    if prepare:
        prepare(scratch)
    counted(lab)
    return Scene(lab, command.format(scratch=scratch), status)


def dangling(scratch):
    (scratch / "output").symlink_to(scratch / "target")


def copy_of(name):
    def prepare(scratch):
        (scratch / "prog.o").write_bytes(Path(object_file(name)).read_bytes())
    return prepare


def compiled(source):
    def prepare(scratch):
        compile_object(source, scratch / "prog.o")
    return prepare


def write_to_the_shown_path(scene, said):
    path = scene.type(COMMAND.findall(said)[0]).strip()
    scene.again(f"xdp_stats --dev veth0 --once --json --output '{path}'")


def port_in_use(lab):
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    lab.cleanups.append(holder.close)
    return Scene(lab, f"xdp_stats --all --listen {holder.getsockname()[1]}", 5)


def see_who_listens(scene, said):
    assert f"pid={os.getpid()}" in scene.type(COMMAND.findall(said)[0])


def bare_for_user(lab, command, status):
    return bare(lab, command, status, inside=as_user(NOBODY), helper=())


def as_said(scene, _said):
    """The command is in more than one text of the sources."""
    (command,) = COMMAND.findall(scene.output)
    scene.type(command)
    scene.again()


def new_map_instead(scene, said):
    (options,) = COMMAND.findall(said)
    command = scene.command.replace("--migrate", options.replace("NAME", "xdp_stats_map"))
    scene.again(command)


def listen_at_each(scene, said):
    """The examples; some machines have no IPv6."""
    for address, shown in (("127.0.0.1:0", "127.0.0.1:"), ("*:0", "*:")):
        assert shown in said
        process = scene.lab.started(Process([STATS, "--all", "--listen", address]))
        process.wait_for_line("^serving ")
        process.stop()


def samples_are_printed(scene, _said):
    for more in ("", "--format json", "--format csv"):
        assert "PASS" in shell(scene.command.replace("--live", f"--once {more}"))


# ---- sources


PROLOGUE = """#include <linux/bpf.h>
{helpers}
struct {{ __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, __u32); __type(value, __u32); }}
numbers SEC(".maps");
{declared}
SEC("xdp") int entry(struct xdp_md *ctx)
{{
    __u32 key = 0;
    (void)key;
    {body}
}}
char _license[] SEC("license") = "GPL";
"""
HELPERS = "#include <bpf/bpf_helpers.h>"
WITHOUT_HELPERS = """#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name"""


def compiled_source(lab, body, declared="", helpers=True):
    path = Path("/run/source.o")
    lab.cleanups.append(lambda: path.unlink(missing_ok=True))
    # A declaration in the body is one of C.
    where, _, rest = body.rpartition("__kconfig")
    if where:
        extern, _, code = (where + "__kconfig" + rest).partition(";")
        declared, body = declared + extern + ";", code
    source = PROLOGUE.format(body=body, declared=declared, helpers=HELPERS if helpers else WITHOUT_HELPERS)
    return compile_object(source, path, "-Wno-implicit-function-declaration", "-fno-builtin")


def source_of(lab, body, helpers=True):
    """Nobody else has to do with it."""
    lab.veth("veth0")
    file = compiled_source(lab, body, helpers=helpers)
    return Scene(lab, f"xdp_loader --dev veth0 --filename {file}", 1, alone=True)


def compile_again(body, declared, loads=True, helpers=True):
    def compile_it_again(scene, _said):
        # Where the helpers were missing, they are what is declared.
        compiled_source(scene.lab, body, "" if not helpers else declared)
        shell(scene.command, (), 0 if loads else None)
    return compile_it_again


def cut_off(lab):
    """A damaged object."""
    lab.veth("veth0")
    scratch = other_directory(lab, "/run/scratch 1")
    (scratch / "prog.o").write_bytes(Path(object_file("own")).read_bytes()[:900])
    return Scene(lab, f"xdp_loader --dev veth0 --filename '{scratch}/prog.o'", 1, alone=True,
                 names={"FILE": f"'{scratch}/prog.o'"})


# ---- dispatchers and observations, on kernels that have them


def others_stay(lab):
    assert "foreign_early" in components(lab, "veth0")


def beside(lab, command="xdp_loader --dev veth0 --attach link", status=5, loaded=False, ends=False):
    """Somebody else's program in a dispatcher; the user's as well if it is `loaded`."""
    veth = lab.veth("veth0")
    if ends:
        # A tool that cannot unload what is not there any more.
        run(["xdp-loader", "load", "--prog-name", "foreign_early", "veth0", object_file("foreign_component")])
        lab.cleanups.append(remove_libxdps_directory)
    else:
        ForeignComponent(lab, veth, "foreign_early")
    if loaded:
        lab.load("veth0")
    return Scene(lab, command, status, after=[] if ends else [partial(others_stay, lab)])


def remove_libxdps_directory():
    run(["sh", "-c", f"rm -rf {BPFFS}/xdp"])


def taken_off(lab):
    """By force: what libxdp keeps is gone when the user has done as he was told, and the neighbours' is not."""
    scene = beside(lab, "xdp_loader --dev veth0 --force --attach link", 0, ends=True)
    index = link_info("veth0")["ifindex"]
    scene.after.append(lambda: same(lambda: list((BPFFS / "xdp").glob(f"dispatch-{index}-*")), []))
    return scene


def taken_off_with_others(lab):
    """By somebody else; and then the user ends his load."""
    scene = beside(lab, "xdp_loader --dev veth0 --unload", 0, loaded=True, ends=True)
    index = link_info("veth0")["ifindex"]
    run(["ip", "link", "set", "dev", "veth0", "xdp", "off"])
    scene.after.append(lambda: same(lambda: list((BPFFS / "xdp").glob(f"dispatch-{index}-*")), []))
    return scene


def stuck(lab, command, shared=False):
    """Moved to red, where its index was taken: libxdp cannot change its dispatcher any more."""
    veth = lab.veth("veth0")
    if shared:
        run(["xdp-loader", "load", "--prog-name", "foreign_early", "veth0", object_file("foreign_component")])
    lab.cleanups.append(remove_libxdps_directory)
    lab.load("veth0")
    send(veth, 7, 100)
    wait_for_counts(COUNTED, "--dev", "veth0")
    red = Namespace(lab, "red")
    run(["ip", "-netns", "red", "link", "add", "name", "taken", "index", link_info("veth0")["ifindex"], "type", "veth",
         "peer", "name", "p-taken"])
    lab.cleanups.append(lambda: run(["ip", "-netns", "red", "link", "delete", "dev", "taken"]))
    scene = after_move(lab, veth, red, command)
    # Its counts are there, whatever has ended.
    scene.after.append(kept)
    if shared:
        scene.after.append(lambda: same(red.attached, None))
    return scene


def killed_run(lab, command="xdp_loader --dev veth0 --status"):
    veth = lab.veth("veth0")
    ForeignComponent(lab, veth, "foreign_early")
    kill(running(lab, "--dev", "veth0"))
    return Scene(lab, command, 0, after=[partial(others_stay, lab)])


def end_it_by(*options):
    def next_command(scene, _said):
        scene.again(f"xdp_loader --dev veth0 {' '.join(options)}")
        assert components(scene.lab, "veth0") == ["foreign_early", "xdp_pass"][:1 if options else 2]
    return next_command


def observed(lab, command, status):
    veth = lab.veth("veth0")
    ForeignComponent(lab, veth, "foreign_early")
    observe(lab)
    return Scene(lab, command, status, after=[partial(others_stay, lab)])


def follow_it(scene, _said):
    """Observed as it is, and once it changes."""
    follow(scene.lab).stop()


def observed_is_gone(lab):
    path = lab.foreign_program("verdicts")
    lab.veth("veth0")
    attach(path, "veth0")
    observe(lab)
    run(["ip", "link", "set", "dev", "veth0", "xdpdrv", "off"])
    return Scene(lab, "xdp_loader --dev veth0 --status", 0)


def observed_no_more(lab):
    lab.veth("veth0")
    attach(lab.foreign_program("verdicts"), "veth0")
    observe(lab)
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    return Scene(lab, "xdp_loader --dev veth0 --status", 0)


def observed_without_counters(lab, command="xdp_loader --dev veth0 --status", status=0):
    """Somebody has removed their pin."""
    lab.veth("veth0")
    attach(lab.foreign_program("verdicts"), "veth0")
    observe(lab)
    (pin_dir("veth0") / "xdp_stats_map").unlink()
    scene = Scene(lab, command, status)
    scene.after.append(partial(same, lambda: attached("veth0"), attached("veth0")))
    scene.after.append(lambda: same(lambda: read("--dev", "veth0")["state"], "attached"))
    return scene


def observed_with_other_counters(lab):
    scene = observed_without_counters(lab)
    lab.foreign_map(pin_dir("veth0") / "xdp_stats_map", "percpu_array", 4, 16, 5)
    return scene


def observed_is_replaced(lab):
    scene = observed_is_gone(lab)
    attach(lab.foreign_program("no_counter"), "veth0")
    return scene


def observed_anew(scene, said):
    attach(BPFFS / "foreign_verdicts", "veth0")
    scene.type(COMMAND.findall(said)[0])
    assert "attached" in shell("xdp_loader --dev veth0 --status")


def two_observed(lab, command="xdp_loader --dev veth0 --observe"):
    veth = lab.veth("veth0")
    for name in ("foreign_early", "foreign_late"):
        ForeignComponent(lab, veth, name)
    return Scene(lab, command, 0, after=[partial(others_stay, lab)])


def foreign_map_beside(lab):
    """Somebody pinned counters for a dispatcher's programs by himself."""
    veth = lab.veth("veth0")
    ForeignComponent(lab, veth, "foreign_early")
    lab.foreign_map(pin_dir("veth0") / "xdp_stats_map", "percpu_array", 4, 16, 5)
    return Scene(lab, "xdp_stats --dev veth0 --per-program --once", 4, after=[partial(others_stay, lab)])


# ---- deliveries


def tracked(lab, root=BPFFS):
    """Ended again when the test is over, whatever became of it."""
    run([LOADER, "--bpffs", root, "--track-delivery"])
    lab.cleanups.append(lambda: run([LOADER, "--bpffs", root, "--untrack-delivery"]))


def untracked(lab, command, status):
    """Redirects, of which nobody knows whether they arrive."""
    veth = lab.veth("veth0")
    lab.veth("out0")
    lab.loader("--dev", "veth0", "--action", "redirect", "--redirect-to", "out0")
    send(veth, 5, SIZE)
    run([STATS, "--dev", "veth0", "--expect", "redirect.packets == 5"])
    return Scene(lab, command, status, after=[delivery.read_meta], finish="xdp_loader --untrack-delivery")


def tracked_alone(lab):
    """No interface has pins."""
    tracked(lab)
    return Scene(lab, "xdp_loader --clean", 0, alone=True, after=[lambda: gone(delivery.DIRECTORY)])


def tracked_alone_below_another_root(lab):
    root = Path("/run/bpf 2")
    other_directory(lab, root, ["mount", "-t", "bpf", "-o", "mode=0755", "bpf"])
    tracked(lab, root)
    return Scene(lab, f"xdp_loader --bpffs '{root}' --clean", 0, alone=True,
                 after=[lambda: gone(root / delivery.DIRECTORY.name)])


def tracked_without_a_link(lab):
    """Somebody has removed the pin of one of the links."""
    tracked(lab)
    link = delivery.DIRECTORY / "link_xdp_bulk_tx"
    link.unlink()
    return Scene(lab, "xdp_loader --status", 0, after=[lambda: same(link.exists, True)])


def foreign_delivery_meta(lab):
    """Something of that name which is no meta."""
    tracked(lab)
    (delivery.DIRECTORY / "meta").unlink()
    lab.foreign_map(delivery.DIRECTORY / "meta")
    return Scene(lab, "xdp_loader --track-delivery", after=[delivery.read_meta])


def other_delivery_layout(lab):
    """The programs are of an older version, and their map is another one than theirs now."""
    tracked(lab)
    delivery.pretend_version(-1)
    (delivery.DIRECTORY / "devices").unlink()
    lab.foreign_map(delivery.DIRECTORY / "devices", kind="percpu_hash", key=8, value=8, entries=16)
    return Scene(lab, "xdp_loader --track-delivery", after=[delivery.read_meta])
