"""xdp_loader --run in the background."""

import signal

from support.process_table import processes
from support.processes import Process
from support.programs import LOADER

GOES_ON = ("sh", "-c", "echo ready $$; exec tail -f /dev/null")


class Run(Process):
    """`xdp_loader --run` around a command that says "ready PID" and goes on."""

    def __init__(self, *options, command=GOES_ON, prefix=(), ready=True):
        super().__init__([*prefix, LOADER, *options, "--run", "--", *command])
        if ready:
            self.command_pid = int(self.wait_for_line("^ready").split()[1])

    def stop(self, with_signal=signal.SIGTERM, status=None):
        """Without a status: for the lab, which takes down whatever is left."""
        if self.popen.poll() is None:
            self.popen.send_signal(with_signal)
        return self.wait(self.popen.wait(60) if status is None else status)

    def guardian(self):
        """The process that removes the pins should xdp_loader be killed."""
        (found,) = [process for process in processes() if process.parent == self.popen.pid
                    and process.pid != self.command_pid]
        return found
