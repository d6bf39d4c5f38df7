// Which vGPU is shown by its processes and queues, and which of these is chosen: it is in the address,
// so that a link leads there, and the browser's way back leads out.
import type { Box } from "../api/types";

export interface Zoom {
  vgpu: string;
  /** The id of the box that is chosen there; empty: none. */
  chosen: string;
}

/** As the address has it: the vGPU, and with points between the connection and the queue. */
export function zoomOf(rest: string): Zoom {
  const [vgpu = "", connection, queue] = rest.split(".");
  if (connection === undefined) return { vgpu, chosen: "" };
  const kind = queue === undefined ? `process:${connection}` : `queue:${connection}:${queue}`;
  return { vgpu, chosen: `${kind}:${vgpu}` };
}

/** The address of a box of a zoomed picture, or of the vGPU itself. */
export function addressOf(vgpu: string, box: string): string {
  const [kind, connection, queue] = box.split(":");
  if (kind === "process") return `#/architecture/${vgpu}.${connection}`;
  if (kind === "queue") return `#/architecture/${vgpu}.${connection}.${queue}`;
  return `#/architecture/${vgpu}`;
}

export const OUTSIDE = "#/architecture";

export function zoomTo(address: string): void {
  location.hash = address;
}

/** Another box is chosen: no step that the browser's way back would have to take. */
export function chooseAt(address: string): void {
  if (location.hash === address) return;
  history.replaceState(null, "", address);
}

/** The connection and queue that a box of a zoomed picture is about. */
export function partsOf(box: Box): { connection: number; queue: number | null } | null {
  const [kind, connection, queue, vgpu] = box.id.split(":");
  if (kind === "process") return { connection: Number(connection), queue: null };
  // The queue of vGPUs that wait for a place is called so, too.
  if (vgpu === undefined || kind !== "queue") return null;
  return { connection: Number(connection), queue: Number(queue) };
}
