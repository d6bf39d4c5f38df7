import { Handle, type NodeProps, Position } from "@xyflow/react";
import { memo } from "react";
import type { Box } from "../api/types";
import { useTold } from "../Told";
import { useLines, useWords } from "../words";
import { BarView } from "./BarView";
import { type BoxNodeType, reasonOf } from "./flow";
import { ofVgpu } from "./palette";

export const BoxNode = memo(function BoxNode({ data }: NodeProps<BoxNodeType>) {
  const { box, chosen, found } = data;
  const line = useLines();
  const told = useTold();
  const title = line(box.title);
  const lines = (box.lines ?? []).map(line);
  const reason = told(reasonOf(box));
  const all = [title, ...lines, ...(reason === "" ? [] : [reason])];
  const names = ["box", `kind-${box.kind}`, `look-${box.look}`];
  if (chosen) names.push("chosen");
  if (found) names.push("found");
  if (box.simulated) names.push("simulated");
  if (box.stale) names.push("stale");
  if (MARKED.has(box.kind) && (box.simulated || box.stale)) names.push("marked");
  if (box.state !== undefined) names.push(`state-${box.state}`);
  return (
    <div
      className={names.join(" ")}
      data-box={box.id}
      title={all.join("\n")}
      aria-label={all.join(", ")}
    >
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
      <Inside box={box} title={title} lines={lines} />
    </div>
  );
});

function Inside({ box, title, lines }: { box: Box; title: string; lines: string[] }) {
  const words = useWords();
  if (box.kind === "mode") return <span className="chip">{title}</span>;
  if (box.kind === "device") {
    const lost = box.state === "lost" ? `${words("state-lost")} · ` : "";
    return (
      <>
        <strong>{title}</strong>
        {box.simulated && <span className="mark">{words("simulated")}</span>}
        {box.stale && !box.simulated && <span className="mark">{words("stale")}</span>}
        <span className="about">
          {lost}
          {lines.join(" · ")}
        </span>
        {(box.bars ?? []).map((bar) => (
          <BarView key={bar.kind} bar={bar} />
        ))}
      </>
    );
  }
  const isVgpu = box.id.startsWith("vgpu:");
  const kind = `kind-${box.kind}`;
  return (
    <>
      {isVgpu && <i className="stripe" style={{ background: ofVgpu(box.subject ?? "") }} />}
      <strong>{title}</strong>
      {box.simulated && box.kind === "node" && <span className="mark">{words("simulated")}</span>}
      {lines.map((line, number) => (
        <span key={number} className="line">
          {line}
        </span>
      ))}
      {(box.bars ?? []).map((bar) => (
        <BarView key={bar.kind} bar={bar} bare />
      ))}
      {KINDS.has(kind) && <span className="kind">{words(kind)}</span>}
    </>
  );
}

const MARKED = new Set(["device", "node"]);
const KINDS = new Set(["kind-worker", "kind-reserved", "kind-partition", "kind-vfio"]);
