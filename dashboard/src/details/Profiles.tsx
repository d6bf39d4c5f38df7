import { useQuery } from "@tanstack/react-query";
import { get } from "../api/request";
import type { ProfilePage } from "../api/types";
import { useWords, written } from "../words";

/** What is dragged onto a device: the name of a profile. */
export const PROFILE = "application/x-aliquot-profile";

/** Sizes to try: each can be dragged onto a device to see whether it fits. */
export function Profiles() {
  const words = useWords();
  const asked = useQuery({
    queryKey: ["profiles"],
    queryFn: () => get<ProfilePage>("/profiles"),
    refetchInterval: 10_000,
  });
  return (
    <section>
      <h2>{words("what-if")}</h2>
      <p>{words("what-if-how")}</p>
      <ul className="profiles">
        {(asked.data?.items ?? []).map((profile) => (
          <li
            key={profile.name}
            draggable
            onDragStart={(event) => event.dataTransfer.setData(PROFILE, profile.name)}
          >
            <strong>{profile.name}</strong> {written(profile.memory, "size")} ·{" "}
            {written(profile.compute, "percent")}
          </li>
        ))}
      </ul>
      {asked.data?.items.length === 0 && <p>{words("no-profiles")}</p>}
    </section>
  );
}
