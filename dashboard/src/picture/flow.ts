// The picture as nodes and edges of React Flow, each where the description has it.
import type { Edge as FlowEdge, Node } from "@xyflow/react";
import type { Said } from "../Told";
import type { Box, Edge, Picture } from "../api/types";
import { written } from "../words";

export type BoxNodeType = Node<{ box: Box; chosen: boolean; found: boolean }, "box">;
export type BandNodeType = Node<{ layer: string }, "band">;
export type FlowEdgeType = FlowEdge<{ edge: Edge }, "flow">;

export interface Flow {
  nodes: (BoxNodeType | BandNodeType)[];
  edges: FlowEdgeType[];
  /** The ids of the boxes that a search is about. */
  found: string[];
}

const MARGIN = 24;
/** Behind everything, the layers; then edges; frames, whose titles cover edges; devices; the rest. */
const DEPTHS: Record<string, number> = { node: -1, group: -1, device: 0, mode: 1 };

/** Nodes by their boxes: what hasn't changed is the same object again, and is not drawn anew. */
const known = new WeakMap<Box, BoxNodeType>();

function nodeOf(box: Box, chosen: boolean, found: boolean): BoxNodeType {
  const before = known.get(box);
  if (before?.data.chosen === chosen && before.data.found === found) return before;
  const made: BoxNodeType = {
    id: box.id,
    type: "box",
    position: { x: box.x, y: box.y },
    width: box.width,
    height: box.height,
    data: { box, chosen, found },
    zIndex: DEPTHS[box.kind] ?? 2,
    selected: chosen,
    focusable: box.look !== "frame" || Boolean(box.opens),
    selectable: box.look !== "frame" || Boolean(box.opens),
  };
  known.set(box, made);
  return made;
}

/** What flows through an edge now, in figures; nothing where nothing does. */
export function flowing(edge: Edge): string {
  const share = edge.share ?? 0;
  const bytes = edge.bytes_per_second ?? 0;
  return [
    ...(share > 0 ? [written(share, "percent")] : []),
    ...(bytes > 0 ? [written(bytes, "rate")] : []),
  ].join(" · ");
}

/** Why it can't be, or isn't as it is wanted. */
export function reasonOf(box: Box): Said {
  return { english: box.reason ?? "", lines: box.reason_lines, code: box.reason_code };
}

export function flowOf(picture: Picture, chosen: string, search: string): Flow {
  const text = search.trim().toLocaleLowerCase();
  const found = text === "" ? [] : picture.boxes.filter((box) => is(box, text)).map((box) => box.id);
  const marked = new Set(found);
  const bands: BandNodeType[] = picture.bands.map((band, number) => ({
    id: `band:${number}`,
    type: "band",
    position: { x: MARGIN, y: band.y },
    width: picture.width - 2 * MARGIN,
    height: band.height,
    data: { layer: band.layer },
    zIndex: -3,
    selectable: false,
    focusable: false,
  }));
  const boxes = picture.boxes.map((box) => nodeOf(box, box.id === chosen, marked.has(box.id)));
  const edges: FlowEdgeType[] = picture.edges.map((edge) => ({
    id: edge.id,
    type: "flow",
    source: edge.source,
    target: edge.target,
    data: { edge },
    ariaLabel: flowing(edge) || written(0, "percent"),
    selectable: false,
    zIndex: -2,
  }));
  return { nodes: [...bands, ...boxes], edges, found };
}

function is(box: Box, text: string): boolean {
  if (box.kind === "mode") return false;
  const told = [...Object.values(box.title.values ?? {}), box.owner ?? "", box.subject ?? ""];
  return told.some((one) => String(one).toLocaleLowerCase().includes(text));
}
