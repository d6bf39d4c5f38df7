import { Told } from "../Told";
import { type Ability, abilitiesOf } from "../api/abilities";
import type { Device } from "../api/types";
import { useWords } from "../words";

const PARTITIONS: readonly string[] = ["mdev", "sriov", "mig"];

/** What of a mode each device here can do now, and of what it can't, why not. */
export function Here({
  mode,
  devices,
}: {
  mode: string;
  devices: readonly Device[];
}) {
  const words = useWords();
  if (devices.length === 0) return <>{words("no-devices")}</>;
  return (
    <ul>
      {devices.map((device) => {
        const abilities = abilitiesOf(device);
        const cuts = abilities.filter((one) => one.can && PARTITIONS.includes(one.mode));
        const told = abilities.find((one) => one.mode === mode);
        const can = mode === "hybrid" ? cuts.length > 0 : told?.can === true;
        return (
          <li key={device.uuid} className={can ? "can" : "cannot"}>
            {device.index} {device.name}
            {device.simulated ? ` (${words("simulated")})` : ""}:{" "}
            {mode === "hybrid" ? <Cuts cuts={cuts} /> : <Verdict of={told} />}
          </li>
        );
      })}
    </ul>
  );
}

function Verdict({ of }: { of: Ability | undefined }) {
  const words = useWords();
  if (of === undefined) return <>{words("unknown")}</>;
  const can = of.can ? words("can") : "";
  // That it is simulated stands beside the device's name.
  if (of.said.english === "" || of.said.english === "simulated") return <>{can}</>;
  return (
    <>
      {can}
      {can && words("between")}
      <Told said={of.said} />
    </>
  );
}

function Cuts({ cuts }: { cuts: readonly Ability[] }) {
  const words = useWords();
  if (cuts.length === 0) return <>{words("hybrid-cannot")}</>;
  return <>{words("hybrid-could", { modes: cuts.map((one) => words(`mode-${one.mode}`)).join(", ") })}</>;
}
