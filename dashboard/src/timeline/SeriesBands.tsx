import { useMemo } from "react";
import type { Vgpu } from "../api/types";
import { ofVgpu } from "../picture/palette";
import { useClock } from "../words";
import { BandChart, type BandOf } from "./BandChart";
import { type Kept, stepsOf } from "./useSeries";

/** Who had the device in a stretch of the past, by what is kept of each vGPU. */
export function SeriesBands({ vgpus, kept }: { vgpus: readonly Vgpu[]; kept: Kept | undefined }) {
  const bands = useMemo(() => (kept === undefined ? [] : bandsOf(vgpus, kept)), [kept, vgpus]);
  const time = useClock();
  const at = (ms: number | undefined) => (ms === undefined ? "" : time(ms));
  return <BandChart bands={bands} from={at(kept?.since)} to={at(kept?.until)} />;
}

function bandsOf(vgpus: readonly Vgpu[], kept: Kept): BandOf[] {
  return vgpus.map((vgpu) => ({
    id: vgpu.id,
    name: vgpu.name,
    colour: ofVgpu(vgpu.id),
    promised: vgpu.compute,
    shares: stepsOf(kept, vgpu.id, "consumed").map((share) => share ?? 0),
  }));
}
