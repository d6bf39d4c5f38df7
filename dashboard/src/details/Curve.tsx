import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { get } from "../api/request";
import type { Series } from "../api/types";
import { useWords } from "../words";

export interface CurveLine {
  metric: string;
  words: string;
  colour: string;
  dash?: boolean;
}

const SPAN_MS = 120_000;
const HEIGHT = 120;

/** The last two minutes of a series, in percent. */
export function Curve({ path, lines }: { path: string; lines: readonly CurveLine[] }) {
  const words = useWords();
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const asked = useQuery({
    queryKey: ["live", "series", path],
    queryFn: () => get<Series>(`${path}&since_ms=${Date.now() - SPAN_MS}`),
    refetchInterval: 1000,
    gcTime: 5000,
  });
  const names = lines.map((line) => words(line.words));
  const known = names.join("\n");
  useEffect(() => {
    if (place.current === null) return undefined;
    const made = new uPlot(
      {
        width: place.current.clientWidth || 300,
        height: HEIGHT,
        legend: { show: true, live: false },
        cursor: { show: false },
        scales: { y: { range: [0, 100] } },
        axes: [{ show: false }, { size: 54, stroke: "#7b8794", values: (_, all) => all.map((v) => `${v}%`) }],
        series: [
          {},
          ...lines.map((line, number) => ({
            label: names[number] ?? "",
            stroke: line.colour,
            width: 1.5,
            ...(line.dash === true ? { dash: [4, 3] } : {}),
          })),
        ],
      },
      [[], ...lines.map(() => [])],
      place.current,
    );
    plot.current = made;
    const watch = new ResizeObserver(([entry]) => {
      const width = entry?.contentRect.width ?? 0;
      if (width > 0) made.setSize({ width, height: HEIGHT });
    });
    watch.observe(place.current);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
    // Not of `lines`: they are the same for all paths of a kind, and `known` has their words.
  }, [path, known]);
  useEffect(() => {
    const points = asked.data?.points ?? [];
    plot.current?.setData([
      points.map((point) => point.at_ms / 1000),
      ...lines.map((line) => points.map((point) => point.values[line.metric]?.[0] ?? null)),
    ] as uPlot.AlignedData);
  }, [asked.data, lines, known]);
  return <div className="curve" ref={place} role="img" aria-label={names.join(", ")} />;
}
