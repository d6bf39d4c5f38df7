// What is kept of some vGPUs over a stretch of time, in steps.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { get } from "../api/request";
import type { Series, Vgpu } from "../api/types";

export interface Kept {
  since: number;
  until: number;
  stepSeconds: number;
  /** By the vGPU: what is shown until an answer comes may be of others. */
  series: ReadonlyMap<string, Series>;
}

/** Steps of the series that reach far enough: a second for an hour, ten for a day. */
const stepOf = (seconds: number, back: number) => (seconds * (back + 1) <= 3600 ? 1 : 10);

/** The newest steps are asked for again and again, each second where few are shown. */
const beatOf = (seconds: number) => (seconds <= 60 ? 1000 : 5000);

export function useSeries(vgpus: readonly Vgpu[], seconds: number, back: number): Kept | undefined {
  const stepSeconds = stepOf(seconds, back);
  const ids = vgpus.map((vgpu) => vgpu.id);
  return useQuery({
    queryKey: ["series", ids.join(","), seconds, back],
    queryFn: async () => {
      const until = Date.now() - back * seconds * 1000;
      const since = until - seconds * 1000;
      const range = `step_seconds=${stepSeconds}&since_ms=${since}&until_ms=${until}`;
      const told = await Promise.all(
        ids.map(async (id): Promise<[string, Series]> => [
          id,
          await get<Series>(`/vgpus/${id}/series?${range}`),
        ]),
      );
      return { since, until, stepSeconds, series: new Map(told) };
    },
    refetchInterval: back === 0 ? beatOf(seconds) : false,
    placeholderData: keepPreviousData,
    enabled: ids.length > 0,
  }).data;
}

/** A metric of one vGPU, step by step; null where nothing was measured. */
export function stepsOf(kept: Kept, vgpu: string, metric: string): (number | null)[] {
  const long = kept.stepSeconds * 1000;
  const steps = new Array<number | null>(Math.max(1, Math.round((kept.until - kept.since) / long)));
  steps.fill(null);
  for (const point of kept.series.get(vgpu)?.points ?? []) {
    const at = Math.floor((point.at_ms - kept.since) / long);
    if (at >= 0 && at < steps.length) steps[at] = point.values[metric]?.[0] ?? null;
  }
  return steps;
}
