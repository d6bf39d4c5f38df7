import { useEffect, useRef } from "react";
import { watchColours } from "../page/settings";
import { useWords, written } from "../words";

/** A vGPU's share of each step, in percent, and what it was promised. */
export interface BandOf {
  id: string;
  name: string;
  colour: string;
  promised: number;
  shares: readonly number[];
}

interface Told {
  bands: readonly BandOf[];
  /** Words for the left and the right end of the axis. */
  from: string;
  to: string;
}

const HEIGHT = 220;

/** Stacked bands of who had the device, with the promised shares as lines over them. */
export function BandChart({ bands, from, to }: Told) {
  const words = useWords();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const target = canvas.current;
    if (target === null) return undefined;
    const redraw = () => paint(target, bands);
    redraw();
    const watch = new ResizeObserver(redraw);
    watch.observe(target);
    const stop = watchColours(redraw);
    return () => {
      watch.disconnect();
      stop();
    };
  }, [bands]);
  const said = bands.map((band) => `${band.name}: ${written(mean(band.shares), "percent")}`);
  return (
    <figure className="bands">
      <canvas ref={canvas} role="img" aria-label={[words("who-had-it"), ...said].join(", ")} />
      <figcaption>
        <span>{from}</span>
        <span className="space" />
        <span>{to}</span>
      </figcaption>
      <ul className="legend">
        {bands.map((band) => (
          <li key={band.id} data-band={band.id} data-mean={mean(band.shares).toFixed(2)}>
            <i className="swatch" style={{ background: band.colour }} />
            {band.name} {written(mean(band.shares), "percent")}
          </li>
        ))}
      </ul>
    </figure>
  );
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, one) => sum + one, 0) / values.length;
}

function paint(canvas: HTMLCanvasElement, bands: readonly BandOf[]): void {
  const ratio = devicePixelRatio;
  const width = canvas.clientWidth;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.round(HEIGHT * ratio);
  const draw = canvas.getContext("2d");
  if (draw === null) return;
  draw.scale(ratio, ratio);
  draw.clearRect(0, 0, width, HEIGHT);
  const steps = Math.max(0, ...bands.map((band) => band.shares.length));
  if (steps === 0) return;
  // Whole pixels, so that no seams show between steps.
  const x = (at: number) => Math.round((at * width * ratio) / steps) / ratio;
  const y = (share: number) => HEIGHT * (1 - Math.min(share, 100) / 100);
  const top = new Array<number>(steps).fill(0);
  for (const band of bands) {
    draw.fillStyle = band.colour;
    for (let at = 0; at < steps; at += 1) {
      const share = band.shares[at] ?? 0;
      const base = top[at] ?? 0;
      if (share > 0) {
        draw.fillRect(x(at), y(base + share), x(at + 1) - x(at), y(base) - y(base + share));
      }
      top[at] = base + share;
    }
  }
  draw.strokeStyle = getComputedStyle(canvas).color;
  draw.setLineDash([6, 4]);
  let promised = 0;
  for (const band of bands) {
    if (band.promised <= 0) continue;
    promised += band.promised;
    draw.beginPath();
    draw.moveTo(0, y(promised));
    draw.lineTo(width, y(promised));
    draw.stroke();
  }
}
