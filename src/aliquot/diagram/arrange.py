"""The layout: columns of devices in rows, rows in nodes, and the queue beside them.

Layers go from the top down, as the field draws them. It is computed, not relaxed: the same scene
and the same slots give the same picture, to the pixel.
"""

from __future__ import annotations

from aliquot.diagram import frames, grouped, hybrid, measures, opened
from aliquot.diagram.column import Column, column, drawn
from aliquot.diagram.frames import Laid
from aliquot.diagram.scene import Choice, Grouping, Scene
from aliquot.diagram.slots import Slots
from aliquot.model.api.devices import DeviceResource
from aliquot.model.api.picture import Box, Edge, Picture


def arrange(scene: Scene, choice: Choice, slots: Slots) -> Picture:
    """The picture of a scene, or of the one vGPU in it that was chosen."""
    if choice.vgpu is not None:
        return _of_one(scene, choice.vgpu, slots)
    if choice.grouping is Grouping.NODE:
        carriers = [vgpu.on for vgpu in scene.vgpus if vgpu.on is not None]
        slots.keep_only([*(device.uuid for device in scene.devices), *carriers])
    else:
        slots.keep_only(list(grouped.keys(scene, choice)))
    scene = hybrid.folded(_chosen(scene, choice))
    if choice.grouping is Grouping.NODE:
        boxes, edges, bands, right, top = _on_their_devices(scene, choice, slots)
    else:
        boxes, edges, bands, right, top = grouped.arrange(scene, choice, slots)
    left = measures.MARGIN + measures.LABELS
    waiting = [vgpu for vgpu in scene.vgpus if vgpu.device is None]
    if waiting:
        queue = frames.queue(waiting, left, top)
        boxes.append(queue)
        top, right = queue.y + queue.height + measures.ROW_GAP, max(right, queue.x + queue.width)
    return Picture(
        node=scene.node,
        at_ms=scene.at_ms,
        sequence=scene.sequence,
        width=max(right, left + measures.SLOT) + measures.MARGIN,
        height=top - measures.ROW_GAP + measures.MARGIN if boxes else 2 * measures.MARGIN,
        bands=bands,
        boxes=boxes,
        edges=edges,
    )


def _of_one(scene: Scene, vgpu: str, slots: Slots) -> Picture:
    """The processes and command queues of a vGPU."""
    [one] = [known for known in scene.vgpus if known.id == vgpu]
    boxes, edges, bands, right, below = opened.arrange(scene, one, slots)
    return Picture(
        node=scene.node,
        at_ms=scene.at_ms,
        sequence=scene.sequence,
        width=right + measures.MARGIN,
        height=below - measures.ROW_GAP + measures.MARGIN,
        bands=bands,
        boxes=boxes,
        edges=edges,
        vgpu=vgpu,
    )


def _chosen(scene: Scene, choice: Choice) -> Scene:
    """Without what is not to be seen."""
    devices, vgpus = scene.devices, scene.vgpus
    if choice.device is not None:
        shown = hybrid.of_card(devices, choice.device)
        devices = [device for device in devices if device.uuid in shown]
        vgpus = [vgpu for vgpu in vgpus if vgpu.device in shown]
    if choice.owner is not None:
        vgpus = [vgpu for vgpu in vgpus if vgpu.tenant == choice.owner]
    return scene._replace(devices=devices, vgpus=vgpus)


def _on_their_devices(scene: Scene, choice: Choice, slots: Slots) -> Laid:
    """Each device a column, with all that stands over it."""

    def made(device: DeviceResource) -> Column:
        return column(scene, device, choice, slots)

    def draw(one: Column, x: int, y: int) -> tuple[list[Box], list[Edge]]:
        return drawn(scene, one, x, y)

    left, top = measures.MARGIN + measures.LABELS, measures.MARGIN
    return frames.nodes(scene.devices, made, draw, measures.LAYERS, measures.ROW, left, top)
