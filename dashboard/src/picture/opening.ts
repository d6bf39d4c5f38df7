// Groups that are drawn as one, and one by one: those of a device, an owner or a mode.
import type { Picture } from "../api/types";
import type { Choice } from "./usePicture";

type Opened = Pick<Choice, "opened" | "closed">;

/** Whether what is opened by this key is drawn as one now. */
export function drawnAsOne(picture: Picture, opens: string): boolean {
  return picture.boxes.some((box) => box.opens === opens && box.id.startsWith("vgpus:"));
}

/** The choice with it opened, where it is drawn as one, or else closed. */
export function toggled<T extends Opened>(choice: T, opens: string, asOne: boolean): T {
  const without = (keys: readonly string[]) => keys.filter((key) => key !== opens);
  return {
    ...choice,
    opened: asOne ? [...without(choice.opened), opens] : without(choice.opened),
    closed: asOne ? without(choice.closed) : [...without(choice.closed), opens],
  };
}

/** Keeps the keyboard's place: what was drawn as one goes, its device or its frame stays. */
export function focusOn(picture: Picture, opens: string): void {
  const stays = picture.boxes.find((box) => box.opens === opens && STAYS.has(box.kind));
  if (stays === undefined) return;
  const node = `.react-flow__node[data-id="${CSS.escape(stays.id)}"]`;
  document.querySelector<HTMLElement>(node)?.focus();
}

const STAYS = new Set(["device", "group"]);
