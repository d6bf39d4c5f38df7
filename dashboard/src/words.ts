// The catalogue that the pictures in files have, too. An entry's places are written by their kinds.
import { createContext, useContext } from "react";
import en from "@words/en.json";
import zh from "@words/zh.json";

export type Language = "en" | "zh";
export type Key = keyof typeof en;
type Values = Record<string, string | number>;

const CATALOGUES: Record<Language, Record<string, string>> = { en, zh };
const PLACE = /\{([a-z_]+)(?::([a-z]+))?\}/g;

export function say(language: Language, key: string, values: Values = {}): string {
  const entry = CATALOGUES[language][key];
  if (entry === undefined) throw new Error(`no words for ${key}`);
  return entry.replace(PLACE, (_, name: string, kind?: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`no value ${name} for ${key}`);
    return written(value, kind ?? "text");
  });
}

export function written(value: string | number, kind: string): string {
  switch (kind) {
    case "size":
      return size(Math.trunc(Number(value)));
    case "rate":
      return `${size(Math.trunc(Number(value)))}/s`;
    case "percent":
      return `${short(Number(value))} %`;
    case "number":
      return short(Number(value));
    default:
      return String(value);
  }
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

/** With at most one digit behind the point; halves as Python has them, to the even digit. */
function short(value: number): string {
  const scaled = value * 10;
  const floor = Math.floor(scaled);
  const half = Math.abs(scaled - floor - 0.5) < 1e-9;
  const tenths = half ? (floor % 2 === 0 ? floor : floor + 1) : Math.round(scaled);
  const text = (tenths / 10).toFixed(1);
  return text.endsWith(".0") ? text.slice(0, -2) : text;
}

export const LanguageContext = createContext<Language>("en");

/** What says things in the language of the page. */
export function useWords(): (key: Key | (string & {}), values?: Values) => string {
  const language = useContext(LanguageContext);
  return (key, values) => say(language, key, values);
}
