import type { Device } from "../api/types";
import { useWords } from "../words";

interface Ability {
  mode: string;
  can: boolean;
  why_not?: string | null;
  note?: string | null;
}

const PARTITIONS: readonly string[] = ["mdev", "sriov", "mig"];

/** What of a mode each device here can do now, and of what it can't, why not. */
export function Here({
  mode,
  built,
  devices,
}: {
  mode: string;
  built: boolean;
  devices: readonly Device[];
}) {
  const words = useWords();
  if (devices.length === 0) return <>{words("no-devices")}</>;
  return (
    <ul>
      {devices.map((device) => {
        const abilities = (device.facts["modes"] ?? []) as Ability[];
        const cuts = abilities.filter((one) => one.can && PARTITIONS.includes(one.mode));
        const told = abilities.find((one) => one.mode === mode);
        const can = mode === "hybrid" ? cuts.length > 0 : told?.can === true;
        return (
          <li key={device.uuid} className={can ? (built ? "can" : "could") : "cannot"}>
            {device.index} {device.name}
            {device.simulated ? ` (${words("simulated")})` : ""}:{" "}
            {mode === "hybrid" ? <Cuts cuts={cuts} /> : <Told told={told} built={built} />}
          </li>
        );
      })}
    </ul>
  );
}

/** The daemon gives reasons in English, whatever the page's language: said so to who reads aloud. */
function Told({ told, built }: { told: Ability | undefined; built: boolean }) {
  const words = useWords();
  const said = told?.can ? told.note : told?.why_not;
  const why = said === "simulated" ? "" : said; // stands beside the device's name
  return (
    <>
      {told?.can && words(built ? "can" : "could")}
      {told?.can && why ? "; " : ""}
      {why ? <span lang="en">{why}</span> : told?.can ? "" : words("unknown")}
    </>
  );
}

function Cuts({ cuts }: { cuts: readonly Ability[] }) {
  const words = useWords();
  if (cuts.length === 0) return <>{words("hybrid-cannot")}</>;
  return <>{words("hybrid-could", { modes: cuts.map((one) => words(`mode-${one.mode}`)).join(", ") })}</>;
}
