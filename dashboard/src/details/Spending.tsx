import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { get } from "../api/request";
import type { RunningReceipt } from "../api/types";
import { PARTS } from "../timeline/parts";
import { useWords, written } from "../words";

type Received = RunningReceipt["received"];

const LOOKS = 4; // the newest is compared with the oldest: a few seconds

/** Where the time of a vGPU's programs goes now: of their lives, as long as they are there. */
export function Spending({ id }: { id: string }) {
  const words = useWords();
  const [looks, setLooks] = useState<readonly Received[]>([]);
  const asked = useQuery({
    queryKey: ["spending", id],
    queryFn: () => get<RunningReceipt>(`/vgpus/${id}/receipt`),
    refetchInterval: 1000,
    gcTime: 0,
  });
  const newest = asked.data?.received;
  useEffect(() => {
    if (newest !== undefined) setLooks((before) => [...before.slice(1 - LOOKS), newest]);
  }, [newest]);
  const [from, to] = [looks[0], looks.at(-1)];
  if (from === undefined || to === undefined || asked.error !== null) return null;
  const parts = partsOf(from, to);
  if (parts.length === 0) return null;
  return (
    <>
      <h3>{words("spending-now")}</h3>
      <div className="receipt" data-spending={id}>
        <div className="track" aria-hidden="true">
          {parts.map(([name, colour, share]) => (
            <i key={name} style={{ width: `${share}%`, background: colour }} />
          ))}
        </div>
        <ul className="legend">
          {parts.map(([name, colour, share]) => (
            <li key={name} data-part={name}>
              <i className="swatch" style={{ background: colour }} />
              {words(`part-${name}`)} {written(share, "percent")}
            </li>
          ))}
        </ul>
      </div>
    </>
  );
}

/** What of a receipt tells of a part, where it isn't named after it. */
const TOLD: Record<string, string> = { start_up: "start_ns" };

/** Shares in percent of the time that guest processes lived between two looks, one by one. */
function partsOf(from: Received, to: Received): [name: string, colour: string, share: number][] {
  const grown = (name: string) => Math.max(0, (to[name] ?? 0) - (from[name] ?? 0));
  const alive = grown("alive_ns");
  if (alive === 0) return [];
  const found = new Map<string, number>();
  let rest = 100;
  for (const [name] of PARTS) {
    // Claims may run ahead by a moment.
    const share = Math.min(rest, (100 * grown(TOLD[name] ?? `${name}_ns`)) / alive);
    found.set(name, share);
    rest -= share;
  }
  found.set("program", rest); // what is outside of the driver is its own
  return PARTS.map(([name, colour]): [string, string, number] => [
    name,
    colour,
    found.get(name) ?? 0,
  ]).filter(([, , share]) => share >= 0.05);
}
