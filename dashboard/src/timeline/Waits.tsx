import { useMemo } from "react";
import type { Vgpu } from "../api/types";
import { ofVgpu } from "../picture/palette";
import { useWords, written } from "../words";
import { mean } from "./BandChart";
import { Strip } from "./Strip";
import { type Kept, stepsOf } from "./useSeries";

interface Row {
  vgpu: Vgpu;
  waiting: readonly (number | null)[];
  debt: readonly (number | null)[];
}

/** Of each vGPU, how long it waited for the device and how much of its time it owed to others. */
export function Waits({ vgpus, kept }: { vgpus: readonly Vgpu[]; kept: Kept | undefined }) {
  const words = useWords();
  const rows = useMemo(
    (): Row[] =>
      vgpus.map((vgpu) => ({
        vgpu,
        waiting: kept === undefined ? [] : stepsOf(kept, vgpu.id, "waiting"),
        debt: kept === undefined ? [] : stepsOf(kept, vgpu.id, "debt"),
      })),
    [kept, vgpus],
  );
  // All debts on one scale, so that they can be compared; a scale of its own would make noise tall.
  const most = Math.max(LEAST_SCALE_MS, ...rows.flatMap((row) => row.debt.map((one) => one ?? 0)));
  return (
    <table className="waits">
      <thead>
        <tr>
          <th scope="col">vGPU</th>
          <th scope="col">{words("waited")} (0–100 %)</th>
          <th scope="col">{words("on-average")}</th>
          <th scope="col">
            {words("owed")} (0–{milliseconds(most)})
          </th>
          <th scope="col">{words("at-most")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ vgpu, waiting, debt }) => (
          <tr key={vgpu.id} data-waits={vgpu.id}>
            <th scope="row">
              <i className="swatch" style={{ background: ofVgpu(vgpu.id) }} /> {vgpu.name}
            </th>
            <td>
              <Strip values={waiting} most={100} colour={ofVgpu(vgpu.id)} />
            </td>
            <td data-told="waiting">{said(waiting, mean, (share) => written(share, "percent"))}</td>
            <td>
              <Strip values={debt} most={most} colour={ofVgpu(vgpu.id)} />
            </td>
            <td data-told="debt">{said(debt, highest, milliseconds)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const LEAST_SCALE_MS = 10;

const highest = (values: readonly number[]) => Math.max(...values);

function milliseconds(value: number): string {
  return value < 10_000 ? `${written(value, "number")} ms` : `${written(value / 1000, "number")} s`;
}

/** What comes of the steps that were measured, if any. */
function said(
  values: readonly (number | null)[],
  of: (known: readonly number[]) => number,
  write: (value: number) => string,
): string {
  const known = values.filter((one) => one !== null);
  return known.length === 0 ? "-" : write(of(known));
}
