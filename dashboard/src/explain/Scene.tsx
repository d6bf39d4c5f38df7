import { ReactFlow, ReactFlowProvider } from "@xyflow/react";
import { useMemo } from "react";
import type { ModeExplained, Picture } from "../api/types";
import { BandNode } from "../picture/BandNode";
import { BoxNode } from "../picture/BoxNode";
import { FlowEdge } from "../picture/FlowEdge";
import { flowOf } from "../picture/flow";
import { useWords } from "../words";

const NODES = { box: BoxNode, band: BandNode };
const EDGES = { flow: FlowEdge };

/** A mode drawn as the architecture is, but standing still: there is nothing to choose in it. */
export function Scene({ way }: { way: ModeExplained }) {
  const words = useWords();
  const { picture } = way;
  const drawn = useMemo(() => {
    const { nodes, edges } = flowOf(picture, "", "");
    const still = { focusable: false, selectable: false };
    return { nodes: nodes.map((node) => ({ ...node, ...still })), edges };
  }, [picture]);
  return (
    <div
      className="scene"
      role="img"
      aria-label={words("scene-of", {
        way: words(`way-${way.mode}`),
        boxes: told(picture, words),
      })}
      data-scene={way.mode}
      style={{ aspectRatio: `${picture.width} / ${picture.height}`, maxWidth: picture.width }}
    >
      <ReactFlowProvider>
        <ReactFlow
          id={way.mode}
          nodes={drawn.nodes}
          edges={drawn.edges}
          nodeTypes={NODES}
          edgeTypes={EDGES}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          disableKeyboardA11y
          panOnDrag={false}
          zoomOnScroll={false}
          zoomOnPinch={false}
          zoomOnDoubleClick={false}
          preventScrolling={false}
          minZoom={0.2}
          maxZoom={1}
          fitView
          fitViewOptions={{ padding: 0, maxZoom: 1 }}
          proOptions={{ hideAttribution: true }}
        />
      </ReactFlowProvider>
    </div>
  );
}

/** What a reader of the screen is told of a picture: each box once, from the top down. */
function told(picture: Picture, words: ReturnType<typeof useWords>): string {
  const boxes = picture.boxes.filter((box) => box.look !== "frame");
  return boxes
    .map((box) => {
      const lines = (box.lines ?? []).map((line) => words(line.key, line.values ?? {}));
      return [words(box.title.key, box.title.values ?? {}), ...lines].join(" · ");
    })
    .join("; ");
}
