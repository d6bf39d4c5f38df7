"""The device for one demand."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from aliquot.model.vgpu_record import Placement
from aliquot.placement import Demand, DeviceView, VgpuView, choose
from tests.unit.placement.worlds import demands, may_go, worlds

GIB = 1 << 30


def device(uuid: str, free: int, **more: object) -> DeviceView:
    return DeviceView(uuid=uuid, name=uuid, memory=16 * GIB, free_memory=free * GIB, **more)  # type: ignore[arg-type]


def demand(memory: int | None = 4, **more: object) -> Demand:
    return Demand(tenant="alice", memory=memory and memory * GIB, **more)  # type: ignore[arg-type]


def chosen(wanted: Demand, *devices: DeviceView) -> str | None:
    found = choose(wanted, devices)
    return found and found.device.uuid


@given(demands(), worlds())
def test_what_is_chosen_fits_and_where_something_fits_it_is_chosen(
    wanted: Demand, devices: list[DeviceView]
) -> None:
    fitting = [device.uuid for device in devices if may_go(wanted, device, devices)]
    found = choose(wanted, devices)
    assert (found is None) == (not fitting)
    if found:
        assert found.device.uuid in fitting
        assert 0 < found.memory <= found.device.room_memory
        assert found.memory == (wanted.memory or found.device.room_memory)
        assert found == choose(wanted, devices)


@given(demands(sized=True), worlds(), st.permutations(range(3)))
def test_the_order_of_the_devices_decides_between_equals_alone(
    wanted: Demand, devices: list[DeviceView], order: list[int]
) -> None:
    mixed = [devices[at] for at in order if at < len(devices)]
    one, other = choose(wanted, devices), choose(wanted, mixed)
    assert (one and (one.fullness, one.device.software)) == (
        other and (other.fullness, other.device.software)
    )


def test_pack_takes_the_fullest_and_spread_the_emptiest() -> None:
    devices = (device("half", 8), device("full", 5), device("empty", 16), device("no", 3))
    assert chosen(demand(), *devices) == "full"
    assert chosen(demand(placement=Placement.SPREAD), *devices) == "empty"
    assert chosen(demand(device="half"), *devices) == "half"
    assert chosen(demand(None), *devices) == "empty"


def test_a_device_full_of_guarantees_is_full() -> None:
    promised = device("promised", 16, free_guarantee=1000)
    assert chosen(demand(), device("half", 8), promised) == "promised"
    assert chosen(demand(guarantee=2000), device("half", 8), promised) == "half"


def test_a_software_device_is_taken_where_no_gpu_fits() -> None:
    devices = (device("cpu", 6, software=True), device("gpu", 12))
    assert chosen(demand(), *devices) == "gpu"
    assert chosen(demand(placement=Placement.SPREAD), *devices) == "gpu"
    assert chosen(demand(None), device("cpu", 16, software=True), device("gpu", 1)) == "gpu"
    assert chosen(demand(5), devices[0], device("gpu", 4)) == "cpu"


def test_among_equals_the_first_is_taken() -> None:
    assert chosen(demand(), device("one", 8), device("two", 8)) == "one"


def test_who_is_kept_apart_shares_no_device_with_its_like_by_either_word() -> None:
    def there(**more: object) -> DeviceView:
        vgpu = VgpuView(id="1", name="db-1", memory=GIB, labels={"app": "db"}, **more)  # type: ignore[arg-type]
        return device("one", 8, vgpus=(vgpu,))

    mine = {"apart": "app", "labels": {"app": "db"}}
    assert chosen(demand(**mine), there(tenant="alice")) is None
    assert chosen(demand(labels={"app": "db"}), there(tenant="alice", apart="app")) is None
    assert chosen(demand(apart="app", labels={"app": "web"}), there(tenant="alice")) == "one"
    assert chosen(demand(apart="app"), there(tenant="alice")) == "one"
    grouped = there(tenant="alice", group="g")
    assert chosen(demand(group="g"), grouped) is None
    assert chosen(demand(group="h"), grouped) == "one"
    # Another tenant's labels are none of anybody's business.
    assert chosen(demand(**mine), there(tenant="bob", apart="app")) == "one"


def test_a_simulated_device_is_taken_where_it_is_named_or_nothing_else_is_there() -> None:
    simulated, lost = device("s", 16, simulated=True), device("r", 16, present=False)
    assert chosen(demand(), lost, simulated) is None
    assert chosen(demand(device="s"), lost, simulated) == "s"
    assert chosen(demand(), simulated) == "s"


def test_what_is_kept_for_others_is_not_given_away() -> None:
    held = device("one", 8).holding(demand(6, guarantee=9000))
    assert chosen(demand(2), held) == "one"
    assert chosen(demand(3), held) is None
    assert chosen(demand(2, guarantee=1001), held) is None
    beyond = msgspec.structs.replace(held, free_guarantee=0)
    assert chosen(demand(2), beyond) == "one"  # who wants no guarantee lacks none


def test_without_a_size_it_goes_where_most_memory_is_free_whatever_is_promised_of_time() -> None:
    promised = device("promised", 14, free_guarantee=1_000)
    assert chosen(demand(None), promised, device("half", 8)) == "promised"
    assert chosen(demand(None), device("half", 8), promised) == "promised"
    stands_in = device("stands-in", 16, software=True)
    assert chosen(demand(None), stands_in, device("half", 8)) == "half"
