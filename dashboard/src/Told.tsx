// What the daemon says in a sentence: why something can't be, or isn't as it is wanted.
import { useContext } from "react";
import { Failure } from "./api/request";
import type { Line } from "./api/types";
import { type Language, LanguageContext, named, say, sentence } from "./words";

/** A sentence as the API gives it: in English, with the same as lines where it is one of ours. */
export interface Said {
  english: string;
  lines?: readonly Line[] | undefined;
  /** The code of the error that it is, if it is one. */
  code?: string | undefined;
}

/** In the page's language; what the catalogue doesn't have stays in English, under its title. */
function parts(language: Language, said: Said): { own: string; english: string } {
  const own = sentence(language, said.lines ?? []);
  if (own !== null) return { own, english: "" };
  if (language === "en" || said.code === undefined) return { own: "", english: said.english };
  const title = named(language, "error", said.code);
  return { own: title === said.code ? "" : title, english: said.english };
}

/** The same where there is only room for text. */
export function useTold(): (said: Said) => string {
  const language = useContext(LanguageContext);
  return (said) => {
    const { own, english } = parts(language, said);
    return own === "" || english === "" ? own + english : own + say(language, "between") + english;
  };
}

export function Told({ said }: { said: Said }) {
  const language = useContext(LanguageContext);
  const { own, english } = parts(language, said);
  return (
    <>
      {own}
      {own !== "" && english !== "" && say(language, "between")}
      {english !== "" && <span lang="en">{english}</span>}
    </>
  );
}

/** What was refused, with its code, and what to do about it. */
export function Refused({ error }: { error: Error }) {
  const language = useContext(LanguageContext);
  const problem = error instanceof Failure ? error.problem : null;
  if (problem === null) return <span className="reason">{say(language, "unreachable")}</span>;
  const { code, detail, lines, remedy, remedy_lines } = problem;
  return (
    <span className="reason">
      {code}: <Told said={{ english: detail, lines, code }} />
      {remedy && say(language, "between")}
      {remedy && <Told said={{ english: remedy, lines: remedy_lines }} />}
    </span>
  );
}
