import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { get } from "../api/request";
import type { Series, Vgpu } from "../api/types";
import { ofVgpu } from "../picture/palette";
import { BandChart, type BandOf } from "./BandChart";

/** Steps of the series that reach far enough: a second for an hour, ten for a day. */
const stepOf = (seconds: number, back: number) => (seconds * (back + 1) <= 3600 ? 1 : 10);

/** Who had the device in a stretch of the past, by what is kept of each vGPU. */
export function SeriesBands({
  vgpus,
  seconds,
  back,
}: {
  vgpus: readonly Vgpu[];
  seconds: number;
  back: number;
}) {
  const step = stepOf(seconds, back);
  const ids = vgpus.map((vgpu) => vgpu.id).join(",");
  const asked = useQuery({
    queryKey: ["bands", ids, seconds, back],
    queryFn: async () => {
      const until = Date.now() - back * seconds * 1000;
      const since = until - seconds * 1000;
      const series = await Promise.all(
        vgpus.map((vgpu) =>
          get<Series>(
            `/vgpus/${vgpu.id}/series?step_seconds=${step}&since_ms=${since}&until_ms=${until}`,
          ),
        ),
      );
      return { since, until, series };
    },
    refetchInterval: back === 0 ? 5000 : false,
    placeholderData: keepPreviousData,
    enabled: vgpus.length > 0,
  });
  const bands = useMemo(
    () => (asked.data === undefined ? [] : bandsOf(vgpus, asked.data, step)),
    [asked.data, vgpus, step],
  );
  const clock = (ms: number | undefined) =>
    ms === undefined ? "" : new Date(ms).toLocaleTimeString();
  return <BandChart bands={bands} from={clock(asked.data?.since)} to={clock(asked.data?.until)} />;
}

function bandsOf(
  vgpus: readonly Vgpu[],
  told: { since: number; until: number; series: Series[] },
  step: number,
): BandOf[] {
  const steps = Math.max(1, Math.round((told.until - told.since) / (step * 1000)));
  return vgpus.map((vgpu, number) => {
    const shares = new Array<number>(steps).fill(0);
    for (const point of told.series[number]?.points ?? []) {
      const at = Math.floor((point.at_ms - told.since) / (step * 1000));
      if (at >= 0 && at < steps) shares[at] = point.values["consumed"]?.[0] ?? 0;
    }
    return { id: vgpu.id, name: vgpu.name, colour: ofVgpu(vgpu.id), promised: vgpu.compute, shares };
  });
}
