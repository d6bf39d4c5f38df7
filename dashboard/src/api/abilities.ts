// Which modes a device can do, and why not, as discovery tells them among its facts.
import type { Said } from "../Told";
import type { Device, Line } from "./types";

export interface Ability {
  mode: string;
  can: boolean;
  /** Why it can't, or what one has to know although it can. */
  said: Said;
}

interface Fact {
  mode: string;
  can: boolean;
  why_not?: string | null;
  note?: string | null;
  lines?: Line[];
}

export function abilitiesOf(device: Device): Ability[] {
  return ((device.facts["modes"] ?? []) as Fact[]).map(({ mode, can, why_not, note, lines }) => ({
    mode,
    can,
    said: { english: (can ? note : why_not) ?? "", lines },
  }));
}
