// Everything a person reads is in Chinese and English: the one asked for.

export const LANGUAGES = ["zh", "en"];

const chosen = { language: "zh" };

export const language = () => chosen.language;

export function choose(name) {
  if (!LANGUAGES.includes(name)) throw new RangeError(`want zh or en, got ${name}`);
  chosen.language = name;
}

export const pick = (words) => words[chosen.language];

export const say = (en, zh) => (chosen.language === "zh" ? zh : en);

export const both = (en, zh) => ({ en, zh });
