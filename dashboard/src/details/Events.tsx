import { useQuery } from "@tanstack/react-query";
import { get } from "../api/request";
import type { EventPage } from "../api/types";
import { useClock, useNames, useWords } from "../words";

const BACK = 400; // events to look through for those of one subject
const SHOWN = 8;

/** What happened lately to one vGPU or device. */
export function Events({ subject }: { subject: string }) {
  const words = useWords();
  const names = useNames();
  const time = useClock();
  const asked = useQuery({
    queryKey: ["live", "events", subject],
    queryFn: async () => {
      const { sequence } = await get<{ sequence: number }>("/node");
      const since = Math.max(0, sequence - BACK);
      return get<EventPage>(`/events?since=${since}&limit=${BACK}`);
    },
    refetchInterval: 5000,
  });
  const own = (asked.data?.items ?? []).filter((event) => event.subject === subject);
  return (
    <>
      <h3>{words("events")}</h3>
      <ol className="events">
        {own
          .slice(-SHOWN)
          .reverse()
          .map((event) => (
            <li key={event.sequence}>
              <time dateTime={new Date(event.at_ms).toISOString()}>{time(event.at_ms)}</time>{" "}
              {names("event", event.kind)}
            </li>
          ))}
        {own.length === 0 && <li>{words("no-events")}</li>}
      </ol>
    </>
  );
}
