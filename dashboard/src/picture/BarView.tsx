import { memo } from "react";
import type { Bar } from "../api/types";
import { useWords, written } from "../words";
import { ofVgpu } from "./palette";

/**
 * A device's memory or time, to scale: promised above as a tint, had below in full colour.
 * A bare one stands where it is said whose its parts are.
 */
export const BarView = memo(function BarView({ bar, bare }: { bar: Bar; bare?: boolean }) {
  const words = useWords();
  const unit = bar.kind === "memory" ? "size" : "percent";
  const part = (value: number) => `${bar.total > 0 ? (100 * value) / bar.total : 0}%`;
  return (
    <div className="bar" data-bar={bar.kind}>
      <span>{words(`bar-${bar.kind}`)}</span>
      <div className="track">
        {(bar.parts ?? []).map((one, number) => {
          const name = one.name || words("others", { count: one.count ?? 1 });
          const hint = `${name}: ${written(one.used, unit)} / ${written(one.promised, unit)}`;
          return (
            <span key={one.vgpu || `others${number}`} title={hint}>
              <i
                className="promised"
                data-promised={one.vgpu}
                style={{
                  left: part(one.promised_from),
                  width: part(one.promised),
                  "--of": ofVgpu(one.vgpu),
                }}
              >
                {bare ? "" : name}
              </i>
              {one.used > 0 && (
                <i
                  className="used"
                  data-used={one.vgpu}
                  style={{
                    left: part(one.used_from),
                    width: part(one.used),
                    background: ofVgpu(one.vgpu),
                  }}
                />
              )}
            </span>
          );
        })}
      </div>
    </div>
  );
});
