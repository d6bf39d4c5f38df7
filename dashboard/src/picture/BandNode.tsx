import type { NodeProps } from "@xyflow/react";
import { useWords } from "../words";
import type { BandNodeType } from "./flow";

export function BandNode({ data }: NodeProps<BandNodeType>) {
  const words = useWords();
  return <div className="band">{words(`layer-${data.layer}`)}</div>;
}
