import { useQuery } from "@tanstack/react-query";
import { request } from "../api/request";
import { Refused, Told } from "../Told";
import type { Plan } from "../api/types";
import { useWords } from "../words";

export interface Tried {
  /** Its name. */
  profile: string;
  device: string;
}

/** Whether a profile would fit on a device; nothing is made. */
export function WhatIf({ tried, close }: { tried: Tried; close: () => void }) {
  const words = useWords();
  const { profile, device } = tried;
  const asked = useQuery({
    queryKey: ["live", "plan", profile, device],
    queryFn: () =>
      request<Plan>("POST", "/plans", { name: "what-if", profile, device }),
  });
  const plan = asked.data;
  return (
    <section className={`what-if ${plan === undefined ? "" : plan.fits ? "fits" : "misfits"}`}>
      <h2>{words("what-if-of", { name: profile })}</h2>
      <p role="status">
        {plan !== undefined ? (
          <Told said={{ english: plan.why, lines: plan.lines }} />
        ) : asked.error !== null ? (
          <Refused error={asked.error} />
        ) : (
          words("asking")
        )}
      </p>
      {plan !== undefined && plan.changes.length > 0 && (
        <>
          <p>{words("would-fit")}</p>
          <ul>
            {plan.changes.map((change, number) => (
              <li key={change}>
                <Told said={{ english: change, lines: plan.change_lines?.slice(number, number + 1) }} />
              </li>
            ))}
          </ul>
        </>
      )}
      <button type="button" onClick={close}>
        {words("close-it")}
      </button>
    </section>
  );
}
