"""Runs the Autobahn test suite against echo programs and compares the outcome with expected.json.

run.sh installs the suite, builds the programs and calls this; the command line is described there.

The suite (`wstest`) is single-threaded and is what the time goes to. So each run is shared out to
two pairs of suite and program under test, which work side by side.
"""

import argparse
import asyncio
import collections
import contextlib
import fnmatch
import json
import pathlib
import random
import shutil
import signal
import socket
import sys
import time
from typing import NamedTuple, Optional

RUNS = {
    "server-tokio": "echo_server",
    "server-std": "echo_server_std",
    "server-mio": "echo_server_mio",
    "client-tokio": "echo_client",
    "client-std": "echo_client_std",
}
CASE_COUNT = 517
PAIR_COUNT = 2

# Seconds. What a case takes if expected.json does not say; then how long to wait, with enough slack
# for a machine that is busy otherwise: for a program to start or to end, for a share of the cases,
# and for one case.
SHORT_CASE = 0.02
START_LIMIT = 30
END_LIMIT = 10
SHARE_LIMIT = 120
CASE_LIMIT = 30
SLACK = 10

# The suite notes a case when the connection is lost, which may be up to a second after the client
# has ended.
NOTING_TIME = 1.5

PANIC_STATUS = 101


class Outcome(NamedTuple):
    """What the suite says of one case, under the suite's own names.

    A dropped TCP connection is good enough for the suite wherever the program under test has to
    fail the connection. Only the close code tells whether it sent the Close that it should.
    """

    behavior: str
    behaviorClose: str
    remoteCloseCode: Optional[int]

    def __str__(self):
        code = self.remoteCloseCode or "no close code"
        return f"{self.behavior}, closing {self.behaviorClose}, {code}"


class Share(NamedTuple):
    """The part of a run that one pair of suite and program does."""

    run: str
    program: pathlib.Path
    wstest: pathlib.Path
    cases: list
    seconds: dict  # what each case takes
    folder: pathlib.Path  # for the reports and logs

    @property
    def suite_log(self):
        return self.folder / "wstest.log"

    @property
    def program_log(self):
        return self.folder / "program.log"

    def limit(self):
        return SHARE_LIMIT + SLACK * sum(self.seconds[case] for case in self.cases)

    def suite_command(self, mode, **spec):
        """Writes the suite's specification file and returns the command to run it."""
        spec.update(outdir=str(self.folder), cases=self.cases)
        path = self.folder / "spec.json"
        path.write_text(json.dumps(spec, indent=1))
        # A fuzzingserver would open a web server on port 8080 too, if not told 0.
        return [self.wstest, "--mode", mode, "--spec", path, "--webport", "0"]

    def outcomes(self):
        """Returns what the suite has written of each case, with the name of the case's report."""
        try:
            index = json.loads((self.folder / "index.json").read_text())
        except FileNotFoundError:
            return {}
        return {
            case: (
                Outcome(*(entry[field] for field in Outcome._fields)),
                (self.folder / entry["reportfile"]).with_suffix(".html"),
            )
            for case, entry in index.get(self.run, {}).items()
        }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wstest", type=pathlib.Path, required=True)
    parser.add_argument("--endpoints", type=pathlib.Path, required=True)
    parser.add_argument("--report", type=pathlib.Path, required=True)
    parser.add_argument("--cases", default="*")
    parser.add_argument("runs", nargs="*", metavar="RUN")
    arguments = parser.parse_args()
    runs = arguments.runs or list(RUNS)

    expected, seconds = read_expected(pathlib.Path(__file__).with_name("expected.json"))
    patterns = arguments.cases.split(",")
    expected = {
        case: outcome
        for case, outcome in expected.items()
        if any(fnmatch.fnmatchcase(case, pattern) for pattern in patterns)
    }
    if not expected:
        parser.error(f"no case matches {arguments.cases}")
    for run in runs:
        if not (arguments.endpoints / RUNS[run]).is_file():
            parser.error(f"{arguments.endpoints} has no {RUNS[run]}")

    try:
        passed = [asyncio.run(check(run, expected, seconds, arguments)) for run in runs]
    except asyncio.CancelledError:
        sys.exit("stopped by a signal")
    sys.exit(0 if all(passed) else 1)


def read_expected(path):
    """Returns the expected outcome of each case, and the seconds that each case takes."""
    table = json.loads(path.read_text())
    expected = {}
    for group in table["groups"]:
        for case in group["cases"]:
            if case in expected:
                sys.exit(f"{path}: {case} stands there twice")
            expected[case] = Outcome(*(group[field] for field in Outcome._fields))
    if len(expected) != CASE_COUNT:
        sys.exit(f"{path}: {len(expected)} cases instead of {CASE_COUNT}")
    seconds = dict.fromkeys(expected, SHORT_CASE)
    for pattern, time_taken in table["seconds"].items():
        if not (cases := fnmatch.filter(expected, pattern)):
            sys.exit(f"{path}: seconds for unknown cases: {pattern}")
        seconds.update(dict.fromkeys(cases, time_taken))
    return expected, seconds


async def check(run, expected, seconds, arguments):
    """Does one run, prints what differs and a summary, and returns whether nothing differs."""
    stop_on_signals()
    folder = (arguments.report / run).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    begin = time.monotonic()

    program = (arguments.endpoints / RUNS[run]).resolve()
    test_share = test_server if run.startswith("server") else test_client
    shares = []
    for number, cases in enumerate(share_out(expected, seconds), 1):
        share_folder = folder / str(number)
        share_folder.mkdir(parents=True)
        share = Share(run, program, arguments.wstest, cases, seconds, share_folder)
        share.program_log.touch()
        shares.append(share)
    async with asyncio.TaskGroup() as pairs:
        tests = [pairs.create_task(test_share(share)) for share in shares]
    problems = [problem for test in tests for problem in test.result()]

    found = {}
    for share in shares:
        found.update(share.outcomes())
        if "panicked at" in share.program_log.read_text(errors="replace"):
            problems.append(f"the program panicked, see {share.program_log}")
    problems += differences(expected, found)

    for problem in problems:
        print(f"{run}: {problem}")
    counts = collections.Counter(outcome.behavior for outcome, _ in found.values())
    counted = ", ".join(f"{behavior} {count}" for behavior, count in counts.most_common())
    print(
        f"{run}: {len(found)} of {len(expected)} cases ran in {time.monotonic() - begin:.0f} s"
        f" ({counted or 'none'}):",
        f"{len(problems)} DIFFERENCES" if problems else "all as expected",
        flush=True,
    )
    return not problems


def differences(expected, found):
    """Returns a line for each case whose outcome is not the expected one."""
    lines = []
    for case in sorted(expected.keys() | found.keys(), key=case_order):
        if case not in found:
            lines.append(f"{case}: did not run")
        elif case not in expected:
            lines.append(f"{case}: ran unasked")
        elif found[case][0] != expected[case]:
            outcome, report = found[case]
            lines.append(f"{case}: {outcome}; expected {expected[case]}; see {report}")
    return lines


def share_out(cases, seconds):
    """Splits the cases into shares that take about the same time: each to the emptiest so far."""
    shares = [[] for _ in range(min(PAIR_COUNT, len(cases)))]
    loads = [0.0] * len(shares)
    for case in sorted(cases, key=lambda case: seconds[case], reverse=True):
        emptiest = loads.index(min(loads))
        shares[emptiest].append(case)
        loads[emptiest] += seconds[case]
    # The suite numbers the cases of a share in this order.
    return [sorted(share, key=case_order) for share in shares]


def case_order(case):
    return [int(number) for number in case.split(".")]


async def test_server(share):
    """Has the suite connect to a server once for each case. Returns what went wrong."""
    problems = []
    address = f"127.0.0.1:{free_port()}"
    suite_command = share.suite_command(
        "fuzzingclient", servers=[{"agent": share.run, "url": f"ws://{address}"}]
    )
    async with started([share.program, "--listen", address], share.program_log) as server:
        if not await printed(address, share.program_log, server):
            return [f"the server does not say that it listens, see {share.program_log}"]

        async with started(suite_command, share.suite_log) as suite:
            if not await ended(suite, share.limit()):
                problems.append(f"the suite took more than {share.limit():.0f} s")

        if server.returncode is not None:
            return problems + [f"the server died with status {server.returncode}"]
        server.send_signal(signal.SIGINT)
        if not await ended(server, END_LIMIT):
            problems.append(f"the server was still there {END_LIMIT} s after SIGINT")
        elif server.returncode not in (0, -signal.SIGINT, 128 + signal.SIGINT):
            problems.append(f"the server ended with status {server.returncode} on SIGINT")
    return problems


async def test_client(share):
    """Starts a client once for each case of a serving suite. Returns what went wrong."""
    problems = []
    port = free_port()
    url = f"ws://127.0.0.1:{port}"
    suite_command = share.suite_command("fuzzingserver", url=url)
    deadline = time.monotonic() + share.limit()

    async def client(task, query, limit):
        """Has a client connect, and waits for its end, which may well be a failed connection."""
        with share.program_log.open("a") as log:
            print(f"== {task}", file=log)
        command = [share.program, f"{url}/{query}agent={share.run}"]
        async with started(command, share.program_log) as process:
            if not await ended(process, min(limit, deadline - time.monotonic())):
                problems.append(f"{task}: the client did not end")
            elif process.returncode < 0 or process.returncode == PANIC_STATUS:
                problems.append(f"{task}: the client died with status {process.returncode}")

    async with started(suite_command, share.suite_log) as suite:
        if not await accepts(port, suite):
            return [f"the suite does not listen, see {share.suite_log}"]
        for number, case in enumerate(share.cases, 1):
            if time.monotonic() > deadline:
                problems.append(f"the cases took more than {share.limit():.0f} s")
                break
            limit = CASE_LIMIT + SLACK * share.seconds[case]
            await client(case, f"runCase?case={number}&", limit)
        await asyncio.sleep(NOTING_TIME)
        deadline += START_LIMIT
        await client("updateReports", "updateReports?", START_LIMIT)
    return problems


@contextlib.asynccontextmanager
async def started(command, log):
    """Runs a program that does not outlive the block, with its output appended to a file."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *map(str, command), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(process, limit):
    """Waits for a program's end and returns whether it came in time."""
    try:
        await asyncio.wait_for(process.wait(), max(limit, 0))
    except TimeoutError:
        return False
    return True


async def printed(text, log, process):
    """Waits until a program has printed a text and returns whether it has."""
    return await holds(lambda: text in log.read_text(errors="replace"), process)


async def accepts(port, process):
    """Waits until a program accepts connections and returns whether it does."""

    def connects():
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", port)) == 0

    return await holds(connects, process)


async def holds(condition, process):
    """Waits until a condition holds, for as long as a program may take to start and is there."""
    deadline = time.monotonic() + START_LIMIT
    while not condition():
        if process.returncode is not None or time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def free_port():
    """Returns a port that nothing uses.

    It lies below the range from which the kernel takes ports for outgoing connections, or one of
    the thousands that a run makes could take it before the program binds it.
    """
    try:
        text = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
        end = int(text.split()[0])
    except FileNotFoundError:
        end = 32768
    while True:
        port = random.randrange(10000, end)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port


def stop_on_signals():
    """Makes a signal cancel the running task, so that every program that was started is ended."""
    task = asyncio.current_task()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


if __name__ == "__main__":
    main()
