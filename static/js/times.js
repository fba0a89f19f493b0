// Rewrites every <time data-show> from UTC to the reader's own zone and language; without it the page says UTC.
const page = document.documentElement.lang;
// The reader's own kind of the page's language: en-GB counts hours to 24 where en-US does not.
const language = navigator.languages.find((tag) => tag.split("-")[0] === page.split("-")[0]) ?? page;
const format = (options) => new Intl.DateTimeFormat(language, options);
const clock = format({ hour: "2-digit", minute: "2-digit" });
const day = format({ day: "numeric", month: "short" });
const date = format({ day: "numeric", month: "short", year: "numeric" });
const full = format({ dateStyle: "full", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

const midnight = (when) => new Date(when.getFullYear(), when.getMonth(), when.getDate());
const daysAgo = (when) => Math.round((midnight(new Date()) - midnight(when)) / 86_400_000);
const capital = (words) => words.charAt(0).toLocaleUpperCase(language) + words.slice(1);
const sameYear = (when) => when.getFullYear() === new Date().getFullYear();

const shows = {
  clock: (when) => clock.format(when),
  date: (when) => (sameYear(when) ? day : date).format(when),
  day: (when) => (daysAgo(when) < 2 ? capital(relative.format(-daysAgo(when), "day")) : shows.date(when)),
  full: (when) => full.format(when),
  moment: (when) => {
    const days = daysAgo(when);
    if (days === 0) return clock.format(when);
    if (days === 1) return capital(relative.format(-1, "day"));
    return shows.date(when);
  },
};

for (const element of document.querySelectorAll("time[data-show]")) {
  const when = new Date(element.dateTime);
  if (Number.isNaN(when.getTime())) continue;
  element.textContent = (shows[element.dataset.show] ?? shows.moment)(when);
  element.title = full.format(when);
}

// A statement grouped by UTC day on the server is grouped by the reader's own days here.
for (const body of document.querySelectorAll("table[data-by-day] tbody")) {
  const heading = body.querySelector("tr.day");
  if (!heading) continue;
  const blank = heading.cloneNode(true);
  for (const old of body.querySelectorAll("tr.day")) old.remove();
  let last = "";
  for (const row of [...body.rows]) {
    const stamp = row.querySelector("time").dateTime;
    const words = date.format(new Date(stamp));
    if (words === last) continue;
    last = words;
    const next = blank.cloneNode(true);
    next.firstElementChild.textContent = shows.day(new Date(stamp));
    row.before(next);
  }
}
