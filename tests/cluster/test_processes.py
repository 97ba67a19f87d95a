"""When a process of the cluster counts as ended."""

import os
import socket
import sys
from pathlib import Path

from e2e.cluster.ports import free_port
from e2e.cluster.processes import identity, kill, spawn, until

# Its first thread ends and stays as a zombie, while another holds the port: the moment in which a killed
# process of many threads may be met, made to last.
HALF_DEAD = """
import ctypes, platform, socket, sys, threading, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
threading.Thread(target=time.sleep, args=(600,)).start()
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)  # exit, of this thread alone
"""


def test_process_whose_first_thread_ended_lives_until_its_last_one_does(tmp_path: Path) -> None:
    port = free_port()
    pid = spawn([sys.executable, "-c", HALF_DEAD, str(port)], tmp_path / "log", with_parent=True)
    state = Path(f"/proc/{pid}/stat")
    try:
        until(lambda: state.read_text().rpartition(")")[2].split()[0] == "Z", 30, lambda: "not half dead")
        assert identity(pid) is not None
    finally:
        kill([pid])
    assert identity(pid) is None
    socket.create_server(("127.0.0.1", port)).close()


def test_process_started_under_a_lock_does_not_hold_it(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)  # as flock(1) hands it to what it starts
        pid = spawn(["sleep", "600"], tmp_path / "log", with_parent=True)
        try:
            held = [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()]
        finally:
            kill([pid])
    assert str(tmp_path / "log") in held
    assert str(tmp_path / "lock") not in held
