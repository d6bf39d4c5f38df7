import { useWords } from "../words";

/** What is known of a thing: each by its key of the catalogue, and as it is written. */
export function Facts({ facts }: { facts: [string, string][] }) {
  const words = useWords();
  return (
    <dl>
      {facts.map(([key, value]) => (
        <div key={key}>
          <dt>{words(`fact-${key}`)}</dt>
          <dd data-fact={key}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Apart from the facts: an owner may call a label anything, also as a fact is called. */
export function Labels({ labels }: { labels: Record<string, string> }) {
  const words = useWords();
  const listed = Object.entries(labels);
  if (listed.length === 0) return null;
  return (
    <>
      <h3>{words("labels")}</h3>
      <dl>
        {listed.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd data-label={name}>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
