// Whether what was told last is still of now.
import { useEffect, useState } from "react";

const LATE_MS = 3000;

/** Seconds since the daemon last answered, where that is too long ago to call it live. */
export function useLate(answeredMs: number): number | null {
  const now = useNow();
  const age = now - answeredMs;
  return answeredMs > 0 && age > LATE_MS ? Math.floor(age / 1000) : null;
}

function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  return now;
}
