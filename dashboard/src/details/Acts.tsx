import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Refused } from "../Told";
import { get, request } from "../api/request";
import type { DevicePage, Vgpu } from "../api/types";
import { useWords, written } from "../words";

const MIB = 1 << 20;
const STEPS = 256;

interface Asked {
  method: string;
  path: string;
  body: unknown;
  generation: number;
}

/** The few safe acts: another size, suspend, resume, move. Each says what came of it. */
export function Acts({ vgpu, late }: { vgpu: Vgpu; late: boolean }) {
  const words = useWords();
  const client = useQueryClient();
  const [confirming, setConfirming] = useState(false);
  const [target, setTarget] = useState("");
  const act = useMutation({
    mutationFn: ({ method, path, body, generation }: Asked) =>
      request<Vgpu>(method, `/vgpus/${vgpu.id}${path}`, body, `"${generation}"`),
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
  // What an act has answered is newer than the picture, until that has caught up.
  const newest = act.data && act.data.generation > vgpu.generation ? act.data : vgpu;
  const ask = (method: string, path: string, body: unknown, done?: () => void) =>
    act.mutate({ method, path, body, generation: newest.generation }, { onSuccess: done });
  const off = late || act.isPending;
  const awake = vgpu.state === "ready" || vgpu.state === "leased";
  return (
    <fieldset className="acts" disabled={off}>
      <legend>{words("acts")}</legend>
      <Sizes vgpu={newest} change={(body, done) => ask("PATCH", "", body, done)} />
      {awake && !confirming && (
        <button type="button" onClick={() => setConfirming(true)}>
          {words("suspend")}
        </button>
      )}
      {confirming && (
        <span className="confirm">
          {words("suspend-sure")}{" "}
          <button type="button" onClick={() => ask("POST", "/suspend", {})}>
            {words("yes")}
          </button>
          <button type="button" onClick={() => setConfirming(false)}>
            {words("no")}
          </button>
        </span>
      )}
      {vgpu.state === "suspended" && (
        <button type="button" onClick={() => ask("POST", "/resume", {})}>
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
            onClick={() => ask("POST", "/move", { device: target })}
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

interface SizesOf {
  vgpu: Vgpu;
  change: (to: Size, done: () => void) => void;
}

/** Sliders; nothing is asked for until they are let go and the button is pressed. One that was moved
 * stays where it is, whatever others do, until that is done; the rest follow the vGPU. */
function Sizes({ vgpu, change }: SizesOf) {
  const words = useWords();
  const [wanted, setWanted] = useState<Size>({});
  const [most] = useState(() => Math.max(vgpu.memory * 4, 64 * MIB));
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
          change(
            {
              ...(memory === vgpu.memory ? {} : { memory }),
              ...(compute === vgpu.compute ? {} : { compute }),
            },
            () => setWanted({}),
          )
        }
      >
        {words("resize")}
      </button>
    </div>
  );
}
