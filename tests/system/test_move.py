"""vGPUs that are suspended, resumed and moved while programs work on them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aliquot.client.device_host import DeviceHost
from aliquot.client.records import VgpuFlag
from aliquot.devices.probe import devices_of, probe
from aliquot.devices.report import device_report
from aliquot.errors import (
    LacksFeature,
    MemoryInUse,
    MoveFailed,
    NoSuchVgpu,
    NotStopped,
    Suspended,
)
from aliquot.model.device import Device
from aliquot.model.shares import Shares
from aliquot.model.vgpu import Vgpu, VgpuState, VgpuUsage
from tests.soak.length import scaled
from tests.system.runtime import Runtime
from tools.programs.drivers import Driver, all_drivers

MIB = 1 << 20
_ID = 0xA11C_0000_0000_0000_0000_0000_0000_0002
_SHARED_AND_STAGED = pytest.mark.parametrize(
    "flags", [VgpuFlag(0), VgpuFlag.STAGED], ids=["shared-pages", "staged"]
)


def device_of(driver: Driver) -> Device:
    return devices_of(probe(driver.library), driver.library)[0]


def another(device: Device) -> Device:
    """The same device once more, as if the machine had two of them."""
    last = "0" if device.uuid[-1] != "0" else "1"
    return device._replace(uuid=device.uuid[:-1] + last)


def pairs() -> list[tuple[Driver, Driver]]:
    drivers = all_drivers()
    return [(drivers[0], drivers[0]), (drivers[0], drivers[-1])] if len(drivers) > 1 else []


def name_of_pair(pair: object) -> str:
    assert isinstance(pair, tuple)
    return f"{pair[0].name}-{pair[1].name}"


def comes(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether it holds in a moment; what is freed is freed when a worker is reaped."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Journey:
    """A vGPU, the two device hosts between which it moves, and the programs that use it."""

    def __init__(self, runtime: Runtime, hosts: list[DeviceHost], vgpu: Vgpu) -> None:
        self.runtime = runtime
        self.hosts = hosts
        self.vgpu = vgpu
        self.at = 0

    @property
    def host(self) -> DeviceHost:
        return self.hosts[self.at]

    @property
    def usage(self) -> VgpuUsage:
        [usage] = self.host.list_vgpus()
        return usage

    def move(self) -> None:
        """Moves it to the other device; only there it is then, with all that it has reserved."""
        before = self.usage
        target = self.hosts[1 - self.at]
        moved = self.host.move_vgpu(_ID, target)
        self.at = 1 - self.at
        source = self.hosts[1 - self.at]
        assert source.list_vgpus() == []
        assert comes(lambda: source.look().reserved_memory == 0)
        after = self.usage
        assert (moved.id, moved.memory) == (after.id, after.memory_limit)
        assert (after.name, after.memory_limit) == (before.name, before.memory_limit)
        assert (after.external_id, after.flags) == (_ID, before.flags)
        assert after.turns.shares == before.turns.shares
        assert self.host.look().reserved_memory == after.memory_limit

    def start(self, program: Path, *words: str) -> subprocess.Popen[str]:
        """A program that works until it is told to end, or as `words` say."""
        guest = self.runtime.start(self.vgpu, [program, *(words or ("300",))])
        assert guest.stdout
        assert guest.stdout.readline() == "working\n"
        return guest


def ends_well(guest: subprocess.Popen[str]) -> str:
    """Has a program end its work, and checks that it was right."""
    guest.terminate()
    return ended_well(guest)


def ended_well(guest: subprocess.Popen[str]) -> str:
    stdout, stderr = guest.communicate(timeout=240)
    assert (guest.returncode, stderr) == (0, ""), stdout
    return stdout


@contextmanager
def journey(
    runtime: Runtime, first: Device, second: Device, flags: int = 0, memory: int = 128 * MIB
) -> Iterator[Journey]:
    reports = [device_report(device) for device in (first, second)]
    movable = first.library != second.library
    hosts = [DeviceHost.start_or_join(device) for device in (first, second)]
    try:
        vgpu = hosts[0].create_vgpu(
            "journey",
            memory,
            flags=flags,
            shares=Shares(guarantee=1000),
            external_id=_ID,
            reports=reports if movable else (),
        )
        hosts[0].take_lease(external_id=_ID, process_id=os.getpid())
        for host in hosts:
            runtime.look(host)
        yield Journey(runtime, hosts, vgpu)
    finally:
        for host in hosts:
            runtime.look(host)
            for usage in host.list_vgpus():
                host.destroy_vgpu(usage.id)
            host.close()


@_SHARED_AND_STAGED
def test_a_suspended_program_waits_and_goes_on(
    driver: Driver, flags: VgpuFlag, runtime: Runtime, programs: dict[str, Path]
) -> None:
    device = device_of(driver)
    with journey(runtime, device, another(device), int(flags)) as trip:
        guests = [trip.start(programs["enduring"]) for _ in range(2)]
        for _ in range(3):
            trip.host.suspend_vgpu(_ID)
            trip.host.suspend_vgpu(_ID)  # is done already
            usage = trip.usage
            assert (usage.state, usage.memory_used, usage.worker_process_id) == (
                VgpuState.SUSPENDED,
                0,
                0,
            )
            assert usage.guest_processes == 2
            with pytest.raises(Suspended):
                trip.host.take_lease(external_id=_ID)
            late = runtime.start(trip.vgpu, [programs["enduring"], "0.1"])
            time.sleep(0.3)
            assert [guest.poll() for guest in (*guests, late)] == [None] * 3
            trip.host.resume_vgpu(_ID)
            trip.host.resume_vgpu(_ID)
            assert trip.usage.state == VgpuState.READY
            ended_well(late)
        for guest in guests:
            ends_well(guest)


@_SHARED_AND_STAGED
@pytest.mark.parametrize("pair", pairs(), ids=name_of_pair)
def test_a_moved_program_goes_on(
    pair: tuple[Driver, Driver], flags: VgpuFlag, runtime: Runtime, programs: dict[str, Path]
) -> None:
    first = device_of(pair[0])
    second = another(first) if pair[0] == pair[1] else device_of(pair[1])
    with journey(runtime, first, second, int(flags)) as trip:
        guests = [trip.start(programs["enduring"]) for _ in range(2)]
        for _ in range(4):
            trip.move()
            assert [holder.process_id for holder in trip.usage.holders] == [os.getpid()]
            assert trip.usage.guest_processes == 2
            # Who knows the path from before finds it all the same.
            ended_well(runtime.start(trip.vgpu, [programs["enduring"], "0.1"]))
        for guest in guests:
            ends_well(guest)
        assert comes(lambda: trip.usage.memory_used == 0)


@_SHARED_AND_STAGED
@pytest.mark.parametrize("pair", pairs(), ids=name_of_pair)
def test_a_suspended_vgpu_moves_and_stays_so(
    pair: tuple[Driver, Driver], flags: VgpuFlag, runtime: Runtime, programs: dict[str, Path]
) -> None:
    first = device_of(pair[0])
    second = another(first) if pair[0] == pair[1] else device_of(pair[1])
    with journey(runtime, first, second, int(flags)) as trip:
        guests = [trip.start(programs["enduring"]) for _ in range(2)]
        for moves in (1, 2, 3):
            trip.host.suspend_vgpu(_ID)
            for _ in range(moves):
                trip.move()
                usage = trip.usage
                assert (usage.state, usage.worker_process_id) == (VgpuState.SUSPENDED, 0)
                assert (usage.guest_processes, len(usage.holders)) == (2, 1)
            # Who comes by the path from before waits, too.
            late = runtime.start(trip.vgpu, [programs["enduring"], "0.1"])
            time.sleep(0.3)
            assert [guest.poll() for guest in (*guests, late)] == [None] * 3
            trip.host.resume_vgpu(_ID)
            assert trip.usage.state == VgpuState.READY
            ended_well(late)
        for guest in guests:
            ends_well(guest)
        assert comes(lambda: trip.usage.memory_used == 0)


def test_what_another_device_lacks_is_named_before_anything_stops(
    runtime: Runtime, programs: dict[str, Path]
) -> None:
    if not pairs():
        pytest.skip("needs two drivers")
    first, second = (device_of(driver) for driver in pairs()[-1])
    with DeviceHost.start_or_join(first) as here, DeviceHost.start_or_join(second) as there:
        vgpu = here.create_vgpu("journey", 64 * MIB, external_id=_ID)
        here.take_lease(external_id=_ID)
        runtime.look(here)
        guest = runtime.start(vgpu, [programs["enduring"], "300"])
        assert guest.stdout
        assert guest.stdout.readline() == "working\n"
        with pytest.raises(LacksFeature, match=r"Here is lacking: .+"):
            here.move_vgpu(_ID, there)
        assert "rounds" in ends_well(guest)
        assert [usage.external_id for usage in here.list_vgpus()] == [_ID]
        assert there.list_vgpus() == []
        assert comes(lambda: there.look().reserved_memory == 0)
        runtime.look(there)
        here.destroy_lasting_vgpu(_ID)


def test_memory_that_is_not_there_is_no_reason_to_stop(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    device = device_of(one_driver)
    with journey(runtime, device, another(device)) as trip:
        guest = trip.start(programs["enduring"])
        most = trip.hosts[1].look().device_memory
        blocker = trip.hosts[1].create_vgpu("blocker", most - 64 * MIB)
        with pytest.raises(Exception, match="unreserved"):
            trip.move()
        trip.hosts[1].destroy_vgpu(blocker.id)
        ends_well(guest)
        with pytest.raises(NoSuchVgpu):
            trip.host.move_vgpu(_ID + 1, trip.hosts[1])


@pytest.mark.alone
def test_a_worker_killed_in_the_midst_costs_its_programs_and_no_more(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    device = device_of(one_driver)
    with journey(runtime, device, another(device)) as trip:
        guest = trip.start(programs["load"], "20")
        worker = trip.usage.worker_process_id
        os.kill(worker, signal.SIGSTOP)  # it can't come to stand still
        killer = subprocess.Popen(["sh", "-c", f"sleep 1; kill -9 {worker}"])
        with pytest.raises(Exception, match="worker ended"):
            trip.move()
        begin = time.monotonic()
        guest.communicate(timeout=20)
        assert time.monotonic() - begin < 5
        assert guest.returncode == 7  # every further call failed, and soon
        killer.wait()
        assert trip.usage.guest_processes == 0
        ended_well(trip.start(programs["enduring"], "0.1"))
        trip.move()
        ended_well(trip.start(programs["enduring"], "0.1"))


def test_a_command_that_waits_for_the_program_is_waited_for_and_then_named(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    device = device_of(one_driver)
    with journey(runtime, device, another(device)) as trip:
        guest = trip.start(programs["enduring"], "8", str(MIB), "blocked")
        with pytest.raises(NotStopped, match="user event"):
            trip.host.suspend_vgpu(_ID)
        ended_well(guest)


def test_a_suspended_vgpu_outlives_its_device_host(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    device = device_of(one_driver)
    with journey(runtime, device, another(device), int(VgpuFlag.STAGED)) as trip:
        guest = trip.start(programs["enduring"])
        for _ in range(3):
            trip.host.suspend_vgpu(_ID)
            os.kill(trip.host.look().process_id, signal.SIGKILL)
            assert trip.usage.state == VgpuState.SUSPENDED
            trip.host.resume_vgpu(_ID)
            os.kill(trip.host.look().process_id, signal.SIGKILL)
            assert trip.usage.state == VgpuState.READY
        ends_well(guest)


def test_a_source_that_dies_in_the_midst_goes_on(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    device = device_of(one_driver)
    with journey(runtime, device, another(device)) as trip:
        guest = trip.start(programs["enduring"])
        source = trip.host.look().process_id
        worker = trip.usage.worker_process_id
        os.kill(worker, signal.SIGSTOP)  # so that it is in the midst
        killer = subprocess.Popen(
            ["sh", "-c", f"sleep 1; kill -9 {source}; sleep 0.2; kill -CONT {worker}"]
        )
        with pytest.raises(MoveFailed):
            trip.move()
        killer.wait()
        assert trip.usage.guest_processes == 1
        trip.move()
        ends_well(guest)


def random_steps(trip: Journey, program: Path, steps: int, seed: int) -> None:
    chance = random.Random(seed)
    guests: list[subprocess.Popen[str]] = []
    for step in range(steps):
        while len(guests) < 2:  # the first of them lasts, so that some memory is always in use
            seconds = chance.choice((1, 300)) if guests else 300
            guests.append(trip.start(program, str(seconds), str(4 * MIB)))
        kind = chance.choice(("grow", "shrink", "suspend", "move", "move"))
        before = trip.usage
        print(f"step {step} of seed {seed}: {kind}")
        if kind == "grow":
            more = before.memory_limit + MIB
            trip.host.resize_vgpu(before.id, before.turns.shares, memory=more)
            assert trip.usage.memory_limit == more
        elif kind == "shrink":
            less = before.memory_limit - MIB
            trip.host.resize_vgpu(before.id, before.turns.shares, memory=less)
            assert trip.usage.memory_limit == less
            with pytest.raises(MemoryInUse, match=r"\d+ are in use"):  # each has more than 4 MiB
                trip.host.resize_vgpu(before.id, before.turns.shares, memory=4 * MIB)
            assert trip.usage.memory_limit == less
        elif kind == "suspend":
            trip.host.suspend_vgpu(_ID)
            assert trip.usage.memory_used == 0
            if chance.random() < 0.5:
                trip.move()
            trip.host.resume_vgpu(_ID)
        else:
            trip.move()
        usage = trip.usage
        assert usage.memory_used <= usage.memory_lent <= usage.memory_limit
        assert [host.look().reserved_memory for host in trip.hosts][trip.at] == usage.memory_limit
        assert trip.hosts[1 - trip.at].look().reserved_memory == 0
        for guest in [guest for guest in guests if guest.poll() is not None]:
            ends_well(guest)
            guests.remove(guest)
    for guest in guests:
        ends_well(guest)


@pytest.mark.parametrize("pair", pairs(), ids=name_of_pair)
def test_random_steps(
    pair: tuple[Driver, Driver], runtime: Runtime, programs: dict[str, Path]
) -> None:
    first = device_of(pair[0])
    second = another(first) if pair[0] == pair[1] else device_of(pair[1])
    with journey(runtime, first, second, memory=256 * MIB) as trip:
        random_steps(trip, programs["enduring"], 12, random.randrange(1 << 30))


@pytest.mark.soak
@pytest.mark.parametrize("pair", pairs(), ids=name_of_pair)
def test_random_steps_for_long(
    pair: tuple[Driver, Driver], runtime: Runtime, programs: dict[str, Path]
) -> None:
    first = device_of(pair[0])
    second = another(first) if pair[0] == pair[1] else device_of(pair[1])
    with journey(runtime, first, second, memory=256 * MIB) as trip:
        random_steps(trip, programs["enduring"], scaled(200, least=4), random.randrange(1 << 30))


def test_a_target_that_dies_leaves_all_where_it_was(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    device = device_of(one_driver)
    with journey(runtime, device, another(device)) as trip:
        guest = trip.start(programs["enduring"])
        target = trip.hosts[1].look().process_id
        os.kill(target, signal.SIGSTOP)
        killer = subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -9 {target}"])
        try:
            trip.move()
        except MoveFailed:
            assert trip.usage.guest_processes == 1
        finally:
            killer.wait()
        ends_well(guest)
