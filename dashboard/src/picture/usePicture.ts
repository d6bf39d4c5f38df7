// The picture of this moment, and how fresh it is.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useLate } from "../api/late";
import { get, query } from "../api/request";
import type { Picture } from "../api/types";

export interface Choice {
  group: "node" | "owner" | "mode";
  owner: string;
  device: string;
  collapse: "auto" | "all" | "none";
  opened: readonly string[];
  closed: readonly string[];
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

export function usePicture(choice: Choice): Fresh {
  const path = `/diagram${query({
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
