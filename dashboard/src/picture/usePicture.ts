// The picture of this moment, and how fresh it is.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useLate } from "../api/late";
import { Failure, get, query } from "../api/request";
import type { Picture } from "../api/types";

export interface Choice {
  group: "node" | "owner" | "mode";
  owner: string;
  device: string;
  collapse: "auto" | "all" | "none";
  opened: readonly string[];
  closed: readonly string[];
  /** The one whose processes and command queues are shown; empty: the node. */
  vgpu: string;
}

export interface Fresh {
  picture: Picture | undefined;
  /** Whether it is of the choice that was made, not yet of the one before. */
  chosen: boolean;
  /** Seconds since the daemon last answered, where that is too long ago to call it live. */
  late: number | null;
  error: Error | null;
}

const BEAT_MS = 1000;
const RETRIES = 3;

export function usePicture(choice: Choice): Fresh {
  const path = `/diagram${query(choice.vgpu !== "" ? { vgpu: choice.vgpu } : {
    group: choice.group,
    collapse: choice.collapse,
    owner: choice.owner,
    device: choice.device,
    opened: choice.opened.map(encodeURIComponent).join(","),
    closed: choice.closed.map(encodeURIComponent).join(","),
  })}`;
  const asked = useQuery({
    queryKey: ["live", path],
    queryFn: () => get<Picture>(path),
    refetchInterval: BEAT_MS,
    refetchIntervalInBackground: false,
    placeholderData: keepPreviousData,
    retry: (failed, error) => !isGone(error) && failed < RETRIES,
    gcTime: 10_000,
  });
  const late = useLate(asked.dataUpdatedAt);
  return {
    picture: asked.data,
    chosen: asked.data !== undefined && !asked.isPlaceholderData,
    late,
    error: asked.error,
  };
}

/** Whether what was asked for isn't there, or not any more. */
export function isGone(error: Error | null): boolean {
  return error instanceof Failure && error.status === 404;
}
