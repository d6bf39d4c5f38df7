import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { get } from "../api/request";
import type { Device, DevicePage, ModeExplained, ModesExplained } from "../api/types";
import { useWords } from "../words";
import { Here } from "./Here";
import { Scene } from "./Scene";

const FACTS = ["runs", "isolates", "costs", "limits"] as const;

/** What the modes are, drawn; what isolates and what it costs, and what this machine can do now. */
export function Modes({ at }: { at: string }) {
  const words = useWords();
  const devices = useQuery({
    queryKey: ["live", "devices"],
    queryFn: () => get<DevicePage>("/devices"),
    refetchInterval: 5000,
  });
  const modes = useQuery({
    queryKey: ["modes"],
    queryFn: () => get<ModesExplained>("/diagram/modes"),
    staleTime: Number.POSITIVE_INFINITY, // another daemon's page is another page
  });
  const ways = modes.data?.items ?? [];
  if (modes.data === undefined) {
    return (
      <p className="notice" role="status">
        {words(modes.error === null ? "asking" : "daemon-away")}
      </p>
    );
  }
  return (
    <div className="explain">
      <h2>{words("page-modes")}</h2>
      <p className="prose">{words("modes-intro")}</p>
      <nav className="contents" aria-label={words("modes-contents")}>
        {ways.map((way) => (
          <a key={way.mode} href={`#/modes/${way.mode}`} className={`look-${way.look}`}>
            {words(`way-${way.mode}`)}
          </a>
        ))}
      </nav>
      <div className="ways">
        {ways.map((way) => (
          <Way key={way.mode} way={way} devices={devices.data?.items} sought={at === way.mode} />
        ))}
      </div>
    </div>
  );
}

function Way({
  way,
  devices,
  sought,
}: {
  way: ModeExplained;
  devices: readonly Device[] | undefined;
  sought: boolean;
}) {
  const words = useWords();
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!sought) return;
    head.current?.scrollIntoView();
    head.current?.focus({ preventScroll: true }); // so that the next Tab goes on from here
  }, [sought]);
  return (
    <section aria-labelledby={`way-${way.mode}`}>
      <h3 id={`way-${way.mode}`} ref={head} tabIndex={-1}>
        {words(`way-${way.mode}`)}{" "}
        <span className={way.tested ? "tested" : "tested not"}>
          {words(way.tested ? "tested-now" : "tested-not")}
        </span>
      </h3>
      <div className="way">
        <Scene way={way} />
        <dl>
          {FACTS.map((what) => (
            <div key={what}>
              <dt>{words(`explain-${what}`)}</dt>
              <dd>{words(`${what}-${way.mode}`)}</dd>
            </div>
          ))}
          <div>
            <dt>{words("explain-here")}</dt>
            <dd>
              {devices === undefined ? (
                words("asking")
              ) : (
                <Here mode={way.mode} devices={devices} />
              )}
            </dd>
          </div>
        </dl>
      </div>
    </section>
  );
}
