import { useQuery } from "@tanstack/react-query";
import { get } from "../api/request";
import type { Box, VgpuProcesses } from "../api/types";
import { partsOf } from "../picture/zoom";
import { useWords, written } from "../words";
import { Facts } from "./Facts";
import { missing } from "./missing";

type Process = VgpuProcesses["processes"][number];
type Queue = Process["queues"][number];

/** All about a process of a vGPU, or about one of its command queues. */
export function QueueDetails({ box }: { box: Box }) {
  const words = useWords();
  const id = box.subject ?? "";
  const asked = useQuery({
    queryKey: ["live", "processes", id],
    queryFn: () => get<VgpuProcesses>(`/vgpus/${id}/processes`),
    refetchInterval: 1000,
  });
  if (asked.data === undefined) return <p>{words(missing(asked.error))}</p>;
  const parts = partsOf(box);
  const process = asked.data.processes.find((one) => one.connection === parts?.connection);
  if (process === undefined) return <p>{words("gone")}</p>;
  const queue = process.queues.find((one) => one.number === parts?.queue);
  if (parts?.queue !== null && queue === undefined) return <p>{words("gone")}</p>;
  return (
    <>
      <OfProcess process={process} alone={queue === undefined} />
      {queue !== undefined && <OfQueue queue={queue} />}
      <p className="claimed">{words("told-by-worker")}</p>
    </>
  );
}

function OfProcess({ process, alone }: { process: Process; alone: boolean }) {
  const words = useWords();
  const who =
    process.process_id === 0 ? words("process-unknown") : `${process.name} (${process.process_id})`;
  const used = written(process.memory_used, "size");
  return (
    <Facts
      facts={[
        ["process-of", who],
        ["memory-used", `${used} / ${written(process.memory_lent, "size")}`],
        ...(alone ? [["share-of", written(process.share, "percent")] as [string, string]] : []),
      ]}
    />
  );
}

function OfQueue({ queue }: { queue: Queue }) {
  const words = useWords();
  const age = words("milliseconds", { count: queue.oldest_ns / 1e6 });
  return (
    <Facts
      facts={[
        ["order", words(queue.in_order ? "queue-in-order" : "queue-out-of-order")],
        ["outstanding", String(queue.outstanding)],
        ...(queue.outstanding > 0 ? [["oldest", age] as [string, string]] : []),
        ["completed", String(queue.completed)],
        ["device-time", words("seconds", { count: queue.device_ns / 1e9 })],
        ["share-of", written(queue.share, "percent")],
      ]}
    />
  );
}
