// Which page is shown, in the address behind the #.
import { useSyncExternalStore } from "react";

export const PAGES = ["architecture", "timeline", "modes"] as const;
export type PageName = (typeof PAGES)[number];

function subscribe(told: () => void): () => void {
  addEventListener("hashchange", told);
  return () => removeEventListener("hashchange", told);
}

export function useRoute(): [PageName, string] {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  const [name = "", rest = ""] = hash.replace(/^#\/?/, "").split("/");
  return [PAGES.find((one) => one === name) ?? "architecture", decoded(rest)];
}

/** Whatever stands in the address, which anybody may have written. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
