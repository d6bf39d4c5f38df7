import { useQuery } from "@tanstack/react-query";
import { get } from "../api/request";
import type { DevicePage } from "../api/types";
import { useWords } from "../words";

/** Each way to divide a GPU as a stack of layers, from who uses it down to the device. */
const WAYS: readonly { mode: string; look: string; layers: readonly string[] }[] = [
  {
    mode: "remoting",
    look: "software",
    layers: ["program", "guest-driver", "worker", "device-host", "vendor-driver", "gpu"],
  },
  { mode: "mdev", look: "hardware", layers: ["vm", "vgpu-driver", "mdev", "vendor-host", "gpu"] },
  { mode: "sriov", look: "hardware", layers: ["vm", "vgpu-driver", "vf", "iommu", "gpu"] },
  { mode: "mig", look: "hardware", layers: ["program", "vendor-driver", "instance", "gpu"] },
  { mode: "passthrough", look: "passthrough", layers: ["vm", "vendor-driver", "vfio", "iommu", "gpu"] },
  {
    mode: "hybrid",
    look: "hybrid",
    layers: ["program", "guest-driver", "worker", "device-host", "instance", "gpu"],
  },
];

/** What the modes are, what isolates and what it costs, and what this machine can do now. */
export function Modes() {
  const words = useWords();
  const devices = useQuery({
    queryKey: ["live", "devices"],
    queryFn: () => get<DevicePage>("/devices"),
    refetchInterval: 5000,
  });
  return (
    <div className="explain">
      <h2>{words("page-modes")}</h2>
      <p>{words("modes-intro")}</p>
      {WAYS.map((way) => (
        <section key={way.mode}>
          <h3>{words(`way-${way.mode}`)}</h3>
          <div className="way">
            <ol className="stack">
              {way.layers.map((layer) => (
                <li key={layer} className={`box look-${way.look}`}>
                  {words(`stack-${layer}`)}
                </li>
              ))}
            </ol>
            <dl>
              {(["runs", "isolates", "costs"] as const).map((what) => (
                <div key={what}>
                  <dt>{words(`explain-${what}`)}</dt>
                  <dd>{words(`${what}-${way.mode}`)}</dd>
                </div>
              ))}
              <div>
                <dt>{words("explain-here")}</dt>
                <dd>
                  {way.mode === "hybrid" ? (
                    words("hybrid-here")
                  ) : (
                    <Here mode={way.mode} devices={devices.data?.items ?? []} />
                  )}
                </dd>
              </div>
            </dl>
          </div>
        </section>
      ))}
    </div>
  );
}

function Here({ mode, devices }: { mode: string; devices: DevicePage["items"] }) {
  const words = useWords();
  if (devices.length === 0) return <>{words("no-devices")}</>;
  return (
    <ul>
      {devices.map((device) => {
        const modes = (device.facts["modes"] ?? []) as {
          mode: string;
          can: boolean;
          why_not?: string;
        }[];
        const told = modes.find((one) => one.mode === mode);
        return (
          <li key={device.uuid} className={told?.can ? "can" : "cannot"}>
            {device.index} {device.name}:{" "}
            {told?.can ? words("can") : (told?.why_not ?? words("unknown"))}
            {device.simulated ? ` (${words("simulated")})` : ""}
          </li>
        );
      })}
    </ul>
  );
}
