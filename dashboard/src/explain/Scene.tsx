import { useMemo } from "react";
import type { ModeExplained, Picture } from "../api/types";
import { Canvas } from "../picture/Canvas";
import { flowOf } from "../picture/flow";
import { useLines, useWords } from "../words";

const FIT = { padding: 0, maxZoom: 1 } as const;

/** A mode drawn as the architecture is, but standing still: there is nothing to choose in it. */
export function Scene({ way }: { way: ModeExplained }) {
  const words = useWords();
  const line = useLines();
  const { picture } = way;
  const drawn = useMemo(() => {
    const flow = flowOf(picture, "", "");
    const still = { focusable: false, selectable: false };
    return { ...flow, nodes: flow.nodes.map((node) => ({ ...node, ...still })) };
  }, [picture]);
  return (
    <div
      className="scene"
      role="img"
      aria-label={words("scene-of", {
        way: words(`way-${way.mode}`),
        boxes: told(picture, line),
      })}
      data-scene={way.mode}
      style={{ aspectRatio: `${picture.width} / ${picture.height}`, maxWidth: picture.width }}
    >
      <Canvas
        id={way.mode}
        drawn={drawn}
        still
        minZoom={0.2}
        maxZoom={1}
        fit={FIT}
      />
    </div>
  );
}

/** What a reader of the screen is told of a picture: each box once, from the top down. */
function told(picture: Picture, line: ReturnType<typeof useLines>): string {
  const boxes = picture.boxes.filter((box) => box.look !== "frame");
  return boxes
    .map((box) => [box.title, ...(box.lines ?? [])].map(line).join(" · "))
    .join("; ");
}
