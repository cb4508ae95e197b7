"""Network namespaces with devices in them."""

import json
from pathlib import Path

from lab import BPFFS, Veth, link_info, run, wait_for_carrier, wait_until


def outcomes(lab, *args, status=0, prefix=()):
    document = json.loads(lab.loader("--json", *args, status=status, prefix=prefix).out)
    for outcome in document["devices"]:
        lab.remember(outcome)
    return document["devices"]


class Namespace:
    """One that `ip netns add` made; deleted with all that is in it when the test is over."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.path = Path("/run/netns") / name
        self.option = ("--netns", name)
        self.inside = ("ip", "netns", "exec", name)
        self.pins = BPFFS / f"netns:{name.replace('.', '%2E')}"
        run(["ip", "netns", "add", name])
        self.silence()
        lab.cleanups.append(self.delete)

    def silence(self):
        run([*self.inside, "sh", "-c",
             'for setting in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 >"$setting"; done'])

    def link_info(self, dev):
        return json.loads(run(["ip", "-netns", self.name, "-json", "-details", "link", "show", "dev", dev]).out)[0]

    def wait_for_carrier(self, dev):
        run(["ip", "-netns", self.name, "link", "set", "dev", dev, "arp", "off", "multicast", "off", "up"])
        wait_until(lambda: self.link_info(dev)["operstate"] == "UP", f"{dev} does not come up in {self.name}")

    def veth(self, dev="veth0"):
        """A device in there; what is sent to its peer, which is here, arrives at it."""
        peer = f"p-{self.name}-{dev}"[:15]
        run(["ip", "link", "add", "name", peer, "type", "veth", "peer", "name", dev, "netns", self.name])
        run(["ip", "link", "set", "dev", peer, "arp", "off", "multicast", "off", "up"])
        self.wait_for_carrier(dev)
        wait_for_carrier(peer)
        return Veth(dev, peer, self.link_info(dev)["address"], link_info(peer)["address"])

    def attached(self, dev="veth0"):
        return self.link_info(dev).get("xdp", {}).get("prog", {}).get("id")

    def delete(self):
        if self.path.exists():
            for outcome in outcomes(self.lab, *self.option, "--status"):
                if outcome["generation"]:
                    self.lab.loader(*self.option, "--dev", outcome["dev"], "--unload")
            for link in json.loads(run(["ip", "-netns", self.name, "-json", "link", "show", "type", "veth"]).out):
                run(["ip", "-netns", self.name, "link", "delete", "dev", link["ifname"]])
            run(["ip", "netns", "delete", self.name])
        assert not self.pins.exists()
