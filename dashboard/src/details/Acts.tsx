import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Refused } from "../Told";
import { get, request } from "../api/request";
import type { DevicePage, Vgpu } from "../api/types";
import { useWords, written } from "../words";

const MIB = 1 << 20;
const STEPS = 256;

/** The few safe acts: another size, suspend, resume, move. Each says what came of it. */
export function Acts({ vgpu, late }: { vgpu: Vgpu; late: boolean }) {
  const words = useWords();
  const client = useQueryClient();
  const [confirming, setConfirming] = useState(false);
  const [target, setTarget] = useState("");
  const act = useMutation({
    mutationFn: (what: { method: string; path: string; body?: unknown }) =>
      request<Vgpu>(what.method, `/vgpus/${vgpu.id}${what.path}`, what.body, `"${vgpu.generation}"`),
    onSettled: () => {
      setConfirming(false);
      void client.invalidateQueries({ queryKey: ["live"] });
    },
  });
  // Not the picture's: that may be of one device alone.
  const devices = useQuery({
    queryKey: ["live", "devices"],
    queryFn: () => get<DevicePage>("/devices"),
    refetchInterval: 5000,
  });
  const others = (devices.data?.items ?? []).filter(
    (device) => device.uuid !== vgpu.device && !device.simulated,
  );
  const off = late || act.isPending;
  const awake = vgpu.state === "ready" || vgpu.state === "leased";
  return (
    <fieldset className="acts" disabled={off}>
      <legend>{words("acts")}</legend>
      <Sizes vgpu={vgpu} change={(body) => act.mutate({ method: "PATCH", path: "", body })} />
      {awake && !confirming && (
        <button type="button" onClick={() => setConfirming(true)}>
          {words("suspend")}
        </button>
      )}
      {confirming && (
        <span className="confirm">
          {words("suspend-sure")}{" "}
          <button
            type="button"
            onClick={() => act.mutate({ method: "POST", path: "/suspend", body: {} })}
          >
            {words("yes")}
          </button>
          <button type="button" onClick={() => setConfirming(false)}>
            {words("no")}
          </button>
        </span>
      )}
      {vgpu.state === "suspended" && (
        <button
          type="button"
          onClick={() => act.mutate({ method: "POST", path: "/resume", body: {} })}
        >
          {words("resume")}
        </button>
      )}
      {awake && others.length > 0 && (
        <label>
          {words("move-to")}{" "}
          <select value={target} onChange={(event) => setTarget(event.target.value)}>
            <option value="">—</option>
            {others.map((device) => (
              <option key={device.uuid} value={device.uuid}>
                {words("device", { index: device.index, name: device.name })}
              </option>
            ))}
          </select>{" "}
          <button
            type="button"
            disabled={target === ""}
            onClick={() =>
              act.mutate({ method: "POST", path: "/move", body: { device: target } })
            }
          >
            {words("move")}
          </button>
        </label>
      )}
      <p role="status" className="outcome">
        {act.isPending && words("asking")}
        {act.error !== null && <Refused error={act.error} />}
      </p>
    </fieldset>
  );
}

interface Size {
  memory?: number;
  compute?: number;
}

/** Sliders; nothing is asked for until they are let go and the button is pressed. One that was moved
 * stays where it is, whatever others do, until the vGPU has that size; the rest follow the vGPU. */
function Sizes({ vgpu, change }: { vgpu: Vgpu; change: (to: Size) => void }) {
  const words = useWords();
  const [wanted, setWanted] = useState<Size>({});
  const [most] = useState(() => Math.max(vgpu.memory * 4, 64 * MIB));
  useEffect(() => {
    setWanted(({ memory, compute }) => ({
      ...(memory === undefined || memory === vgpu.memory ? {} : { memory }),
      ...(compute === undefined || compute === vgpu.compute ? {} : { compute }),
    }));
  }, [vgpu.memory, vgpu.compute]);
  const { memory, compute } = { memory: vgpu.memory, compute: vgpu.compute, ...wanted };
  const changed = memory !== vgpu.memory || compute !== vgpu.compute;
  const step = Math.max(MIB, Math.floor(most / STEPS / MIB) * MIB);
  return (
    <div className="size">
      <label>
        {words("fact-memory-used")} <span className="value">{written(memory, "size")}</span>
        <input
          type="range"
          aria-valuetext={written(memory, "size")}
          min={step}
          max={most}
          step={step}
          value={memory}
          onChange={(event) => setWanted({ ...wanted, memory: Number(event.target.value) })}
        />
      </label>
      <label>
        {words("fact-guarantee")} <span className="value">{written(compute, "percent")}</span>
        <input
          type="range"
          aria-valuetext={written(compute, "percent")}
          min={0}
          max={vgpu.compute_limit}
          step={1}
          value={compute}
          onChange={(event) => setWanted({ ...wanted, compute: Number(event.target.value) })}
        />
      </label>
      <button
        type="button"
        disabled={!changed}
        onClick={() =>
          change({
            ...(memory === vgpu.memory ? {} : { memory }),
            ...(compute === vgpu.compute ? {} : { compute }),
          })
        }
      >
        {words("resize")}
      </button>
    </div>
  );
}
