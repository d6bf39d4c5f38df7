import { type FitViewOptions, useReactFlow, useStore } from "@xyflow/react";
import { type RefObject, useEffect } from "react";

/** Fits the picture again when its place has another size, until whoever looks has moved it. */
export function StaysWhole({
  options,
  moved,
}: {
  options: FitViewOptions;
  moved: RefObject<boolean>;
}) {
  const flow = useReactFlow();
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  useEffect(() => {
    if (width > 0 && height > 0 && !moved.current) void flow.fitView(options);
  }, [flow, width, height, moved, options]);
  return null;
}
