"""How networks stand on a chip for the schedules that run a layer by itself, and what is refused."""

from __future__ import annotations

import re

import pytest

from archsim.engine import simulate
from archsim.errors import InputError
from archsim.frontend import from_model, load
from archsim.hardware import load_design
from archsim.mapping import Placement, Training, place
from archsim.mapping.copies import copies_of
from archsim.mapping.dividing import build_stages
from archsim.mapping.tiling import tile_layer
from archsim.mapping.uses import uses_of
from tests.engine.networks import MODELS, SMALL, Net, chain, on
from tests.recurrent import stacked

# A chip of 4 tiles with 2 PEs of 4 arrays, of which 2 read at once: 32 arrays, 16 at once.
TINY = ("chip.tiles=4", "chip.mesh_width=4", "tile.pes=2", "pe.arrays=4", "adc.arrays_per_set=2")


def loads_of(placement: Placement) -> list[int]:
    return [job.loads for job in placement.jobs]


def wide(*outputs: int) -> Net:
    """Convolutions of kernel 1 behind each other; at 16 bit 16 outputs stand in an array of AtomLayer."""
    net, last = Net(8, 2, 2), "image"
    for number in outputs:
        last = net.conv(last, number)
    return net


def test_what_is_stored_is_not_written() -> None:
    placement = on("atomlayer", wide(64, 64), *TINY, "rotation.stored_arrays=8")
    assert (loads_of(placement), placement.staging_arrays) == ([0, 0], 0)


def test_layers_that_do_not_fit_beside_the_room_to_write_are_written_in_passes() -> None:
    """8 stored, half of them for writing: the first layer of 4 arrays stays; of the second, 6 arrays, two at a time
    are written, while two others are read."""
    placement = on("atomlayer", wide(64, 96), *TINY, "rotation.stored_arrays=8")
    assert (loads_of(placement), placement.staging_arrays) == ([0, 2, 2, 2], 4)
    assert [(plan.passes, plan.arrays) for plan in placement.plans] == [(1, 4), (3, 6)]
    assert [job.placement.plans[0].stage.channels for job in placement.jobs] == [64, 32, 32, 32]
    assert placement.arrays_used == 10


def test_no_more_than_reads_at_once_twice_is_kept_for_writing() -> None:
    placement = on("atomlayer", wide(64, 1024), *TINY, "rotation.stored_arrays=66")
    assert (placement.staging_arrays, loads_of(placement)) == (32, [0, 16, 16, 16, 16])


def test_where_nothing_is_written_meanwhile_a_pass_takes_all_the_room() -> None:
    chip = (*TINY[:-1], "adc.arrays_per_set=1")
    placement = on("atomlayer", wide(64, 96), *chip, "rotation.stored_arrays=8")
    assert (loads_of(placement), placement.staging_arrays) == ([0, 4, 2], 4)


def test_a_column_of_arrays_larger_than_half_the_room_takes_all_of_it() -> None:
    """300 rows: a column has 3 arrays, half the room 2."""
    net = Net(300, 2, 2)
    net.conv(net.conv("image", 32), 16)
    placement = on("atomlayer", net, *TINY, "rotation.stored_arrays=6")
    assert (loads_of(placement), placement.staging_arrays) == ([3, 3, 0], 3)


def test_a_layer_with_groups_is_written_whole() -> None:
    """48 groups of 9 rows stand 14 to an array: 4 arrays, as many as there is room to write."""
    net = Net(8, 3, 3)
    net.conv(net.conv(net.conv("image", 48), 48, 3, pad=1, groups=48), 80)
    placement = on("atomlayer", net, *TINY, "rotation.stored_arrays=8")
    assert loads_of(placement) == [0, 4, 2, 2, 1]
    assert simulate(placement).ok


@pytest.mark.parametrize("copies", ["none", "greedy", "optimal", "isaac"])
def test_the_copies_of_a_layer_find_room_to_read_at_once_and_in_the_store(copies: str) -> None:
    placement = on("atomlayer", chain(), *TINY, f"copies.policy={copies}")
    for plan in placement.plans:
        assert plan.arrays <= 16
        assert plan.passes == 1
    assert placement.arrays_used <= 32


def test_copies_asked_for_that_cannot_read_at_once_take_turns() -> None:
    """4 copies of 4 or 8 arrays where 16 arrays read at once: 1 or 2 turns for each of 4 windows."""
    placement = on("atomlayer", wide(64), *TINY, "rotation.stored_arrays=unlimited", "copies.explicit=[4]")
    assert placement.plans[0].passes == 1
    twice = on("atomlayer", wide(128), *TINY, "rotation.stored_arrays=unlimited", "copies.explicit=[4]")
    assert (twice.plans[0].passes, twice.plans[0].slots) == (2, 2)


def test_chips_auto_holds_one_copy_of_each_layer() -> None:
    """On ISAAC's chip a layer at a time: what is stored is the same; nothing is written."""
    settings = ("schedule.kind=layer_serial", "chip.tiles=1", "chip.mesh_width=1", "tile.pes=1", "pe.arrays=4")
    placement = on("isaac", wide(64, 96), *settings)
    assert (placement.chips, loads_of(placement)) == (3, [0, 0])


def test_one_chip_of_isaac_writes_what_it_does_not_hold() -> None:
    settings = ("schedule.kind=layer_serial", "chip.tiles=1", "chip.mesh_width=1", "tile.pes=1", "pe.arrays=8")
    placement = on("isaac", wide(64, 96), *settings, "chips=1", "array.write_ns=100")
    assert (placement.chips, loads_of(placement)) == (1, [0, 4, 2])
    result = simulate(placement)
    assert result.ok
    assert result.moved_bytes.weights == 6 * 4096
    with pytest.raises(InputError) as error:
        on("isaac", wide(64, 96), *settings, "chips=1")
    assert str(error.value) == (
        "small: design isaac: got 10 arrays with one copy of each layer, expected at most 8, or array.write_ns, the"
        " time to write a row, so that weights can be written before their pass; what would make it fit: chips=2,"
        " fewer weight bits"
    )


def test_a_chip_without_a_size_has_no_arrays_that_read_at_once() -> None:
    with pytest.raises(InputError) as error:
        on("pipelayer", wide(8), "schedule.kind=layer_serial")
    assert str(error.value) == (
        "design pipelayer: schedule.kind: got layer_serial, expected a chip with a number of tiles"
    )


def test_a_column_that_finds_no_room_to_be_written_is_refused() -> None:
    net = Net(600, 2, 2)
    net.conv("image", 64)
    with pytest.raises(InputError) as error:
        on("atomlayer", net, *TINY, "rotation.stored_arrays=8")
    assert str(error.value) == (
        "small: design atomlayer, layer 'conv0': got 20 arrays, which are written before each pass, expected a layer"
        " that finds room in the 4 arrays left for writing, one without groups at least with a column of 5;"
        " more chips, or a larger rotation.stored_arrays"
    )


@pytest.mark.parametrize("schedule", ["layer_serial", "pipelined"])
def test_schedules_that_do_not_train_say_so(schedule: str) -> None:
    design = load_design("isaac", [f"schedule.kind={schedule}"])
    with pytest.raises(InputError) as error:
        place(chain().graph(), design, training=Training(4))
    assert str(error.value) == (
        f"--training: design isaac: got schedule.kind {schedule}, expected a design that trains"
        " (schedule.kind image_pipelined)"
    )


def test_an_update_needs_the_time_to_write_a_row() -> None:
    with pytest.raises(InputError) as error:
        on("isaac", chain(), "schedule.kind=image_pipelined", batch=4)
    assert str(error.value) == (
        "--training: design isaac: expected array.write_ns, the time to write a row in an update"
    )


def test_recurrent_layers_are_not_trained() -> None:
    graph = from_model(stacked("LSTM", 1, steps=2), source="net.onnx", base_dir=None)
    design = load_design("isaac", ["schedule.kind=image_pipelined", "array.write_ns=100"])
    assert place(graph, design).jobs
    with pytest.raises(InputError) as error:
        place(graph, design, training=Training(4))
    assert str(error.value).endswith(
        "layer 'rnn0': got LSTM, expected layers without recurrence: how a design trains them was not published"
    )


def test_the_policy_of_pipelayer_needs_a_number_of_windows() -> None:
    with pytest.raises(InputError) as error:
        on("isaac", chain(), "copies.policy=pipelayer")
    assert str(error.value) == ("copies.policy: got pipelayer, expected a number of windows, pipelayer.steps, with it")


@pytest.mark.parametrize("design", ["atomlayer", "pipelayer"])
def test_a_layer_by_itself_that_finds_no_room_in_a_buffer_is_refused(design: str) -> None:
    with pytest.raises(InputError, match=re.escape("at most 8 (tile.buffer_bytes)")):
        on(design, wide(8, 8), "tile.buffer_bytes=8")


def test_layers_in_lock_step_have_a_logical_cycle_each_and_vector_layers_that_of_the_one_before() -> None:
    placement = on("isaac", SMALL["inception"](), "schedule.kind=image_pipelined")
    matrix = [job.cycle for job, plan in zip(placement.jobs, placement.plans, strict=True) if plan.tiling]
    assert matrix == list(range(len(matrix)))
    assert placement.logical_places == len(matrix)
    vectors = [number for number, plan in enumerate(placement.plans) if not plan.tiling]
    assert vectors
    assert all(placement.jobs[number].cycle == placement.jobs[number - 1].cycle for number in vectors)


def test_training_adds_the_errors_of_all_but_the_first_layers_and_every_gradient() -> None:
    placement = on("pipelayer", chain(), batch=4)
    assert [(job.kind, job.cycle) for job in placement.jobs] == [
        ("forward", 0),
        ("forward", 1),
        ("forward", 2),
        ("gradient", 0),
        ("error", 1),
        ("gradient", 1),
        ("error", 2),
        ("gradient", 2),
    ]
    assert placement.logical_places == 2 * 3 + 1


def test_the_arrays_of_vgg16_on_pipelayer() -> None:
    """79,616 arrays hold the convolutions' weights where each layer has W / 49 copies, and as many again the negative
    ones; the classifiers have a copy each."""
    stages = build_stages(load(MODELS / "vgg16.onnx"))
    for sign, arrays in (("offset", 79_616), ("pair_arrays", 2 * 79_616)):
        design = load_design("pipelayer", [f"array.sign={sign}"])
        tilings = {stage.index: tile_layer(stage.matrix, design) for stage in stages.stages if stage.matrix}
        copies = copies_of(stages, tilings, design, 0, uses_of(stages))
        assert list(copies.values()) == [1024, 1024, 256, 256, 64, 64, 64, 16, 16, 16, 4, 4, 4, 1, 1, 1]
        assert sum(copies[i] * tilings[i].arrays for i in list(copies)[:13]) == arrays
