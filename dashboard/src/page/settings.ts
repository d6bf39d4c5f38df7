// What whoever looks prefers, kept in this browser.
import { useEffect, useState } from "react";
import type { Language } from "../words";

export type Theme = "auto" | "light" | "dark";

function kept<T extends string>(name: string, allowed: readonly T[], otherwise: T): T {
  const value = localStorage.getItem(`aliquot.${name}`);
  return allowed.find((one) => one === value) ?? otherwise;
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(() => kept<Theme>("theme", ["auto", "light", "dark"], "auto"));
  useEffect(() => {
    localStorage.setItem("aliquot.theme", theme);
    document.documentElement.dataset["theme"] = theme;
  }, [theme]);
  return [theme, setTheme];
}

/** Calls `changed` whenever colours have changed: what is painted doesn't follow by itself. */
export function watchColours(changed: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", changed);
  const chosen = new MutationObserver(changed);
  chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => {
    system.removeEventListener("change", changed);
    chosen.disconnect();
  };
}

export function useLanguage(): [Language, (language: Language) => void] {
  const own: Language = navigator.language.startsWith("zh") ? "zh" : "en";
  const [language, setLanguage] = useState(() => kept<Language>("language", ["en", "zh"], own));
  useEffect(() => {
    localStorage.setItem("aliquot.language", language);
    document.documentElement.lang = language;
  }, [language]);
  return [language, setLanguage];
}
