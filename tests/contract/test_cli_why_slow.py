"""`aliquot why-slow` with a stand-in for the device host."""

import json

from tests.fakes.installation import FakeInstallation


def while_running(fakes: FakeInstallation, *arguments: str) -> str:
    """What the command prints while a vGPU named `busy` is there; it must succeed."""
    ready, done = fakes.directory / "ready", fakes.directory / "done"
    script = f": > {ready}; while [ ! -e {done} ]; do sleep 0.01; done"
    running = fakes.popen(["run", "--quiet", "--name", "busy", "--", "sh", "-c", script])
    try:
        while not ready.exists():
            assert running.poll() is None
        asked = fakes.run(*arguments)
    finally:
        done.touch()
        running.wait(60)
        ready.unlink(missing_ok=True)
        done.unlink()
    assert asked.returncode == 0, asked.stderr
    return asked.stdout


def test_the_biggest_cause_comes_first(fakes: FakeInstallation) -> None:
    first, remedy, *parts = while_running(fakes, "why-slow", "busy").splitlines()
    assert first == (
        "vGPU busy: of 10.00 ms since its first process began, 30.0 % went into this: "
        "the program's own work was on the device."
    )
    assert remedy.startswith("  nobody else is the reason")
    assert [part.split("  ")[2] for part in parts[:3]] == [
        "own work on the device",
        "the program itself",
        "waiting for others",
    ]


def test_as_json_and_over_a_while(fakes: FakeInstallation) -> None:
    told = json.loads(while_running(fakes, "why-slow", "busy", "--json"))
    assert (told["name"], told["wall_ns"]) == ("busy", 10_000_000)
    assert told["parts_ns"]["others"] == 2_000_000
    # Of the stand-in's receipts one is like the other: nothing has come since.
    printed = while_running(fakes, "why-slow", "busy", "--for", "10ms")
    assert printed == "vGPU busy: no process has used it lately\n"


def test_a_vgpu_that_is_not_there(fakes: FakeInstallation) -> None:
    done = fakes.run("why-slow", "nobody")
    assert (done.returncode, "ALQ-E106" in done.stderr) == (2, True)
