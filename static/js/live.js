// Turns the server's events into one "changed" event on the page: what listens to it asks the server for its new self.
const types = ["credits.changed", "storage.changed", "project.saved", "project.deleted", "hold.created", "hold.settled"];
const RETRY = 5000;
let last = document.getElementById("page").dataset.after;
let due = 0;
let stream;
let retry;

const show = (state) => {
  document.documentElement.dataset.live = state;
};

// Events come in groups, a charge with its project: one look at the page for all of them.
const soon = () => {
  due ||= setTimeout(() => {
    due = 0;
    document.body.dispatchEvent(new CustomEvent("changed"));
  }, 100);
};

// A look that failed leaves old numbers: they are said to be old, and looked at again.
document.addEventListener("stale", () => {
  show("off");
  setTimeout(soon, RETRY);
});
document.addEventListener("htmx:after:swap", () => {
  if (stream?.readyState === EventSource.OPEN) show("on");
});

const listen = () => {
  clearTimeout(retry);
  stream?.close();
  stream = new EventSource(`/api/unified/events/stream?after=${last}`);
  stream.addEventListener("open", () => show("on"));
  stream.addEventListener("error", () => {
    show("off");
    // A browser tries again by itself, except where the server said no: all its streams are taken, or one signed out.
    if (stream.readyState !== EventSource.CLOSED) return;
    soon();
    retry = setTimeout(() => document.hidden || listen(), RETRY);
  });
  for (const type of types) {
    stream.addEventListener(type, (event) => {
      last = event.lastEventId;
      soon();
    });
  }
};

// A page that nobody looks at leaves its place on the server to others.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stream?.close();
  else listen();
});
if (!document.hidden) listen();
