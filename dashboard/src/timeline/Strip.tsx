import { memo } from "react";

const WIDTH = 400;
const HEIGHT = 28;

interface Told {
  values: readonly (number | null)[];
  most: number;
  colour: string;
}

/** A small curve of steps, from 0 to `most`; nothing where nothing was measured. */
export const Strip = memo(function Strip({ values, most, colour }: Told) {
  const step = WIDTH / Math.max(1, values.length);
  const bars = values.map((value, at) => {
    if (value === null || value <= 0) return "";
    const high = (HEIGHT * Math.min(value, most)) / most;
    return `M${round(at * step)} ${HEIGHT}v${round(-high)}h${round(step)}v${round(high)}z`;
  });
  return (
    <svg
      className="strip"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={bars.join("")} fill={colour} />
    </svg>
  );
});

const round = (value: number) => Math.round(value * 100) / 100;
