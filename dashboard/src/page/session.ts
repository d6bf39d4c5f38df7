// Who this browser is to the daemon.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Failure, get, request } from "../api/request";
import type { Whoami } from "../api/types";

export type Session =
  | { state: "unknown" }
  | { state: "nobody" }
  | { state: "known"; who: Whoami; end: () => Promise<void> };

/** Whether acts on vGPUs would be done, by the role and by what the session is narrowed to. */
export function mayAct({ role, scope }: Whoami): boolean {
  const covered = scope.length === 0 || scope.includes("*:write") || scope.includes("vgpus:write");
  return role !== "viewer" && covered;
}

const CODE = /^#login=([A-Za-z0-9_-]{20,100})$/;

/** Uses the code of a login link, if there is one; it is gone from the address at once. */
export function useSession(): Session {
  const client = useQueryClient();
  const [accepting, setAccepting] = useState(() => CODE.test(location.hash));
  useEffect(() => {
    const code = CODE.exec(location.hash)?.[1];
    if (code === undefined) return;
    history.replaceState(null, "", location.pathname);
    request("POST", "/session", { code })
      .catch(() => undefined) // then it is as if there had been none
      .finally(() => setAccepting(false));
  }, []);
  const whoami = useQuery({
    queryKey: ["whoami"],
    queryFn: () => get<Whoami>("/whoami"),
    enabled: !accepting,
    refetchInterval: 30_000,
  });
  if (whoami.error instanceof Failure && whoami.error.status === 401) return { state: "nobody" };
  if (whoami.data === undefined) return { state: "unknown" };
  return {
    state: "known",
    who: whoami.data,
    end: async () => {
      try {
        await request("DELETE", "/session");
      } catch (error) {
        // Where nobody answers the session goes on, and the page says who is away.
        if (error instanceof Failure && error.problem === null) return;
      }
      client.clear();
      location.reload();
    },
  };
}
