import { useWords } from "../words";

/** Whether what is shown is of now, and if not, for how long nothing was heard. */
export function Fresh({ late }: { late: number | null }) {
  const words = useWords();
  return (
    <span className={late === null ? "fresh" : "fresh late"} role="status">
      {late === null ? words("live") : words("late", { seconds: late })}
    </span>
  );
}
