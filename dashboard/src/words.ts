// The catalogue that the pictures in files have, too. An entry's places are written by their kinds.
import { createContext, useCallback, useContext } from "react";
import en from "@words/en.json";
import zh from "@words/zh.json";
import type { Line } from "./api/types";

export type Language = "en" | "zh";
export type Key = keyof typeof en;
type Values = Record<string, string | number>;

const CATALOGUES: Record<Language, Record<string, string>> = { en, zh };
const PLACE = /\{([a-z_]+)(?::([a-z]+))?\}/g;

export function say(language: Language, key: string, values: Values = {}): string {
  const entry = CATALOGUES[language][key];
  if (entry === undefined) throw new Error(`no words for ${key}`);
  return entry.replace(PLACE, (_, name: string, kind = "text") => {
    const value = values[name];
    if (value === undefined) throw new Error(`no value ${name} for ${key}`);
    if (kind in WRITTEN) return written(value, kind);
    return named(language, kind, String(value)); // the kind says what the value is the name of
  });
}

/** What the catalogue calls something, like a policy or a mode; else its own name. */
export function named(language: Language, kind: string, name: string): string {
  return CATALOGUES[language][`${kind}-${name}`] ?? name;
}

/** Some lines as one sentence; null where there are none, or the catalogue lacks one of them. */
export function sentence(language: Language, lines: readonly Line[]): string | null {
  try {
    return lines.length === 0 ? null : joined(language, lines);
  } catch {
    return null; // written by another version
  }
}

export function lineOf(language: Language, line: Line): string {
  const within = joined(language, line.lines ?? []);
  return say(language, line.key, { ...line.values, lines: within });
}

function joined(language: Language, lines: readonly Line[]): string {
  return lines.map((line) => lineOf(language, line)).join(say(language, "between"));
}

const WRITTEN: Record<string, (value: string | number) => string> = {
  size: (value) => size(Math.trunc(Number(value))),
  exact: (value) => exact(Math.trunc(Number(value))),
  rate: (value) => `${size(Math.trunc(Number(value)))}/s`,
  percent: (value) => `${short(Number(value))} %`,
  share: (value) => `${Number(Number(value).toFixed(2))} %`,
  number: (value) => short(Number(value)),
  text: String,
};

export function written(value: string | number, kind: string): string {
  return (WRITTEN[kind] ?? String)(value);
}

/** In the largest binary unit that leaves at least 1, never rounded up; as aliquot.sizes has it. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"] as const;
  let power = 1;
  while (power < 4 && bytes >= 1024 ** (power + 1)) power += 1;
  const unit = 1024 ** power;
  const whole = Math.floor(bytes / unit);
  const rest = bytes - whole * unit;
  if (rest === 0) return `${whole} ${units[power - 1]}`;
  const hundredths = Math.floor((rest * 100) / unit);
  return `${whole}.${String(hundredths).padStart(2, "0")} ${units[power - 1]}`;
}

/** A size that reads back as what it is: in the largest unit in which that is exact. */
function exact(bytes: number): string {
  let unit = 1;
  while (unit < 1024 ** 4 && bytes >= unit * 1024) unit *= 1024;
  if ((bytes * 100) % unit === 0) return size(bytes);
  if (bytes % 1024 ** 2 === 0) return `${bytes / 1024 ** 2} MiB`;
  return bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} B`;
}

/** With at most one digit behind the point; halves as Python has them, to the even digit. */
function short(value: number): string {
  const scaled = value * 10;
  const floor = Math.floor(scaled);
  const half = Math.abs(scaled - floor - 0.5) < 1e-9;
  const tenths = half ? (floor % 2 === 0 ? floor : floor + 1) : Math.round(scaled);
  const text = (tenths / 10).toFixed(1);
  return text.endsWith(".0") ? text.slice(0, -2) : text;
}

/** A time of the day as it is written where the page's language is spoken. */
export function clock(language: Language, ms: number): string {
  const own = navigator.languages.find((one) => one.startsWith(language));
  return new Date(ms).toLocaleTimeString(own ?? language);
}

export const LanguageContext = createContext<Language>("en");

export type Say = (key: Key | (string & {}), values?: Values) => string;

/** What says things in the language of the page. */
export function useWords(): Say {
  const language = useContext(LanguageContext);
  return useCallback((key, values) => say(language, key, values), [language]);
}

/** What says lines of a picture in the language of the page. */
export function useLines(): (line: Line) => string {
  const language = useContext(LanguageContext);
  return useCallback((line) => lineOf(language, line), [language]);
}

/** What calls things by the names of the page's language. */
export function useNames(): (kind: string, name: string) => string {
  const language = useContext(LanguageContext);
  return useCallback((kind, name) => named(language, kind, name), [language]);
}

export function useClock(): (ms: number) => string {
  const language = useContext(LanguageContext);
  return useCallback((ms) => clock(language, ms), [language]);
}
