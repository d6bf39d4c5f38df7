import { isGone } from "../picture/usePicture";

/** Why there is nothing to show: a key of the catalogue. */
export function missing(error: Error | null): string {
  if (error === null) return "asking";
  return isGone(error) ? "gone" : "unreachable";
}
