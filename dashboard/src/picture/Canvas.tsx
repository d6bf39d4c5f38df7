import { type FitViewOptions, ReactFlow, type ReactFlowProps } from "@xyflow/react";
import { useMemo, useRef } from "react";
import { useWords } from "../words";
import { BandNode } from "./BandNode";
import { BoxNode } from "./BoxNode";
import { FlowEdge } from "./FlowEdge";
import { StaysWhole } from "./StaysWhole";
import type { BandNodeType, BoxNodeType, Flow, FlowEdgeType } from "./flow";

type Given = ReactFlowProps<BoxNodeType | BandNodeType, FlowEdgeType>;
type Own = "nodes" | "edges" | "nodeTypes" | "edgeTypes" | "fitViewOptions" | "onMoveStart";

const NODES = { box: BoxNode, band: BandNode };
const EDGES = { flow: FlowEdge };

/** Nothing in it can be chosen, and it doesn't move: the page scrolls over it. */
const STILL: Given = {
  nodesFocusable: false,
  elementsSelectable: false,
  disableKeyboardA11y: true,
  panOnDrag: false,
  zoomOnScroll: false,
  zoomOnPinch: false,
  preventScrolling: false,
};

/** A picture drawn by React Flow, which lays out and changes nothing of it by itself. */
export function Canvas({
  drawn,
  fit,
  still = false,
  whole = true,
  children,
  ...more
}: Omit<Given, Own> & {
  drawn: Flow;
  /** How it is shown whole; the same object each time. */
  fit: FitViewOptions;
  still?: boolean;
  /** Whether it is to stay whole when its place becomes larger or smaller. */
  whole?: boolean;
}) {
  const words = useWords();
  const moved = useRef(false);
  const labels = useMemo(
    () => ({
      "node.a11yDescription.default": words("node-help"),
      "node.a11yDescription.keyboardDisabled": "",
      "edge.a11yDescription.default": "",
      "controls.ariaLabel": words("zoom-tools"),
      "controls.zoomIn.ariaLabel": words("zoom-in"),
      "controls.zoomOut.ariaLabel": words("zoom-out"),
      "controls.fitView.ariaLabel": words("zoom-fit"),
    }),
    [words],
  );
  return (
    <ReactFlow
      nodes={drawn.nodes}
      edges={drawn.edges}
      nodeTypes={NODES}
      edgeTypes={EDGES}
      nodesDraggable={false}
      nodesConnectable={false}
      edgesFocusable={false}
      zoomOnDoubleClick={false}
      fitView
      fitViewOptions={fit}
      // Without an event it was us.
      onMoveStart={(event) => {
        if (event !== null) moved.current = true;
      }}
      proOptions={{ hideAttribution: true }}
      ariaLabelConfig={labels}
      {...(still ? STILL : {})}
      {...more}
    >
      {whole && <StaysWhole options={fit} moved={moved} />}
      {children}
    </ReactFlow>
  );
}
