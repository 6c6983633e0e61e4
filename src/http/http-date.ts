const MONTHS: readonly string[] = [
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
];
const DAYS: readonly string[] = [
  "Sun",
  "Mon",
  "Tue",
  "Wed",
  "Thu",
  "Fri",
  "Sat",
];
const LONG_DAYS: readonly string[] = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
];

/** RFC 9110 section 5.6.7, IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`. */
export function httpDate(wallMs: number): string {
  return new Date(wallMs).toUTCString();
}

let cachedSecond = -1;
let cachedDate = "";

/** {@link httpDate}, made once a second: for the clock of one thread. */
export function httpDateNow(wallMs: number): string {
  const second = Math.floor(wallMs / 1000);
  if (second !== cachedSecond) {
    cachedSecond = second;
    cachedDate = httpDate(wallMs);
  }
  return cachedDate;
}

/**
 * Reads a date in any of the three formats of RFC 9110 section 5.6.7, all in
 * GMT and case-sensitive. `nowMs` places a two-digit year. Undefined when bad.
 */
export function parseHttpDate(
  text: string,
  nowMs: number = Date.now(),
): number | undefined {
  if (text.charAt(3) === ",") return parseFixDate(text);
  if (text.charAt(3) === " ") return parseAscTime(text);
  return parseRfc850(text, nowMs);
}

/** `Sun, 06 Nov 1994 08:49:37 GMT`. */
function parseFixDate(text: string): number | undefined {
  const wellFormed =
    text.length === 29 &&
    DAYS.includes(text.slice(0, 3)) &&
    text.slice(3, 5) === ", " &&
    text.charAt(7) === " " &&
    text.charAt(11) === " " &&
    text.charAt(16) === " " &&
    text.slice(25) === " GMT";
  if (!wellFormed) return undefined;
  return dateOf(
    digits(text, 12, 16),
    MONTHS.indexOf(text.slice(8, 11)),
    digits(text, 5, 7),
    text.slice(17, 25),
  );
}

/** `Sun Nov  6 08:49:37 1994`. */
function parseAscTime(text: string): number | undefined {
  const wellFormed =
    text.length === 24 &&
    DAYS.includes(text.slice(0, 3)) &&
    text.charAt(7) === " " &&
    text.charAt(10) === " " &&
    text.charAt(19) === " ";
  if (!wellFormed) return undefined;
  return dateOf(
    digits(text, 20, 24),
    MONTHS.indexOf(text.slice(4, 7)),
    text.charAt(8) === " " ? digits(text, 9, 10) : digits(text, 8, 10),
    text.slice(11, 19),
  );
}

/** `Sunday, 06-Nov-94 08:49:37 GMT`. */
function parseRfc850(text: string, nowMs: number): number | undefined {
  const comma = text.indexOf(",");
  const rest = text.slice(comma + 1);
  const wellFormed =
    LONG_DAYS.includes(text.slice(0, Math.max(comma, 0))) &&
    rest.length === 23 &&
    rest.charAt(0) === " " &&
    rest.charAt(3) === "-" &&
    rest.charAt(7) === "-" &&
    rest.charAt(10) === " " &&
    rest.slice(19) === " GMT";
  if (!wellFormed) return undefined;
  const short = digits(rest, 8, 10);
  if (short < 0) return undefined;
  // "MUST interpret a timestamp that appears to be more than 50 years in the
  // future as representing the most recent year in the past that had the same
  // last two digits".
  const year = new Date(nowMs).getUTCFullYear();
  let full = year - (year % 100) + short;
  if (full > year + 50) full -= 100;
  else if (full <= year - 50) full += 100;
  return dateOf(
    full,
    MONTHS.indexOf(rest.slice(4, 7)),
    digits(rest, 1, 3),
    rest.slice(11, 19),
  );
}

/** Decimal digits as a number, or -1. */
function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function dateOf(
  year: number,
  month: number,
  day: number,
  time: string,
): number | undefined {
  const hour = digits(time, 0, 2);
  const minute = digits(time, 3, 5);
  const second = digits(time, 6, 8);
  const wellFormed =
    year >= 0 &&
    month >= 0 &&
    day >= 1 &&
    hour >= 0 &&
    hour <= 23 &&
    minute >= 0 &&
    minute <= 59 &&
    second >= 0 &&
    second <= 60 && // a leap second
    time.charAt(2) === ":" &&
    time.charAt(5) === ":";
  if (!wellFormed) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  if (date.getUTCDate() !== day) return undefined; // 31 February
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}
