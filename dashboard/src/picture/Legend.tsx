import { useWords } from "../words";

const LOOKS = ["software", "hardware", "hybrid", "passthrough", "absent"] as const;

export function Legend() {
  const words = useWords();
  return (
    <ul className="legend" aria-label={words("legend")}>
      {LOOKS.map((look) => (
        <li key={look}>
          <i className={`swatch box look-${look}`} />
          {words(`look-${look}`)}
        </li>
      ))}
      <li>
        <i className="swatch promised" />
        {words("legend-promised")}
      </li>
      <li>
        <i className="swatch used" />
        {words("legend-used")}
      </li>
    </ul>
  );
}
