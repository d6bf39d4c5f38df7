import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get } from "../api/request";
import { Told } from "../Told";
import { abilitiesOf } from "../api/abilities";
import { useLate } from "../api/late";
import type { Box, Device, LeasePage, Picture, Vgpu } from "../api/types";
import { Fresh } from "../picture/Fresh";
import { reasonOf } from "../picture/flow";
import { drawnAsOne } from "../picture/opening";
import { partsOf } from "../picture/zoom";
import { type Say, useLines, useNames, useWords, written } from "../words";
import { Acts } from "./Acts";
import { Curve, type CurveLine } from "./Curve";
import { Events } from "./Events";
import { Facts, Labels } from "./Facts";
import { missing } from "./missing";
import { QueueDetails } from "./Queues";
import { Spending } from "./Spending";

const VGPU_LINES: readonly CurveLine[] = [
  { metric: "consumed", words: "had", colour: "#0072b2" },
  { metric: "granted", words: "promised-track", colour: "#d55e00", dash: true },
  { metric: "waiting", words: "waited", colour: "#e69f00" },
];
const DEVICE_LINES: readonly CurveLine[] = [
  { metric: "busy", words: "busy-track", colour: "#0072b2" },
];

interface Chosen {
  box: Box;
  picture: Picture;
  mayAct: boolean;
  late: boolean;
  toggle: () => void;
}

/** All about the box that was chosen. */
export function Details({ box, picture, mayAct, late, toggle }: Chosen) {
  const words = useWords();
  const line = useLines();
  // A vGPU's own details tell its reason, newer than the picture's.
  const about = box.subject ? subjectOf(box) : "none";
  return (
    <section className="details" data-subject={box.subject}>
      <h2>{line(box.title)}</h2>
      {box.reason && about !== "vgpu" && (
        <p className="reason">
          <Told said={reasonOf(box)} />
        </p>
      )}
      {box.zooms && (
        <p>
          <button type="button" onClick={toggle}>
            {words("zoom-into")}
          </button>
        </p>
      )}
      {partsOf(box) !== null ? (
        <QueueDetails box={box} />
      ) : about === "vgpu" && box.subject ? (
        <VgpuDetails id={box.subject} mayAct={mayAct} late={late} />
      ) : about === "device" && box.subject ? (
        <DeviceDetails uuid={box.subject}>
          <Opening box={box} picture={picture} toggle={toggle} />
        </DeviceDetails>
      ) : (
        <>
          <Lines box={box} />
          <p>
            <Opening box={box} picture={picture} toggle={toggle} />
          </p>
        </>
      )}
    </section>
  );
}

/** What the subject of a box is. */
function subjectOf(box: Box): "vgpu" | "device" | "none" {
  if (box.layer === "node") return "none";
  return box.layer === "devices" || box.kind === "device-host" ? "device" : "vgpu";
}

function Lines({ box }: { box: Box }) {
  const line = useLines();
  return (
    <ul>
      {(box.lines ?? []).map((one, number) => (
        <li key={number}>{line(one)}</li>
      ))}
    </ul>
  );
}

function VgpuDetails({ id, mayAct, late }: Pick<Chosen, "mayAct" | "late"> & { id: string }) {
  const words = useWords();
  const names = useNames();
  const asked = useQuery({
    queryKey: ["live", "vgpu", id],
    queryFn: () => get<Vgpu>(`/vgpus/${id}`),
    refetchInterval: 1000,
  });
  const leases = useQuery({
    queryKey: ["live", "leases", id],
    queryFn: () => get<LeasePage>(`/leases?vgpu=${id}`),
    refetchInterval: 2000,
  });
  const vgpu = asked.data;
  if (vgpu === undefined) return <p>{words(missing(asked.error))}</p>;
  const facts: [string, string][] = [
    ["state", words(`state-${vgpu.state}`)],
    ["owner", vgpu.tenant],
    ["mode", names("mode", vgpu.mode)],
    ["memory-used", `${written(vgpu.memory_used, "size")} / ${written(vgpu.memory, "size")}`],
    ["guarantee", written(vgpu.compute, "percent")],
    ["limit", written(vgpu.compute_limit, "percent")],
    ["weight-of", String(vgpu.weight)],
    ["priority", names("priority", vgpu.priority)],
  ];
  return (
    <>
      {vgpu.reason !== "" && (
        <p className="reason">
          <Told
            said={{ english: vgpu.reason, lines: vgpu.reason_lines, code: vgpu.reason_code }}
          />
        </p>
      )}
      <Late answeredMs={asked.dataUpdatedAt} />
      <Facts facts={facts} />
      <Labels labels={vgpu.labels} />
      <Curve path={`/vgpus/${id}/series?step_seconds=1`} lines={VGPU_LINES} />
      {vgpu.leases > 0 && <Spending key={id} id={id} />}
      <h3>{words("leases")}</h3>
      <ul>
        {(leases.data?.items ?? []).map((lease) => (
          <li key={lease.id}>
            {lease.holder || "?"} ({lease.process_id}) ·{" "}
            {words(lease.enforced ? "enforced" : "advisory")}
          </li>
        ))}
        {leases.data?.items.length === 0 && <li>{words("unused")}</li>}
      </ul>
      {mayAct && vgpu.mode === "remoting" && <Acts key={`acts:${id}`} vgpu={vgpu} late={late} />}
      <Events subject={id} />
    </>
  );
}

/** The button that draws a group's vGPUs one by one, or as one. */
function Opening({ box, picture, toggle }: Pick<Chosen, "box" | "picture" | "toggle">) {
  const words = useWords();
  if (!box.opens) return null;
  return (
    <button type="button" onClick={toggle}>
      {words(drawnAsOne(picture, box.opens) ? "open" : "close")}
    </button>
  );
}

/** Says where what stands here isn't of now, although the picture may be. */
function Late({ answeredMs }: { answeredMs: number }) {
  const late = useLate(answeredMs);
  return late === null ? null : <Fresh late={late} />;
}

/** Which priority classes share a device, where its administrator has bounded that. */
function mixOf(device: Device, words: Say): string {
  const bounds = Object.entries(device.priority_mix ?? {}).map(([pair, most]) => {
    const [first = "", second = ""] = pair.split(":");
    return words("mix-pair", { first, second, most });
  });
  return bounds.join(words("between"));
}

function DeviceDetails({ uuid, children }: { uuid: string; children: ReactNode }) {
  const words = useWords();
  const names = useNames();
  const asked = useQuery({
    queryKey: ["live", "device", uuid],
    queryFn: () => get<Device>(`/devices/${uuid}`),
    refetchInterval: 1000,
  });
  const device = asked.data;
  if (device === undefined) return <p>{words(missing(asked.error))}</p>;
  const facts: [string, string][] = [
    ["uuid", device.uuid],
    ["kind-of", names("devicekind", device.kind)],
    ["node-of", device.node],
    ["memory-reserved", `${written(device.reserved_memory, "size")} / ${written(device.memory, "size")}`],
    ["time-reserved", written(device.reserved_compute, "percent")],
    ["vgpus-of", String(device.vgpus)],
    ["policy-of", names("policy", device.policy.policy ?? "best-effort")],
  ];
  const mix = mixOf(device, words);
  if (mix !== "") facts.push(["mix-of", mix]);
  return (
    <>
      <Late answeredMs={asked.dataUpdatedAt} />
      <Facts facts={facts} />
      <p>
        {children}{" "}
        <a href={`#/timeline/${encodeURIComponent(uuid)}`}>{words("page-timeline")}</a>
      </p>
      <Curve path={`/devices/${uuid}/series?step_seconds=1`} lines={DEVICE_LINES} />
      <h3>{words("modes")}</h3>
      <ul className="modes">
        {abilitiesOf(device).map((one) => (
          <li key={one.mode} className={one.can ? "can" : "cannot"}>
            {names("mode", one.mode)}
            {one.said.english !== "" && ": "}
            <Told said={one.said} />
          </li>
        ))}
      </ul>
      <Events subject={uuid} />
    </>
  );
}
