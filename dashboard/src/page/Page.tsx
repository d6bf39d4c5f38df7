import { useEffect } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { watchEvents } from "../api/events";
import { Architecture } from "../picture/Architecture";
import { Modes } from "../explain/Modes";
import { Timeline } from "../timeline/Timeline";
import { LanguageContext, type Say, say } from "../words";
import { PAGES, useRoute } from "./route";
import { type Session, mayAct, useSession } from "./session";
import { type Theme, useLanguage, useTheme } from "./settings";

const THEMES: readonly Theme[] = ["auto", "light", "dark"];
const GATHER_MS = 150; // what happens at once is asked for once

export function Page() {
  const session = useSession();
  const [theme, setTheme] = useTheme();
  const [language, setLanguage] = useLanguage();
  const [page, rest] = useRoute();
  useChanges(session.state === "known");
  const words: Say = (key, values) => say(language, key, values);
  return (
    <LanguageContext value={language}>
      <header>
        <h1>Aliquot</h1>
        <nav aria-label={words("nav")}>
          {PAGES.map((name) => (
            <a key={name} href={`#/${name}`} aria-current={name === page ? "page" : undefined}>
              {words(`page-${name}`)}
            </a>
          ))}
        </nav>
        <span className="space" />
        {session.state === "known" && <Who session={session} words={words} />}
        <select
          aria-label={words("theme")}
          value={theme}
          onChange={(event) => setTheme(event.target.value as Theme)}
        >
          {THEMES.map((one) => (
            <option key={one} value={one}>
              {words(`theme-${one}`)}
            </option>
          ))}
        </select>
        <button type="button" lang={language === "en" ? "zh" : "en"}
          onClick={() => setLanguage(language === "en" ? "zh" : "en")}>
          {language === "en" ? "中文" : "English"}
        </button>
      </header>
      <main tabIndex={0} aria-label={words(`page-${page}`)}>
        {session.state === "nobody" && <Nobody words={words} />}
        {session.state === "unknown" && <p className="notice">{words("asking")}</p>}
        {session.state === "known" && page === "architecture" && (
          <Architecture mayAct={mayAct(session.who)} at={rest} />
        )}
        {session.state === "known" && page === "timeline" && <Timeline device={rest} />}
        {session.state === "known" && page === "modes" && <Modes at={rest} />}
      </main>
    </LanguageContext>
  );
}

function Who({ session, words }: { session: Session & { state: "known" }; words: Say }) {
  return (
    <>
      <span className="who">
        {session.who.tenant} · {words(`role-${session.who.role}`)}
      </span>
      <button type="button" onClick={() => void session.end()}>
        {words("log-out")}
      </button>
    </>
  );
}

function Nobody({ words }: { words: Say }) {
  return (
    <section className="notice">
      <h2>{words("login-title")}</h2>
      <p>{words("login-how")}</p>
      <pre>aliquot ui</pre>
    </section>
  );
}

/** Whatever happens in the daemon is asked for at once, not at the next beat. */
function useChanges(known: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!known) return undefined;
    let gathering: ReturnType<typeof setTimeout> | undefined;
    const stop = watchEvents(() => {
      gathering ??= setTimeout(() => {
        gathering = undefined;
        void client.invalidateQueries({ queryKey: ["live"] });
      }, GATHER_MS);
    });
    return () => {
      stop();
      clearTimeout(gathering);
    };
  }, [client, known]);
}
