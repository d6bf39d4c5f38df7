import { useQuery } from "@tanstack/react-query";
import { request } from "../api/request";
import type { Plan, Profile } from "../api/types";
import { useWords } from "../words";

export interface Tried {
  profile: Profile;
  device: string;
}

/** Whether a profile would fit on a device; nothing is made. */
export function WhatIf({ tried, close }: { tried: Tried; close: () => void }) {
  const words = useWords();
  const { profile, device } = tried;
  const asked = useQuery({
    queryKey: ["live", "plan", profile.name, device],
    queryFn: () =>
      request<Plan>("POST", "/plans", { name: "what-if", profile: profile.name, device }),
  });
  const plan = asked.data;
  return (
    <section className={`what-if ${plan === undefined ? "" : plan.fits ? "fits" : "misfits"}`}>
      <h2>{words("what-if-of", { name: profile.name })}</h2>
      <p role="status">
        {plan === undefined ? (asked.error?.message ?? words("asking")) : plan.why}
      </p>
      {plan !== undefined && plan.changes.length > 0 && (
        <>
          <p>{words("would-fit")}</p>
          <ul>
            {plan.changes.map((change) => (
              <li key={change}>{change}</li>
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
