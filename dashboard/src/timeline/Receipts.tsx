import { useQuery } from "@tanstack/react-query";
import { get } from "../api/request";
import type { Receipt, ReceiptPage, Vgpu } from "../api/types";
import { useClock, useWords } from "../words";
import { PARTS } from "./parts";

/** The receipts of leases that ended on a device's vGPUs, each as a bar. */
export function Receipts({ vgpus }: { vgpus: readonly Vgpu[] }) {
  const words = useWords();
  const asked = useQuery({
    queryKey: ["live", "receipts"],
    queryFn: () => get<ReceiptPage>("/receipts?limit=100"),
    refetchInterval: 5000,
  });
  const ids = new Set(vgpus.map((vgpu) => vgpu.id));
  const own = (asked.data?.items ?? []).filter((one) => ids.has(one.vgpu)).slice(0, 12);
  return (
    <>
      <h2>{words("receipts")}</h2>
      {own.length === 0 ? (
        <p>{words("no-receipts")}</p>
      ) : (
        <>
          <ul className="legend">
            {PARTS.map(([name, colour]) => (
              <li key={name}>
                <i className="swatch" style={{ background: colour }} />
                {words(`part-${name}`)}
              </li>
            ))}
          </ul>
          {own.map((receipt) => (
            <Drawn key={receipt.id} receipt={receipt} />
          ))}
        </>
      )}
    </>
  );
}

function Drawn({ receipt }: { receipt: Receipt }) {
  const words = useWords();
  const time = useClock();
  const wall = Number(receipt.spending["wall_ns"] ?? 0);
  const parts = (receipt.spending["parts_ns"] ?? {}) as Record<string, number>;
  const seconds = (nanoseconds: number) => `${(nanoseconds / 1e9).toFixed(2)} s`;
  return (
    <div className="receipt" data-receipt={receipt.id}>
      <span>
        {receipt.vgpu_name} · {time(receipt.ended_ms)} · {seconds(wall)}
      </span>
      <div className="track">
        {PARTS.map(([name, colour]) => {
          const long = parts[name] ?? 0;
          if (long <= 0 || wall <= 0) return null;
          return (
            <i
              key={name}
              title={`${words(`part-${name}`)}: ${seconds(long)}`}
              style={{ width: `${(100 * long) / wall}%`, background: colour }}
            />
          );
        })}
      </div>
    </div>
  );
}
