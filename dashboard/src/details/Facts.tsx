import { useWords } from "../words";

/** What is known of something, by the keys of the catalogue or, where it has none, as they are. */
export function Facts({ facts }: { facts: [string, string][] }) {
  const words = useWords();
  const known = (key: string) => {
    try {
      return words(`fact-${key}`);
    } catch {
      return key; // a label of the user's
    }
  };
  return (
    <dl>
      {facts.map(([key, value]) => (
        <div key={key}>
          <dt>{known(key)}</dt>
          <dd data-fact={key}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
