// Until when evidence is due, counted from the day on which the agency received the complaint.
//
// To a court within 15 days; to a reconsideration body within 10 working days, in summary procedure
// within 5 (docs/formats/packet.md). The day of receipt is not counted, and a period that ends on a
// day off ends on the next working day. A list of days off moves the day by a month at most, and to
// none before the period is over. All of it is the packet maker's word.

import { exactly, parseDay } from "../encoding.js";
import { Malformed } from "../errors.js";

const DAYS = { court: 15, review: 10, review_summary: 5 };
const MOST_LATER = 31; // days than by weekends alone: more than any list has had off together
const COUNTED = ["weekends", "holidays"];
const LAST_DAY = parseDay("9999-12-31");

// The value as it stands, once it is one that can be.
export function dueFromJson(value) {
  const isDue =
    exactly(value, { counted: "text", for: "text", received: "text", until: "text" }) &&
    COUNTED.includes(value.counted) &&
    Object.hasOwn(DAYS, value.for);
  if (!isDue) throw new Malformed("want counted, for, received and until");
  const [received, until] = [parseDay(value.received), parseDay(value.until)];
  // Which days are off the State Council says each year: only weekends can be counted again.
  const plain = byWeekends(value.for, received);
  if (value.counted === "weekends" && until !== plain) {
    throw new Malformed(`${value.until} is not when it is due by weekends alone`);
  }
  if (until - received < DAYS[value.for]) {
    throw new Malformed(`${value.until} is before the period is over`);
  }
  if (until - plain > MOST_LATER) {
    throw new Malformed(`${value.until} is later than any list of days off makes it`);
  }
  return value;
}

function byWeekends(procedure, received) {
  let day = received;
  let left = DAYS[procedure];
  while (left || !isWorking(day)) {
    day += 1;
    if (left && (procedure === "court" || isWorking(day))) left -= 1;
  }
  if (day > LAST_DAY) throw new Malformed("no day so late");
  return day;
}

// Of days since 1 January 1970, which was a Thursday; some are before it.
function isWorking(day) {
  return (((day + 3) % 7) + 7) % 7 < 5;
}
