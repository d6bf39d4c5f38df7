import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "../api/request";
import type { DevicePage, Picture, Vgpu, VgpuPage } from "../api/types";
import { useLate } from "../api/late";
import { BarView } from "../picture/BarView";
import { Fresh } from "../picture/Fresh";
import { useWords, written } from "../words";
import { Receipts } from "./Receipts";
import { SeriesBands } from "./SeriesBands";
import { TurnBands } from "./TurnBands";
import { Waits } from "./Waits";
import { useSeries } from "./useSeries";

/** How far back, in seconds: turns for the last minute, series beyond. */
const SPANS = [2, 10, 60, 600, 3600, 86_400] as const;
const TURNS_REACH = 60;
const NONE: readonly Vgpu[] = [];

/** Per device: who had it when, its memory, who waited, and where the time of leases went. */
export function Timeline({ device }: { device: string }) {
  const words = useWords();
  const [span, setSpan] = useState<number>(10);
  const [back, setBack] = useState(0);
  const devices = useQuery({
    queryKey: ["live", "devices"],
    queryFn: () => get<DevicePage>("/devices"),
    refetchInterval: 5000,
  });
  const listed = devices.data?.items ?? [];
  const shown = listed.find((one) => one.uuid === device) ?? listed[0];
  const uuid = shown?.uuid ?? "";
  const vgpus = useQuery({
    queryKey: ["live", "vgpus-of", uuid],
    queryFn: () => get<VgpuPage>(`/vgpus?device=${encodeURIComponent(uuid)}&limit=1000`),
    refetchInterval: 1000,
    enabled: uuid !== "",
  });
  const picture = useQuery({
    queryKey: ["live", "picture-of", uuid],
    queryFn: () => get<Picture>(`/diagram?device=${encodeURIComponent(uuid)}`),
    refetchInterval: 1000,
    enabled: uuid !== "",
  });
  const late = useLate(Math.min(vgpus.dataUpdatedAt, picture.dataUpdatedAt || vgpus.dataUpdatedAt));
  const on = vgpus.data?.items ?? NONE;
  const kept = useSeries(on, span, span > TURNS_REACH ? back : 0);
  if (shown === undefined) {
    const why = devices.data ? "no-devices" : devices.error === null ? "asking" : "daemon-away";
    return (
      <p className="notice" role="status">
        {words(why)}
      </p>
    );
  }
  const box = picture.data?.boxes.find((one) => one.id === `device:${uuid}`);
  return (
    <div className={late === null ? "timeline" : "timeline late"}>
      <div className="tools">
        <label>
          {words("device-of")}{" "}
          <select
            value={uuid}
            onChange={(event) => {
              location.hash = `#/timeline/${encodeURIComponent(event.target.value)}`;
            }}
          >
            {listed.map((one) => (
              <option key={one.uuid} value={one.uuid}>
                {one.index} {one.name}
              </option>
            ))}
          </select>
        </label>
        <label>
          {words("span")}{" "}
          <select value={span} onChange={(event) => setSpan(Number(event.target.value))}>
            {SPANS.map((one) => (
              <option key={one} value={one}>
                {words(`span-${one}`)}
              </option>
            ))}
          </select>
        </label>
        {span > TURNS_REACH && (
          <span className="back">
            <button type="button" onClick={() => setBack(back + 1)}>
              {words("earlier")}
            </button>
            <button type="button" disabled={back === 0} onClick={() => setBack(back - 1)}>
              {words("later")}
            </button>
          </span>
        )}
        {(span <= TURNS_REACH || back === 0) && vgpus.data !== undefined && <Fresh late={late} />}
      </div>
      <h2>{words("who-had-it")}</h2>
      {span <= TURNS_REACH ? (
        <TurnBands device={uuid} vgpus={on} seconds={span} />
      ) : (
        <SeriesBands vgpus={on} kept={kept} />
      )}
      <h2>{words("waits-and-debts")}</h2>
      <Waits vgpus={on} kept={kept} />
      <h2>{words("memory-map")}</h2>
      <div className="memory-map">
        {(box?.bars ?? [])
          .filter((bar) => bar.kind === "memory")
          .map((bar) => (
            <BarView key={bar.kind} bar={bar} />
          ))}
      </div>
      <h2>{words("who-waits")}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">vGPU</th>
            <th scope="col">{words("promised-track")}</th>
            <th scope="col">{words("had")}</th>
            <th scope="col">{words("waited")}</th>
            <th scope="col">{words("fact-memory-used")}</th>
          </tr>
        </thead>
        <tbody>
          {on.map((vgpu) => (
            <tr key={vgpu.id}>
              <th scope="row">{vgpu.name}</th>
              <td>{written(vgpu.compute, "percent")}</td>
              <td>{written(vgpu.measured?.["consumed"] ?? 0, "percent")}</td>
              <td>{written(vgpu.measured?.["waiting"] ?? 0, "percent")}</td>
              <td>
                {written(vgpu.memory_used, "size")} / {written(vgpu.memory, "size")}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Receipts vgpus={on} />
    </div>
  );
}
