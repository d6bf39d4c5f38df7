import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get } from "../api/request";
import type { Box, Device, EventPage, LeasePage, Picture, Vgpu } from "../api/types";
import { drawnAsOne } from "../picture/opening";
import { partsOf } from "../picture/zoom";
import { useWords, written } from "../words";
import { Acts } from "./Acts";
import { Curve } from "./Curve";
import { Facts } from "./Facts";
import { QueueDetails } from "./Queues";
import { Spending } from "./Spending";

interface Told {
  box: Box;
  picture: Picture;
  role: string;
  late: boolean;
  toggle: () => void;
}

/** All about the box that was chosen. */
export function Details({ box, picture, role, late, toggle }: Told) {
  const words = useWords();
  const isQueue = partsOf(box) !== null;
  const isVgpu = box.id.startsWith("vgpu:") || (box.subject ?? "").length === 32;
  const title = words(box.title.key, box.title.values ?? {});
  return (
    <section className="details" data-subject={box.subject}>
      <h2>{title}</h2>
      {box.reason && <p className="reason">{box.reason}</p>}
      {box.zooms && (
        <p>
          <button type="button" onClick={toggle}>
            {words("zoom-in")}
          </button>
        </p>
      )}
      {isQueue ? (
        <QueueDetails box={box} />
      ) : isVgpu && box.subject ? (
        <VgpuDetails id={box.subject} picture={picture} role={role} late={late} />
      ) : box.subject && box.kind !== "node" ? (
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

function Lines({ box }: { box: Box }) {
  const words = useWords();
  return (
    <ul>
      {(box.lines ?? []).map((line, number) => (
        <li key={number}>{words(line.key, line.values ?? {})}</li>
      ))}
    </ul>
  );
}

function VgpuDetails({ id, picture, role, late }: Omit<Told, "box" | "toggle"> & { id: string }) {
  const words = useWords();
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
  if (vgpu === undefined) return <p>{asked.error === null ? words("asking") : words("gone")}</p>;
  const facts: [string, string][] = [
    ["state", words(`state-${vgpu.state}`)],
    ["owner", vgpu.tenant],
    ["mode", vgpu.mode],
    ["memory-used", `${written(vgpu.memory_used, "size")} / ${written(vgpu.memory, "size")}`],
    ["guarantee", written(vgpu.compute, "percent")],
    ["limit", written(vgpu.compute_limit, "percent")],
    ["weight-of", String(vgpu.weight)],
    ["priority", vgpu.priority],
    ...Object.entries(vgpu.labels).map(([name, value]): [string, string] => [name, value]),
  ];
  return (
    <>
      {vgpu.reason !== "" && <p className="reason">{vgpu.reason}</p>}
      <Facts facts={facts} />
      <Curve
        path={`/vgpus/${id}/series?step_seconds=1`}
        lines={[
          { metric: "consumed", words: "had", colour: "#0072b2" },
          { metric: "granted", words: "promised-track", colour: "#d55e00", dash: true },
          { metric: "waiting", words: "waited", colour: "#e69f00" },
        ]}
      />
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
      {role !== "viewer" && <Acts vgpu={vgpu} picture={picture} late={late} />}
      <Events subject={id} />
    </>
  );
}

/** The button that draws a group's vGPUs one by one, or as one. */
function Opening({ box, picture, toggle }: Pick<Told, "box" | "picture" | "toggle">) {
  const words = useWords();
  if (!box.opens) return null;
  return (
    <button type="button" onClick={toggle}>
      {words(drawnAsOne(picture, box.opens) ? "open" : "close")}
    </button>
  );
}

function DeviceDetails({ uuid, children }: { uuid: string; children: ReactNode }) {
  const words = useWords();
  const asked = useQuery({
    queryKey: ["live", "device", uuid],
    queryFn: () => get<Device>(`/devices/${uuid}`),
    refetchInterval: 1000,
  });
  const device = asked.data;
  if (device === undefined) return <p>{asked.error === null ? words("asking") : words("gone")}</p>;
  const modes = (device.facts["modes"] ?? []) as { mode: string; can: boolean; why_not?: string }[];
  return (
    <>
      <Facts
        facts={[
          ["uuid", device.uuid],
          ["kind-of", device.kind],
          ["node-of", device.node],
          ["memory-reserved", `${written(device.reserved_memory, "size")} / ${written(device.memory, "size")}`],
          ["time-reserved", written(device.reserved_compute, "percent")],
          ["vgpus-of", String(device.vgpus)],
          ["policy-of", device.policy.policy ?? "best-effort"],
        ]}
      />
      <p>
        {children}{" "}
        <a href={`#/timeline/${encodeURIComponent(uuid)}`}>{words("page-timeline")}</a>
      </p>
      <Curve
        path={`/devices/${uuid}/series?step_seconds=1`}
        lines={[{ metric: "busy", words: "busy-track", colour: "#0072b2" }]}
      />
      <h3>{words("modes")}</h3>
      <ul className="modes">
        {modes.map((one) => (
          <li key={one.mode} className={one.can ? "can" : "cannot"}>
            {words(`mode-${one.mode}`)}
            {one.can ? "" : `: ${one.why_not ?? "?"}`}
          </li>
        ))}
      </ul>
      <Events subject={uuid} />
    </>
  );
}

const BACK = 400; // events to look through for those of one subject
const SHOWN = 8;

function Events({ subject }: { subject: string }) {
  const words = useWords();
  const asked = useQuery({
    queryKey: ["live", "events", subject],
    queryFn: async () => {
      const { sequence } = await get<{ sequence: number }>("/node");
      const since = Math.max(0, sequence - BACK);
      return get<EventPage>(`/events?since=${since}&limit=${BACK}`);
    },
    refetchInterval: 5000,
  });
  const own = (asked.data?.items ?? []).filter((event) => event.subject === subject);
  return (
    <>
      <h3>{words("events")}</h3>
      <ol className="events">
        {own
          .slice(-SHOWN)
          .reverse()
          .map((event) => (
            <li key={event.sequence}>
              <time dateTime={new Date(event.at_ms).toISOString()}>
                {new Date(event.at_ms).toLocaleTimeString()}
              </time>{" "}
              {event.kind}
            </li>
          ))}
        {own.length === 0 && <li>{words("no-events")}</li>}
      </ol>
    </>
  );
}
