import { EdgeLabelRenderer, type EdgeProps } from "@xyflow/react";
import { type FlowEdgeType, flowing } from "./flow";

/** A line as thick as the share of the device's time that flows through it. */
export function FlowEdge({ id, data }: EdgeProps<FlowEdgeType>) {
  if (data === undefined) return null;
  const { edge } = data;
  const path = `M${edge.points.map(([x, y]) => `${x} ${y}`).join("L")}`;
  const share = edge.share ?? 0;
  const said = flowing(edge);
  const [x = 0, y = 0] = edge.label;
  return (
    <>
      <path
        data-edge={id}
        className={edge.active ? `edge look-${edge.look}` : "edge idle"}
        d={path}
        strokeWidth={1.5 + (6 * Math.min(share, 100)) / 100}
      />
      {said !== "" && (
        <EdgeLabelRenderer>
          <div
            className="flow-label"
            style={{ transform: `translate(${x}px, ${y - 7}px)` }}
          >
            {said}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
}
