import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { get } from "../api/request";
import type { Turns, Vgpu } from "../api/types";
import { OTHERS, ofVgpu } from "../picture/palette";
import { useWords } from "../words";
import { BandChart, type BandOf } from "./BandChart";

const STEPS = 240;

/** Who had the device in the last seconds, by its own log of turns. */
export function TurnBands({
  device,
  vgpus,
  seconds,
}: {
  device: string;
  vgpus: readonly Vgpu[];
  seconds: number;
}) {
  const words = useWords();
  const asked = useQuery({
    queryKey: ["live", "turns", device],
    queryFn: () => get<Turns>(`/devices/${encodeURIComponent(device)}/turns`),
    refetchInterval: 1000,
    gcTime: 0,
  });
  const bands = useMemo(
    () => (asked.data === undefined ? [] : bandsOf(asked.data, vgpus, seconds, words("others-of"))),
    [asked.data, vgpus, seconds, words],
  );
  return <BandChart bands={bands} from={words("ago", { seconds })} to={words("now")} />;
}

export function bandsOf(
  told: Turns,
  vgpus: readonly Vgpu[],
  seconds: number,
  others: string,
): BandOf[] {
  const span = seconds * 1e9;
  const begin = told.now_ns - span;
  const step = span / STEPS;
  const shares = new Map<string, number[]>();
  for (const [vgpu, began, ended] of told.turns as unknown as [string, number, number][]) {
    if (ended <= begin) continue;
    let kept = shares.get(vgpu);
    if (kept === undefined) {
      kept = new Array<number>(STEPS).fill(0);
      shares.set(vgpu, kept);
    }
    // A turn may lie in several steps.
    const last = Math.min(STEPS - 1, Math.floor((ended - begin) / step));
    for (let at = Math.max(0, Math.floor((began - begin) / step)); at <= last; at += 1) {
      const from = Math.max(began, begin + at * step);
      const to = Math.min(ended, begin + (at + 1) * step);
      if (to > from) kept[at] = (kept[at] ?? 0) + (100 * (to - from)) / step;
    }
  }
  const bands: BandOf[] = vgpus
    .filter((vgpu) => shares.has(vgpu.id) || vgpu.compute > 0)
    .map((vgpu) => ({
      id: vgpu.id,
      name: vgpu.name,
      colour: ofVgpu(vgpu.id),
      promised: vgpu.compute,
      shares: shares.get(vgpu.id) ?? new Array<number>(STEPS).fill(0),
    }));
  const known = new Set(vgpus.map((vgpu) => vgpu.id));
  for (const [vgpu, kept] of shares) {
    if (!known.has(vgpu)) {
      bands.push({ id: vgpu || "others", name: others, colour: OTHERS, promised: 0, shares: kept });
    }
  }
  return bands;
}
